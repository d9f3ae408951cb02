"""What each answer of the search carries: headers that isolate the page, and errors that say what to do."""

from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException

from kindred.runtime.errors import InputError

MAX_SHOWN = 5  # parameters, in one line
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class WithHeaders:
    """An app whose answers carry the HEADERS."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def with_headers(message: Any) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        await self.app(scope, receive, with_headers)


def protect(app: FastAPI) -> None:
    """Give all answers of an app the HEADERS, and its errors the form {"error": one line}."""

    app.add_middleware(WithHeaders)

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> Response:
        return JSONResponse({"error": error.detail}, error.status_code, error.headers)

    @app.exception_handler(InputError)
    async def bad_input(request: Request, error: InputError) -> Response:
        return JSONResponse({"error": str(error)}, 400)

    @app.exception_handler(RequestValidationError)
    async def bad_parameters(request: Request, error: RequestValidationError) -> Response:
        detail = "; ".join(f"{part['loc'][-1]}: {part['msg']}" for part in error.errors()[:MAX_SHOWN])
        return JSONResponse({"error": detail}, 400)

    @app.exception_handler(Exception)
    async def server_error(request: Request, error: Exception) -> Response:
        return JSONResponse({"error": f"{type(error).__name__} in the server; see its log"}, 500, HEADERS)
