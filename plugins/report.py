"""The report of a run as a tab of the DAG run in Airflow's UI, for those only who may see the run."""

import functools
from typing import Any

from airflow.plugins_manager import AirflowPlugin

from kindred.runtime import file_names


@functools.cache
def application() -> Any:
    """The one page: /report/<DAG>/<run id>."""
    from airflow.api_fastapi.auth.managers.models.resource_details import AccessView, DagAccessEntity
    from airflow.api_fastapi.common.db.common import SessionDep
    from airflow.api_fastapi.core_api.security import requires_access_dag, requires_access_view
    from airflow.models.dagrun import DagRun
    from fastapi import Depends, FastAPI, HTTPException
    from fastapi.responses import HTMLResponse
    from sqlalchemy import select

    from kindred.runtime import runs, storage

    allowed = [
        Depends(requires_access_view(AccessView.PLUGINS)),
        Depends(requires_access_dag("GET", DagAccessEntity.RUN)),
    ]
    app = FastAPI(title="Kindred", dependencies=allowed, docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/report/{dag_id}/{run_id:path}")
    def report(dag_id: str, run_id: str, session: SessionDep) -> HTMLResponse:
        run = session.scalar(select(DagRun).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id))
        if run is None:
            raise HTTPException(404, f"no run {run_id!r} of {dag_id!r}")
        folder = runs.run_folder(dag_id, (run.conf or {}).get("run_name") or run_id)
        content = storage.find_bytes(storage.join(folder, file_names.REPORT))
        if content is None:
            raise HTTPException(404, "this run has no report yet; its task `report` makes one")
        return HTMLResponse(content)

    return app


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
