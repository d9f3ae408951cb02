"""What the benchmarks share: one Spark session, stages run in it without a DAG, a table, a JSON file."""

import argparse
import contextlib
import importlib.util
import json
import logging
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "include"))

import quiet  # noqa: E402

from kindred.runtime import java, label_budget, label_sets, spark_session, stages, storage  # noqa: E402
from kindred.runtime.job import execute  # noqa: E402
from kindred.runtime.stage import Stage  # noqa: E402

WATCH = quiet.Watch()


def argument_parser(description: str) -> argparse.ArgumentParser:
    """The options that every benchmark has."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--dataset", default="digits", help="a dataset of Kindred's")
    parser.add_argument("--path", help="where it lies")  # None, as in the form: its work is shared with runs
    parser.add_argument("--extractor", default="pixels")
    parser.add_argument("--image-size", type=int)
    parser.add_argument("--weights", default="imagenet")
    parser.add_argument("--preprocessing", default="", help="of the extractor onnx")
    parser.add_argument("--output", default="", help="of the extractor onnx")
    parser.add_argument("--precision", default="float32", help="of a network: float32, int8, int8_openvino")
    parser.set_defaults(task=label_sets.SINGLE_LABEL)
    parser.add_argument("--master", default="local[*]", help="of Spark")
    output_options(parser)
    return parser


def output_options(parser: argparse.ArgumentParser) -> None:
    """The options of what `report` writes."""
    what = "write the figures, name -> number, as one flat object; machine/... is what they are from"
    parser.add_argument("--json", metavar="FILE", help=what)
    parser.add_argument("--not-quiet", action="store_true", help="give ratios of times on a busy machine too, marked")


def self_training_parser(description: str) -> argparse.ArgumentParser:
    """`argument_parser` with an option for each field of the form of `self_training` that comparisons vary."""
    parser = argument_parser(description)
    form = defaults()
    parser.set_defaults(extractor=form["extractor"])
    for name in ("classifier", "folds", "labeller", "threshold", "class_thresholds", "percentile", "clusters", "gate"):
        number = {"folds": int, "clusters": int, "threshold": float, "percentile": float}.get(name, str)
        parser.add_argument(f"--{name.replace('_', '-')}", type=number, default=form[name])
    parser.add_argument("--novelty", action=argparse.BooleanOptionalAction, default=form["novelty"])
    parser.add_argument("--leaks", choices=["drop", "keep"], default="drop")
    parser.add_argument("--limit", type=int)
    return parser


def defaults() -> dict[str, Any]:
    """The defaults of the form of `self_training`."""
    from kindred_airflow.forms.self_training import SELF_TRAINING

    return {name: param.value for name, param in SELF_TRAINING.items()}


def prepare(folder: str, args: argparse.Namespace) -> list[dict[str, Any]]:
    """The stages that do not depend on the labels, in a run's folder: their marks. Where `args.extractor` is auto, it
    is what was taken from then on.
    """
    marks = [run_stage(stage, folder, **arguments(args, stage, 0)) for stage in (stages.INGEST, stages.FEATURIZE)]
    args.extractor = marks[-1]["arguments"]["extractor"]
    return marks


def arguments(args: argparse.Namespace, stage: str, seed: int) -> dict[str, Any]:
    """The arguments of a stage that the command line has."""
    return {name: seed if name == "seed" else getattr(args, name) for name in stages.ARGUMENTS[stage]}


def self_train(
    folder: str, args: argparse.Namespace, labels: int | None, seed: int, choice: str = "random", search: bool = False
) -> dict[str, float]:
    """The figures of all stages for one draw of `labels` given ones; None: of all that are known. With an index, and so
    with figures of the search, where these are wanted.
    """
    choice = label_budget.ALL if labels is None else choice
    draw = {"labels_per_class": None, "labels": labels, "label_choice": choice, "stratified": True, "seed": seed}
    marks = [*prepare(folder, args), run_stage(stages.CHOOSE_LABELS, folder, **draw)]
    indexed = (stages.BUILD_INDEX,) if search else ()
    for stage in (stages.TRAIN_BASE, stages.PSEUDO_LABEL, stages.TRAIN_FINAL, stages.GATE, *indexed, stages.EVALUATE):
        marks.append(run_stage(stage, folder, **arguments(args, stage, seed)))
    return {name: value for mark in marks for name, value in mark["figures"].items()}


def start(master: str, session: bool = True) -> None:
    """Make the Spark session, as spark-submit would; or only what it needs, for a stage that makes it when needed."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", force=True)  # Airflow has its own
    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT / "include"), os.environ.get("PYTHONPATH", "")])
    os.environ["JAVA_HOME"] = java.java_home()
    os.environ.update({**java.environment(), **java.local_addresses(master)})
    confs = {**java.submit_settings(), **java.local_settings(master)}
    settings = [part for key, value in confs.items() for part in ("--conf", f'"{key}={value}"')]
    os.environ["PYSPARK_SUBMIT_ARGS"] = " ".join(["--master", master, *settings, "pyspark-shell"])
    if session:
        spark_session.session("kindred benchmark")


@contextlib.contextmanager
def temporary_run() -> Iterator[str]:
    """A run's folder that is gone afterwards."""
    root = Path(storage.local(storage.data_root()))
    root.mkdir(parents=True, exist_ok=True)
    folder = tempfile.mkdtemp(prefix="benchmark-", dir=root)
    try:
        yield f"file://{folder}"
    finally:
        shutil.rmtree(folder)


def job_module(name: str) -> ModuleType:
    """The module of spark_jobs/<name>.py."""
    specification = importlib.util.spec_from_file_location(f"kindred_job_{name}", ROOT / "spark_jobs" / f"{name}.py")
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def run_stage(stage: str, run: str, jobs: Mapping[str, str] = stages.JOBS, /, **arguments: Any) -> dict[str, Any]:
    """Run a stage here and now; its mark. `jobs` are of the stages that have not their job's name; of `cell/all`, the
    job is `cell`.
    """
    module = job_module(jobs.get(stage, stage.split("/")[0]))
    return execute(module.main, getattr(module, "home", None), Stage(stage, run, arguments), time.time())


def generate(folder: Path, count: int, side: int) -> None:
    """Smooth random images of two classes, each other than all others."""
    import numpy as np
    from PIL import Image

    rng = np.random.default_rng(0)
    for number in range(count):
        coarse = rng.integers(0, 256, (6, 6, 3), np.uint8)
        path = folder / "train" / f"class{number % 2}" / f"{number:06d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC).save(path)


def report(rows: list[tuple], figures: dict[str, float], file: str | None, not_quiet: bool = False) -> None:
    """Print a table (its first row is the head) and the machine, and write the figures where a file is named. Ratios of
    times that were measured on a busy machine are left out of both, or with `not_quiet` marked.
    """
    machine, names = WATCH.machine(), list(figures)
    texts = [[f"{cell:.4f}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows]
    if flaw := machine.flaw():
        texts = [[_doubted(row, i, texts[0], not_quiet) for i in range(len(row))] for row in texts]
        if not not_quiet:
            figures = {name: value for name, value in figures.items() if not quiet.is_ratio(name)}
    widths = [max(len(row[i]) for row in texts) for i in range(len(texts[0]))]
    for row in texts:
        print(
            "  ".join(
                cell.rjust(width) if i else cell.ljust(width)
                for i, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
        )
    print(machine.line())
    if flaw and any(map(quiet.is_ratio, names)):
        print(f"not quiet: {flaw}; ratios are {'marked' if not_quiet else 'left out (--not-quiet gives them, marked)'}")
    if file:
        Path(file).write_text(json.dumps({**figures, **machine.figures()}, indent=1, sort_keys=True) + "\n")


def _doubted(row: list[str], column: int, head: list[str], shown: bool) -> str:
    """A cell of a table that was measured on a busy machine: where its row or its column is a ratio, left out or
    marked.
    """
    ratio = quiet.is_ratio(row[0]) or quiet.is_ratio(head[column])
    if not ratio or column == 0 or row is head:
        return row[column]
    return f"{row[column]} (not quiet)" if shown else "-"
