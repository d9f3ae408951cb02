"""Pictures: the one decode function, the pixel-hash id, encoding and resizing.

Pixels are uint8 arrays [height, width, channels] with 3 channels (RGB) or, where all colours are grey, 1.
"""

import hashlib
import io

import numpy as np
from PIL import Image, ImageOps

FORMATS = ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM")  # what people have; rarer decoders are a risk
MAX_PIXELS = 89_478_485  # Pillow's own bound: beyond it a small file that unpacks to gigabytes is likelier than a photo
MAX_BYTES = 256 * 2**20  # of an encoded file: more than any camera's JPEG, and little enough for a worker's memory
EXIF_ORIENTATION = 0x0112  # the tag of how the camera was held; 1: upright
Image.MAX_IMAGE_PIXELS = None  # off: the limit is checked here, before anything is unpacked


class ImageError(ValueError):
    """Why a file gives no picture."""


def decode(content: bytes, max_pixels: int = MAX_PIXELS) -> np.ndarray:
    """An encoded file as pixels: first frame, turned upright, 8 bits, on white where transparent.

    Raises ImageError for a file that gives no picture, or one of more than `max_pixels`.

    >>> decode(encode(np.zeros((2, 3, 3), np.uint8))).shape  # all colours are grey
    (2, 3, 1)
    >>> decode(b"hello")
    Traceback (most recent call last):
    kindred.data.images.ImageError: does not decode: cannot identify image file
    """
    return decode_and_keep(content, max_pixels)[0]


def decode_and_keep(content: bytes, max_pixels: int = MAX_PIXELS) -> tuple[np.ndarray, bytes]:
    """The pixels of an encoded file, as `decode` gives them, and the file to store: the given one where it is a plain
    PNG or a JPEG (its EXIF tag may turn it: photographs are, and as PNGs would be several times as big), else a PNG.
    """
    if not content:
        raise ImageError("empty file")
    if len(content) > MAX_BYTES:
        raise ImageError(f"over {MAX_BYTES // 2**20} MiB")
    file = io.BytesIO(content)
    try:
        with Image.open(file, formats=FORMATS) as image:
            width, height = image.size
            if width * height > max_pixels:
                raise ImageError(f"over the pixel limit: {width} x {height}")
            keep = (
                image.format in ("JPEG", "PNG")
                and image.mode in ("L", "RGB")
                and "transparency" not in image.info
                and getattr(image, "n_frames", 1) == 1
                and (image.format == "JPEG" or image.getexif().get(EXIF_ORIENTATION, 1) == 1)
            )
            pixels = _pixels(image)
    except ImageError:
        raise
    except Exception as error:  # a hostile file may raise anything, and none of it may end the run
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ImageError("does not decode: " + reason.replace(repr(file), "").strip()[:120]) from error
    return pixels, content if keep else encode(pixels)


def from_array(array: np.ndarray) -> np.ndarray:
    """Raw uint8 values [h, w], [h, w, 1] or [h, w, 3] as pixels. Raises ImageError for another shape or type."""
    array = np.asarray(array)
    if array.ndim == 2:
        array = array[:, :, None]
    if array.dtype != np.uint8 or array.ndim != 3 or array.shape[2] not in (1, 3) or array.size == 0:
        raise ImageError(f"pixels must be uint8 [h, w], [h, w, 1] or [h, w, 3], not {array.dtype} {array.shape}")
    if array.shape[0] * array.shape[1] > MAX_PIXELS:
        raise ImageError(f"over the pixel limit: {array.shape[1]} x {array.shape[0]}")
    return _grey_if_grey(array)


def encode(pixels: np.ndarray) -> bytes:
    """Pixels as a PNG file.

    >>> pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    >>> np.array_equal(decode(encode(pixels)), pixels)
    True
    """
    buffer = io.BytesIO()
    Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(buffer, "PNG", compress_level=1)
    return buffer.getvalue()


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


def _pixels(image: Image.Image) -> np.ndarray:
    image.seek(0)
    image.load()
    image = ImageOps.exif_transpose(image)
    if image.mode == "F":
        raise ImageError("floating-point pixels have no known range")
    if image.mode.startswith("I"):  # 16 bits, which Pillow may also hold in 32
        values = np.asarray(image).astype(np.int64)
        sixteen_bits = image.mode.startswith("I;16") or values.max(initial=0) > 255
        return np.clip(values // 257 if sixteen_bits else values, 0, 255).astype(np.uint8)[:, :, None]
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        background = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(background, image).convert("RGB")
    image = image.convert("L" if image.mode in ("1", "L") else "RGB")
    array = np.asarray(image)
    return _grey_if_grey(array[:, :, None] if array.ndim == 2 else array)


def _grey_if_grey(array: np.ndarray) -> np.ndarray:
    """One channel where the three are equal, so that a grey picture has one id whether saved as grey or as RGB."""
    if array.shape[2] == 3 and np.array_equal(array[:, :, 0], array[:, :, 1]):
        if np.array_equal(array[:, :, 0], array[:, :, 2]):
            return array[:, :, :1]
    return array
