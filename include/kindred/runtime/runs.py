"""Where runs, datasets and caches lie, and which runs there are."""

import os
import re
from pathlib import Path
from typing import Any

from kindred.runtime import storage
from kindred.runtime.errors import InputError
from kindred.runtime.file_names import RUN
from kindred.runtime.stages import SELF_TRAINING

SHOWN_RUNS = 9  # names, in an error: the last ones
MAX_NAME = 120  # characters of a folder's name, so that names made of it stay below the usual limit of 255


def data_root() -> str:
    """The URI of KINDRED_DATA, below which everything lies."""
    return storage.uri(os.environ.get("KINDRED_DATA", "data"))


def cache_folder(*parts: str) -> Path:
    """A folder for downloads, unpacked archives and exported graphs; always local, made if it is not there."""
    root = os.environ.get("KINDRED_CACHE") or storage.local(storage.join(data_root(), "cache"))
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
    return storage.join(data_root(), "runs", dag_id, slug(run))


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
    if storage.find_json(storage.join(folder, RUN)) is None:
        known = known_runs(dag_id)
        hint = f"known: {', '.join(known[-SHOWN_RUNS:])}" if known else "there is none yet: `make run` makes one"
        raise InputError(f"no run {name!r} in {storage.local(folder)}; {hint}")
    return folder


def known_runs(dag_id: str = SELF_TRAINING) -> list[str]:
    """The names of a DAG's runs, sorted."""
    fs, inside = storage.filesystem(storage.join(data_root(), "runs", dag_id))
    return sorted(Path(path).name for path in fs.ls(inside, detail=False)) if fs.isdir(inside) else []


def files_of_stages(run: str, name: str) -> dict[str, dict[str, Any]]:
    """The content of the JSON file `name` in the folder of each stage of a run, where it has one, by the stage's name.
    Of a stage that is there many times, as `cell/all` and `cell/random-500` are, those in the folders below its own.
    """
    return _files_below(run, name, deep=True)


def _files_below(folder: str, name: str, deep: bool) -> dict[str, dict[str, Any]]:
    fs, inside = storage.filesystem(folder)
    contents: dict[str, dict[str, Any]] = {}
    for path in fs.ls(inside, detail=False) if fs.isdir(inside) else []:
        if not fs.isdir(path):
            continue
        below, stage = fs.unstrip_protocol(path), Path(path).name
        content = storage.find_json(storage.join(below, name))
        if content is not None:
            contents[stage] = content
        elif deep:
            inner = _files_below(below, name, deep=False)
            contents |= {f"{stage}/{part}": content for part, content in inner.items()}
    return contents


def dataset_folder(name: str, fingerprint: str) -> str:
    """The URI of the folder of a dataset's tables, which runs share."""
    return storage.join(data_root(), "datasets", f"{name}-{fingerprint}")
