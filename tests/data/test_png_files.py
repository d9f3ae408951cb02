"""PNG files: what others read is what was written."""

import io
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from kindred.data import png_files


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 1, 3), (7, 5, 1), (5, 7, 3), (1, 300, 3), (300, 1, 1)])
def test_pillow_reads_the_pixels_that_were_written(shape: tuple[int, int, int]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape, np.uint8)

    with Image.open(io.BytesIO(png_files.encode(pixels))) as image:
        image.verify()  # the checksums of its parts
    with Image.open(io.BytesIO(png_files.encode(pixels))) as image:
        read = np.asarray(image)

    assert image.mode == ("L" if shape[2] == 1 else "RGB")
    assert np.array_equal(read.reshape(shape), pixels)


def test_pixels_that_do_not_lie_side_by_side_in_memory_are_written_too() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (6, 8, 3), np.uint8)

    mirrored = png_files.encode(pixels[:, ::-1])

    assert np.array_equal(np.asarray(Image.open(io.BytesIO(mirrored))), pixels[:, ::-1])


def test_a_smooth_picture_is_smaller_than_its_pixels() -> None:
    slope = np.broadcast_to(np.arange(96, dtype=np.uint8)[None, :, None], (96, 96, 3))

    assert len(png_files.encode(slope)) < slope.size / 50


@pytest.mark.slow  # seconds
def test_the_same_pixels_are_always_the_same_bytes_whatever_was_in_memory_before() -> None:
    rng = np.random.default_rng(0)
    pictures = np.repeat(rng.integers(0, 17, (1500, 8, 4, 1), np.uint8) * 15, 2, axis=2)
    seen: list[set[bytes]] = [set() for _ in pictures]

    def encode_all(seed: int) -> None:
        sizes = np.random.default_rng(seed)
        for _ in range(8):
            used = [sizes.integers(0, 256, sizes.integers(1000, 300_000), np.uint8) for _ in range(40)]
            del used
            for own, picture in zip(seen, pictures, strict=True):
                own.add(png_files.encode(picture))

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(encode_all, range(6)))

    assert [number for number, own in enumerate(seen) if len(own) > 1] == []
