"""A DAG run is refused when it is triggered, by the form or by the interface, where its values do not fit the form:
Airflow itself checks values, but lets a name that the form does not have pass.
"""

import json
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import unquote

from airflow.plugins_manager import AirflowPlugin

TRIGGER = re.compile(r".*/api/v2/dags/([^/~]+)/dagRuns")
MAX_BYTES = 2**20  # of a request's body

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class CheckedParams:
    """The application, behind a look at each request that triggers a DAG run. Requests of those who are not logged in
    are left to the application, which refuses them.
    """

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        match = TRIGGER.fullmatch(scope.get("path", "")) if scope.get("method") == "POST" else None
        if scope["type"] != "http" or match is None or not await _is_logged_in(scope):
            await self.app(scope, receive, send)
            return
        from starlette.concurrency import run_in_threadpool
        from starlette.responses import JSONResponse

        body, messages = b"", []
        while not messages or messages[-1].get("more_body"):
            messages.append(await receive())
            body += messages[-1].get("body", b"")
            if len(body) > MAX_BYTES:
                await JSONResponse({"detail": f"over {MAX_BYTES:,} bytes"}, 413)(scope, receive, send)
                return
        problem = await run_in_threadpool(_problem, scope["app"], unquote(match[1]), body)
        if problem:
            await JSONResponse({"detail": problem}, 400)(scope, receive, send)
            return

        async def again() -> Message:
            return messages.pop(0) if messages else await receive()

        await self.app(scope, again, send)


async def _is_logged_in(scope: Message) -> bool:
    from airflow.api_fastapi.core_api.security import get_user
    from fastapi import HTTPException, Request
    from fastapi.security import HTTPBearer

    request = Request(scope)
    try:
        await get_user(request, None, await HTTPBearer(auto_error=False)(request))
    except HTTPException:
        return False
    return True


def _problem(app: Any, dag_id: str, body: bytes) -> str:
    """Why the values of a request do not fit the form; empty where they do, and where Airflow has to say what is
    wrong: with the request itself, or with the DAG.
    """
    from airflow.utils.session import create_session

    from kindred.runtime.errors import InputError
    from kindred_airflow import params

    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        return ""
    conf = content.get("conf") if isinstance(content, dict) else None
    with create_session() as session:
        dag = app.state.dag_bag.get_latest_version_of_dag(dag_id, session=session)
    if not isinstance(conf, dict) or dag is None or "kindred" not in dag.tags:
        return ""
    try:
        params.check(conf, params.schemas(dag))
    except InputError as error:
        return str(error)
    return ""


class Params(AirflowPlugin):
    """Puts the check before Airflow's server."""

    name = "kindred_params"
    fastapi_root_middlewares = [{"middleware": CheckedParams, "args": [], "kwargs": {}, "name": "Kindred params"}]
