"""The originals of images on their way out: read and decoded one at a time, and so many bytes at the same time."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from fastapi import HTTPException, Request
from fastapi.responses import Response

from kindred.data import images, origins
from kindred.runtime.errors import InputError
from kindred.serving import originals
from kindred.serving.originals import Original

CONCURRENT_READS = 1  # the others wait, so that memory is bounded
SECONDS = 60.0  # to wait for one, so that a disk that hangs takes no place of other requests
MAX_TOTAL_BYTES = 2 * images.MAX_BYTES  # of those that clients have not read to the end yet
T = TypeVar("T")


class BytesSent:
    """Counts the bytes of the originals that are sent at the same time."""

    def __init__(self) -> None:
        self.total = 0


class SentOriginal(Response):
    """An answer with an original's content, which counts until it is sent. Raises HTTPException with status 503 where
    all that are sent have over MAX_TOTAL_BYTES.
    """

    def __init__(self, sent: BytesSent, content: bytes, kind: str, headers: Mapping[str, str]) -> None:
        if sent.total + len(content) > MAX_TOTAL_BYTES:
            raise HTTPException(503, "too many large originals are read at the same time; try again")
        self.sent = sent
        super().__init__(content, media_type=kind, headers=headers)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.sent.total += len(self.body)
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.sent.total -= len(self.body)


async def of_original(request: Request, origin: str, image_id: str, work: Callable[[Original], T]) -> T:
    """What is made of the original of an image: of one at a time, in turn with the uploads. Raises HTTPException with
    status 404 where it is not there, or is another picture than the run's, and 503 where it takes over SECONDS.
    """
    state = request.app.state
    try:
        async with asyncio.timeout(SECONDS), state.reading:
            content = await asyncio.get_running_loop().run_in_executor(state.readers, originals.read, origin)
            async with state.decoding:
                return await asyncio.to_thread(lambda: work(originals.opened(origin, content, image_id)))
    except InputError as error:
        raise HTTPException(404, str(error)) from None
    except TimeoutError:
        raise HTTPException(503, f"{origins.path(origin)} takes over {SECONDS:g} s to read; try again") from None
