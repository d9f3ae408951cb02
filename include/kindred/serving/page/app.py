"""The app of the search: its page, its files, its answers over HTTP. Loads neither Spark nor TensorFlow."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from fastapi import FastAPI, HTTPException
from fastapi.responses import Response

from kindred.runtime.cpu import cores
from kindred.serving.bundle import Bundle
from kindred.serving.page import api_manual, headers_and_errors, sent_originals, uploads
from kindred.serving.page.routes import router
from kindred.serving.page.sent_originals import BytesSent

FOLDER = Path(__file__).parent
SCRIPTS = ("page.js", "address.js", "detail.js", "dom.js", "figures.js", "files.js", "keypoints.js")
FILES = {
    "": ("page.html", "text/html"),
    "page.css": ("page.css", "text/css"),
    **{name: (name, "text/javascript") for name in SCRIPTS},
}
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


def application(
    current: Callable[[], Bundle], problem: Callable[[], str] = str, guards: list[Any] | None = None
) -> FastAPI:
    """The app: `current` gives what is served, `problem` says why that is not what was promoted last; `guards` are
    FastAPI dependencies of every route.
    """
    app = FastAPI(title="Kindred search", dependencies=guards, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.current, app.state.problem = current, problem
    app.state.uploads = uploads.UploadsInMemory()
    app.state.sent, app.state.reading = BytesSent(), asyncio.Semaphore(sent_originals.CONCURRENT_READS)
    app.state.readers = ThreadPoolExecutor(sent_originals.CONCURRENT_READS, "originals")
    app.state.decoding = asyncio.Semaphore(uploads.CONCURRENT_DECODES)
    app.state.searching = ThreadPoolExecutor(cores(), "search")  # more threads would only wait for each other
    headers_and_errors.protect(app)
    for name, file in FILES.items():
        app.add_api_route(f"/{name}", _sender(*file), include_in_schema=False)
    app.include_router(router)

    @app.get("/api", include_in_schema=False)
    def documentation() -> Response:
        return Response(api_manual.page(app.openapi()), media_type="text/html")

    @app.get("/api/openapi.json", include_in_schema=False)
    def description() -> dict[str, Any]:
        return app.openapi()

    @app.api_route("/{rest:path}", methods=METHODS, include_in_schema=False)
    def nothing(rest: str) -> None:
        raise HTTPException(404, f"nothing at /{rest}; /api lists what there is")

    return app


def _sender(name: str, kind: str) -> Callable[[], Response]:
    def send() -> Response:
        return Response((FOLDER / name).read_bytes(), media_type=kind, headers={"Cache-Control": "no-cache"})

    return send
