"""Pictures: the one decode function, the pixel-hash id, encoding and resizing.

Pixels are uint8 arrays [height, width, channels] with 3 channels (RGB) or, where all colours are grey, 1.
"""

import hashlib
import io

import numpy as np
import pi_heif
from PIL import Image, UnidentifiedImageError

from kindred.data import (
    file_kinds,
    jpeg_2000_kinds,
    jpeg_kinds,
    metadata,
    orientation,
    pillow_pixels,
    png_files,
    tiff_kinds,
)
from kindred.data.counted_reads import CountedReads
from kindred.data.image_error import ImageError as ImageError

FORMATS = {  # that are read, by Pillow's names; JPEG covers MPO, a JPEG with further pictures behind the first one
    **{"JPEG": "JPEG", "PNG": "PNG", "GIF": "GIF", "BMP": "BMP", "TIFF": "TIFF", "WEBP": "WebP", "PPM": "PPM"},
    **{"AVIF": "AVIF", "HEIF": "HEIC", "JPEG2000": "JPEG 2000"},
}
MAX_PIXELS = 89_478_485  # Pillow's own bound: beyond it a small file that unpacks to gigabytes is likelier than a photo
# Of formats whose decoders take more than twice the memory of the others (benchmarks/decode.py).
MAX_PIXELS_OF = dict.fromkeys(("WEBP", "AVIF", "HEIF", "JPEG2000"), 50_000_000)
MAX_SIDE = 65_535  # px, JPEG's own bound: a line of a PNG costs time and memory of its own
MAX_BYTES = 256 * 2**20  # of an encoded file: more than any camera's JPEG, and little enough for a worker's memory
Image.MAX_IMAGE_PIXELS = None  # off: the limit is checked here, before anything is unpacked
pi_heif.register_heif_opener()


def decode(content: bytes, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """An encoded file as pixels: first frame, turned upright, 8 bits, on white where transparent.

    Raises ImageError for a file that gives no picture, or one of more than `max_pixels`.

    >>> decode(encode(np.zeros((2, 3, 3), np.uint8))).shape  # all colours are grey
    (2, 3, 1)
    >>> decode(b"hello")
    Traceback (most recent call last):
    kindred.data.image_error.ImageError: no image of a known format (text)
    """
    return _decoded(content, max_pixels)[0]


def decode_and_keep(content: bytes, max_pixels: int = MAX_PIXELS) -> tuple[np.ndarray, bytes]:
    """The pixels of an encoded file, as `decode` gives them, and the file to store: the given one where it is a plain
    PNG or a JPEG (its EXIF tag may turn it, further pictures may follow: photographs are so, and as PNGs would be ten
    times as big), else a PNG.
    """
    pixels, plain = _decoded(content, max_pixels)
    return pixels, content if plain else encode(pixels)


def _decoded(content: bytes, max_pixels: int) -> tuple[np.ndarray, bool]:
    """The pixels of an encoded file, and whether it is one to store as it came."""
    if not content:
        raise ImageError("empty file")
    if len(content) > MAX_BYTES:
        raise ImageError(f"over {MAX_BYTES // 2**20} MiB")
    if kind := file_kinds.unreadable(content):
        raise ImageError(f"{kind} is not read")
    try:
        try:
            pixels, turn, plain = _opened(content, max_pixels)
        except ImageError:
            raise
        except Exception:
            if (bare := metadata.without_texts(content)) == content:
                raise
            pixels, turn, plain = _opened(bare, max_pixels)  # texts may be longer than Pillow reads
    except ImageError:
        raise
    except Exception as error:  # a hostile file may raise anything, and none of it may end the run
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ImageError(f"does not decode: {reason[:120]}") from error
    return orientation.upright(pixels, turn), plain


def _opened(content: bytes, max_pixels: int) -> tuple[np.ndarray, int, bool]:
    """The pixels of an encoded file as they lie in it, its orientation, and whether it is one to store as it came."""
    tags = tiff_kinds.tags_of(content)
    if tags is not None:
        reason = tiff_kinds.unreadable(tags)
    else:
        reason = jpeg_kinds.unreadable(content) or jpeg_2000_kinds.unreadable(content)
    if reason is not None:
        raise ImageError(reason)
    try:
        opened = Image.open(CountedReads(metadata.without_exif(content)), formats=tuple(FORMATS))
    except UnidentifiedImageError:
        raise ImageError(file_kinds.unknown(content) if tags is None else tiff_kinds.unknown(tags)) from None
    with opened as image:
        width, height = image.size
        if width * height > min(max_pixels, MAX_PIXELS_OF.get(image.format or "", max_pixels)):
            raise ImageError(f"over the pixel limit: {width} x {height}")
        if max(width, height) > MAX_SIDE:
            raise ImageError(f"over {MAX_SIDE:,} px on a side: {width} x {height}")
        turn = orientation.of(image)
        plain = (
            image.format in ("JPEG", "MPO", "PNG")
            and image.mode in ("L", "RGB")
            and "transparency" not in image.info
            and (image.format != "PNG" or (turn == orientation.UPRIGHT and getattr(image, "n_frames", 1) == 1))
        )
        return pillow_pixels.first_frame(image, content), turn, plain


def from_array(array: np.ndarray) -> np.ndarray:
    """Raw uint8 values [h, w], [h, w, 1] or [h, w, 3] as pixels. Raises ImageError for another shape or type."""
    array = np.asarray(array)
    if array.ndim == 2:
        array = array[:, :, None]
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] not in (1, 3) or array.size == 0:
        raise ImageError(f"pixels must be uint8 [h, w], [h, w, 1] or [h, w, 3], not {array.dtype} {array.shape}")
    if array.shape[0] * array.shape[1] > MAX_PIXELS:
        raise ImageError(f"over the pixel limit: {array.shape[1]} x {array.shape[0]}")
    return pillow_pixels.grey_if_grey(array)


def encode(pixels: np.ndarray) -> bytes:
    """Pixels as a PNG file.

    >>> pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    >>> np.array_equal(decode(encode(pixels)), pixels)
    True
    """
    return png_files.encode(pixels)


def encode_jpeg(pixels: np.ndarray, quality: int) -> bytes:
    """Pixels as a JPEG file."""
    buffer = io.BytesIO()
    Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def image_id(pixels: np.ndarray) -> str:
    """The hash of the pixels and their shape: the same picture has the same id however it was encoded.

    >>> image_id(np.zeros((2, 3, 1), np.uint8))
    'd7b7d556b13078a6b70f4c7b3600a1f8'
    """
    head = "x".join(map(str, pixels.shape)).encode()
    return hashlib.blake2b(head + b":" + np.ascontiguousarray(pixels).tobytes(), digest_size=16).hexdigest()


def id_bound(count: int, size: int) -> str:
    """The id below which about `size` of `count` images lie, or all where there are no more: ids are hashes, so the
    images below it are a random sample, and always the same one.

    >>> id_bound(1000, 500)
    '80000000'
    """
    return "g" if count <= size else f"{size * 16**8 // count:08x}"


def fit(pixels: np.ndarray, size: tuple[int, int], channels: int) -> np.ndarray:
    """Pixels with the given (height, width), resized bilinearly, and number of channels. uint8 [h, w, channels].

    >>> fit(np.zeros((8, 6, 1), np.uint8), (4, 4), 3).shape
    (4, 4, 3)
    """
    if pixels.shape[:2] != size:
        image = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
        pixels = np.asarray(image.resize((size[1], size[0]), Image.Resampling.BILINEAR))
        pixels = pixels[:, :, None] if pixels.ndim == 2 else pixels
    if pixels.shape[2] == channels:
        return pixels
    if channels == 3:
        return np.repeat(pixels, 3, axis=2)
    return np.asarray(Image.fromarray(pixels).convert("L"))[:, :, None]
