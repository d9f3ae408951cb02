"""The head of a run's page: what the run was, when and how long it ran, and where its other pages are."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from kindred.report.html_page import Link
from kindred.runtime import attempts, durations, mlflow_pages, run_changes, runs, stages
from kindred.runtime.errors import InputError
from kindred.runtime.run_reader import RunReader

# params that are shown also where they are the defaults, beside those of `stages.shown`
ALWAYS = ("embedder", "reranker")
OLDER = ("folds", "seed", "gate")  # the others of a run that does not know the defaults of its form


def facts(reader: RunReader) -> dict[str, str | Link]:
    """Name and text of each fact, the params by their names in the form."""
    record = runs.record_of(reader.run) or {}
    params, defaults = runs.params_in(record), record.get("defaults")
    older = {name: params[name] for name in OLDER if name in params}
    others = run_changes.differing(params, defaults) if defaults else older
    shown = stages.shown(params) | {name: params[name] for name in ALWAYS if name in params} | others
    before = [stage for stage in stages.EVERY if stage != stages.REPORT and reader.finished(stage)]
    figures = [reader.figures_of(stage) for stage in before]
    head: dict[str, str | Link] = {
        "date": date(reader),
        "duration": duration(figures),
        "version": f"Kindred {record.get('tags', {}).get('kindred.version', '(not known)')}",
        **{name: text(value) for name, value in shown.items()},
        "given labels": f"{reader.figures_of(stages.CHOOSE_LABELS)['choose_labels/labels']:,.0f}",
    }
    try:
        head["MLflow run"] = Link(mlflow_pages.page_of(reader.run))
    except InputError:  # it was never opened, as in a test of single stages
        pass
    search = {"search page": f"make search RUN={runs.short_name(reader.run)}"}
    return head | ({} if stages.MATCH in before else search)


def date(reader: RunReader) -> str:
    """When the run was opened; of a run of an older version, when its labels were chosen."""
    record = runs.record_of(reader.run) or {}
    if "opened" in record:
        opened = datetime.fromisoformat(record["opened"])
    else:
        opened = datetime.fromtimestamp(attempts.began(reader.mark_of(stages.CHOOSE_LABELS)["attempt"]), UTC)
    return opened.strftime("%Y-%m-%d %H:%M UTC")


def duration(figures: Iterable[dict[str, float]]) -> str:
    """How long the stages before this page took, by the figures of each; those that were reused apart.

    >>> duration([{"ingest/seconds": 20.0, "ingest/reused": 1}, {"gate/seconds": 185.2, "gate/reused": 0}])
    '3 min 5 s (and 20 s of reused work)'
    """
    spent = {0: 0.0, 1: 0.0}
    for of_stage in figures:
        stage = next(name.removesuffix("/reused") for name in of_stage if name.endswith("/reused"))
        spent[int(of_stage[f"{stage}/reused"])] += of_stage[f"{stage}/seconds"]
    reused = f" (and {durations.text(spent[1])} of reused work)" if spent[1] else ""
    return f"{durations.text(spent[0])}{reused}"


def text(value: Any) -> str:
    """A param's value for a person.

    >>> text(None), text("digits"), text([1, 2]), text(True)
    ('(empty)', 'digits', '[1, 2]', 'true')
    """
    return "(empty)" if value is None else value if isinstance(value, str) else json.dumps(value)
