"""The folders of runs as they are found in KINDRED_DATA: which files are there, what the small ones say, its state."""

import re
import time
from pathlib import Path
from typing import Any, NamedTuple

from kindred.runtime import attempts, file_sizes, outcomes, references, run_state, runs, storage
from kindred.runtime.errors import InputError
from kindred.runtime.file_names import DELETING, METRICS, OUTCOME, RUN, STATE
from kindred.runtime.file_sizes import Files
from kindred.runtime.run_state import FAILED, FINISHED, RUNNING, STOPPED, Alive

BROKEN, HALF_DELETED = "broken", "half deleted"  # without a run.json that can be read; being deleted
NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*", re.ASCII)  # of a DAG, and of a run: as `runs.slug` makes it
SMALL = (RUN, STATE, METRICS)


class RunFolder(NamedTuple):
    """`name` is DAG/run, `sizes` has the bytes of each file by its path in the folder, `small` what the files of SMALL
    say, as far as they are there and can be read.
    """

    name: str
    uri: str
    sizes: dict[str, int]
    small: dict[str, dict[str, Any]]

    @property
    def dag_id(self) -> str:
        return self.name.split("/")[0]

    @property
    def record(self) -> dict[str, Any]:
        """What run.json says; nothing where it cannot be read."""
        return self.small.get(RUN, {})

    def began(self) -> list[float]:
        """When each of its attempts, and of those that it shares, began, in seconds since the epoch; sorted."""
        return sorted(attempts.began(match[0]) for path in self.sizes if (match := references.ATTEMPT.search(path)))

    def opened(self) -> float:
        """When it was last opened, in seconds since the epoch, as far as that is known; else 0."""
        known = run_state.parse(self.small[STATE]).opened if STATE in self.small else 0.0
        known = known or run_state.seconds(str(self.record.get("opened") or ""))
        return known or next(iter(self.began()), 0.0)

    def seconds(self) -> float | None:
        """How long it took since it was last opened; None where that is not known."""
        state = run_state.parse(self.small[STATE]) if STATE in self.small else None
        return state.closed - state.opened if state and state.opened and state.closed else None

    def state(self, alive: Alive) -> str:
        """Its state in a word; `alive` says of the processes that do it whether they live (see `run_state`)."""
        if DELETING in self.sizes:
            return HALF_DELETED
        if not self.record:
            return BROKEN
        if STATE not in self.small:
            return self._state_before()
        state = run_state.parse(self.small[STATE]).state
        return STOPPED if state == RUNNING and not self.is_running(alive) else state

    def is_running(self, alive: Alive) -> bool:
        """Whether it is at work."""
        active = max(self.began(), default=0.0)
        return STATE in self.small and run_state.is_running(
            run_state.parse(self.small[STATE]), active, alive, time.time()
        )

    def _state_before(self) -> str:
        """Of a version that kept no state: the figures were merged by the last step."""
        if METRICS not in self.sizes:
            return STOPPED
        stages = [path.removesuffix(f"/{OUTCOME}") for path in self.sizes if path.endswith(f"/{OUTCOME}")]
        ends = [outcomes.find(self.uri, stage) for stage in stages]
        return FAILED if any(end and end.status == outcomes.FAILED for end in ends) else FINISHED


def found_in(files: Files, dag_id: str = "") -> list[RunFolder]:
    """The folders of all runs of KINDRED_DATA, which has these files, or of those of one DAG."""
    root, sizes = storage.join(storage.data_root(), "runs"), dict[str, dict[str, int]]()
    for path, size in files.sizes.items():
        parts = path.split("/", 3)
        if len(parts) == 4 and parts[0] == "runs" and dag_id in ("", parts[1]):
            sizes.setdefault(f"{parts[1]}/{parts[2]}", {})[parts[3]] = size
    uris = [f"{root}/{name}/{file}" for name, paths in sizes.items() for file in SMALL if file in paths]
    contents = references.read(uris)
    return [RunFolder(name, f"{root}/{name}", sizes[name], _small(f"{root}/{name}", contents)) for name in sizes]


def read(run: str) -> RunFolder:
    """The folder of one run, with this URI."""
    contents = references.read(storage.join(run, file) for file in SMALL)
    return RunFolder(runs.name_of(run), run, file_sizes.of(run).sizes, _small(run, contents))


def _small(run: str, contents: dict[str, bytes]) -> dict[str, dict[str, Any]]:
    found = {}
    for file in SMALL:
        uri = storage.join(run, file)
        try:
            found[file] = storage.parse_json(contents.get(uri, b""), uri)
        except storage.UnreadableError:
            continue
    return found


def find(name: str, dag_id: str = "") -> str:
    """The URI of the folder of the run with exactly this name, or DAG/name; also of one that is broken, or half
    deleted. Raises InputError, with the choices, where there is none, or there are several.
    """
    dag, _, own = name.rpartition("/")
    if not all(NAME.fullmatch(part) for part in (own, dag or "any")):
        raise InputError(f"{name!r} is not the name of a run; `make runs` lists them")
    root = storage.join(storage.data_root(), "runs")
    dags = [dag or dag_id] if dag or dag_id else _folders(root)
    there = [each for each in dags if own in _folders(f"{root}/{each}")]
    if len(there) > 1:
        raise InputError(f"{len(there)} DAGs have a run {own!r}; say which: {', '.join(f'{d}/{own}' for d in there)}")
    if not there:
        raise InputError(f"no run {name!r} in {storage.local(root)}; `make runs` lists them")
    return f"{root}/{there[0]}/{own}"


def _folders(folder: str) -> list[str]:
    """The names of the folders in another one."""
    fs, inside = storage.filesystem(folder)
    entries = fs.ls(inside, detail=True) if fs.isdir(inside) else []
    return sorted(Path(entry["name"]).name for entry in entries if entry["type"] != "file" or entry.get("islink"))
