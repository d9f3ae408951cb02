"""Small files that would take minutes or gigabytes are refused at once."""

import struct
import time

import numpy as np
import pytest
from PIL import Image

from kindred.data import counted_reads, images, jpeg_kinds, pillow_pixels
from pictures import encoded, noise

JPEG = encoded(noise(16, 16), "JPEG", progressive=True)
LAST_SCAN = JPEG[JPEG.rindex(b"\xff\xda") : -2]


def refused(content: bytes) -> str:
    started = time.monotonic()
    with pytest.raises(images.ImageError) as caught:
        images.decode(content)
    assert time.monotonic() - started < 2
    return str(caught.value)


def with_segments(marker: int, body: bytes, count: int) -> bytes:
    return JPEG[:2] + (bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body) * count + JPEG[2:]


def test_a_jpeg_of_many_scans_is_refused() -> None:
    assert refused(JPEG[:-2] + LAST_SCAN * 100 + JPEG[-2:]) == "JPEG of over 100 scans"


def test_scans_of_pictures_behind_the_first_one_do_not_count() -> None:
    content = JPEG + JPEG * 20

    assert jpeg_kinds.unreadable(content) is None
    np.testing.assert_array_equal(images.decode(content), images.decode(JPEG))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (with_segments(0xE1, b"Exif\0\0", 101), "JPEG of over 100 EXIF segments"),
        (with_segments(0xFE, b"", 100_000), "JPEG of over 1,000 segments"),
    ],
    ids=["exif", "comments"],
)
def test_a_jpeg_of_many_segments_is_refused(content: bytes, reason: str) -> None:
    assert refused(content) == reason


def test_jpeg_ls_is_named() -> None:
    assert refused(JPEG.replace(b"\xff\xc2", b"\xff\xf7")) == "JPEG-LS is not read"


def test_a_jpeg_of_12_bits_is_named() -> None:
    at = JPEG.index(b"\xff\xc2") + 4

    assert refused(JPEG[:at] + b"\x0c" + JPEG[at + 1 :]) == "JPEG of 12 bits a sample is not read"


def test_a_file_of_too_many_parts_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counted_reads, "MAX_READS", 100)
    gif = encoded(Image.new("P", (4, 4)), "GIF")
    at = gif.index(b"\x2c")

    assert images.decode(gif).shape == (4, 4, 1)
    assert refused(gif[:at] + b"!\xfe\1x\0" * 100 + gif[at:]) == "over 100 parts"
    assert refused(b"P5\n" + b"#" + b"x" * 200 + b"\n4 4 255\n" + bytes(16)) == "over 100 parts"


def test_a_ppm_in_text_has_a_bound_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pillow_pixels, "MAX_TEXT_BYTES", 2**20)

    assert refused(b"P2 1 1 255 7 " + b" " * 2**20) == "PPM in text of over 1 MiB"


def test_a_jpeg_2000_of_many_boxes_is_refused() -> None:
    content = encoded(noise(), "JPEG2000")

    assert refused(content[:12] + b"\0\0\0\x08free" * 1000 + content[12:]) == "JPEG 2000 without a picture"
