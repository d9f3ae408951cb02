"""What is to be said of each run in a list: date, state, params that differ, accuracy, bytes, why it is kept."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from kindred.runtime import kept_runs, run_changes, run_folders
from kindred.runtime.file_names import METRICS, PINNED
from kindred.runtime.file_sizes import Files
from kindred.runtime.run_state import Alive

ACCURACY = "final/test/accuracy"
PRECISION = "final/test/mean_average_precision"  # of several labels an image


class Run(NamedTuple):
    """`name` is DAG/run; `opened` is in seconds since the epoch, `seconds` how long the run took, where that is known;
    `params` are those that differ from the defaults; `size` is in bytes, without what runs share; `kept` are the
    reasons for which it is not deleted.
    """

    name: str
    opened: float
    state: str
    seconds: float | None
    accuracy: float | None
    mean_average_precision: float | None  # in place of accuracy, with several labels an image
    size: int
    kept: list[str]
    params: dict[str, Any]


def of(files: Files, alive: Alive, dag_id: str = "") -> list[Run]:
    """The runs of KINDRED_DATA, which has these files, or those of one DAG, the oldest first."""
    folders, served = run_folders.found_in(files, dag_id), kept_runs.served()
    params: dict[str, list[dict[str, Any]]] = {}
    for folder in folders:
        params.setdefault(folder.dag_id, []).append(folder.record.get("params") or {})
    runs = [
        Run(
            folder.name,
            folder.opened(),
            folder.state(alive),
            folder.seconds(),
            folder.small.get(METRICS, {}).get(ACCURACY),
            folder.small.get(METRICS, {}).get(PRECISION),
            sum(folder.sizes.values()),
            [*filter(None, [served.get(folder.name)]), *([kept_runs.PINNED] if PINNED in folder.sizes else [])],
            differing(folder.record, params[folder.dag_id]),
        )
        for folder in folders
    ]
    return sorted(runs, key=lambda run: (run.opened, run.name))


def differing(record: Mapping[str, Any], others: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The params of a run that differ from the defaults of its form; where an older run.json does not name these, those
    in which it differs from other runs' params.

    >>> differing({"params": {"seed": 1, "folds": 5}, "defaults": {"seed": 0, "folds": 5}}, [])
    {'seed': 1}
    >>> differing({"params": {"seed": 1, "folds": 5}}, [{"seed": 2, "folds": 5}])
    {'seed': 1}
    """
    params, defaults = record.get("params") or {}, record.get("defaults")
    if defaults:
        return run_changes.differing(dict(params), defaults)
    rest = list(others)
    known = {name: value for name, value in params.items() if value is not None}  # the others say nothing here
    return {name: value for name, value in known.items() if any(other.get(name) != value for other in rest)}
