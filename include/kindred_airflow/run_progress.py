"""How far a DAG run is: its steps, what each has done or why it failed, and the reports of its runs.

Made of rows of Airflow's database (task instances, XComs) and of the outcomes that stages leave in the runs' folders.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from kindred.runtime import log_lines, outcomes, results

DONE, FAILED, RUNNING = "done", "failed", "running"
WORDS = {  # Airflow's states of a task, for people; those that matter most first: a mapped task is in several
    "failed": FAILED,
    "up_for_retry": "tried again soon",
    "restarting": "tried again soon",
    "running": RUNNING,
    "queued": "waiting for a slot",
    "scheduled": "waiting for a slot",
    "deferred": "waiting",
    "up_for_reschedule": "waiting",
    None: "to come",
    "upstream_failed": "not reached",
    "success": DONE,
    "skipped": "skipped",
    "removed": "removed",
}
NEVER_BEGUN = ("upstream_failed", "skipped", "removed")  # to Airflow these begin, and end at once
ENDS = ("success", "skipped", "removed")
LAST = "close_run"  # also runs, and fails, after another step has failed

log = logging.getLogger("kindred")
Folders = dict[tuple[str, int], str]  # the URIs of the runs' folders, by task group and index of the mapped group


class Step(NamedTuple):
    """A task, or all copies of a mapped one: `ended` of `copies` have ended well; `line` is what was done, or why it
    failed.
    """

    name: str
    state: str
    ended: int
    copies: int
    seconds: float | None
    line: str


class Report(NamedTuple):
    """The run in the URI `folder`: the name of its part ("" where the DAG run is one run), and whether its report is
    there.
    """

    part: str
    folder: str
    made: bool


def steps(tasks: Iterable[Any], folders: Folders, reason: Callable[[Any], str]) -> list[Step]:
    """The steps of a DAG run, in their order, of Airflow's task instances; `reason` says why a task failed that left
    no outcome.
    """
    by_name: dict[str, list[Any]] = {}
    # A task's weight counts all tasks after it, so this is the order of the work.
    for task in sorted(tasks, key=lambda task: (-task.priority_weight, task.task_id, task.map_index)):
        by_name.setdefault(task.task_id, []).append(task)
    return [_step(name, copies, folders, reason) for name, copies in by_name.items()]


def _step(name: str, copies: Sequence[Any], folders: Folders, reason: Callable[[Any], str]) -> Step:
    counts = Counter(copy.state for copy in copies)
    state = next((state for state in WORDS if state in counts), None)
    shown = next((copy for copy in copies if copy.state == state), copies[0])
    ended = sum(counts[end] for end in ENDS)
    spans = [_seconds(copy) for copy in copies if copy.start_date and copy.state not in NEVER_BEGUN]
    line = _line(shown, folders) if len(copies) == 1 or state == "failed" else ""
    if state == "failed" and not line and not name.endswith(LAST):  # which repeats the names of the others
        line = reason(shown)
    return Step(name, WORDS.get(state, str(state)), ended, len(copies), sum(spans) if spans else None, line)


def _seconds(task: Any) -> float:
    """How long a task's last try took, or takes already."""
    return float(((task.end_date or datetime.now(UTC)) - task.start_date).total_seconds())


def _line(task: Any, folders: Folders) -> str:
    """How the try of a stage ended, by its outcome; empty where it has left none."""
    group, _, stage = task.task_id.rpartition(".")
    folder = folders.get((group, task.map_index)) or folders.get((group, -1))
    if folder is None or task.start_date is None:
        return ""
    since = task.start_date.timestamp()
    outcome = outcomes.find(folder, stage)
    if outcome and outcome.ended >= since:
        return outcome.line
    failed = outcomes.failures(folder, since) if task.state == "failed" and task.map_index >= 0 else {}
    return next((f"{name}: {end.line}" for name, end in failed.items() if name.startswith(f"{stage}/")), "")


def logged_reason(task: Any) -> str:
    """Why a task failed that is no stage, by its log; empty where that does not say."""
    from airflow.utils.log.log_reader import TaskLogReader

    try:
        lines, _ = TaskLogReader().read_log_chunks(task, task.try_number, {"end_of_log": False})
        found = [line for record in lines if (line := log_lines.parse(record.event))]
    except Exception:  # the page has to be shown also where a server of logs is away
        log.exception("the log of %s cannot be read", task.task_id)
        return ""
    return next((line.text for line in reversed(found) if line.failed), "")


def reports(folders: Folders, main: str) -> list[Report]:
    """The runs of a DAG run that have a folder, `main` first, each of the others by the name of its part."""
    parts = {folder: folder.removeprefix(main).lstrip("-") for folder in [main, *sorted(folders.values())]}
    return [Report(part, folder, bool(results.report(folder))) for folder, part in parts.items()]


def failed(found: Sequence[Step]) -> list[Step]:
    """The steps that failed; the last step only where no other did, for it fails after any other."""
    steps = [step for step in found if step.state == FAILED]
    return [step for step in steps if not step.name.endswith(LAST)] or steps
