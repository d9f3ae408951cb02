"""How the last try of a stage ended: a small file beside its attempts, for Airflow's task and for the console."""

import time
from typing import NamedTuple

from kindred.runtime import runs, storage
from kindred.runtime.file_names import OUTCOME

DONE, REUSED, FAILED = "done", "reused", "failed"


class Outcome(NamedTuple):
    """`line` is what was done, or why it failed, for a person; `retry`: trying again may help. `try_id` is the id that
    the task gave its try, so that no try is mistaken for another; `ended` is in seconds since the epoch.
    """

    status: str
    line: str
    retry: bool = True
    try_id: str = ""
    ended: float = 0.0


def put(run: str, stage: str, outcome: Outcome) -> None:
    """Keep the outcome of a try of a run's stage that ends now."""
    storage.put_json(storage.join(run, stage, OUTCOME), outcome._replace(ended=time.time())._asdict())


def find(run: str, stage: str, try_id: str | None = None) -> Outcome | None:
    """The outcome of the last try, or None where there is none that can be read, or it is not of the try `try_id`."""
    try:
        fields = storage.find_json(storage.join(run, stage, OUTCOME))
        outcome = None if fields is None else Outcome(**{name: fields[name] for name in Outcome._fields})
    except (storage.UnreadableError, KeyError):  # broken: the next try puts another
        return None
    return outcome if outcome and try_id in (None, outcome.try_id) else None


def failures(run: str, since: float) -> dict[str, Outcome]:
    """The stages of a run whose last try failed, and ended at `since` (seconds since the epoch) or later: their
    outcomes by the stages' names, in the order in which they ended.
    """
    outcomes = {stage: find(run, stage) for stage in runs.stages_with(run, OUTCOME)}
    failed = {stage: end for stage, end in outcomes.items() if end and end.status == FAILED and end.ended >= since}
    return dict(sorted(failed.items(), key=lambda item: item[1].ended))
