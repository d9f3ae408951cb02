"""The pictures of an index, small enough for a page."""

from kindred.data import images

MAX_SIDE = 256  # px: larger images are shrunk
JPEG_QUALITY = 88
PER_SHARD = 8192  # about: a worker holds their files in memory


def small(content: bytes, height: int, width: int) -> bytes:
    """The file for the page of an image of that size (px): itself, or a JPEG whose longer side is MAX_SIDE."""
    longer = max(height, width)
    if longer <= MAX_SIDE:
        return content
    pixels = images.decode(content)
    size = (max(1, round(height * MAX_SIDE / longer)), max(1, round(width * MAX_SIDE / longer)))
    return images.encode_jpeg(images.fit(pixels, size, pixels.shape[2]), JPEG_QUALITY)
