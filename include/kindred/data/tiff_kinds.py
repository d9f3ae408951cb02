"""Which TIFFs give the right picture: the kinds of samples that Pillow reads as their tags say, as checked with OpenCV.

Tags by TIFF 6.0 (Adobe, 1992), sections 3 to 6, 16, 18 and 19.
"""

import io
from collections.abc import Mapping
from typing import Any

from PIL import TiffImagePlugin

from kindred.data.image_error import ImageError

PREFIXES = (b"II*\0", b"MM\0*", b"II+\0")  # the last one: BigTIFF, which Pillow reads in this order of bytes only
NEW_SUBFILE_TYPE, SUBFILE_TYPE, BITS_PER_SAMPLE, COMPRESSION, PHOTOMETRIC = 254, 255, 258, 259, 262
SAMPLES_PER_PIXEL, PLANAR, COLOR_MAP, SAMPLE_FORMAT, DNG_VERSION = 277, 284, 320, 339, 50706
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK, YCBCR = 0, 1, 2, 3, 5, 6
REDUCED, OLD_REDUCED = 1, 2  # bit of NEW_SUBFILE_TYPE, and SUBFILE_TYPE: a smaller version of another picture
UNSIGNED, UNDEFINED = 1, 4  # sample formats; what is undefined is taken for unsigned, as other decoders do
SEPARATE = 2  # planar configuration: each sample in a plane of its own
BITS = {  # of each sample, by photometric interpretation
    WHITE_IS_ZERO: (1, 2, 4, 8, 16),
    BLACK_IS_ZERO: (1, 2, 4, 8, 12, 16),
    RGB: (8, 16),
    PALETTE: (1, 2, 4, 8),
    CMYK: (8, 16),
    YCBCR: (8,),
}
NAMES = {
    WHITE_IS_ZERO: "grey",
    BLACK_IS_ZERO: "grey",
    RGB: "RGB",
    PALETTE: "palette",
    CMYK: "CMYK",
    YCBCR: "YCbCr",
    **{
        8: "CIE Lab",
        9: "ICC Lab",
        10: "ITU Lab",
        32803: "camera raw",
        32844: "LogL",
        32845: "LogLuv",
        34892: "camera raw",
    },
}


def unreadable(tags: Mapping[int, Any]) -> str | None:
    """Why a TIFF with these tags is not read, or None.

    >>> unreadable({BITS_PER_SAMPLE: (32,), PHOTOMETRIC: BLACK_IS_ZERO})
    'TIFF of 32 bits a sample (grey) is not read'
    """
    if DNG_VERSION in tags:
        return "camera raw (DNG) is not read"
    if _number(tags, NEW_SUBFILE_TYPE, 0) & REDUCED or _number(tags, SUBFILE_TYPE, 1) == OLD_REDUCED:
        return "TIFF that begins with a preview, as camera raws do, is not read"
    photometric, bits = _number(tags, PHOTOMETRIC, -1), sorted(set(_numbers(tags, BITS_PER_SAMPLE, 1)))
    name = NAMES.get(photometric, f"photometric {photometric}")
    if photometric not in BITS:
        return f"TIFF of colours in {name} is not read"
    if formats := set(_numbers(tags, SAMPLE_FORMAT, UNSIGNED)) - {UNSIGNED, UNDEFINED}:
        kind = {2: "signed", 3: "floating-point"}.get(min(formats), "complex")
        return f"TIFF of {kind} samples, which have no known range"
    if len(bits) > 1 or bits[0] not in BITS[photometric]:
        return f"TIFF of {' and '.join(map(str, bits))} bits a sample ({name}) is not read"
    if _number(tags, PLANAR, 1) == SEPARATE and (bits[0] > 8 or _number(tags, SAMPLES_PER_PIXEL, 1) == 2):
        return f"TIFF of {name} with {bits[0]} bits a sample in separate planes is not read"
    return None


def unknown(tags: Mapping[int, Any]) -> str:
    """What a TIFF is that Pillow does not open.

    >>> unknown({BITS_PER_SAMPLE: (16, 16), SAMPLES_PER_PIXEL: 2, PHOTOMETRIC: BLACK_IS_ZERO, COMPRESSION: 5})
    'TIFF of grey, 2 x 16 bits, compression 5 is not read'
    """
    photometric, samples = _number(tags, PHOTOMETRIC, -1), _number(tags, SAMPLES_PER_PIXEL, 1)
    name = NAMES.get(photometric, f"photometric {photometric}") + (", white is zero" if is_negative(tags) else "")
    bits = _number(tags, BITS_PER_SAMPLE, 1)
    return f"TIFF of {name}, {samples} x {bits} bits, compression {_number(tags, COMPRESSION, 1)} is not read"


def tags_of(content: bytes) -> Mapping[int, Any] | None:
    """The tags of the first picture of a TIFF, or None for any other file. Raises ImageError for broken tags."""
    if not content.startswith(PREFIXES):
        return None
    big = content.startswith(PREFIXES[-1])
    try:
        tags = TiffImagePlugin.ImageFileDirectory_v2(content[: 16 if big else 8])
        file = io.BytesIO(content)
        file.seek(tags.next)
        tags.load(file)
    except Exception as error:  # Pillow raises anything
        raise ImageError("TIFF that is cut short or broken: its tags cannot be read") from error
    return tags


def greatest_value(tags: Mapping[int, Any]) -> int:
    """The value of white, or where white is zero of black, of a TIFF's samples."""
    return int(2 ** _numbers(tags, BITS_PER_SAMPLE, 1)[0] - 1)


def is_negative(tags: Mapping[int, Any]) -> bool:
    """Whether white is zero."""
    return _number(tags, PHOTOMETRIC, BLACK_IS_ZERO) == WHITE_IS_ZERO


def colors_of_8_bits(tags: Mapping[int, Any]) -> bytes | None:
    """The palette, all reds, then all greens and blues, where its values are of 8 bits instead of 16, as some programs
    write them; None where they are not.
    """
    colors = _numbers(tags, COLOR_MAP, 2**16)
    return bytes(colors) if max(colors, default=2**16) < 256 else None


def _numbers(tags: Mapping[int, Any], tag: int, default: int) -> tuple[int, ...]:
    value = tags.get(tag, default)
    return value if isinstance(value, tuple) else (value,)


def _number(tags: Mapping[int, Any], tag: int, default: int) -> int:
    return _numbers(tags, tag, default)[0]
