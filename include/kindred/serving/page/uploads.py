"""Pictures that people send: read up to a size, from a body or a form, and decoded as ingest decodes."""

from typing import Any

import numpy as np
from fastapi import HTTPException, Request
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException as AnyHTTPException

from kindred.data import images

MAX_BYTES = 10 * 2**20
FORM_BYTES = 2**14  # of a form, beside its file
MAX_PIXELS = 25_000_000  # decoded within a second
CONCURRENT_DECODES = 2  # the others wait, so that memory is bounded
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


async def read(request: Request) -> bytes:
    """The file that a request sends as its body, or as the field `image` of a form. Raises HTTPException with status
    413 for one that is too big, as soon as that is known, and 400 where there is none.
    """
    form = request.headers.get("content-type", "").startswith("multipart/form-data")
    limit = MAX_BYTES + (FORM_BYTES if form else 0)
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise HTTPException(413, f"the picture is over {MAX_BYTES // 2**20} MB")
        parts.append(part)
    content = b"".join(parts)
    if form:
        content = await _field(request, content)
    if not content:
        raise HTTPException(400, f"no picture: send the file as the body, or as the field {FIELD!r} of a form")
    return content


def decode(content: bytes) -> np.ndarray:
    """Its pixels, uint8 [h, w, c]. Raises HTTPException with status 400 for what cannot be decoded."""
    try:
        return images.decode(content, MAX_PIXELS)
    except images.ImageError as error:
        known = ", ".join(images.FORMATS)
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
