"""Decoding whatever people have, and the id that belongs to the pixels."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from kindred.data import images
from pictures import encoded, noise, smooth

ORIENTATION = 0x0112


def identify(content: bytes) -> str:
    return images.image_id(images.decode(content))


def refused(content: bytes) -> str:
    with pytest.raises(images.ImageError) as caught:
        images.decode(content)
    return str(caught.value)


def exif(orientation: int) -> Image.Exif:
    found = Image.Exif()
    found[ORIENTATION] = orientation
    return found


def png_header(width: int, height: int) -> bytes:
    """A PNG of a few bytes that claims to be of this size."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(99))) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("PNG", {"compress_level": 9}),
        ("PNG", {"compress_level": 0}),
        ("BMP", {}),
        ("TIFF", {}),
        ("PPM", {}),
        ("WEBP", {"lossless": True}),
    ],
)
def test_the_same_pixels_have_the_same_id_in_any_format(kind: str, options: dict) -> None:
    pixels = noise()

    assert identify(encoded(pixels, kind, **options)) == images.image_id(pixels)


def test_a_jpeg_with_another_header_has_the_same_id() -> None:
    content = encoded(noise(16, 16), "JPEG")
    comment = b"\xff\xfe" + struct.pack(">H", 2 + 5) + b"hello"

    assert identify(content[:2] + comment + content[2:]) == identify(content)


def test_a_jpeg_saved_as_png_has_the_same_id() -> None:
    content = encoded(noise(16, 16), "JPEG")

    assert identify(encoded(images.decode(content))) == identify(content)


def test_a_grey_picture_has_one_id_whether_saved_as_grey_or_as_rgb() -> None:
    grey = noise(channels=1)
    content = encoded(np.repeat(grey, 3, axis=2))

    assert identify(content) == identify(encoded(grey)) == images.image_id(grey)
    assert images.decode(content).shape == (8, 6, 1)


def test_one_other_pixel_or_another_shape_is_another_id() -> None:
    pixels = noise(4, 9)
    other = pixels.copy()
    other[0, 0, 0] ^= 1

    ids = {images.image_id(pixels), images.image_id(other), images.image_id(pixels.reshape(9, 4, 3))}

    assert len(ids) == 3


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
def test_a_file_that_is_cut_short_is_refused(kind: str) -> None:
    content = encoded(noise(64, 64), kind)

    assert refused(content[: len(content) // 2]).startswith("does not decode: ")


@pytest.mark.parametrize(
    "content",
    [b"hello, this is text\n", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.4", bytes(64)],
    ids=["text", "svg", "pdf", "zeros"],
)
def test_what_is_no_image_is_refused_with_the_same_reason_each_time(content: bytes) -> None:
    assert refused(content) == "does not decode: cannot identify image file"


def test_an_empty_file_is_refused() -> None:
    assert refused(b"") == "empty file"


def test_a_small_file_that_claims_a_huge_picture_is_refused_before_it_is_unpacked(monkeypatch) -> None:
    unpacked = []
    monkeypatch.setattr(images, "_pixels", unpacked.append)

    reason = refused(png_header(60_000, 60_000))

    assert reason == "over the pixel limit: 60000 x 60000"
    assert not unpacked


def test_a_file_that_is_too_big_is_refused_before_it_is_opened(monkeypatch) -> None:
    monkeypatch.setattr(images, "MAX_BYTES", 2**20)

    assert refused(bytes(2**20 + 1)) == "over 1 MiB"


@pytest.mark.parametrize("shape", [(3, 2), (3, 2, 1), (3, 2, 3)])
def test_raw_values_become_pixels(shape: tuple) -> None:
    array = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)

    pixels = images.from_array(array)

    np.testing.assert_array_equal(pixels, array.reshape(3, 2, -1))


@pytest.mark.parametrize(
    "array",
    [np.zeros((3, 2, 4), np.uint8), np.zeros((3, 2)), np.zeros(6, np.uint8), np.zeros((0, 2), np.uint8)],
    ids=["four channels", "floats", "a row", "nothing"],
)
def test_raw_values_of_another_shape_or_type_are_refused(array: np.ndarray) -> None:
    with pytest.raises(images.ImageError, match="pixels must be uint8"):
        images.from_array(array)


def test_fitting_gives_the_size_and_the_channels() -> None:
    shapes = [images.fit(noise(9, 7, c), (4, 5), wanted).shape for c in (1, 3) for wanted in (1, 3)]

    assert shapes == [(4, 5, 1), (4, 5, 3)] * 2


def test_fitting_what_fits_changes_nothing() -> None:
    pixels = noise()

    np.testing.assert_array_equal(images.fit(pixels, (8, 6), 3), pixels)


def test_fitting_averages_what_it_shrinks() -> None:
    checks = np.indices((16, 16)).sum(axis=0).astype(np.uint8)[:, :, None] % 2 * 200

    shrunk = images.fit(checks, (4, 4), 1)

    np.testing.assert_allclose(shrunk[1:3, 1:3], 100, atol=2)


def test_grey_in_three_channels_is_the_same_three_times() -> None:
    grey = smooth(8, 8, 1)

    np.testing.assert_array_equal(images.fit(grey, (8, 8), 3), np.repeat(grey, 3, axis=2))


def test_of_many_ids_a_part_lies_below_the_bound_and_of_few_all() -> None:
    assert images.id_bound(100, 100) > "f" * 32
    assert images.id_bound(200, 100) == "80000000"
