"""Images in Parquet files: encoded, as structs, as pixels, and what cannot be read."""

from pathlib import Path

import pyarrow as pa
import pytest

from dataset_samples import counts, input_error, parquet, read
from dataset_samples.parquet import put_table
from kindred.data import images
from kindred.runtime.errors import InputError
from pictures import encoded, noise


@pytest.mark.spark
def test_parquet_holds_files_or_the_structs_that_others_write(spark, tmp_path: Path) -> None:
    files = [encoded(noise(seed=seed)) for seed in range(3)]
    plain = put_table(tmp_path / "plain", image=files, label=[7, 8, None])
    structs = put_table(tmp_path / "structs", image=[{"bytes": f, "path": "x"} for f in files], label=["7", "8", None])

    one, other = read(spark, "parquet", plain), read(spark, "parquet", structs / "part.parquet")

    assert counts(one) == {("train", "7"): 1, ("train", "8"): 1, ("unlabeled", None): 1}
    assert [(row.image_id, row.label) for row in one] == [(row.image_id, row.label) for row in other]


@pytest.mark.spark
@pytest.mark.parametrize("channels", [1, 3])
def test_parquet_holds_pixels(spark, channels: int, tmp_path: Path) -> None:
    pixels = [noise(channels=channels, seed=seed) for seed in range(3)]
    values = pa.array([(p[:, :, 0] if channels == 1 else p).tolist() for p in pixels])
    path = put_table(tmp_path / "pixels", pixels=values, label=["cat", "dog", None])

    rows = read(spark, "parquet", path)

    labels = {row.image_id: row.label for row in rows}
    assert labels == {images.image_id(p): label for p, label in zip(pixels, ["cat", "dog", None], strict=True)}


@pytest.mark.spark
@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ([[0, 256]], "pixels must be whole numbers from 0 to 255"),
        ([[0, -1]], "pixels must be whole numbers from 0 to 255"),
        ([[1, 2], [3]], "inhomogeneous"),
        ([], "pixels must be whole numbers from 0 to 255"),
        (None, "pixels must be whole numbers from 0 to 255"),
    ],
    ids=["too big", "negative", "ragged", "empty", "null"],
)
def test_values_that_are_no_pixels_are_rejected(spark, value: list | None, reason: str, tmp_path: Path) -> None:
    path = put_table(tmp_path / "pixels", pixels=[[[1, 2], [3, 4]], value], label=["cat", "dog"])

    rows = read(spark, "parquet", path)

    assert rows[0].reason is None
    assert reason in rows[1].reason


@pytest.mark.spark
def test_broken_images_in_parquet_are_rejected(spark, tmp_path: Path) -> None:
    path = put_table(tmp_path / "broken", image=[encoded(noise()), b"hello", b"", None], label=list("abcd"))

    rows = read(spark, "parquet", path)

    reasons = [None, "does not decode: cannot identify image file", "empty file", "empty file"]
    assert [row.reason for row in rows] == reasons


@pytest.mark.spark
@pytest.mark.parametrize(
    ("columns", "line"),
    [
        ({"file": ["a"]}, r"needs a column image \(binary\) or pixels \(arrays\); it has: {'file': 'string'}"),
        ({"image": ["a"]}, r"needs a column image \(binary\)"),
        ({"image": [b"a"], "label": ["cat"], "split": ["dev"]}, "unknown split 'dev'"),
        ({"image": [b"a"], "label": ["cat"], "split": pa.array([None], pa.string())}, "unknown split None"),
    ],
    ids=["no image", "text", "unknown split", "no split"],
)
def test_parquet_of_other_columns_is_refused(spark, columns: dict, line: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=line):
        read(spark, "parquet", put_table(tmp_path / "table", **columns))


@pytest.mark.spark
@pytest.mark.parametrize("content", [b"", b"hello", None], ids=["empty", "text", "truncated"])
def test_a_file_that_is_no_parquet_is_refused_in_one_line(spark, content: bytes | None, tmp_path: Path) -> None:
    path = parquet.make(tmp_path / "table")
    whole = (path / "part.parquet").read_bytes()
    (path / "broken.parquet").write_bytes(whole[: len(whole) // 2] if content is None else content)

    with pytest.raises(InputError, match="broken.parquet is truncated or not a Parquet file") as caught:
        read(spark, "parquet", path)
    assert "\n" not in str(caught.value)


def test_a_folder_without_parquet_is_refused(tmp_path: Path) -> None:
    assert input_error("parquet", tmp_path) == f"no .parquet file in {tmp_path}"
    assert input_error("parquet", "").startswith("dataset parquet needs a path")
