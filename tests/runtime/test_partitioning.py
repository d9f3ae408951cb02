"""How a job's work is cut."""

from types import SimpleNamespace

import pyarrow as pa
import pytest

from kindred.runtime import partitioning
from kindred.runtime.errors import InputError

TWO_CORES = SimpleNamespace(sparkContext=SimpleNamespace(defaultParallelism=2))


@pytest.mark.parametrize(("images", "tasks"), [(0, 1), (1, 1), (3, 3), (1000, 4), (1025, 5), (60_000, 235)])
def test_tasks_follow_the_images_and_fill_the_cores(images: int, tasks: int) -> None:
    assert partitioning.tasks(TWO_CORES, images) == tasks


def test_the_environment_may_say_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINDRED_IMAGES_PER_TASK", "100")
    monkeypatch.setenv("KINDRED_BATCH_IMAGES", "9")
    monkeypatch.setenv("KINDRED_BATCH_MEGABYTES", "2")

    assert partitioning.tasks(TWO_CORES, 1000) == 10
    assert set(partitioning.batch_settings().values()) == {"9", "2097152"}


@pytest.mark.parametrize("text", ["0", "-1", "many", "1.5"])
def test_a_size_that_is_none_is_refused_by_its_name(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINDRED_BATCH_MEGABYTES", text)

    with pytest.raises(InputError, match=f"KINDRED_BATCH_MEGABYTES must be a whole number from 1, not '{text}'"):
        partitioning.batch_settings()


@pytest.mark.spark
def test_big_rows_come_to_python_in_small_batches(spark, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = spark.range(0, 40, numPartitions=1).selectExpr("id", "repeat('x', 100000) as content")
    before = {name: spark.conf.get(name) for name in partitioning.batch_settings()}
    monkeypatch.setenv("KINDRED_BATCH_MEGABYTES", "1")

    def sizes(batches):
        for batch in batches:
            yield pa.RecordBatch.from_pydict({"id": [batch.num_rows]})

    for name, value in partitioning.batch_settings().items():
        spark.conf.set(name, value)
    try:
        sizes_in_python = [row.id for row in rows.mapInArrow(sizes, "id long").collect()]
    finally:
        for name, value in before.items():
            spark.conf.set(name, value)

    assert sum(sizes_in_python) == 40
    assert max(sizes_in_python) <= 11  # of 0.1 MB each


def test_rows_come_in_batches_of_about_so_many_bytes() -> None:
    rows = ["aaa", "bb", "c", "dddddddd", "", "e"]

    batches = list(partitioning.batches(rows, len, 5))

    assert batches == [["aaa", "bb"], ["c"], ["dddddddd"], ["", "e"]]
    assert list(partitioning.batches([], len, 5)) == []
