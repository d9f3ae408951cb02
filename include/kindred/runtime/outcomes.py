"""How the last try of a stage ended: a small file beside its attempts, for Airflow's task and the console."""

from typing import Any, NamedTuple

from kindred.runtime import storage
from kindred.runtime.file_names import OUTCOME

DONE, REUSED, FAILED = "done", "reused", "failed"


class Outcome(NamedTuple):
    """`line` says to a person what was done, or why not; `retry`: trying again may help. `try_id` is the id that
    the task gave its try, so that no try is taken for another.
    """

    status: str
    line: str
    retry: bool = True
    try_id: str = ""


def put(run: str, stage: str, outcome: Outcome) -> None:
    """Keep the outcome of a try of a run's stage."""
    storage.put_json(_path(run, stage), outcome._asdict())


def find(run: str, stage: str, try_id: str | None = None) -> Outcome | None:
    """The outcome of the last try, or None where there is none, or it is not of the try `try_id`."""
    fields: dict[str, Any] | None = storage.find_json(_path(run, stage))
    if fields is None or try_id not in (None, fields["try_id"]):
        return None
    return Outcome(**fields)


def _path(run: str, stage: str) -> str:
    return storage.join(run, stage, OUTCOME)
