"""Raw images of all kinds become pixels with an id and a file, or a reason."""

from pathlib import Path

import pandas as pd
import pytest

from kindred.data import decoding, images, raw_images
from kindred.runtime import storage
from pictures import encoded, noise


@pytest.mark.spark
def test_raw_values_files_and_broken_files_are_decoded(spark, tmp_path: Path) -> None:
    pixels = noise()
    (tmp_path / "a.bmp").write_bytes(encoded(pixels, "BMP"))
    raw = [
        ("train", "raw", "cat", 8, 6, 3, pixels.tobytes(), None),
        ("train", "bytes", "cat", None, None, None, encoded(pixels), None),
        ("unlabeled", f"file://{tmp_path}/a.bmp", None, None, None, None, None, None),
        ("test", "text", "dog", None, None, None, b"hello", None),
        ("test", f"file://{tmp_path}/none.png", "dog", None, None, None, None, None),
        ("test", "refused", "dog", None, None, None, None, "no good"),
    ]

    by_origin = {row.origin: row for row in decoding.decode(spark.createDataFrame(raw, raw_images.SCHEMA)).collect()}

    good = [row for row in by_origin.values() if row.reason is None]
    assert {row.image_id for row in good} == {images.image_id(pixels)}
    assert [(row.height, row.width, row.channels) for row in good] == [(8, 6, 3)] * 3
    assert all((images.decode(bytes(row.content)) == pixels).all() for row in good)
    assert by_origin["text"].reason == "no image of a known format (text)"
    assert by_origin[f"file://{tmp_path}/none.png"].reason.startswith("cannot be read: ")
    assert by_origin["refused"].reason == "no good"
    assert by_origin["refused"].image_id is None
    assert by_origin["refused"].label == "dog"


def test_decoded_images_come_back_a_few_megabytes_at_a_time(tmp_path: Path) -> None:
    rows = []
    for number in range(5):
        path = tmp_path / f"{number}.png"
        path.write_bytes(encoded(noise(40, 30, seed=number)))
        rows.append(("train", storage.uri(str(path)), "cat", None, None, None, None, None))
    size = path.stat().st_size

    frames = list(decoding.decode_batches(int(2.5 * size), iter([pd.DataFrame(rows, columns=raw_images.COLUMNS)])))

    assert [len(frame) for frame in frames] == [2, 2, 1]
    assert pd.concat(frames)["origin"].tolist() == [row[1] for row in rows]
    assert pd.concat(frames)["reason"].isna().all()
