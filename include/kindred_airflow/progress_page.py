"""The page in the place of a report that is not there: how far the run is, or why it failed and what to do next."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import kindred
from kindred.runtime import templates
from kindred_airflow import run_progress
from kindred_airflow.run_progress import Report, Step

FOLDER = Path(__file__).parent
STYLE = Path(kindred.__file__).parent / "report" / "page.css"  # that of the report, whose place this page takes
REFRESH_SECONDS = 5
RUNNING = ("queued", "running")  # states of a DAG run that has not ended


class DagRunFacts(NamedTuple):
    """A DAG run: its `name` (of the run's folder), the title and the id of its DAG, and Airflow's word for its
    state.
    """

    name: str
    pipeline: str
    dag_id: str
    state: str


def progress(run: DagRunFacts, steps: Sequence[Step], reports: Sequence[Report], summary: str) -> bytes:
    """The page of a run without a report of its own. `summary`: its table of figures, empty where there is none."""
    failed = run_progress.failed(steps) if run.state == "failed" else []
    facts = {"pipeline": run.pipeline, "DAG": run.dag_id, "state": run.state}
    return _page(
        title=f"Kindred: {run.name}",
        facts=facts,
        headline=_headline(run, steps, failed),
        advice=_advice(run, steps, failed),
        steps=steps,
        reports=[report for report in reports if report.made],
        summary=summary,
        refresh=REFRESH_SECONDS if run.state in RUNNING else None,
    )


def problem(title: str, text: str) -> bytes:
    """A page that says why there is nothing else to show."""
    return _page(title=title, headline=text)


def _headline(run: DagRunFacts, steps: Sequence[Step], failed: Sequence[Step]) -> str:
    if failed:
        first, others = failed[0], len(failed) - 1
        more = f" ({others} more failed, see below)" if others else ""
        return f"The run failed at {first.name}: {first.line or 'its log says why'}{more}"
    if run.state in RUNNING and not any(step.seconds is not None for step in steps):
        return "The run is waiting: Airflow starts it as soon as there is room."
    if run.state in RUNNING:
        ended = sum(step.ended == step.copies for step in steps)
        at_work = [step.name for step in steps if step.state == run_progress.RUNNING]
        now = f"; at work: {', '.join(at_work)}" if at_work else ""
        return f"{ended} of {len(steps)} steps have ended{now}."
    if not _makes_report(steps):
        return "The run has ended well. This pipeline makes no report of its own."
    return f"The run has ended ({run.state}), but its report is not there."


def _advice(run: DagRunFacts, steps: Sequence[Step], failed: Sequence[Step]) -> list[str]:
    if run.state in RUNNING:
        kind = "The report is shown here when the run has ended." if _makes_report(steps) else ""
        return [f"{kind} This page looks again every {REFRESH_SECONDS} seconds.".strip()]
    if not failed:
        return []
    named = any(step.name.rpartition(".")[2] == "open_run" for step in steps)
    again = f"trigger the pipeline again with {run.name} as “Name of this run”" if named else "trigger it again"
    resumed = ": stages that finished with the same values are skipped." if named else "."
    return [
        f"What to do: if a value of the form is wrong, correct it and {again}{resumed}",
        "If the cause lies elsewhere (a full disk, a server that was away), remove it, and clear the failed task: "
        "Airflow then goes on from there.",
        f"The complete log is under the run's tab Task Instances, at {failed[0].name}.",
    ]


def _makes_report(steps: Sequence[Step]) -> bool:
    return any(step.name == "report" for step in steps)


def _page(**values: Any) -> bytes:
    style = STYLE.read_text() + (FOLDER / "progress_page.css").read_text()
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    empty: dict[str, Any] = {"facts": {}, "advice": [], "steps": [], "reports": [], "summary": "", "refresh": None}
    template = templates.environment(FOLDER).get_template("progress_page.html")
    return template.render(**{**empty, **values}, style=style, policy=policy).encode()
