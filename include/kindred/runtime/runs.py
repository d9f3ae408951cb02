"""Where runs, datasets and caches lie, and which runs there are."""

import os
import re
from pathlib import Path
from typing import Any

from kindred.runtime import addresses, storage
from kindred.runtime.errors import InputError
from kindred.runtime.file_names import RUN
from kindred.runtime.stages import SELF_TRAINING

SHOWN_RUNS = 9  # names, in an error: the last ones
CACHE = "cache"  # the folder in KINDRED_DATA, where KINDRED_CACHE names no other
MAX_NAME = 120  # characters of a folder's name, so that names made of it stay below the usual limit of 255


def cache_folder(*parts: str) -> Path:
    """A folder for downloads, unpacked archives and exported graphs; always local, made if it is not there."""
    root = os.environ.get("KINDRED_CACHE") or storage.local(storage.join(storage.data_root(), CACHE))
    if "://" in root:
        raise InputError(f"the cache must be a local folder, not {root}; set KINDRED_CACHE")
    folder = Path(root).joinpath(*parts)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def slug(name: str) -> str:
    """A run's name as the name of a folder: Airflow's run ids hold ':' and '+', which Spark's path globs refuse. Raises
    InputError for a name of which nothing is left.

    >>> slug("manual__2026-01-01T10:00:00+00:00")
    'manual__2026-01-01T10-00-00-00-00'
    """
    text = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")
    if not text or text.startswith("_"):
        raise InputError(f"a run cannot be named {name!r}; use letters, digits, '.', '_' and '-'")
    return text[:MAX_NAME]


def run_folder(dag_id: str, run: str) -> str:
    """The URI of a run's folder, by the name of its DAG and its own. Raises InputError for a name that no DAG has.

    >>> run_folder("self_training", "first").endswith("/runs/self_training/first")
    True
    """
    if not re.fullmatch(r"\w[\w.-]*", dag_id, re.ASCII):
        raise InputError(f"no DAG is named {dag_id!r}; give a run as name or DAG/name")
    return storage.join(storage.data_root(), "runs", dag_id, slug(run))


def name_of(run: str) -> str:
    """A run's name for people, DAG/run, by the URI of its folder.

    >>> name_of("file:///data/runs/self_training/first/")
    'self_training/first'
    """
    return "/".join(storage.local(run).rstrip("/").split("/")[-2:])


def short_name(run: str) -> str:
    """How commands name a run, by the URI of its folder: without the DAG where that is the main one.

    >>> short_name("file:///data/runs/self_training/first"), short_name("file:///data/runs/predict/first")
    ('first', 'predict/first')
    """
    return name_of(run).removeprefix(f"{SELF_TRAINING}/")


def find_run(name: str, dag_id: str = SELF_TRAINING) -> str:
    """The folder of a run that a person named: its URI or path, DAG/name, or a name among the runs of `dag_id`. Raises
    InputError, with the known names, where there is no such run.

    >>> storage.put_json("memory://runs/self_training/first/run.json", {})
    >>> find_run("memory://runs/self_training/first/")
    'memory://runs/self_training/first'
    """
    if "://" in name or name.startswith(("/", "./", "../", "~")):
        folder = storage.uri(name.rstrip("/"))
    else:
        dag_id, _, name = name.rpartition("/") if "/" in name else (dag_id, "", name)
        folder = run_folder(dag_id, name)
    if record_of(folder) is None:
        known = [f"{dag}/{name}" for dag in _dags() if name in known_runs(dag)] or known_runs(dag_id)
        hint = f"known: {', '.join(known[-SHOWN_RUNS:])}" if known else "there is none yet: `make run` makes one"
        raise InputError(f"no run {name!r} in {storage.local(folder)}; {hint}")
    return folder


def _dags() -> list[str]:
    """The DAGs that have runs."""
    fs, inside = storage.filesystem(storage.join(storage.data_root(), "runs"))
    return sorted(Path(path).name for path in fs.ls(inside, detail=False)) if fs.isdir(inside) else []


def known_runs(dag_id: str = SELF_TRAINING) -> list[str]:
    """The names of a DAG's runs, sorted."""
    fs, inside = storage.filesystem(storage.join(storage.data_root(), "runs", dag_id))
    return sorted(Path(path).name for path in fs.ls(inside, detail=False)) if fs.isdir(inside) else []


def stages_with(run: str, name: str) -> list[str]:
    """The stages of a run in whose folder the file `name` lies. Of a stage that is there many times, as `cell/all` and
    `cell/random-500` are, those in the folders below its own.
    """
    return _stages_below(run, name, deep=True)


def _stages_below(folder: str, name: str, deep: bool) -> list[str]:
    fs, inside = storage.filesystem(folder)
    stages: list[str] = []
    for path in fs.ls(inside, detail=False) if fs.isdir(inside) else []:
        if not fs.isdir(path):
            continue
        stage = Path(path).name
        if fs.exists(f"{path.rstrip('/')}/{name}"):
            stages.append(stage)
        elif deep:
            stages += [f"{stage}/{part}" for part in _stages_below(storage.join(folder, stage), name, deep=False)]
    return stages


def record_of(folder: str) -> dict[str, Any] | None:
    """What a run's run.json says (dag_id, run, params, mlflow_run_id ...), or None where the run was never opened.
    Raises storage.UnreadableError for one that is broken.
    """
    path = storage.join(folder, RUN)
    advice = "`make run` with this RUN_ID and its CONF writes it again"
    record = storage.find_json(path, advice)
    if record is None:
        return None
    known = record.get("format", 0)
    if not isinstance(known, int) or known > addresses.FORMAT or not isinstance(record.get("params", {}), dict):
        raise storage.unreadable(path, "it is of another version, or was changed", advice)
    return addresses.resolved(record, folder)


def params_of(folder: str) -> dict[str, Any]:
    """The values of the form with which a run was opened, for `auto` what was taken. Raises InputError where it was
    not opened.
    """
    record = record_of(folder)
    if record is None or "params" not in record:
        raise InputError(f"{storage.local(storage.join(folder, RUN))} is missing, or names no params")
    return params_in(record)


def params_in(record: dict[str, Any]) -> dict[str, Any]:
    """The params that a run's run.json names; for `auto` what a stage took, once that is known.

    >>> params_in({"params": {"extractor": "auto", "seed": 0}, "resolved": {"extractor": "pixels"}})
    {'extractor': 'pixels', 'seed': 0}
    """
    return {**record.get("params", {}), **record.get("resolved", {})}


def put_record(folder: str, record: dict[str, Any]) -> None:
    """Put a run's run.json."""
    storage.put_json(storage.join(folder, RUN), addresses.stored(record, folder))


def dataset_folder(name: str, fingerprint: str) -> str:
    """The URI of the folder of a dataset's tables, which runs share."""
    return storage.join(storage.data_root(), "datasets", f"{name}-{fingerprint}")
