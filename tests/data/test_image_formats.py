"""Decoding whatever people have: formats, orientation, colours, transparency, and files that give no picture."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from kindred.data import images, pillow_pixels
from pictures import encoded, noise

ORIENTATION = 0x0112


def refused(content: bytes) -> str:
    with pytest.raises(images.ImageError) as caught:
        images.decode(content)
    return str(caught.value)


def exif(orientation: int) -> Image.Exif:
    tags = Image.Exif()
    tags[ORIENTATION] = orientation
    return tags


def png_header(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims to be of this size."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_is_turned_upright(orientation: int) -> None:
    turns = {1: 0, 2: 0, 3: 2, 4: 2, 5: 1, 6: 3, 7: 3, 8: 1}  # quarters, against the clock
    pixels = noise()
    flipped = pixels[:, ::-1] if orientation in (2, 4, 5, 7) else pixels

    decoded = images.decode(encoded(pixels, "PNG", exif=exif(orientation)))

    np.testing.assert_array_equal(decoded, np.rot90(flipped, turns[orientation]))


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_become_eight(kind: str) -> None:
    values = np.array([[0, 256, 257, 32896, 65535]], np.uint16)

    assert images.decode(encoded(values, kind))[:, :, 0].tolist() == [[0, 0, 1, 128, 255]]


def test_a_cmyk_jpeg_becomes_rgb() -> None:
    red = Image.new("CMYK", (16, 16), (0, 255, 255, 0))

    decoded = images.decode(encoded(red, "JPEG", quality=100))

    assert decoded.shape == (16, 16, 3)
    np.testing.assert_allclose(decoded[8, 8], [255, 0, 0], atol=4)


def test_what_is_transparent_lies_on_white() -> None:
    picture = Image.new("RGBA", (2, 1))
    picture.putpixel((0, 0), (10, 20, 30, 255))
    picture.putpixel((1, 0), (10, 20, 30, 0))

    assert images.decode(encoded(picture)).tolist() == [[[10, 20, 30], [255, 255, 255]]]


def test_grey_with_alpha_stays_grey() -> None:
    picture = Image.new("LA", (2, 1), (40, 255))
    picture.putpixel((1, 0), (40, 0))

    assert images.decode(encoded(picture)).tolist() == [[[40], [255]]]


def test_a_palette_is_looked_up() -> None:
    picture = Image.new("P", (2, 1))
    picture.putpalette([1, 2, 3, 200, 100, 50])
    picture.putpixel((1, 0), 1)

    assert images.decode(encoded(picture)).tolist() == [[[1, 2, 3], [200, 100, 50]]]


def test_a_transparent_colour_of_a_palette_lies_on_white() -> None:
    picture = Image.new("P", (2, 1))
    picture.putpalette([1, 2, 3, 200, 100, 50])
    picture.putpixel((1, 0), 1)

    assert images.decode(encoded(picture, transparency=1)).tolist() == [[[1, 2, 3], [255, 255, 255]]]


def test_black_and_white_becomes_grey() -> None:
    picture = Image.new("1", (2, 1))
    picture.putpixel((1, 0), 1)

    assert images.decode(encoded(picture)).tolist() == [[[0], [255]]]


def test_of_an_animation_the_first_frame_is_taken() -> None:
    frames = [Image.new("RGB", (4, 4), color) for color in ("red", "blue")]

    decoded = images.decode(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]))

    assert np.unique(decoded.reshape(-1, 3), axis=0).tolist() == [[255, 0, 0]]


def test_a_plain_png_or_jpeg_is_kept_as_it_is() -> None:
    for content in (encoded(noise()), encoded(noise(), "JPEG"), encoded(noise(channels=1))):
        assert images.decode_and_keep(content)[1] is content


def test_a_turned_photograph_is_kept_as_it_is_and_read_upright() -> None:
    content = encoded(noise(8, 6), "JPEG", exif=exif(6))

    pixels, kept = images.decode_and_keep(content)

    assert kept is content
    assert pixels.shape == (6, 8, 3)
    np.testing.assert_array_equal(images.decode(kept), pixels)


@pytest.mark.parametrize(
    "content",
    [
        encoded(noise(), "BMP"),
        encoded(noise(), "PNG", exif=exif(6)),
        encoded(Image.new("RGBA", (3, 2), (1, 2, 3, 4))),
        encoded(Image.new("CMYK", (16, 16)), "JPEG"),
    ],
    ids=["bmp", "turned", "alpha", "cmyk"],
)
def test_any_other_file_is_kept_as_a_png_of_the_same_pixels(content: bytes) -> None:
    pixels, kept = images.decode_and_keep(content)

    assert Image.open(io.BytesIO(kept)).format == "PNG"
    np.testing.assert_array_equal(images.decode(kept), pixels)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP"])
def test_a_truncated_file_is_refused(kind: str) -> None:
    content = encoded(noise(64, 64), kind)

    assert refused(content[: len(content) // 2]).startswith("does not decode: ")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"hello, this is text\n", "no image of a known format (text)"),
        (bytes(64), "no image of a known format (nothing but zeros)"),
        (b"\x80\x04\x95", "no image of a known format"),
    ],
    ids=["text", "zeros", "pickle"],
)
def test_what_is_no_image_is_refused_with_the_same_reason_each_time(content: bytes, reason: str) -> None:
    assert refused(content) == reason


def test_an_empty_file_is_refused() -> None:
    assert refused(b"") == "empty file"


def test_a_small_file_that_claims_a_huge_picture_is_refused_before_it_is_unpacked(monkeypatch) -> None:
    unpacked = []
    monkeypatch.setattr(pillow_pixels, "first_frame", unpacked.append)

    reason = refused(png_header(60_000, 60_000))

    assert reason == "over the pixel limit: 60000 x 60000"
    assert not unpacked


def test_a_file_that_is_too_big_is_refused_before_it_is_opened(monkeypatch) -> None:
    monkeypatch.setattr(images, "MAX_BYTES", 2**20)

    assert refused(bytes(2**20 + 1)) == "over 1 MiB"
