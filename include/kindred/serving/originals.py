"""The file that an image of a run came from, read again: only if it still holds that very picture.

Whatever an index names, and whatever lies there now (a link, another file): what leaves is a picture whose pixels have
the image's id, which is their hash. It is read and decoded with ingest's limits.
"""

import os
import stat
from dataclasses import dataclass

import numpy as np

from kindred.data import images, origins
from kindred.data.image_error import ImageError
from kindred.runtime import s3, s3_objects
from kindred.runtime.errors import InputError

FILE, LINK = "file", "link"  # how an original is opened: the app sends it, or links to it
LINK_SECONDS = 300
LINKS = "KINDRED_STORE_LINKS"  # in the environment: 0 where browsers cannot reach the object store
VIEW_QUALITY, CONVERTED_QUALITY = 88, 95  # of JPEG, of 100
SHOWN = (  # of formats that browsers show: where their signature stands, the signature, the type
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"GIF8", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (4, b"ftypavif", "image/avif"),
    (4, b"ftypavis", "image/avif"),
)
PHOTOGRAPHS = ((4, b"ftyp"), (4, b"jP  "), (0, b"\xff\x4f\xff\x51"))  # HEIC, JPEG 2000: their PNG would be huge


class Gone(InputError):
    """There is no such file any more, or it is no longer the image's."""


@dataclass(frozen=True, eq=False)
class Original:
    """A file's content, and its pixels, uint8 [h, w, c]."""

    name: str
    content: bytes
    pixels: np.ndarray

    def for_browser(self) -> tuple[bytes, str, str]:
        """The file as a browser shows it, its type and its name: as it is, or made of its pixels."""
        for offset, signature, kind in SHOWN:
            if self.content.startswith(signature, offset):
                return self.content, kind, self.name
        if any(self.content.startswith(signature, offset) for offset, signature in PHOTOGRAPHS):
            return images.encode_jpeg(self.pixels, CONVERTED_QUALITY), "image/jpeg", f"{self.name}.jpg"
        return images.encode(self.pixels), "image/png", f"{self.name}.png"

    def view(self, px: int) -> bytes:
        """A JPEG whose longer side has at most so many pixels."""
        height, width = self.pixels.shape[:2]
        scale = min(1.0, px / max(height, width))
        size = max(1, round(height * scale)), max(1, round(width * scale))
        return images.encode_jpeg(images.fit(self.pixels, size, self.pixels.shape[2]), VIEW_QUALITY)


def access(origin: str) -> str | None:
    """How the original at an origin is opened, FILE or LINK; None where the image is no file of its own.

    >>> access("file:///photos/1.jpg"), access("s3://bucket/1.jpg"), access("digits#0001")
    ('file', 'link', None)
    """
    if origins.is_object(origin):
        return FILE if os.environ.get(LINKS) == "0" else LINK
    return FILE if origins.is_local_file(origin) else None


def link(origin: str) -> str:
    """An address in the object store from which anyone can get the object at an origin for LINK_SECONDS."""
    return s3_objects.link(origin, LINK_SECONDS)


def read(origin: str) -> bytes:
    """The content of the file or the object at an origin. Raises Gone where there is none that can be read, InputError
    where a bucket cannot be asked.
    """
    path = origins.path(origin)
    if origins.is_local_file(origin):
        return _read_local(path)
    try:
        found = s3_objects.find(path, images.MAX_BYTES, attempts=s3.FIRST_ATTEMPTS)  # a person waits for the answer
    except s3_objects.TooBig:
        raise _too_big(path) from None
    if found is None:
        raise Gone(f"{path} is not there any more")
    return found[0]


def opened(origin: str, content: bytes, image_id: str) -> Original:
    """An original by its content. Raises Gone where that is not the picture that ingest saw."""
    try:
        pixels = images.decode(content)
    except ImageError:
        raise _changed(origin) from None
    if images.image_id(pixels) != image_id:
        raise _changed(origin)
    return Original(origins.name(origin), content, pixels)


def _too_big(path: str) -> Gone:
    return Gone(f"{path} has changed since the run: it has over {images.MAX_BYTES // 2**20} MiB")


def _changed(origin: str) -> Gone:
    return Gone(f"{origins.path(origin)} has changed since the run: it is another picture, or none")


def _read_local(path: str) -> bytes:
    """A file's content; never waits for a pipe that lies there now, and reads no more than ingest would."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        try:
            status = os.fstat(handle)
            if not stat.S_ISREG(status.st_mode):
                raise Gone(f"{path} is no file any more")
            if status.st_size > images.MAX_BYTES:
                raise _too_big(path)
            with open(handle, "rb", closefd=False) as file:
                return file.read(images.MAX_BYTES)
        finally:
            os.close(handle)
    except Gone:
        raise
    except (OSError, ValueError):
        raise Gone(f"{path} is not there any more, or cannot be read here") from None
