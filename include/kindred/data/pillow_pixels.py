"""An image that Pillow has opened -> pixels, uint8 [height, width, channels], converted strip by strip."""

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from kindred.data import jpeg_2000_kinds, tiff_kinds
from kindred.data.image_error import ImageError

STRIP_PIXELS = 2**20  # converted at a time, so that the whole picture is there twice at most: Pillow's and ours

MAX_TEXT_BYTES = 32 * 2**20  # of a PPM whose numbers are written in digits: Pillow takes seconds


def first_frame(image: Any, content: bytes) -> np.ndarray:
    """The pixels of the first frame of an image opened from `content`, not turned. Raises ImageError for samples
    that cannot become 8 bits, and what Pillow does for a broken file.
    """
    image.seek(0)
    if image.format == "PPM":
        if image.tile[0].codec_name == "ppm":
            return grey_if_grey(_of_odd_range(image, content))
        if image.tile[0].codec_name == "ppm_plain" and len(content) > MAX_TEXT_BYTES:
            raise ImageError(f"PPM in text of over {MAX_TEXT_BYTES // 2**20} MiB")
    image.load()
    _check_transparency(image, content)
    _correct(image)
    to_pixels = _converter(image, content)
    if image.im.size != image.size:  # a TIFF that is to be turned has the size of the turned picture
        image = image._new(image.im)  # the same pixels: a copy would take memory
    rows = max(1, STRIP_PIXELS // image.width)
    first = to_pixels(image.crop((0, 0, image.width, min(rows, image.height))))
    pixels = np.empty((image.height, *first.shape[1:]), np.uint8)
    pixels[:rows] = first
    for top in range(rows, image.height, rows):
        pixels[top : top + rows] = to_pixels(image.crop((0, top, image.width, min(top + rows, image.height))))
    return grey_if_grey(pixels)


def _correct(image: Any) -> None:
    """Undo what Pillow takes for something else: a TIFF's palette of 8 bits for one of 16, which is black, and a BMP
    that leaves its fourth channel empty for one that is all transparent.
    """
    if image.format == "TIFF" and image.mode in ("P", "PA"):
        if colors := tiff_kinds.colors_of_8_bits(image.tag_v2):
            image.putpalette(colors, "RGB;L")
    elif image.format == "BMP" and image.mode == "RGBA" and image.getextrema()[3] == (0, 0):
        image.putalpha(255)


def _converter(image: Any, content: bytes) -> Callable[[Image.Image], np.ndarray]:
    """How strips of an image become pixels."""
    if image.mode == "F":
        raise ImageError("floating-point pixels have no known range")
    if image.mode.startswith("I"):  # 16 bits (of a PPM in 32), or 12 of a TIFF, or up to 16 of a JPEG 2000
        greatest, negative = 65535, False
        if image.format == "TIFF":
            greatest, negative = tiff_kinds.greatest_value(image.tag_v2), tiff_kinds.is_negative(image.tag_v2)
        elif image.format == "JPEG2000":
            greatest = jpeg_2000_kinds.greatest_value(content)
        return functools.partial(_grey_of_16_bits, greatest, negative, image.info.get("transparency"))
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        return _on_white
    return functools.partial(_converted, "L" if image.mode in ("1", "L") else "RGB")


def _converted(mode: str, strip: Image.Image) -> np.ndarray:
    array = np.asarray(strip.convert(mode))
    return array[:, :, None] if array.ndim == 2 else array


def _on_white(strip: Image.Image) -> np.ndarray:
    strip = strip.convert("LA") if strip.mode == "La" else strip  # Pillow has no direct way
    white = Image.new("RGBA", strip.size, "white")
    return _converted("RGB", Image.alpha_composite(white, strip.convert("RGBA")))


def _grey_of_16_bits(greatest: int, negative: bool, transparent: int | None, strip: Image.Image) -> np.ndarray:
    values = np.asarray(strip).astype(np.int32)
    grey = values // 257 if greatest == 65535 else values * 255 // greatest
    grey = 255 - grey if negative else grey
    if transparent is not None:
        grey[values == transparent] = 255
    return np.clip(grey, 0, 255).astype(np.uint8)[:, :, None]


def _of_odd_range(image: Any, content: bytes) -> np.ndarray:
    """The pixels of a PGM or PPM whose greatest value is neither 255 nor 65535: Pillow takes seconds a megapixel."""
    start, greatest = image.tile[0].offset, image.tile[0].args[-1]
    shape = (image.height, image.width, 3 if image.mode == "RGB" else 1)
    values = np.frombuffer(content, ">u2" if greatest > 255 else "u1", int(np.prod(shape)), start).reshape(shape)
    most = 65535 if greatest > 255 and shape[2] == 1 else 255  # as Pillow does it
    scaled = (np.rint(np.arange(greatest + 1) / greatest * most) // (most // 255)).astype(np.uint8)
    pixels = np.empty(shape, np.uint8)
    for row, line in zip(pixels, values, strict=True):
        np.take(scaled, line, out=row, mode="clip")
    return pixels


def _check_transparency(image: Image.Image, content: bytes) -> None:
    """Give a PNG's transparent grey the scale of its pixels. Raises ImageError for a transparent colour of 16 bits, of
    which Pillow keeps 8.
    """
    transparent = image.info.get("transparency")
    if image.format != "PNG" or transparent is None:
        return
    if isinstance(transparent, str):
        raise ValueError("a text of this PNG is named transparency")
    bits, colour_type = content[24], content[25]  # of the header, PNG (ISO 15948), section 11.2.2
    if colour_type == 2 and bits == 16:
        raise ImageError("PNG of 16 bits a sample with a transparent colour is not read")
    if colour_type == 0 and bits < 8:
        image.info["transparency"] = transparent * 255 // (2**bits - 1)


def grey_if_grey(array: np.ndarray) -> np.ndarray:
    """One channel where the three are equal, so that a grey picture has one id whether saved as grey or as RGB."""
    if array.shape[2] == 3 and np.array_equal(array[:, :, 0], array[:, :, 1]):
        if np.array_equal(array[:, :, 0], array[:, :, 2]):
            return array[:, :, :1]
    return array
