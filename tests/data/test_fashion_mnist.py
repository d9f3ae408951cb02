"""Fashion-MNIST: its idx files, whole and broken."""

import gzip
import hashlib
from pathlib import Path

import numpy as np
import pytest

from dataset_samples import fashion_mnist as sample
from dataset_samples import input_error, read
from dataset_samples.fashion_mnist import idx
from kindred.data import images
from kindred.runtime import variants
from kindred.runtime.errors import InputError
from pictures import noise


@pytest.mark.spark
@pytest.mark.parametrize("folder", ["fashion", "train-data/images-idx3"])
def test_fashion_mnist_is_read_from_any_folder(spark, folder: str, tmp_path: Path) -> None:
    (tmp_path / folder).parent.mkdir(exist_ok=True)
    path = sample.make(tmp_path / folder)

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
        ("train-images-idx3-ubyte.gz", b"no gzip", "is truncated or not an idx file"),
        ("train-images-idx3-ubyte.gz", gzip.compress(b"abc"), "is truncated or not an idx file"),
        ("train-images-idx3-ubyte.gz", idx(noise(28, 28, 4))[:-99], "is truncated or not an idx file"),
        ("train-images-idx3-ubyte.gz", idx(np.arange(4, dtype=np.uint8)), "is truncated or not an idx file"),
        ("t10k-labels-idx1-ubyte.gz", gzip.compress(bytes(2**26)), "is not Fashion-MNIST: it unpacks to over"),
    ],
    ids=["too few labels", "unknown label", "no gzip", "no idx", "truncated", "labels as images", "bomb"],
)
def test_idx_files_that_do_not_fit_are_named(spark, name: str, content: bytes, line: str, tmp_path: Path) -> None:
    path = sample.make(tmp_path / "fashion")
    (path / name).write_bytes(content)

    with pytest.raises(InputError, match=f"{name} {line}"):
        read(spark, "fashion_mnist", path)


def test_an_idx_file_that_is_missing_is_named(tmp_path: Path) -> None:
    path = sample.make(tmp_path / "fashion")
    (path / "t10k-labels-idx1-ubyte.gz").unlink()

    assert input_error("fashion_mnist", path) == f"no such file: {path}/t10k-labels-idx1-ubyte.gz"


@pytest.mark.spark
def test_the_real_fashion_mnist_has_its_70000_images(spark, shared_data: Path) -> None:
    module = variants.load("dataset", "fashion_mnist")
    frame = module.read(spark, module.sources(str(shared_data / "fashion_mnist"), lambda line: None), None)

    by_split = dict(frame.groupBy("split").count().collect())
    first = read(spark, "fashion_mnist", shared_data / "fashion_mnist", limit=3)

    assert by_split == {"train": 60_000, "test": 10_000}
    assert [row.label for row in first if row.split == "train"] == ["Ankle-boot", "T-shirt-top", "T-shirt-top"]


def test_the_published_files_of_fashion_mnist_have_the_checksums_of_the_download(shared_data: Path) -> None:
    from kindred.data.datasets import fashion_mnist

    folder = shared_data / "fashion_mnist"

    for name, sha256 in fashion_mnist.FILES.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == sha256
