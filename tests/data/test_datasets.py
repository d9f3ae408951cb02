"""What every dataset promises. A new one needs a tiny source in tests/dataset_samples, and passes these tests."""

import inspect
import os
from pathlib import Path

import pytest

import dataset_samples
from dataset_samples import input_error, read
from kindred.data import raw_images
from kindred.data.sources import Source
from kindred.runtime import variants
from kindred.runtime.tables import SPLITS

NAMES = variants.names("dataset")


@pytest.mark.parametrize("name", NAMES)
def test_a_path_that_does_not_exist_is_refused(name: str, tmp_path: Path) -> None:
    if not dataset_samples.make(name, tmp_path / "source"):
        pytest.skip("this dataset takes no path")

    assert input_error(name, tmp_path / "nowhere") == f"no such file or folder: {tmp_path}/nowhere"


@pytest.mark.parametrize("name", NAMES)
def test_sources_are_the_files_and_change_when_they_do(name: str, tmp_path: Path) -> None:
    path, module = dataset_samples.make(name, tmp_path / "source"), variants.load("dataset", name)
    params = dataset_samples.params(name)

    one, other = (module.sources(path, lambda line: None, **params) for _ in range(2))

    assert one == other
    assert variants.load("dataset", name).__doc__
    assert all(isinstance(source, Source) and source.uri for source in one)
    if path:
        biggest = max(one, key=lambda source: source.size).uri.removeprefix("file://")
        os.utime(biggest, (1, 1))
        assert module.sources(path, lambda line: None, **params) != one


@pytest.mark.spark
@pytest.mark.parametrize("name", NAMES)
def test_rows_are_raw_images_with_origins_of_their_own(spark, name: str, tmp_path: Path) -> None:
    path, module = dataset_samples.make(name, tmp_path / "source"), variants.load("dataset", name)
    params = dataset_samples.params(name)

    frame = module.read(spark, module.sources(path, lambda line: None, **params), None, **params)

    expected = spark.createDataFrame([], raw_images.SCHEMA).schema
    assert [(f.name, f.dataType) for f in frame.schema] == [(f.name, f.dataType) for f in expected]
    rows = frame.collect()
    assert len({row.origin for row in rows}) == len(rows) > 4
    assert {row.split for row in rows} <= set(SPLITS)
    assert len({row.label for row in rows if row.split == "train"} - {None}) > 1


@pytest.mark.spark
@pytest.mark.parametrize("name", NAMES)
def test_all_images_decode_and_a_limit_takes_as_many_of_each_split(spark, name: str, tmp_path: Path) -> None:
    path = dataset_samples.make(name, tmp_path / "source")

    rows, limited = read(spark, name, path), read(spark, name, path, limit=1)

    assert not [row.reason for row in rows if row.reason]
    assert [row.split for row in limited] == sorted({row.split for row in rows})
    assert set(limited) <= set(rows)


@pytest.mark.parametrize("name", NAMES)
def test_what_a_dataset_takes_beside_its_path_is_what_forms_and_stages_pass_on(name: str) -> None:
    module = variants.load("dataset", name)
    known = set(variants.DATASET_PARAMS.get(name, ()))

    for function, own in ((module.sources, {"path", "say"}), (module.read, {"spark", "sources", "limit"})):
        assert set(inspect.signature(function).parameters) - own == known
