"""Images in Parquet files: encoded, as structs, as pixels, and what cannot be read."""

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dataset_samples import counts, input_error, parquet, read
from dataset_samples.parquet import put_table
from kindred.data import images, parquet_files, parquet_rows
from kindred.data.datasets import parquet as dataset
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

    reasons = [None, "no image of a known format (text)", "empty file", "empty file"]
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


CAT_OR_DOG = ["cat", "dog"]
HUGGING_FACE = {"info": {"features": {"label": {"names": ["cat", "dog"], "_type": "ClassLabel"}}}}


def put(path: Path, metadata: dict | None = None, rows: int = 2, codec: str = "snappy", **columns: Any) -> Path:
    """A Parquet file of `rows` images."""
    path.parent.mkdir(parents=True, exist_ok=True)
    seed = sum(map(ord, path.name))
    table = pa.table({"image": [encoded(noise(seed=seed + i)) for i in range(rows)], **columns})
    if metadata is not None:
        table = table.replace_schema_metadata({"huggingface": json.dumps(metadata)})
    pq.write_table(table, path, compression=codec)
    return path


def rows_of(path: Path, limit: int | None = None, lines: list[str] | None = None) -> list[tuple]:
    """The raw rows of all files, without Spark."""
    root, *files = dataset.sources(str(path), (lines if lines is not None else []).append)
    contents = dataset._contents(root.uri, files)
    chosen = None if limit is None else dataset._chosen(root.uri, contents, limit)
    load = [dataset._slices(file, 1, None if chosen is None else chosen[file.uri]) for file in contents]
    by_uri = {file.uri: file for file in contents}
    return [row for parts in load for part in parts for row in dataset._load(by_uri, chosen, *part)]


def placed(path: Path, **settings: Any) -> dict[tuple, int]:
    """How many rows each split and label has."""
    return dict(Counter(row[:1] + row[2:3] for row in rows_of(path, **settings)))


@pytest.mark.parametrize("name", ["data[1]", "a{b,c}", "2024-01-01T10:00:00", "50%", "a b#1", "%20", "?*", "\u00e9"])
def test_a_file_of_any_name_is_read_once(name: str, tmp_path: Path) -> None:
    put(tmp_path / "dir [2024]" / f"{name}.parquet", label=CAT_OR_DOG)
    put(tmp_path / "dir [2024]" / "data1.parquet", label=["eel", "eel"])

    rows = rows_of(tmp_path / "dir [2024]")

    assert Counter(row[2] for row in rows) == {"cat": 1, "dog": 1, "eel": 2}
    assert f"file://{tmp_path}/dir [2024]/{name}.parquet#000000000001" in {row[1] for row in rows}


def test_each_file_is_read_by_its_own_schema(tmp_path: Path) -> None:
    put(tmp_path / "a.parquet")
    put(tmp_path / "b.parquet", label=CAT_OR_DOG)
    put(tmp_path / "c.parquet", rows=3, Label=pa.array(["cat", "cat", None]).dictionary_encode())
    pq.write_table(pa.table({"pixels": [[[1, 2], [3, 4]]], "label": ["dog"], "x": [1]}), tmp_path / "d.parquet")
    pq.write_table(pa.table({"image": [{"bytes": b"x", "path": "p"}], "label": [" dog\u200b"]}), tmp_path / "e.parquet")
    put(tmp_path / "f.parquet", label=pa.nulls(2))

    assert placed(tmp_path) == {("unlabeled", None): 5, ("train", "cat"): 3, ("train", "dog"): 3}


@pytest.mark.parametrize(
    ("labels", "texts"),
    [
        (pa.array([1.0, float("nan")]), ["1", None]),
        (pa.array([0.5, 2.0], pa.float16()), ["0.5", "2"]),
        (pa.array([True, None]), ["true", None]),
        (pa.array([b"cat", b" "]), ["cat", None]),
        (pa.array([-1, 7], pa.int8()), ["-1", "7"]),
        (pa.array([Decimal("3.00"), Decimal("0.50")]), ["3", "0.50"]),
        (pa.array(["cafe\u0301 ", ""], pa.large_string()), ["caf\u00e9", None]),
        (pa.array([7, 2**63], pa.uint64()), ["7", str(2**63)]),
    ],
    ids=["NaN", "floats", "booleans", "bytes", "numbers", "decimals", "accents", "big"],
)
def test_a_label_is_a_text_whatever_its_type(labels: pa.Array, texts: list, tmp_path: Path) -> None:
    assert [row[2] for row in rows_of(put(tmp_path / "a.parquet", label=labels))] == texts


def test_numbers_are_the_classes_that_hugging_face_names(tmp_path: Path) -> None:
    put(tmp_path / "data" / "train-00000-of-00001.parquet", HUGGING_FACE, rows=3, label=[0, 1, -1])
    put(tmp_path / "data" / "test-00000-of-00001.parquet", HUGGING_FACE, label=pa.array([1, 1], pa.int8()))
    put(tmp_path / "text.parquet", label=["cat", "cat"])

    counts = placed(tmp_path)

    assert counts == {("train", "cat"): 3, ("train", "dog"): 1, ("unlabeled", None): 1, ("test", "dog"): 2}


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        (["train-0.parquet", "test-0.parquet", "validation-0.parquet"], ["train", "test", "train"]),
        (["Train/a.parquet", "Testing/a.pq", "unlabelled/a.parquet"], ["train", "test", "unlabeled"]),
        (["split=train/a.parquet", "split=val/a.parquet", "split=test/b.PARQUET"], ["train", "train", "test"]),
        (["train_test.parquet", "contest.parquet", "latest.parquet"], ["train", "train", "train"]),
        (["cifar10-train.parquet", "cifar10_test.parquet", "x.parquet"], ["train", "test", "train"]),
    ],
    ids=["shards", "folders", "partitions", "no names of splits", "words"],
)
def test_the_path_of_a_file_may_name_its_split(names: list[str], splits: list[str], tmp_path: Path) -> None:
    for name in names:
        put(tmp_path / name, label=CAT_OR_DOG)

    found = {row[1].split("#")[0]: row[0] for row in rows_of(tmp_path)}

    assert [found[f"file://{tmp_path}/{name}"] for name in names] == splits


def test_what_the_names_of_files_decide_is_told(tmp_path: Path, messages: list[str]) -> None:
    for name in ("train-0.parquet", "train-1.parquet", "val-0.parquet", "readme.md", "_metadata/x.parquet"):
        put(tmp_path / name, label=CAT_OR_DOG)

    rows_of(tmp_path, lines=messages)

    assert messages == [
        "files that are no .parquet files, and are not read: 2",
        "files by the split that their paths name: 2 train, 1 validation",
        "validation images are joined to the training images: models are chosen by cross-validation",
    ]


def test_a_single_file_is_no_split_whatever_its_name_and_a_column_counts_more_than_a_path(tmp_path: Path) -> None:
    put(tmp_path / "test.parquet", label=CAT_OR_DOG)
    put(tmp_path / "all" / "train.parquet", label=CAT_OR_DOG, Split=["Testing", "training"])

    assert placed(tmp_path / "test.parquet") == {("train", "cat"): 1, ("train", "dog"): 1}
    assert placed(tmp_path / "all") == {("test", "cat"): 1, ("train", "dog"): 1}


def test_folders_may_name_labels(tmp_path: Path) -> None:
    for folder in ("label=cat", "label=hot%20dog", "label=__HIVE_DEFAULT_PARTITION__"):
        put(tmp_path / folder / "a.parquet")

    assert placed(tmp_path) == {("train", "cat"): 2, ("train", "hot dog"): 2, ("unlabeled", None): 2}


def test_a_limit_takes_some_of_every_class(tmp_path: Path) -> None:
    put(tmp_path / "a.parquet", rows=6, label=["cat"] * 3 + ["dog"] * 3)
    put(tmp_path / "b.parquet", rows=4, label=["dog"] * 2 + [None] * 2)

    assert placed(tmp_path, limit=2) == {("train", "cat"): 1, ("train", "dog"): 1, ("unlabeled", None): 2}


@pytest.mark.parametrize("codec", ["brotli", "zstd", "gzip", "lz4", "none"])
def test_a_file_is_read_however_it_is_compressed(codec: str, tmp_path: Path) -> None:
    assert len(rows_of(put(tmp_path / "a.parquet", codec=codec, label=CAT_OR_DOG))) == 2


def test_an_unknown_codec_is_refused(monkeypatch, tmp_path: Path) -> None:
    path = put(tmp_path / "a.parquet", label=CAT_OR_DOG)
    monkeypatch.setattr(parquet_files, "_is_known", lambda codec: False)

    assert (
        input_error("parquet", path)
        == f"{path}: compressed by snappy, which is not known; write it with zstd or snappy"
    )


def test_groups_of_rows_are_read_one_after_the_other(tmp_path: Path) -> None:
    path = put(tmp_path / "a.parquet", rows=7, label=list("aabbabb"))
    pq.write_table(pq.read_table(path), path, row_group_size=2)
    file = parquet_files.contents(f"file://{path}")

    whole, parts = list(parquet_rows.rows(file, 0, 7)), list(dataset._slices(file, 3, None))

    assert [row[2] for row in whole] == list("aabbabb")
    assert [part[1:] for part in parts] == [(0, 4), (4, 7)]
    assert [row for part in parts for row in parquet_rows.rows(file, *part[1:])] == whole


def test_an_image_without_bytes_is_rejected_with_its_path(tmp_path: Path) -> None:
    image = [{"bytes": None, "path": "/photos/1.png"}, {"bytes": None, "path": None}]

    rows = rows_of(put_table(tmp_path / "a", image=image, label=CAT_OR_DOG))

    assert [row[-1] for row in rows] == ["no bytes, only the path '/photos/1.png'", None]
    assert rows[1][6] == b""


def duplicate_columns(path: Path) -> None:
    pq.write_table(pa.Table.from_arrays([pa.array([b"x"])] * 2, names=["image", "Image"]), path)


@pytest.mark.parametrize(
    ("files", "line"),
    [
        (
            {"a": {"label": CAT_OR_DOG}, "b": {"label": [0, 1]}},
            "the labels are text in .*a.parquet and numbers in .*b.par",
        ),
        ({"a": {"label": [True, False]}, "b": {"label": [0, 1]}}, "the labels are booleans in .* and numbers in "),
        ({"a": {"label": [[1], [2]]}}, "a.parquet: column label is of type list<.*>; known: text, whole numbers"),
        ({"a": {"label": [1.0, float("inf")]}}, "a.parquet: column label: inf is no label"),
        ({"a": {"label": [b"a", b"\xff"]}}, "a.parquet: column label: b'.xff' is no text in UTF-8"),
        (
            {"a": {"label": [0, 2], "metadata": HUGGING_FACE}},
            "column label: 2 is none of the 2 classes that the file nam",
        ),
        ({"a": {"label": CAT_OR_DOG, "LABEL ": [1, 2]}}, "a.parquet: 2 columns are named label: leave one"),
        ({"a": {"label": CAT_OR_DOG, "split": [1, 2]}}, "a.parquet: column split is no text but int64"),
        ({"split=dev/a": {"label": CAT_OR_DOG}}, "unknown split 'dev' in split=dev/a.parquet; known: train, test,"),
        ({"a": {"label": CAT_OR_DOG, "split": ["train", "x"]}}, "a.parquet: unknown split 'x'; known: train, test, "),
    ],
)
def test_what_does_not_fit_together_is_one_line(files: dict[str, dict], line: str, tmp_path: Path) -> None:
    for name, columns in files.items():
        put(tmp_path / f"{name}.parquet", **columns)

    with pytest.raises(InputError, match=line) as caught:
        dataset.sources(str(tmp_path), print)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("files", "line"),
    [
        ({"a": {}, "b": {"label": pa.nulls(2)}}, "no labels in .*: no file has values in a column label"),
        ({"test": {"label": CAT_OR_DOG}, "val": {}}, "no labelled training image in .*: it has 2 unlabeled, 2 test"),
        ({"a": {"label": [None, float("nan")]}}, "no labelled training image in .*: it has 2 unlabeled"),
        ({"a": {"label": [1, 1.0]}}, "all labels in .* are of one class, '1'; a classifier needs two or more"),
        (
            {"train": {"label": ["cat", "cow"]}, "test": {"label": ["dog", None]}},
            "class 'dog' has no training image in .*: only test images; add images, or take it out",
        ),
    ],
)
def test_labels_that_cannot_train_are_refused_before_an_image_is_read(files: dict, line: str, tmp_path: Path) -> None:
    for name, columns in files.items():
        put(tmp_path / f"{name}.parquet", **columns)

    listed = dataset.sources(str(tmp_path), print)
    with pytest.raises(InputError, match=line):
        dataset.check(str(tmp_path))
    with pytest.raises(InputError, match=line):
        dataset.check_labels(listed)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = put(tmp_path / "a.parquet", rows=40, label=CAT_OR_DOG * 20)
    content = bytearray(path.read_bytes())
    content[2000:4000] = bytes(2000)
    path.write_bytes(content)

    with pytest.raises(InputError, match=f"{path} cannot be read: "):
        rows_of(path)


def test_an_encrypted_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PARE" + bytes(100) + b"PARE")

    assert input_error("parquet", tmp_path) == f"{tmp_path}/a.parquet is encrypted"
