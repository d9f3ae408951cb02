"""A run's figures: merged from its stages' marks into one flat `metrics.json`, and kept as a table too."""

import logging
from typing import Any

from kindred.runtime import file_names, log_lines, marks, runs, storage, summary_table

log = logging.getLogger("kindred")


def merge(run: str) -> dict[str, float]:
    """The figures of all finished stages of a run, by name; also put into its metrics.json and, as a table,
    summary.txt. The page that a stage has made for people is put beside them.
    """
    figures: dict[str, float] = {}
    for stage in runs.stages_with(run, file_names.MARK):
        mark = _mark(run, stage)
        figures |= mark.get("figures", {})
        if page := mark.get("facts", {}).get("page"):
            content = storage.read_bytes(storage.join(mark["folder"], page))
            storage.put_bytes(storage.join(run, file_names.REPORT), content)
    figures = dict(sorted(figures.items()))
    storage.put_json(storage.join(run, file_names.METRICS), figures)
    storage.put_bytes(storage.join(run, file_names.SUMMARY), summary_table.table(figures, _params(run)).encode())
    return figures


def _mark(run: str, stage: str) -> dict[str, Any]:
    """The mark of a stage; of a broken one nothing, which is said: no task of the run has made it again."""
    try:
        return marks.mark_of(storage.join(run, stage)) or {}
    except storage.UnreadableError as error:
        log.warning("%s", log_lines.progress("close_run", f"the figures of {stage!r} are left out: {error}"))
        return {}


def _params(run: str) -> dict[str, Any]:
    """The params of a run; of a broken record none: close_run goes on without them."""
    try:
        return (runs.record_of(run) or {}).get("params", {})
    except storage.UnreadableError:
        return {}


def summary(run: str) -> str:
    """The table that `merge` has put; empty where it has not."""
    return (storage.find_bytes(storage.join(run, file_names.SUMMARY)) or b"").decode()


def report(run: str) -> str:
    """Where the run's page lies; empty where it has none."""
    path = storage.join(run, file_names.REPORT)
    fs, inside = storage.filesystem(path)
    return storage.local(path) if fs.exists(inside) else ""


def read(run: str) -> dict[str, float]:
    """What `merge` has put; empty where it has not."""
    advice = "`make run` with the RUN_ID and the CONF of this run writes it again"
    return storage.find_json(storage.join(run, file_names.METRICS), advice) or {}
