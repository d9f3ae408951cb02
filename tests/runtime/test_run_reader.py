"""What the finished stages of a run have left, as others read it."""

import logging
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pytest

from kindred.runtime import arrow, job, marks, runs, storage
from kindred.runtime.errors import InputError
from kindred.runtime.run_reader import RunReader
from kindred.runtime.stage import Stage


@pytest.fixture
def run(data: Path) -> str:
    return runs.run_folder("tests", "one")


def do(name: str, run: str, main) -> None:
    """Do a stage that needs no Spark."""
    job.execute(main, None, Stage(name, run, {}), time.time())


def test_a_stage_that_fits_cannot_read_the_truth(run: str) -> None:
    with pytest.raises(InputError, match="stage 'train_base' may not read 'truth'"):
        RunReader(run, "train_base").rows("truth")


def test_a_stage_that_has_not_finished_is_named(run: str) -> None:
    advice = "to go on with it: make run DAG=tests RUN_ID=one"
    with pytest.raises(InputError, match=f"has not finished its stage 'featurize', which makes 'features'; {advice}"):
        RunReader(run, "train_base").rows("features")
    with pytest.raises(InputError, match=f"run 'tests/one' has not finished its stage 'gate'; {advice}"):
        RunReader(run, "evaluate").facts_of("gate")


def test_a_column_becomes_an_array_of_the_images_that_match_sorted_by_id(run: str) -> None:
    def write_features(s: Stage) -> str:
        ids = [name for name in "dcba" for _ in range(2)]
        features = np.repeat([[i, i / 2] for i in range(4)], 2, axis=0)
        columns = {"image_id": ids, "split": ["train", "test"] * 4, "features": arrow.lists(features)}
        s.write_rows("features", pa.table(columns))
        return "written"

    do("featurize", run, write_features)
    ids, features = RunReader(run, "train_base").matrix(
        "features", "features", ds.field("image_id").isin(["c", "a", "zz"])
    )

    assert ids.tolist() == ["a", "c"]
    np.testing.assert_array_equal(features, [[3, 1.5], [1, 0.5]])
    with pytest.raises(InputError, match="no row of 'features' in .* matches the filter"):
        RunReader(run, "train_base").matrix("features", "features", ds.field("image_id") == "zz")


def write_labels(s: Stage) -> str:
    columns = {"image_id": ["a", "b"], "label": ["x", "y"], "confidence": [1.0, 1.0], "source": ["given"] * 2}
    s.write_rows("labels", pa.table(columns))
    return "written"


def test_a_small_table_is_read_whole_or_in_part(run: str) -> None:
    do("choose_labels", run, write_labels)
    reader = RunReader(run, "train_base")

    assert reader.rows("labels", ["label"]).to_pydict() == {"label": ["x", "y"]}
    assert reader.first("labels", "label") == "x"
    assert reader.rows("labels", ["label"], ds.field("image_id") == "b").to_pydict() == {"label": ["y"]}


def test_the_first_of_many_values_is_read_alone(run: str) -> None:
    def write_images(s: Stage) -> str:
        content = np.random.default_rng(0).bytes(48 * 2**20)  # three pages
        rows = [content[start : start + 2**14] for start in range(0, len(content), 2**14)]
        described = {"split": "train", "origin": "one", "height": 1, "width": 1, "channels": 1}
        columns = {"image_id": [f"{row:04d}" for row in range(len(rows))], "content": rows}
        same = {name: [value] * len(rows) for name, value in described.items()}
        table = pa.table({**columns, **same})
        s.write_rows("images", table.select(arrow.schema("images").names).cast(arrow.schema("images")))
        return "written"

    do("ingest", run, write_images)
    pool = pa.proxy_memory_pool(pa.default_memory_pool())
    usual = pa.default_memory_pool()
    pa.set_memory_pool(pool)
    try:
        content = RunReader(run, "gate").first("images", "content")
    finally:
        pa.set_memory_pool(usual)

    assert len(content) == 2**14
    assert pool.max_memory() < 24 * 2**20


def test_an_empty_table_has_no_first_value(run: str) -> None:
    do("choose_labels", run, lambda s: s.write_rows("labels", arrow.schema("labels").empty_table()) or "none")

    with pytest.raises(InputError, match="no row of 'labels' in "):
        RunReader(run, "gate").first("labels", "label")


@pytest.mark.spark
def test_what_was_written_without_spark_is_read_with_spark(run: str, spark) -> None:
    do("choose_labels", run, write_labels)

    assert sorted(row.label for row in RunReader(run, "train_base").read("labels").collect()) == ["x", "y"]


def test_a_small_file_of_a_stage_is_read_by_others(run: str) -> None:
    def put(s: Stage) -> str:
        s.put_file("notes.txt", b"hello")
        return "put"

    do("ingest", run, put)

    assert RunReader(run, "evaluate").file("ingest", "notes.txt") == b"hello"
    with pytest.raises(InputError, match=r"/other\.txt is missing; `make run` with the RUN_ID"):
        RunReader(run, "evaluate").file("ingest", "other.txt")


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda part: part.unlink(), "part-0.parquet is missing"),
        (lambda part: part.write_bytes(part.read_bytes()[:-9]), "part-0.parquet has [0-9,]+ bytes, not"),
        (lambda part: part.write_bytes(bytes(len(part.read_bytes()))), "'labels' cannot be read: "),
        (lambda part: part.rename(part.with_name("part-1.parquet")), "part-0.parquet is missing"),
        (lambda part: shutil.copy(part, part.with_name("part-1.parquet")), "part-1.parquet does not belong here"),
    ],
    ids=["deleted", "cut", "zeros", "renamed", "doubled"],
)
def test_a_table_with_a_broken_part_names_it_and_what_heals_it(run: str, damage, reason: str) -> None:
    do("choose_labels", run, write_labels)
    (part,) = Path(storage.local(run)).glob("choose_labels/*/labels/part-0.parquet")
    damage(part)

    with pytest.raises(InputError, match=f"{reason}.*; `make run` with the RUN_ID and the CONF of its run") as refused:
        RunReader(run, "train_base").rows("labels")

    assert str(part.parent) in str(refused.value)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"attempt": 7}', b"{}"])
def test_a_broken_mark_names_its_file_and_what_heals_it(run: str, content: bytes) -> None:
    storage.put_bytes(f"{run}/gate/_DONE.json", content)

    with pytest.raises(InputError, match="gate.*; `make run` with the RUN_ID and the CONF of its run makes it again"):
        RunReader(run, "evaluate").facts_of("gate")


def test_broken_work_is_made_again_and_what_follows_it_too(run: str, caplog) -> None:
    def count(s: Stage) -> str:
        s.figures["count"] = s.rows("labels").num_rows
        return "counted"

    def both() -> None:
        do("choose_labels", run, write_labels)
        do("gate", run, count)

    both()
    first = {stage: marks.mark_of(f"{run}/{stage}") for stage in ("choose_labels", "gate")}
    (part,) = Path(storage.local(run)).glob("choose_labels/*/labels/part-0.parquet")
    part.unlink()
    with caplog.at_level(logging.INFO):
        both()

    again = {stage: marks.mark_of(f"{run}/{stage}") for stage in first}
    assert f"[kindred] choose_labels: {part} is missing: made again" in caplog.messages
    assert all(again[stage]["attempt"] != first[stage]["attempt"] for stage in first)
    assert again["gate"]["figures"]["count"] == first["gate"]["figures"]["count"]


def test_a_small_file_that_was_changed_is_refused(run: str) -> None:
    def put(s: Stage) -> str:
        s.put_file("notes.txt", b"hello")
        return "put"

    do("ingest", run, put)
    reader = RunReader(run, "evaluate")
    storage.put_bytes(f"{reader.mark_of('ingest')['folder']}/notes.txt", b"hallo")

    with pytest.raises(InputError, match=r"/notes\.txt has changed: its checksum differs; delete it, then `make run`"):
        reader.file("ingest", "notes.txt")


@pytest.mark.slow
def test_an_array_takes_little_more_memory_than_its_values(run: str) -> None:
    def write_features(s: Stage) -> str:
        features = np.random.default_rng(0).normal(size=(24_000, 1280)).astype(np.float32)
        columns = {"image_id": [f"{i:064x}" for i in range(24_000)], "split": ["train"] * 24_000}
        s.write_rows("features", pa.table({**columns, "features": arrow.lists(features)}))
        return "written"

    do("featurize", run, write_features)
    code = f"""
import pyarrow.dataset as ds
from kindred.runtime.run_reader import RunReader

def kilobytes(name):
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith(name))

reader = RunReader({run!r}, "train_base")
reader.matrix("features", "features", ds.field("image_id") == f"{{0:064x}}")  # what the first read loads
before = kilobytes("VmRSS")
_, features = reader.matrix("features", "features", ds.field("split") == "train")
print((kilobytes("VmHWM") - before) * 1024 / features.nbytes)
"""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    answer = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, env=env, check=True, timeout=60)

    assert 1 < float(answer.stdout) < 2.3
