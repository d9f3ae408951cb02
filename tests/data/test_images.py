"""Images in memory: their ids, raw values, size and channels."""

import struct

import numpy as np
import pytest

from kindred.data import images
from pictures import encoded, noise, smooth


def identify(content: bytes) -> str:
    return images.image_id(images.decode(content))


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
    shapes = [images.fit(noise(9, 7, c), (4, 5), channels).shape for c in (1, 3) for channels in (1, 3)]

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
