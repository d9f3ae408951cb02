"""`make run` of a pipeline on digits, killed at random moments and resumed, against an undisturbed run: its tables,
figures and leftovers.

    python benchmarks/kills.py --runs 30 --seed 1 --json FILE
    python benchmarks/kills.py --dag unsupervised_classification

Each run has a data folder of its own. At a random moment a random process is killed (SIGKILL): one of the tree, the
command, its group, or all at once, as by a power cut. Where the run has ended, it is resumed by its RUN_ID; with
`--kills-per-run` above 1, killed again. JSON names: kills/kills, kills/<kind>, kills/runs, kills/equal (all tables and
figures, bit for bit), kills/close (within 1e-9), kills/different, kills/failed, kills/processes_left (10 s after the
end), kills/attempts_left and kills/temporary_left (folders, after the last run), kills/seconds_to_end (the longest,
from the command's end to the last process's).
"""

import argparse
import json
import os
import random
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import bench
import psutil
import pyarrow.dataset as ds

from kindred.runtime import file_names, marks, stages, storage

KINDS = ("process", "process", "process", "runner", "group", "all")
CONFS = {  # by pipeline
    stages.SELF_TRAINING: {"dataset": "digits", "limit": 300, "labels": 60},
    stages.UNSUPERVISED: {"dataset": "digits", "limit": 300, "k": 10, "clusterers": ["temi", "communities"]},
}
RUN_SECONDS = 1800
PREPARE = """
from kindred_airflow import machine, run
machine.prepare(machine.environment(run.DATABASE), run.DATABASE)
"""  # in a process of its own: it changes its environment
END_SECONDS = 10  # for what is left to end
CLOSE = 1e-9
DIFFERS = re.compile(r"seconds|reused|per_second")  # from run to run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=30)
    parser.add_argument("--dag", choices=list(CONFS), default=stages.SELF_TRAINING)
    parser.add_argument("--kills-per-run", type=int, default=1)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(2**32), help="repeats the choices")
    parser.add_argument("--minutes", type=float, default=600, help="begin no run after so many")
    bench.output_options(parser)
    args = parser.parse_args()
    print(f"seed {args.seed}", flush=True)
    figures = campaign(args.runs, args.kills_per_run, args.seed, time.monotonic() + 60 * args.minutes, args.dag)
    bench.report([("figure", "value"), *figures.items()], figures, args.json)


def campaign(
    count: int, kills_per_run: int, seed: int, until: float = float("inf"), dag: str = stages.SELF_TRAINING
) -> dict[str, float]:
    """The figures of so many runs. A run's folder is kept where something was wrong, and named."""
    rng, figures = random.Random(seed), Counter[str]()
    folder = Path(tempfile.mkdtemp(prefix="kindred-kills-"))
    template = folder / dag  # a run knows its pipeline by its folder's name, see `dag_of`
    subprocess.run([sys.executable, "-c", PREPARE], env=environment(template), check=True)
    started = time.monotonic()
    undisturbed = fresh(template, folder / f"{dag}.undisturbed")
    if start(undisturbed).wait(RUN_SECONDS):
        sys.exit(f"the undisturbed run failed: {undisturbed}/console.txt")
    seconds = time.monotonic() - started
    expected = content(undisturbed)
    print(f"undisturbed: {seconds:.0f} s, {len(expected)} tables and figures", flush=True)
    for number in range(count):
        if time.monotonic() > until:
            break
        data = fresh(template, folder / f"{dag}.{number}")
        wrong = killed_run(data, kills_per_run, seconds, rng, figures, expected)
        figures["kills/runs"] += 1
        print(f"run {number}: {wrong or 'equal'}", flush=True)
        if not wrong:
            shutil.rmtree(data)
    if not any(folder.glob("*.[0-9]*")):
        shutil.rmtree(folder)
    names = (
        "kills",
        "runs",
        "equal",
        "close",
        "different",
        "failed",
        "processes_left",
        "attempts_left",
        "temporary_left",
    )
    return {**{f"kills/{name}": 0 for name in names}, **figures}


def killed_run(
    data: Path, kills: int, seconds: float, rng: random.Random, figures: Counter, expected: dict[str, Any]
) -> str:
    """One run to its end, killed and resumed on the way; what is wrong afterwards."""
    status, wrong = None, []
    for _ in range(kills):
        status, left = kill_once(data, rng.choice(KINDS), rng.uniform(0, seconds), rng, figures)
        if left:
            wrong.append(f"left running: {left}")
        if status == 0:
            break
    if status != 0:
        status = start(data).wait(RUN_SECONDS)
    if status != 0:
        figures["kills/failed"] += 1
        return f"failed with {status}, see {data}/console.txt"
    verdict, names = compared(content(data), expected)
    figures[f"kills/{verdict}"] += 1
    if verdict != "equal":
        wrong.append(f"{verdict}: {names[:5]}, see {data}")
    temporary = [path.name for path in (data / "spark").iterdir()]
    attempts = orphans(data)
    figures["kills/attempts_left"] += len(attempts)
    figures["kills/temporary_left"] += len(temporary)
    if attempts or temporary:
        wrong.append(f"left lying: {attempts + temporary}")
    return "; ".join(wrong)


def kill_once(data: Path, kind: str, moment: float, rng: random.Random, figures: Counter) -> tuple[int, list[str]]:
    """Start or resume the run, kill something at a moment, and wait for its end: its status, and which processes are
    there END_SECONDS later.
    """
    runner = start(data)
    try:
        status = runner.wait(moment)
        print(f"  ended with {status} before {moment:.1f} s", flush=True)
    except subprocess.TimeoutExpired:
        victims = chosen(data, kind, runner, rng)
        names = ", ".join(sorted({described(victim) for victim in victims}))
        print(f"  after {moment:.1f} s, in {stage_of(data)!r}: {kind}: {names}", flush=True)
        for victim in victims:
            victim.kill()
        figures["kills/kills"] += 1
        figures[f"kills/{kind}"] += 1
        status = runner.wait(RUN_SECONDS)
    ended = time.monotonic()
    while (left := tree_of(data)) and time.monotonic() < ended + END_SECONDS:
        time.sleep(0.1)
    figures["kills/processes_left"] += len(left)
    figures["kills/seconds_to_end"] = max(figures["kills/seconds_to_end"], round(time.monotonic() - ended, 1))
    return status, [described(process) for process in left]


def chosen(data: Path, kind: str, runner: subprocess.Popen, rng: random.Random) -> list[psutil.Process]:
    """Which processes are killed."""
    tree = sorted(tree_of(data), key=lambda process: process.pid)
    if kind == "process":
        return [rng.choice(tree)]
    if kind == "all":
        return tree
    return [p for p in tree if p.pid == runner.pid or (kind == "group" and os.getpgid(p.pid) == runner.pid)]


def tree_of(data: Path) -> list[psutil.Process]:
    """All living processes that work on a data folder: the command, its guard, and its tree."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and process.environ().get("KINDRED_DATA") == str(data):
                found.append(process)
        except psutil.Error:
            continue
    return found


def described(process: psutil.Process) -> str:
    """A process in a word or two."""
    try:
        words = process.cmdline()
        known = [re.sub(r".*/", "", word) for word in words if re.search(r"\.py$|^kindred_|^pyspark\.daemon", word)]
        return f"{process.name()} {known[0] if known else ''}".strip()
    except psutil.Error:
        return "ended"


def fresh(template: Path, data: Path) -> Path:
    """A data folder whose databases are made."""
    return Path(shutil.copytree(template, data))


def dag_of(data: Path) -> str:
    """The pipeline of a data folder's run.

    >>> dag_of(Path("/tmp/self_training.7"))
    'self_training'
    """
    return data.name.split(".")[0]


def environment(data: Path) -> dict[str, str]:
    dag = dag_of(data)
    values = {"RUN_ID": "killed", "CONF": json.dumps(CONFS[dag]), "DAG": dag, "KINDRED_DATA": str(data)}
    return {**os.environ, **values, "SPARK_LOCAL_DIRS": f"{data}/spark", "PYTHONPATH": str(bench.ROOT / "include")}


def start(data: Path) -> subprocess.Popen:
    """The command of `make run`, first or again."""
    with (data / "console.txt").open("a") as console:
        command = [sys.executable, "-m", "kindred_airflow.run"]
        settings = {"cwd": bench.ROOT, "env": environment(data), "start_new_session": True}
        return subprocess.Popen(command, stdout=console, stderr=console, **settings)


def stage_of(data: Path) -> str:
    """What the console shows last."""
    return ((data / "console.txt").read_text().strip().splitlines() or [""])[-1][:60].strip()


def stage_marks(data: Path) -> dict[str, dict[str, Any]]:
    """The marks of the run's stages."""
    run = data / "runs" / dag_of(data) / "killed"
    folders = [path.parent for path in run.rglob(file_names.MARK) if not marks.is_attempt(path.parent.name)]
    found = {str(folder.relative_to(run)): marks.mark_of(f"file://{folder}") for folder in folders}
    return {stage: mark for stage, mark in found.items() if mark}


def content(data: Path) -> dict[str, Any]:
    """The figures of a run that repeat, by name, and the sorted rows of its tables."""
    run = data / "runs" / dag_of(data) / "killed"
    figures = json.loads((run / file_names.METRICS).read_text())
    values: dict[str, Any] = {name: value for name, value in figures.items() if not DIFFERS.search(name)}
    for mark in stage_marks(data).values():
        for name, uri in mark["tables"].items():
            rows = ds.dataset(storage.local(uri), format="parquet").to_table().to_pylist()
            values[f"table {name}"] = sorted(rows, key=lambda row: json.dumps(row, default=str, sort_keys=True))
    return values


def compared(made: dict[str, Any], expected: dict[str, Any]) -> tuple[str, list[str]]:
    """equal, close or different, and the names of the figures and tables that are not equal."""
    names = sorted(made.keys() ^ expected.keys())
    if names:
        return "different", names
    unequal = [name for name in expected if not is_close(made[name], expected[name], 0)]
    far = [name for name in unequal if not is_close(made[name], expected[name], CLOSE)]
    return ("different", far) if far else ("close", unequal) if unequal else ("equal", [])


def is_close(one: Any, other: Any, tolerance: float) -> bool:
    """Whether two values, or lists or rows of them, differ by no more; NaN is NaN.

    >>> is_close([{"a": 1.0}], [{"a": 1.0 + 1e-12}], 0), is_close([{"a": 1.0}], [{"a": 1.0 + 1e-12}], 1e-9)
    (False, True)
    """
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(is_close(one[name], other[name], tolerance) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(is_close(a, b, tolerance) for a, b in zip(one, other, strict=True))
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) <= tolerance or one != one and other != other
    return bool(one == other)


def orphans(data: Path) -> list[str]:
    """The folders of attempts that no mark names."""
    named = {mark["attempt"] for mark in stage_marks(data).values()}
    folders = [p for top in ("runs", "datasets") for p in (data / top).rglob("*-*") if marks.is_attempt(p.name)]
    return [str(path.relative_to(data)) for path in folders if path.name not in named]


if __name__ == "__main__":
    main()
