"""What every dataset promises, and what each says of files that do not fit together."""

import gzip
import hashlib
import struct
import tarfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kindred.data import decoding, images, ingest, raw_images
from kindred.data.datasets.stl10 import IMAGE_BYTES
from kindred.data.sources import Source
from kindred.runtime import variants
from kindred.runtime.errors import InputError
from kindred.runtime.tables import SPLITS
from pictures import encoded, noise

NAMES = variants.names("dataset")
CLASSES = [f"class{i}" for i in range(1, 11)]


def idx(array: np.ndarray) -> bytes:
    """Values as an idx file."""
    return gzip.compress(struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes())


def make_fashion_mnist(folder: Path) -> Path:
    folder.mkdir()
    for part, count in (("train", 4), ("t10k", 2)):
        images = np.stack([noise(28, 28, 1, seed)[:, :, 0] for seed in range(count)])
        (folder / f"{part}-images-idx3-ubyte.gz").write_bytes(idx(images))
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(idx(np.arange(count, dtype=np.uint8)))
    return folder


def make_stl10(folder: Path) -> Path:
    folder.mkdir()
    for name, count in (("train", 3), ("test", 2), ("unlabeled", 2)):
        pictures = np.stack([noise(96, 96, 3, seed) for seed in range(count)])
        (folder / f"{name}_X.bin").write_bytes(pictures.transpose(0, 3, 2, 1).tobytes())
        if name != "unlabeled":
            (folder / f"{name}_y.bin").write_bytes(bytes(range(1, count + 1)))
    (folder / "class_names.txt").write_text("\n".join(CLASSES))
    return folder


def make_image_folder(folder: Path) -> Path:
    names = [
        "train/cat/1.png",
        "train/cat/2.png",
        "train/dog/3.png",
        "test/cat/4.png",
        "unlabeled/5.png",
        "unlabeled/6.png",
    ]
    return put_images(folder, *names)


def make_parquet(folder: Path) -> Path:
    images = [encoded(noise(seed=seed)) for seed in range(5)]
    splits = ["train", "train", "test", "unlabelled", "unlabeled"]
    return put_table(folder, image=images, label=["cat", "dog", "cat", None, None], split=splits)


MAKE = {
    "fashion_mnist": make_fashion_mnist,
    "stl10": make_stl10,
    "image_folder": make_image_folder,
    "parquet": make_parquet,
    "digits": lambda folder: "",
}


def put_images(folder: Path, *names: str) -> Path:
    """A folder of different images."""
    for seed, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(encoded(noise(seed=seed)))
    return folder


def put_table(folder: Path, **columns: Any) -> Path:
    """A Parquet file, in a folder of its own."""
    folder.mkdir(parents=True)
    pq.write_table(pa.table(columns), folder / "part.parquet")
    return folder


def packed(folder: Path) -> Path:
    """The official archive of STL-10's files."""
    archive = folder.parent / "stl10_binary.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder, "stl10_binary")
    return archive


def read(spark: Any, name: str, path: Path | str, limit: int | None = None) -> list:
    """A dataset's rows, decoded, in the order of their origins."""
    module = variants.load("dataset", name)
    raw = module.read(spark, module.sources(str(path), lambda line: None), limit)
    found = decoding.decode(raw)
    rows = found.orderBy("split", "origin").collect()
    found.unpersist()
    return rows


def counts(rows: list) -> dict[tuple, int]:
    return dict(Counter((row.split, row.label) for row in rows))


def refused(name: str, path: Path | str) -> str:
    """Why a dataset's sources are refused."""
    with pytest.raises(InputError) as caught:
        variants.load("dataset", name).sources(str(path), lambda line: None)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "digits"])
def test_a_place_that_is_not_there_is_refused(name: str, tmp_path: Path) -> None:
    assert refused(name, tmp_path / "nowhere") == f"no such file or folder: {tmp_path}/nowhere"


@pytest.mark.parametrize("name", NAMES)
def test_sources_are_the_files_and_change_when_they_do(name: str, tmp_path: Path) -> None:
    path, module = MAKE[name](tmp_path / "source"), variants.load("dataset", name)

    one, other = (module.sources(str(path), lambda line: None) for _ in range(2))

    assert one == other
    assert all(isinstance(source, Source) and source.uri for source in one)
    if path:
        biggest = max(one, key=lambda source: source.size).uri.removeprefix("file://")
        Path(biggest).write_bytes(b"changed")
        assert module.sources(str(path), lambda line: None) != one


@pytest.mark.spark
@pytest.mark.parametrize("name", NAMES)
def test_rows_are_raw_images_with_origins_of_their_own(spark, name: str, tmp_path: Path) -> None:
    path, module = MAKE[name](tmp_path / "source"), variants.load("dataset", name)

    frame = module.read(spark, module.sources(str(path), lambda line: None), None)

    wanted = spark.createDataFrame([], raw_images.SCHEMA).schema
    assert [(f.name, f.dataType) for f in frame.schema] == [(f.name, f.dataType) for f in wanted]
    rows = frame.collect()
    assert len({row.origin for row in rows}) == len(rows) > 4
    assert {row.split for row in rows} <= set(SPLITS)
    assert len({row.label for row in rows if row.split == "train"} - {None}) > 1


@pytest.mark.spark
@pytest.mark.parametrize("name", NAMES)
def test_all_images_decode_and_a_limit_takes_the_first_of_each_split(spark, name: str, tmp_path: Path) -> None:
    path = MAKE[name](tmp_path / "source")

    rows, limited = read(spark, name, path), read(spark, name, path, limit=1)

    firsts = [next(row for row in rows if row.split == split) for split in sorted({row.split for row in rows})]
    assert not [row.reason for row in rows if row.reason]
    assert [row.image_id for row in limited] == [row.image_id for row in firsts]


def test_digits_takes_no_path() -> None:
    assert refused("digits", "/a") == "dataset digits is embedded and takes no path, not '/a'"


@pytest.mark.spark
def test_digits_are_the_1797_of_scikit_learn(spark) -> None:
    rows = read(spark, "digits", "")

    assert len(rows) == 1797
    assert [row.label for row in rows[:10]] == list("0123456789")
    assert {(row.height, row.width, row.channels) for row in rows} == {(8, 8, 1)}


@pytest.mark.spark
@pytest.mark.parametrize("folder", ["fashion", "train-data/images-idx3"])
def test_fashion_mnist_is_read_wherever_it_lies(spark, folder: str, tmp_path: Path) -> None:
    (tmp_path / folder).parent.mkdir(exist_ok=True)
    path = make_fashion_mnist(tmp_path / folder)

    rows = read(spark, "fashion_mnist", path)

    assert [(row.split, row.label) for row in rows] == [
        *[("test", "T-shirt-top"), ("test", "Trouser")],
        *[("train", "T-shirt-top"), ("train", "Trouser"), ("train", "Pullover"), ("train", "Dress")],
    ]
    assert (images.decode(bytes(rows[2].content)) == noise(28, 28, 1, 0)).all()


@pytest.mark.spark
@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("train-labels-idx1-ubyte.gz", idx(np.arange(3, dtype=np.uint8)), "has 3 labels for 4 images"),
        ("t10k-labels-idx1-ubyte.gz", idx(np.array([0, 10], np.uint8)), "has labels outside 0 to 9"),
        ("train-images-idx3-ubyte.gz", b"no gzip", "is cut short or not an idx file"),
        ("train-images-idx3-ubyte.gz", gzip.compress(b"abc"), "is cut short or not an idx file"),
        ("train-images-idx3-ubyte.gz", idx(noise(28, 28, 4))[:-99], "is cut short or not an idx file"),
    ],
    ids=["too few labels", "unknown label", "no gzip", "no idx", "cut short"],
)
def test_idx_files_that_do_not_fit_are_named(spark, name: str, content: bytes, line: str, tmp_path: Path) -> None:
    path = make_fashion_mnist(tmp_path / "fashion")
    (path / name).write_bytes(content)

    with pytest.raises(InputError, match=f"{name} {line}"):
        read(spark, "fashion_mnist", path)


def test_an_idx_file_that_is_missing_is_named(tmp_path: Path) -> None:
    path = make_fashion_mnist(tmp_path / "fashion")
    (path / "t10k-labels-idx1-ubyte.gz").unlink()

    assert refused("fashion_mnist", path) == f"no such file: {path}/t10k-labels-idx1-ubyte.gz"


@pytest.mark.spark
@pytest.mark.parametrize("kind", ["files", "folder above", "archive", "folder with archive"])
def test_stl10_is_read_from_its_files_or_its_archive(spark, kind: str, tmp_path: Path) -> None:
    files = make_stl10(tmp_path / "stl10_binary")
    paths = {"files": files, "folder above": tmp_path}
    path = paths.get(kind) or packed(files)
    if kind == "folder with archive":
        files.rename(tmp_path / "elsewhere")
        path = tmp_path

    rows = read(spark, "stl10", path)

    assert counts(rows) == {
        **{("train", name): 1 for name in CLASSES[:3]},
        **{("test", name): 1 for name in CLASSES[:2]},
        ("unlabeled", None): 2,
    }
    # Column-major in the file: the decoded picture stands upright.
    assert (images.decode(bytes(rows[2].content)) == noise(96, 96, 3, 0)).all()


def test_an_archive_is_unpacked_once(tmp_path: Path, messages: list[str]) -> None:
    archive, module = packed(make_stl10(tmp_path / "stl10_binary")), variants.load("dataset", "stl10")

    one, other = (module.sources(str(archive), messages.append) for _ in range(2))

    assert one == other
    assert messages == [f"unpacking {archive}"]


@pytest.mark.parametrize("share", [0.5, 0.98])
def test_an_archive_that_is_cut_short_is_refused_and_leaves_nothing(share: float, tmp_path: Path, data: Path) -> None:
    archive = packed(make_stl10(tmp_path / "stl10_binary"))
    content = archive.read_bytes()
    archive.write_bytes(content[: int(len(content) * share)])

    assert refused("stl10", archive).startswith(f"{archive} is cut short or not an archive: ")
    assert not list((data / "cache/unpacked").iterdir())


def test_what_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "stl10.tar.gz").write_text("hello")

    assert "is cut short or not an archive: " in refused("stl10", tmp_path / "stl10.tar.gz")


def test_a_folder_without_stl10_is_refused(tmp_path: Path) -> None:
    assert refused("stl10", tmp_path) == f"neither train_X.bin nor stl10_binary.tar.gz is in {tmp_path}"


@pytest.mark.spark
@pytest.mark.parametrize(
    ("name", "content", "line"),
    [
        ("train_y.bin", bytes([1, 2]), "train_y.bin has 2 labels for 3 images"),
        ("test_y.bin", bytes([1, 11]), "test_y.bin has labels outside 1 to 10"),
        ("test_y.bin", bytes([0, 1]), "test_y.bin has labels outside 1 to 10"),
        ("unlabeled_X.bin", bytes(IMAGE_BYTES + 1), "unlabeled_X.bin is cut short"),
    ],
    ids=["too few labels", "label 11", "label 0", "cut short"],
)
def test_stl10_files_that_do_not_fit_are_named(spark, name: str, content: bytes, line: str, tmp_path: Path) -> None:
    path = make_stl10(tmp_path / "stl10_binary")
    (path / name).write_bytes(content)

    with pytest.raises(InputError, match=line):
        read(spark, "stl10", path)


@pytest.mark.spark
def test_an_image_folder_with_splits(spark, tmp_path: Path) -> None:
    rows = read(spark, "image_folder", make_image_folder(tmp_path / "images"))

    assert counts(rows) == {("train", "cat"): 2, ("train", "dog"): 1, ("test", "cat"): 1, ("unlabeled", None): 2}


@pytest.mark.spark
def test_an_image_folder_of_classes(spark, tmp_path: Path) -> None:
    names = ["cat/1.png", "cat/deep/2.png", "a dog/3.png", "unlabeled/4.png", "5.png", ".hidden/6.png", "cat/.7.png"]

    rows = read(spark, "image_folder", put_images(tmp_path / "a b", *names))

    assert counts(rows) == {("train", "cat"): 2, ("train", "a dog"): 1, ("unlabeled", None): 2}


@pytest.mark.spark
def test_an_image_folder_with_a_table(spark, tmp_path: Path) -> None:
    path = put_images(tmp_path / "images", "a.png", "deep/b.png", "c.png", "d.png", "e.png")
    lines = ["\ufefffile,label,split", "a.png,cat,", "deep/b.png,dog,train", "c.png,cat,test", "d.png,,"]
    (path / "labels.csv").write_text("\n".join(lines), encoding="utf-8")

    rows = read(spark, "image_folder", path)

    assert counts(rows) == {("train", "cat"): 1, ("train", "dog"): 1, ("test", "cat"): 1, ("unlabeled", None): 2}


@pytest.mark.spark
def test_what_is_no_image_in_a_folder_is_rejected_and_ends_nothing(spark, tmp_path: Path) -> None:
    path = make_image_folder(tmp_path / "images")
    (path / "train/cat/notes.txt").write_text("hello")

    rows = read(spark, "image_folder", path)

    assert [(Path(row.origin).name, row.label) for row in rows if row.reason] == [("notes.txt", "cat")]


@pytest.mark.spark
@pytest.mark.parametrize(
    ("table", "line"),
    [
        (b"file,label\nb.png,cat", r"labels.csv line 2 names a file that does not exist: 'b.png'"),
        (b"file,label\na.png,cat\na.png,dog", r"labels.csv line 3 names 'a.png' again"),
        (b"file,label,split\na.png,cat,dev", r"labels.csv line 2: unknown split 'dev'; known: train, unlabeled, test"),
        (b"name,label\na.png,cat", r"labels.csv must have the columns file and label, not name, label"),
        (b"", r"labels.csv must have the columns file and label, not none"),
        (b"file,label\na.png,", r"labels.csv labels no file"),
        (b"file,label\na.png,\xff\xfe", r"labels.csv is not a CSV file in UTF-8"),
    ],
    ids=["no file", "twice", "unknown split", "other columns", "empty", "no label", "not UTF-8"],
)
def test_a_table_that_does_not_fit_is_told_with_its_line(spark, table: bytes, line: str, tmp_path: Path) -> None:
    path = put_images(tmp_path / "images", "a.png")
    (path / "labels.csv").write_bytes(table)

    with pytest.raises(InputError, match=line):
        read(spark, "image_folder", path)


@pytest.mark.spark
def test_an_image_folder_without_labels_is_refused(spark, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no labelled image: neither train/<class>"):
        read(spark, "image_folder", put_images(tmp_path / "images", "a.png", "unlabeled/b.png"))


def test_a_folder_without_images_or_a_file_is_no_image_folder(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("file,label\n")

    assert refused("image_folder", tmp_path) == f"no image in {tmp_path}"
    assert refused("image_folder", tmp_path / "labels.csv") == f"not a folder: {tmp_path}/labels.csv"
    assert refused("image_folder", "").startswith("dataset image_folder needs a path")


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

    found = {row.image_id: row.label for row in rows}
    assert found == {images.image_id(p): label for p, label in zip(pixels, ["cat", "dog", None], strict=True)}


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
def test_pixels_that_are_none_are_rejected(spark, value: list | None, reason: str, tmp_path: Path) -> None:
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
@pytest.mark.parametrize("content", [b"", b"hello", None], ids=["empty", "text", "cut short"])
def test_what_is_no_parquet_is_refused_in_one_line(spark, content: bytes | None, tmp_path: Path) -> None:
    path = make_parquet(tmp_path / "table")
    whole = (path / "part.parquet").read_bytes()
    (path / "broken.parquet").write_bytes(whole[: len(whole) // 2] if content is None else content)

    with pytest.raises(InputError, match="broken.parquet is cut short or not a Parquet file") as caught:
        read(spark, "parquet", path)
    assert "\n" not in str(caught.value)


def test_a_folder_without_parquet_is_refused(tmp_path: Path) -> None:
    assert refused("parquet", tmp_path) == f"no .parquet file in {tmp_path}"
    assert refused("parquet", "").startswith("dataset parquet needs a path")


@pytest.mark.spark
def test_the_real_fashion_mnist_has_its_70000_images(spark, shared_data: Path) -> None:
    module = variants.load("dataset", "fashion_mnist")
    frame = module.read(spark, module.sources(str(shared_data / "fashion_mnist"), lambda line: None), None)

    found = dict(frame.groupBy("split").count().collect())
    first = read(spark, "fashion_mnist", shared_data / "fashion_mnist", limit=3)

    assert found == {"train": 60_000, "test": 10_000}
    assert [row.label for row in first if row.split == "train"] == ["Ankle-boot", "T-shirt-top", "T-shirt-top"]


@pytest.mark.spark
def test_the_real_stl10_has_its_images_and_its_leaks(spark, shared_data: Path) -> None:
    archive, module = shared_data / "stl10_dev/stl10_binary.tar.gz", variants.load("dataset", "stl10")
    decoded = decoding.decode(module.read(spark, module.sources(str(archive), lambda line: None), None))

    found = ingest.duplicates(decoded, "drop").collect()

    assert dict(decoded.groupBy("split").count().collect()) == {"train": 1000, "test": 1000, "unlabeled": 3040}
    assert Counter((row.split, row.reason) for row in found) == {("unlabeled", ingest.LEAKED): 40}
    decoded.unpersist()


def test_the_published_files_of_fashion_mnist_have_the_checksums_of_the_download(shared_data: Path) -> None:
    from kindred.data.datasets import fashion_mnist

    folder = shared_data / "fashion_mnist"

    for name, sha256 in fashion_mnist.FILES.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == sha256
