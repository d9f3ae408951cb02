"""Kinds of image files: the right picture, as OpenCV gives it or as it was made, or a reason that names the kind."""

import base64
import io
import struct
import time
import zlib
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image, PngImagePlugin

from kindred.data import file_kinds, images
from pictures import HEIC, encoded, noise, smooth

JPEG_2000 = (  # 4 x 4 px, grey of 12 bits: multiples of 273
    "/0//UQApAAAAAAAEAAAABAAAAAAAAAAAAAAABAAAAAQAAAAAAAAAAAABCwEB/1IADAAAAAEAAAQEAAH/XAAEQGD/ZAAlAAFDcmVhdGVk"
    "IGJ5IE9wZW5KUEVHIHZlcnNpb24gMi41LjT/kAAKAAAAAAArAAH/k9/gaBIaOW6hgtb6JLHlff2RE9gAaoaFvljN0P9//9k="
)


def refused(content: bytes) -> str:
    with pytest.raises(images.ImageError) as caught:
        images.decode(content)
    return str(caught.value)


def tiff(values: np.ndarray, **options: Any) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, values, **options)
    return file.getvalue()


def tiff_of_tags(width: int, height: int, data: bytes, **tags: int) -> bytes:
    """An uncompressed little-endian TIFF, with the tags BitsPerSample, Photometric and others by their numbers."""
    all_tags = {256: width, 257: height, 259: 1, 273: 8, 277: 1, 278: height, 279: len(data)}
    all_tags |= {int(name[1:]): value for name, value in tags.items()}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(all_tags.items()))
    return b"II*\0" + struct.pack("<I", 8 + len(data)) + data + struct.pack("<H", len(all_tags)) + entries + bytes(4)


def ramp(channels: int, kind: str) -> np.ndarray:
    """Values from 0 to the greatest of a kind, [16, 24] or [16, 24, channels]."""
    values = np.linspace(0, np.iinfo(kind).max, 16 * 24 * channels).astype(kind).reshape(16, 24, channels)
    return values[:, :, 0] if channels == 1 else values


def by_opencv(content: bytes) -> np.ndarray:
    """The picture as OpenCV shows it, uint8 [h, w, channels]."""
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    return picture[:, :, ::-1]


def png(width: int, bits: int, colour_type: int, line: bytes, *chunks: bytes) -> bytes:
    """A PNG of one line."""
    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, 1, bits, colour_type, 0, 0, 0))
    data = _chunk(b"IDAT", zlib.compress(b"\0" + line))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + data + _chunk(b"IEND", b"")


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(
    ("kind", "channels", "options"),
    [
        ("u1", 1, {"photometric": "minisblack"}),
        ("u1", 1, {"photometric": "miniswhite"}),
        ("u2", 1, {"photometric": "minisblack"}),
        ("u1", 3, {"photometric": "rgb"}),
        ("u1", 3, {"photometric": "rgb", "planarconfig": "separate"}),
        ("u1", 3, {"photometric": "rgb", "tile": (16, 16)}),
        ("u2", 3, {"photometric": "rgb"}),
        ("u1", 4, {"photometric": "separated"}),
        ("u1", 3, {"photometric": "ycbcr"}),
    ],
    ids=lambda value: " ".join(map(str, value.values())) if isinstance(value, dict) else str(value),
)
def test_a_tiff_is_the_picture_that_opencv_shows(
    kind: str, channels: int, options: dict[str, Any], order: str, compression: str | None
) -> None:
    values = ramp(channels, kind)
    planes = np.moveaxis(values, 2, 0) if options.get("planarconfig") else values
    content = tiff(planes, byteorder=order, compression=compression, **options)

    decoded = images.fit(images.decode(content), (16, 24), 3)

    expected = by_opencv(content) if "tile" not in options else values
    np.testing.assert_allclose(decoded.astype(int), expected, atol=2)


@pytest.mark.parametrize("white_is_zero", [True, False])
def test_a_grey_tiff_of_16_bits_is_no_negative(white_is_zero: bool) -> None:
    content = tiff(ramp(1, "u2"), photometric="miniswhite" if white_is_zero else "minisblack")

    decoded = images.decode(content)[:, :, 0]

    np.testing.assert_allclose(decoded, cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_GRAYSCALE), atol=1)
    assert (decoded[0, 0], decoded[-1, -1]) == ((255, 0) if white_is_zero else (0, 255))


def test_a_grey_tiff_of_12_bits_is_not_black() -> None:
    values = np.linspace(0, 4095, 256).astype(int)
    packed = b"".join(struct.pack(">I", a << 12 | b)[1:] for a, b in zip(values[::2], values[1::2], strict=True))

    decoded = images.decode(tiff_of_tags(16, 16, packed, t258=12, t262=1))

    np.testing.assert_allclose(decoded.ravel(), values / 4095 * 255, atol=1)


@pytest.mark.parametrize("alpha", ["unassalpha", "assocalpha"])
@pytest.mark.parametrize(("kind", "channels"), [("u1", 2), ("u1", 4), ("u2", 4)])
def test_a_tiff_with_alpha_lies_on_white(kind: str, channels: int, alpha: str) -> None:
    most = np.iinfo(kind).max
    colours, opacity = np.split(
        np.random.default_rng(0).integers(0, most + 1, (9, 7, channels)) / most, [channels - 1], 2
    )
    stored = np.concatenate([colours * opacity if alpha == "assocalpha" else colours, opacity], axis=2) * most
    options = {"photometric": "minisblack" if channels == 2 else "rgb", "planarconfig": "contig"}

    decoded = images.decode(tiff(stored.round().astype(kind), extrasamples=[alpha], **options))

    np.testing.assert_allclose(decoded, (colours * opacity + 1 - opacity) * 255, atol=3)


@pytest.mark.parametrize(
    ("values", "options", "reason"),
    [
        (ramp(1, "u4"), {}, "TIFF of 32 bits a sample (grey) is not read"),
        (ramp(1, "i4"), {}, "TIFF of signed samples, which have no known range"),
        (ramp(1, "i2"), {}, "TIFF of signed samples, which have no known range"),
        (ramp(1, "i1"), {}, "TIFF of signed samples, which have no known range"),
        (np.zeros((4, 4), "f4"), {}, "TIFF of floating-point samples, which have no known range"),
        (np.zeros((4, 4), "f2"), {}, "TIFF of floating-point samples, which have no known range"),
        (ramp(3, "u4"), {"photometric": "rgb"}, "TIFF of 32 bits a sample (RGB) is not read"),
        (
            np.moveaxis(ramp(3, "u2"), 2, 0),
            {"photometric": "rgb", "planarconfig": "separate"},
            "TIFF of RGB with 16 bits a sample in separate planes is not read",
        ),
        (
            np.moveaxis(ramp(2, "u1"), 2, 0),
            {"photometric": "minisblack", "planarconfig": "separate", "extrasamples": ["unassalpha"]},
            "TIFF of grey with 8 bits a sample in separate planes is not read",
        ),
        (ramp(3, "u1"), {"photometric": "cielab"}, "TIFF of colours in CIE Lab is not read"),
        (
            ramp(1, "u2"),
            {"photometric": "miniswhite", "byteorder": ">"},
            "TIFF of grey, white is zero, 1 x 16 bits, compression 1 is not read",
        ),
        (ramp(1, "u1"), {"subfiletype": 1}, "TIFF that begins with a preview, as camera raws do, is not read"),
        (ramp(1, "u1"), {"extratags": [(50706, 1, 4, bytes([1, 4, 0, 0]), True)]}, "camera raw (DNG) is not read"),
    ],
)
def test_a_tiff_that_would_be_another_picture_is_refused(values: np.ndarray, options: dict, reason: str) -> None:
    assert refused(tiff(values, **options)) == reason


def test_a_tiff_is_turned_once() -> None:
    pixels = noise(4, 6)
    content = tiff(pixels, photometric="rgb", extratags=[(274, 3, 1, 6, True)])

    np.testing.assert_array_equal(images.decode(content), np.rot90(pixels, 3))


def test_a_turned_tiff_of_16_bits_whose_zero_is_white_is_no_negative() -> None:
    content = tiff(np.array([[0, 1000, 65535]], "u2"), photometric="miniswhite", extratags=[(274, 3, 1, 6, True)])

    assert images.decode(content).tolist() == [[[255]], [[252]], [[0]]]


@pytest.mark.parametrize("scale", [1, 256])
def test_the_palette_of_a_tiff_may_have_8_bits_or_16(scale: int) -> None:
    colors = np.random.default_rng(0).integers(0, 256, (3, 256)).astype("u2")
    values = np.arange(256, dtype="u1").reshape(16, 16)

    decoded = images.decode(tiff(values, photometric="palette", colormap=colors * scale))

    np.testing.assert_array_equal(decoded, colors[:, values].transpose(1, 2, 0))


def test_a_bmp_that_leaves_its_fourth_channel_empty_is_not_transparent() -> None:
    pixels = noise()
    masks = struct.pack("<IIII", 255 << 16, 255 << 8, 255, 255 << 24)
    head = struct.pack("<IiiHHIIiiII", 108, 6, -8, 1, 32, 3, 192, 0, 0, 0, 0) + masks.ljust(68, b"\0")
    data = np.dstack([pixels[:, :, ::-1], np.zeros((8, 6), "u1")]).tobytes()

    decoded = images.decode(b"BM" + struct.pack("<III", 14 + 108 + 192, 0, 14 + 108) + head + data)

    np.testing.assert_array_equal(decoded, pixels)


@pytest.mark.parametrize("greatest", [1, 3, 100, 255, 256, 1000, 4095, 65535])
@pytest.mark.parametrize("kind", [b"P5", b"P6"])
def test_the_greatest_value_of_a_pgm_or_ppm_is_white(kind: bytes, greatest: int) -> None:
    values = np.linspace(0, greatest, 24).astype(">u2" if greatest > 255 else "u1")
    width = 24 if kind == b"P5" else 8

    decoded = images.decode(b"%s %d 1 %d\n" % (kind, width, greatest) + values.tobytes())

    np.testing.assert_allclose(
        images.fit(decoded, (1, width), 1 if kind == b"P5" else 3).ravel(), values / greatest * 255, atol=1
    )


def test_halves_of_a_pgm_are_rounded_to_even() -> None:
    assert images.decode(b"P5 2 1 100\n" + bytes([10, 30])).ravel().tolist() == [26, 76]  # 25.5 and 76.5


def test_small_values_of_a_pgm_of_16_bits_are_dark() -> None:
    assert images.decode(b"P5 3 1 65535\n" + struct.pack(">HHH", 0, 100, 255)).max() == 0


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_a_transparent_grey_of_a_png_lies_on_white(bits: int) -> None:
    packed = {1: b"\x40", 2: b"\x10", 4: b"\x01", 8: bytes([0, 1]), 16: struct.pack(">HH", 0, 1)}[bits]

    decoded = images.decode(png(2, bits, 0, packed, _chunk(b"tRNS", struct.pack(">H", 1))))

    assert decoded.ravel().tolist() == [0, 255]


def test_a_transparent_colour_of_16_bits_is_refused() -> None:
    colour = struct.pack(">HHH", 0, 1000, 65535)

    assert refused(png(1, 16, 2, colour, _chunk(b"tRNS", colour))).startswith(
        "PNG of 16 bits a sample with a transparent"
    )


@pytest.mark.parametrize("kind", [b"zTXt", b"iCCP"])
def test_a_png_with_long_texts_is_read_and_stored_as_it_came(kind: bytes) -> None:
    text = _chunk(kind, b"name\0\0" + zlib.compress(bytes(3 * 2**20)))
    content = png(2, 8, 2, bytes(range(6)), text)

    pixels, kept = images.decode_and_keep(content)

    assert pixels.ravel().tolist() == list(range(6))
    assert kept is content


def test_a_text_named_transparency_is_no_colour() -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("transparency", "none")
    content = encoded(noise(), "PNG", pnginfo=texts)

    pixels, kept = images.decode_and_keep(content)

    np.testing.assert_array_equal(pixels, noise())
    assert kept is content


def test_a_png_with_many_texts_is_read() -> None:
    texts = PngImagePlugin.PngInfo()
    for number in range(80):
        texts.add_text(f"text {number}", "x" * 2**20, zip=True)

    assert images.decode(encoded(noise(), "PNG", pnginfo=texts)).shape == (8, 6, 3)


@pytest.mark.parametrize(
    "tag",
    [
        struct.pack("<HHIi", 0x100, 9, 1, -5),
        struct.pack("<HHI4s", 0x11A, 2, 3, b"72\0\0"),
        struct.pack("<HHII", 0x11A, 10, 1, 38),
        struct.pack("<HHII", 0x8769, 4, 1, 2**31),
        struct.pack("<HHII", 0x9286, 99, 1, 0),
        struct.pack("<HHII", 0x10F, 2, 99, 2**31),
    ],
    ids=["negative width", "resolution as text", "resolution -1/0", "broken pointer", "unknown type", "maker nowhere"],
)
def test_a_photo_with_other_tags_of_wrong_types_is_turned(tag: bytes) -> None:
    orientation = struct.pack("<HHIHH", 0x112, 3, 1, 6, 0)
    for entries in (tag + orientation, orientation + tag):
        content = with_exif(b"II*\0" + struct.pack("<IH", 8, 2) + entries + bytes(4) + struct.pack("<ii", -1, 0))

        assert images.decode(content).shape == (6, 8, 3)
        assert images.decode_and_keep(content)[1] is content


@pytest.mark.parametrize(
    "entry",
    [
        struct.pack("<HHI4s", 0x112, 2, 2, b"6\0\0\0"),
        struct.pack("<HHIHH", 0x112, 3, 1, 0, 0),
        struct.pack("<HHIHH", 0x112, 3, 1, 9, 0),
        struct.pack("<HHII", 0x112, 5, 1, 2**31),
    ],
    ids=["text", "0", "9", "nowhere"],
)
def test_an_orientation_that_is_none_turns_nothing(entry: bytes) -> None:
    content = with_exif(b"II*\0" + struct.pack("<IH", 8, 1) + entry + bytes(4))

    assert images.decode(content).shape == (8, 6, 3)


def test_exif_that_is_none_turns_nothing() -> None:
    assert images.decode(with_exif(b"rubbish")).shape == (8, 6, 3)


def with_exif(content: bytes) -> bytes:
    """A JPEG of 8 x 6 px with this as its EXIF."""
    photo, exif = encoded(noise(), "JPEG"), b"Exif\0\0" + content
    return photo[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + photo[2:]


def test_of_a_phone_s_jpeg_with_a_second_picture_the_first_is_taken_and_the_file_is_stored_as_it_came() -> None:
    first = Image.fromarray(smooth(32, 24, 3))
    content = encoded(first, "MPO", save_all=True, append_images=[Image.fromarray(noise(8, 8))])

    pixels, kept = images.decode_and_keep(content)

    assert kept is content
    np.testing.assert_array_equal(pixels, images.decode(encoded(first, "JPEG")))


@pytest.mark.parametrize(("kind", "options"), [("AVIF", {"quality": 95}), ("JPEG2000", {}), ("WEBP", {"quality": 95})])
def test_newer_formats_are_read(kind: str, options: dict[str, Any]) -> None:
    pixels = smooth(32, 24, 3)

    decoded = images.decode(encoded(pixels, kind, **options)).astype(int)

    assert np.abs(decoded - pixels).mean() < 4


def test_an_avif_with_broken_exif_is_read() -> None:
    pixels = smooth(32, 24, 3)
    tags = Image.Exif()
    tags[0x10F] = "a camera"
    content = encoded(pixels, "AVIF", quality=95, exif=tags)

    decoded = images.decode(content.replace(tags.tobytes()[6:], bytes(len(tags.tobytes()) - 6)))

    np.testing.assert_array_equal(decoded, images.decode(content))


def test_the_orientation_of_an_avif_is_its_own_and_not_that_of_exif_or_xmp() -> None:
    pixels, tags = smooth(32, 24, 3), Image.Exif()
    tags[0x112] = 6
    xmp = b'<x tiff:Orientation="6"/>'

    turned = images.decode(encoded(pixels, "AVIF", quality=95, exif=tags))
    upright = images.decode(encoded(pixels, "AVIF", quality=95, xmp=xmp))

    assert turned.shape == (24, 32, 3)
    assert upright.shape == (32, 24, 3)


def test_a_grey_jpeg_2000_of_12_bits_is_read() -> None:
    decoded = images.decode(base64.b64decode(JPEG_2000))

    np.testing.assert_array_equal(decoded.ravel(), np.arange(16) * 17)


def test_a_colour_jpeg_2000_of_16_bits_is_refused() -> None:
    content = cv2.imencode(".jp2", np.zeros((64, 64, 3), "u2"))[1].tobytes()

    assert refused(content) == "JPEG 2000 of 16 bits a sample in several channels is not read"


@pytest.mark.parametrize(
    ("sample", "reason"),
    [(0x8F, "signed samples, which have no known range"), (25, "26 bits a sample is not read")],
)
def test_a_jpeg_2000_without_a_known_range_is_refused(sample: int, reason: str) -> None:
    content = bytearray(base64.b64decode(JPEG_2000))
    content[42] = sample

    assert refused(bytes(content)) == f"JPEG 2000 of {reason}"


def test_heic_is_read() -> None:
    decoded = images.decode(HEIC).astype(int)

    assert decoded.shape == (16, 24, 3)
    np.testing.assert_allclose(decoded[0, 0], [200, 30, 30], atol=3)
    np.testing.assert_allclose(decoded[-1, -1], [240, 240, 240], atol=3)


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"\xff\x0a\xfa\x3f", "JPEG XL"),
        (b"%PDF-1.7\n", "PDF"),
        (b"<?xml version='1.0'?>\n<svg xmlns='http://www.w3.org/2000/svg'/>", "SVG"),
        (b"\n<!DOCTYPE html><html><body>404</body></html>", "web page (HTML)"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "Git LFS pointer (run git lfs pull)"),
        (b"II*\0\x10\0\0\0CR\x02\0", "camera raw (CR2)"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0", "MP4 or QuickTime video"),
        (b"\0\0\0\x14ftypqt  \0\0\0\0", "MP4 or QuickTime video"),
        (b"PK\x03\x04", "zip archive"),
        (b"8BPS\0\1", "Photoshop (PSD)"),
    ],
)
def test_what_is_not_read_is_named(content: bytes, name: str) -> None:
    assert refused(content) == f"{name} is not read"


def test_a_page_that_mentions_svg_is_no_reason_to_refuse_an_image() -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("source", "<svg >")

    assert file_kinds.unreadable(encoded(noise(), "PNG", pnginfo=texts)) is None


def test_a_picture_that_is_too_long_is_refused_at_once() -> None:
    content = encoded(np.zeros((100_000, 1), np.uint8), "PNG")
    started = time.monotonic()

    assert refused(content) == "over 65,535 px on a side: 1 x 100000"
    assert time.monotonic() - started < 0.5
