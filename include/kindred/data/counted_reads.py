"""A file that may be read only so many times, which bounds the time that parsing takes."""

import io

from kindred.data.image_error import ImageError

MAX_READS = 4_000_000  # about two seconds; a file of 256 MiB in parts of 1 KiB takes a quarter of them


class CountedReads(io.BytesIO):
    """An image file's content. Raises ImageError where it is read too often: Pillow reads each chunk, block or segment
    on its own, and a hostile file may have any number of them.
    """

    reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        self.reads += 1
        if self.reads > MAX_READS:
            raise ImageError(f"over {MAX_READS:,} parts")
        return super().read(size)
