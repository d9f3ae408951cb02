"""How the camera was held: the orientation of a photo by its EXIF, and its pixels turned upright."""

import struct
from typing import Any

import numpy as np

TAG = 0x0112
UPRIGHT = 1
TURNS = {2: (0, True), 3: (2, False), 4: (2, True), 5: (1, True), 6: (3, False), 7: (3, True), 8: (1, False)}
WHOLE_NUMBERS = {3: "H", 4: "I", 8: "h", 9: "i"}  # the types of EXIF (TIFF 6.0, section 2) that a value may have
PREFIX = b"Exif\0\0"


def of(image: Any) -> int:
    """The orientation of an image that Pillow has opened, 1 to 8; 1 where it is not known. It is taken out of the
    image, so that Pillow does not turn it.
    """
    if image.format == "AVIF":
        image.info.pop("xmp", None)  # says nothing of the pixels, as in HEIC; Pillow would go by it
    exif = image.info.get("exif")
    if isinstance(exif, bytes) and (value := in_exif(exif)) is not None:
        return value
    try:
        value = image.getexif().pop(TAG, UPRIGHT)  # a TIFF's own tag, XMP, or EXIF as a text of a PNG
    except Exception:  # what cannot be read says nothing of the pixels
        return UPRIGHT
    return value if isinstance(value, int) and value in TURNS else UPRIGHT


def in_exif(exif: bytes) -> int | None:
    """The tag in EXIF, 1 to 8, or None where there is none. All other tags may be broken. One that is no whole number
    from 1 to 8 is 1.

    >>> in_exif(b"MM" + struct.pack(">HIHHHIHH", 42, 8, 1, TAG, 3, 1, 6, 0))
    6
    """
    while exif.startswith(PREFIX):
        exif = exif[len(PREFIX) :]
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None or len(exif) < 8:
        return None
    (start,) = struct.unpack_from(order + "I", exif, 4)
    if start + 2 > len(exif):
        return None
    (count,) = struct.unpack_from(order + "H", exif, start)
    for at in range(start + 2, min(start + 2 + 12 * count, len(exif) - 11), 12):
        tag, kind, values = struct.unpack_from(order + "HHI", exif, at)
        if tag == TAG:
            number = WHOLE_NUMBERS.get(kind)
            value = struct.unpack_from(order + number, exif, at + 8)[0] if number and values == 1 else UPRIGHT
            return value if value in TURNS else UPRIGHT
    return None


def upright(pixels: np.ndarray, orientation: int) -> np.ndarray:
    """Pixels [h, w, channels] as they are to be seen.

    >>> upright(np.arange(2, dtype=np.uint8).reshape(1, 2, 1), 6).ravel().tolist()
    [0, 1]
    """
    if orientation == UPRIGHT:
        return pixels
    quarters, flipped = TURNS[orientation]
    return np.ascontiguousarray(np.rot90(pixels[:, ::-1] if flipped else pixels, quarters))
