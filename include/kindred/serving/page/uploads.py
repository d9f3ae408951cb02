"""Pictures that people send: read up to a size, from a body or a form, and decoded as ingest decodes."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
from fastapi import HTTPException, Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException as AnyHTTPException
from starlette.requests import ClientDisconnect

from kindred.data import images

MAX_BYTES = 50 * 2**20  # a photo of 48 million pixels, as phones take, has 10 to 30 MB
FORM_BYTES = 2**14  # of a form, beside its file
MAX_TOTAL_BYTES = 256 * 2**20  # of the uploads in memory at the same time, those that wait to be decoded included
CONCURRENT_DECODES = 1  # the others wait, so that memory is bounded: the biggest picture that ingest takes needs 0.7 GB
FIELD = "image"
BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "image/*": {"schema": {"type": "string", "format": "binary"}},
            "multipart/form-data": {
                "schema": {"type": "object", "properties": {FIELD: {"type": "string", "format": "binary"}}}
            },
        },
    }
}


class UploadsInMemory:
    """Counts the bytes of the uploads that are in memory at the same time."""

    def __init__(self) -> None:
        self.total = 0

    @contextlib.asynccontextmanager
    async def received(self, request: Request) -> AsyncIterator[bytes]:
        """The file that a request sends as its body, or as the field `image` of a form; it counts until the block ends.

        Raises HTTPException with status 413 for one of over MAX_BYTES, as soon as that is known, 503 where all in
        memory have over MAX_TOTAL_BYTES, and 400 for one that breaks off or is empty.
        """
        form = request.headers.get("content-type", "").startswith("multipart/form-data")
        parts: list[bytes] = []
        size = 0
        try:
            async for part in request.stream():
                parts.append(part)
                size, self.total = size + len(part), self.total + len(part)
                if size > MAX_BYTES + (FORM_BYTES if form else 0):
                    raise HTTPException(413, f"the picture is over {MAX_BYTES // 2**20} MB")
                if self.total > MAX_TOTAL_BYTES:
                    raise HTTPException(503, "too many pictures are sent at the same time; try again")
            content = b"".join(parts)
            parts.clear()
            content = await _field(request, content) if form else content
            if not content:
                raise HTTPException(400, f"no picture: send the file as the body, or as the field {FIELD!r} of a form")
            yield content
        except ClientDisconnect:
            raise HTTPException(400, "the upload broke off") from None
        finally:
            self.total -= size


def decode(content: bytes) -> np.ndarray:
    """Its pixels, uint8 [h, w, c]. Raises HTTPException with status 400 for what cannot be decoded."""
    try:
        return images.decode(content)
    except images.ImageError as error:
        known = ", ".join(sorted(set(images.FORMATS.values())))
        raise HTTPException(400, f"not a picture that can be read: {error}; known: {known}") from None


async def _field(request: Request, body: bytes) -> bytes:
    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    try:
        form = await Request(request.scope, receive).form(max_files=1, max_fields=8)
    except AnyHTTPException as error:
        raise HTTPException(400, f"the form cannot be read: {error.detail}") from None
    try:
        file = form.get(FIELD)
        return await file.read() if isinstance(file, UploadFile) else b""
    finally:
        await form.close()
