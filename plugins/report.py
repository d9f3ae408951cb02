"""The report of a run as a tab of the DAG run in Airflow's UI, for those only who may see the run; until it is there, a
page that says how far the run is, or why it failed.
"""

import functools
from typing import Any

from airflow.plugins_manager import AirflowPlugin

OPENED_BY = "open_run"  # returns the URI of a run's folder
ADVICE = {
    401: "You are not logged in to Airflow, or no longer: log in, then reload this page.",
    403: "Your account of Airflow may not see this run; ask who administers it.",
}


@functools.cache
def application() -> Any:
    """The one page: /report/<DAG>/<run id>; of a DAG run of several runs, ?part=<name> is the report of one."""
    from airflow.api_fastapi.auth.managers.models.resource_details import AccessView, DagAccessEntity
    from airflow.api_fastapi.common.db.common import SessionDep
    from airflow.api_fastapi.core_api.security import requires_access_dag, requires_access_view
    from fastapi import Depends, FastAPI, Request
    from fastapi.responses import HTMLResponse
    from starlette.exceptions import HTTPException

    from kindred.runtime.errors import InputError
    from kindred_airflow import progress_page

    allowed = [
        Depends(requires_access_view(AccessView.PLUGINS)),
        Depends(requires_access_dag("GET", DagAccessEntity.RUN)),
    ]
    app = FastAPI(title="Kindred", dependencies=allowed, docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/report/{dag_id}/{run_id:path}")
    def report(dag_id: str, run_id: str, session: SessionDep, part: str | None = None) -> HTMLResponse:
        return HTMLResponse(_content(dag_id, run_id, part, session), headers={"Cache-Control": "no-store"})

    @app.exception_handler(HTTPException)
    def refused(request: Request, error: HTTPException) -> HTMLResponse:
        text = ADVICE.get(error.status_code, str(error.detail))
        return HTMLResponse(progress_page.problem("Kindred", text), error.status_code, headers=error.headers)

    @app.exception_handler(InputError)
    def not_to_be_read(request: Request, error: InputError) -> HTMLResponse:
        return HTMLResponse(progress_page.problem("Kindred", str(error)), 500)

    return app


def _content(dag_id: str, run_id: str, part: str | None, session: Any) -> bytes:
    """The report of a DAG run that has ended well, or of its part; else the page that says how far it is. Raises
    HTTPException for a run or a report that is not there.
    """
    from airflow.models.dag import DagModel
    from airflow.models.dagrun import DagRun
    from sqlalchemy import select
    from starlette.exceptions import HTTPException

    from kindred.runtime import file_names, results, runs, storage
    from kindred_airflow import progress_page, run_names, run_progress

    run = session.scalar(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
    if run is None:
        raise HTTPException(404, f"Airflow knows no run {run_id!r} of the DAG {dag_id!r}: it was deleted, or mistyped.")
    main = runs.run_folder(dag_id, run_names.of(run))
    folders = _folders(dag_id, run_id, session)
    reports = run_progress.reports(folders, main)
    asked = part if part is not None else "" if run.state == "success" else None
    for report in reports:
        if report.part == asked and report.made:
            return storage.read_bytes(storage.join(report.folder, file_names.REPORT))
    if part is not None:
        raise HTTPException(404, f"The run {run_id!r} of {dag_id!r} has no report {part!r}.")
    dag = session.get(DagModel, dag_id)
    name = runs.slug(run_names.of(run))
    title = dag.dag_display_name if dag else dag_id
    steps = run_progress.steps(run.get_task_instances(session=session), folders, run_progress.logged_reason)
    facts = progress_page.DagRunFacts(name, title, dag_id, str(run.state))
    summary = results.summary(main) if run.state == "success" else ""
    return progress_page.progress(facts, steps, reports, summary)


def _folders(dag_id: str, run_id: str, session: Any) -> dict[tuple[str, int], str]:
    """The URIs of the folders that a DAG run has opened, by task group and index of the mapped group."""
    from airflow.models.xcom import XComModel

    query = XComModel.get_many(run_id=run_id, dag_ids=dag_id, key="return_value")
    rows = [row for row in session.scalars(query) if row.task_id.rpartition(".")[2] == OPENED_BY]
    opened = {(row.task_id.rpartition(".")[0], row.map_index): XComModel.deserialize_value(row) for row in rows}
    return {place: folder for place, folder in opened.items() if isinstance(folder, str)}


async def on_demand(scope: Any, receive: Any, send: Any) -> None:
    """The page, made at the first request: every process of Airflow loads this file, and few serve it."""
    await application()(scope, receive, send)


class Report(AirflowPlugin):
    """Mounts the page and shows it."""

    name = "kindred_report"
    fastapi_apps = [{"app": on_demand, "url_prefix": "/kindred", "name": "Kindred"}]
    external_views = [
        {
            "name": "Report",
            "href": "/kindred/report/{DAG_ID}/{RUN_ID}",
            "destination": "dag_run",
            "url_route": "kindred_report",
        }
    ]
