"""A new version of a dataset reuses what an earlier one has decoded and featurized, and is as a fresh one is."""

import os
from pathlib import Path
from typing import Any

import pytest
from bench import run_stage

from dataset_samples import open_images
from kindred.data import reused_images
from kindred.data.datasets import image_folder
from kindred.runtime import file_names, marks, runs, storage
from kindred.runtime.run_reader import RunReader
from pictures import encoded, noise

pytestmark = pytest.mark.spark

EXTRACTOR = {"image_size": 4, "weights": "imagenet", "preprocessing": "", "output": "", "precision": "float32"}


def folder_of(folder: Path, count: int) -> Path:
    """So many labelled images of two classes, and a labels.csv."""
    folder.mkdir()
    for number in range(count):
        put(folder, f"{number:04}.png", number)
    label(folder, {f"{number:04}.png": "cat" if number % 2 else "dog" for number in range(count)})
    return folder


def put(folder: Path, name: str, seed: int) -> None:
    (folder / name).write_bytes(encoded(noise(seed=seed)))


def label(folder: Path, labels: dict[str, str]) -> None:
    (folder / "labels.csv").write_text("file,label\n" + "".join(f"{name},{of}\n" for name, of in labels.items()))


def replaced_unseen(folder: Path, name: str) -> None:
    """Another file under the same name, with the same size and time: who reads it gives it away."""
    path = folder / name
    before = path.stat()
    path.write_bytes(b"x" * before.st_size)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def version(name: str, folder: Path, extractor: str = "pixels", leaks: str = "drop") -> dict[str, Any]:
    """A run of ingest and featurize; all figures."""
    run = runs.run_folder("tests", name)
    made = run_stage("ingest", run, dataset="image_folder", path=str(folder), limit=None, leaks=leaks)
    features = run_stage("featurize", run, extractor=extractor, **EXTRACTOR)
    return {**made["figures"], **features["figures"]}


def rows_of(name: str) -> dict[str, list]:
    """The rows of all tables, sorted."""
    reader = RunReader(runs.run_folder("tests", name), "evaluate")
    tables = ("images", "truth", "rejected", "sources", "features")
    return {table: sorted(map(repr, reader.rows(table).to_pylist())) for table in tables}


def work(figures: dict[str, Any]) -> list[float]:
    names = ("ingest/decoded", "ingest/reused_images", "featurize/computed", "featurize/reused_images")
    return [figures[name] for name in names]


def test_a_new_version_has_the_rows_of_a_fresh_one(spark, tmp_path, monkeypatch, caplog) -> None:
    folder = folder_of(tmp_path / "photos", 30)
    (folder / "broken.png").write_bytes(b"no image")
    for number, name in enumerate(["copy-1.png", "copy-2.png"]):
        (folder / name).write_bytes(encoded(noise(seed=number), compress_level=1))  # the same pixels, another file
    assert work(version("first", folder)) == [32, 0, 30, 0]

    put(folder, "0003.png", 100)  # changed
    (folder / "0000.png").unlink()  # so that its copy is the first
    (folder / "0005.png").unlink()
    put(folder, "new.png", 101)
    (folder / "new-broken.png").write_bytes(b"no image either")
    label(folder, {f"{number:04}.png": "cat" if number % 3 else "dog" for number in range(1, 30) if number != 5})
    with caplog.at_level("INFO", "kindred"):
        taken = version("second", folder)
    monkeypatch.setenv("KINDRED_DATA", str(tmp_path / "elsewhere"))
    fresh = version("second", folder)

    rows = rows_of("second")
    monkeypatch.setenv("KINDRED_DATA", str(tmp_path / "data"))
    assert rows_of("second") == rows
    assert work(taken) == [3, 28, 2, 28]  # decoded: two new ones, and the copy
    assert work(fresh) == [31, 0, 30, 0]
    differing = {name for name in fresh if fresh[name] != taken[name] and not name.endswith(("seconds", "per_second"))}
    assert differing == {"ingest/decoded", "ingest/reused_images", "featurize/computed", "featurize/reused_images"}
    assert "28 of 31 images are reused from the version of " in caplog.text
    assert "the features of 28 of 30 images are reused from the version of " in caplog.text

    label(folder, {f"{number:04}.png": "dog" if number < 9 else "cat" for number in range(1, 30) if number != 5})
    replaced_unseen(folder, "0007.png")

    other_labels = version("third", folder)

    assert work(other_labels) == [0, 31, 0, 30]
    assert other_labels["ingest/undecoded"] == 2
    assert "featurize/images_per_second" not in other_labels
    assert rows_of("third")["sources"] == rows["sources"]
    assert rows_of("third")["truth"] != rows["truth"]
    assert not storage.find_bytes(storage.join(runs.run_folder("tests", "third"), "ingest", file_names.READING))


@pytest.mark.long
def test_of_1100_images_the_100_new_ones_are_decoded_and_featurized(spark, tmp_path, caplog) -> None:
    folder = folder_of(tmp_path / "photos", 1000)
    assert work(version("first", folder)) == [1000, 0, 1000, 0]
    for number in range(1000, 1100):
        put(folder, f"{number:04}.png", number)
    replaced_unseen(folder, "0007.png")

    with caplog.at_level("INFO", "kindred"):
        second = version("second", folder)

    assert work(second) == [100, 1000, 100, 1000]
    assert second["ingest/undecoded"] == 0
    assert "1,000 of 1,100 images are reused from the version of " in caplog.text
    assert "the features of 1,000 of 1,100 images are reused from the version of " in caplog.text


@pytest.mark.long
def test_images_that_stay_in_two_splits_are_reused(spark, tmp_path) -> None:
    folder = tmp_path / "photos"
    for number, name in enumerate(["train/cat", "train/cat", "train/dog", "train/dog", "test/cat", "test/dog"]):
        (folder / name).mkdir(parents=True, exist_ok=True)
        put(folder / name, f"{number}.png", number)
    put(folder / "train/cat", "leak.png", 4)
    version("first", folder, leaks="keep")
    put(folder / "train/dog", "new.png", 9)

    second = version("second", folder, leaks="keep")

    assert work(second) == [1, 7, 1, 7]
    assert len(set(rows_of("second")["features"])) == 8


@pytest.mark.long
def test_what_is_fitted_to_the_images_is_fitted_anew(spark, tmp_path) -> None:
    folder = folder_of(tmp_path / "photos", 30)
    version("first", folder, "eigenfaces")
    put(folder, "new.png", 100)

    second = version("second", folder, "eigenfaces")

    assert work(second) == [1, 30, 31, 0]


@pytest.mark.long
def test_a_broken_version_is_not_reused_and_a_file_that_was_not_read_is_tried_again(
    spark, tmp_path, monkeypatch, caplog
) -> None:
    folder = folder_of(tmp_path / "photos", 10)
    (folder / "secret.png").symlink_to("/proc/self/mem")  # a file whose first byte cannot be read
    first = version("first", folder)
    assert len(rows_of("first")["sources"]) == 10
    (folder / "secret.png").unlink()
    put(folder, "new.png", 100)
    mark = marks.mark_of(storage.join(runs.run_folder("tests", "first"), "ingest"))
    Path(storage.local(mark["tables"]["images"])).joinpath("stray.parquet").write_bytes(b"")

    with caplog.at_level("INFO", "kindred"):
        second = version("second", folder)

    assert first["ingest/undecoded"] == 1
    assert work(second) == [11, 0, 1, 10]
    assert "stray.parquet does not belong here: nothing is reused from image_folder-" in caplog.text
    assert len(rows_of("second")["sources"]) == 11


@pytest.mark.long
def test_images_of_open_images_are_reused_but_those_that_are_turned(spark, tmp_path) -> None:
    folder = open_images.make(tmp_path / "open-images")
    arguments = {**open_images.PARAMS, "dataset": "open_images", "path": str(folder), "limit": None, "leaks": "drop"}
    first = run_stage("ingest", runs.run_folder("tests", "first"), task="multi_label", **arguments)
    open_images.put_rotations(folder / "validation-images-with-rotation.csv", {"a1": "90.0", "a2": "180.0"})

    second = run_stage("ingest", runs.run_folder("tests", "second"), task="multi_label", **arguments)

    assert [first["figures"][name] for name in ("ingest/decoded", "ingest/reused_images")] == [9, 0]
    assert [second["figures"][name] for name in ("ingest/decoded", "ingest/reused_images")] == [2, 7]
    ids = [
        set(RunReader(run, "report").rows("images", ["image_id"])["image_id"].to_pylist())
        for run in map(runs.run_folder, ["tests"] * 2, ["first", "second"])
    ]
    assert len(ids[0] - ids[1]) == len(ids[1] - ids[0]) == 1


def test_objects_of_a_bucket_are_known_by_their_etags(spark, bucket, tmp_path) -> None:
    for name in ("train/cat/1.png", "train/dog/2.png"):
        fs, inside = storage.filesystem(f"{bucket}/{name}")
        fs.pipe_file(inside, encoded(noise(seed=len(name))))
    sources = image_folder.sources(bucket, lambda line: None)
    files = image_folder.files(sources, None)
    columns = "origin string, size bigint, version string, image_id string, height int, width int, channels int"
    known = [(*file, "an-id", 8, 6, 3, None) for file in files]
    earlier = reused_images.Earlier(spark.createDataFrame(known, f"{columns}, reason string"), spark.range(0))
    fs.pipe_file(inside, encoded(noise(seed=9)))
    raw = image_folder.read(spark, image_folder.sources(bucket, lambda line: None), None)

    same = reused_images.decode(raw, reused_images.listed(spark, files), earlier)
    now = image_folder.files(image_folder.sources(bucket, lambda line: None), None)
    listed = reused_images.listed(spark, now)
    changed = listed.rows.join(earlier.sources, reused_images.FILE, how="left_anti").collect()

    assert same.reused_images == len(files) == 2
    assert [row.origin for row in changed] == [files[1].uri]
