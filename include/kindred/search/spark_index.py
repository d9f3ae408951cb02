"""The search index in Spark: a task writes a shard, and a task searches in one."""

import functools
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from kindred.data.images import id_bound
from kindred.runtime import arrow, tables
from kindred.runtime.checked_copy import Checksum
from kindred.search import cells, image_index, lower_bounds, pictures, shards
from kindred.search.answers import Answer
from kindred.search.cells import Cells
from kindred.search.lower_bounds import LowerBound
from kindred.search.shards import Images

Batches = Iterator[pa.RecordBatch]
PICTURE = "shard int, image_id string, file binary"
COLUMNS = ["image_id", "split", "features", "probabilities", "origin", "label"]  # of images that are written
UNRANKED = arrow.schema("neighbours").remove(1)  # ranks are known when shards are merged


def sample(count: int, size: int = lower_bounds.SAMPLE_SIZE) -> ds.Expression:
    """About `size` images of the pile, of `count`: those that the axes of the lower bounds are learned from."""
    pile = ds.field("split").isin(tables.LEARNED_FROM)
    return pile & (ds.field("image_id") < id_bound(count, size))


def gallery(features: DataFrame, predictions: DataFrame, images: DataFrame, given: DataFrame) -> DataFrame:
    """The training and the unlabelled images, each once: image_id, split, features, probabilities, origin, and the
    given label of those that have one.
    """
    whole = _with_origins(_with_probabilities(features, predictions, tables.LEARNED_FROM), images)
    return whole.join(given.select("image_id", "label"), "image_id", how="left").select(COLUMNS)


def queries(features: DataFrame, predictions: DataFrame, images: DataFrame) -> DataFrame:
    """The test images, likewise; they have no given label."""
    whole = _with_origins(_with_probabilities(features, predictions, (tables.TEST,)), images)
    return whole.withColumn("label", F.lit(None).cast("string")).select(COLUMNS)


def write(
    images: DataFrame,
    count: int,
    folder: str,
    bounds: dict[str, LowerBound],
    dataset: str,
    by_distance: dict[str, Cells],
) -> DataFrame:
    """Rows of the table `index` for about `count` images, whose shards are written into a folder on the way."""
    tasks = max(1, -(-count // shards.MAX_ROWS))
    worker = _writer(folder, lower_bounds.to_bytes(bounds), dataset, cells.to_bytes(by_distance))
    return images.repartition(tasks, "image_id").mapInArrow(worker, tables.table("index").columns)


def write_pictures(images: DataFrame, count: int, folder: str) -> DataFrame:
    """Rows of the table `index` for the pictures of all images, each once, in `count` shards, likewise."""
    small = images.dropDuplicates(["image_id"]).mapInArrow(_shrinker(count), PICTURE)
    return small.groupBy("shard").applyInArrow(_picture_writer(folder), tables.table("index").columns)


def checksums(written: pa.Table, part: str) -> dict[str, Checksum]:
    """Of the files of a part, by name, from the table `index` as it was written."""
    texts = written.filter(pc.field("part") == part)["checksums"].to_pylist()
    return {name: Checksum(*checksum) for text in texts for name, checksum in json.loads(text).items()}


def search_shards(
    queries: DataFrame, index: DataFrame, folder: str, k: int, distance: str, farthest: bool
) -> DataFrame:
    """The table `neighbours`: of each query (image_id, features, probabilities, origin) the k best of each shard of the
    table `index`, merged. A shard is opened by the one task that searches in it.
    """
    tasks = queries.crossJoin(index.select("shard")).repartition("shard")
    columns = tables.table("neighbours").columns.replace(" rank int,", "")
    neighbours = tasks.mapInArrow(_searcher(folder, k, distance, farthest), columns)
    order = F.col("distance").desc() if farthest else F.col("distance").asc()
    best = Window.partitionBy("query_id").orderBy(order, F.col("image_id"))
    return neighbours.withColumn("rank", F.row_number().over(best)).where(F.col("rank") <= k)


def _with_probabilities(features: DataFrame, predictions: DataFrame, splits: tuple[str, ...]) -> DataFrame:
    """The images of some splits, each once, with their features and the final model's probabilities."""
    images = features.where(F.col("split").isin(*splits)).dropDuplicates(["image_id"])
    both = images.join(predictions, ["image_id", "split"], how="inner")
    return both.select("image_id", "split", "features", "probabilities")


def _with_origins(images: DataFrame, table: DataFrame) -> DataFrame:
    """With the column origin of the table `images`."""
    return images.join(table.select("image_id", "split", "origin"), ["image_id", "split"], how="inner")


def _writer(folder: str, bounds: bytes, dataset: str, by_distance: bytes) -> Callable[[Batches], Batches]:
    def run(batches: Batches) -> Batches:
        from pyspark import TaskContext

        filled = [batch for batch in batches if batch.num_rows]
        if filled:
            task = TaskContext.get()
            assert task is not None  # this runs in a task
            number, images = task.partitionId(), _images(pa.Table.from_batches(filled), dataset)
            filled.clear()  # its features are copied
            both = lower_bounds.from_bytes(bounds), cells.from_bytes(by_distance)
            checksums = shards.write(folder, number, shards.make(images, *both))
            yield _row(folder, number, len(images), checksums)

    return run


def _row(folder: str, shard: int, count: int, checksums: dict[str, Checksum]) -> pa.RecordBatch:
    row = {"part": folder.rsplit("/", 1)[1], "shard": shard, "images": count, "checksums": json.dumps(checksums)}
    return pa.RecordBatch.from_pylist([row], arrow.schema("index"))


def _shrinker(count: int) -> Callable[[Batches], Batches]:
    def run(batches: Batches) -> Batches:
        for batch in batches:
            rows = batch.to_pylist()
            files = [pictures.small(row["content"], row["height"], row["width"]) for row in rows]
            numbers = pa.array([pictures.shard_of(row["image_id"], count) for row in rows], pa.int32())
            columns = [numbers, batch["image_id"], pa.array(files, pa.binary())]
            yield pa.RecordBatch.from_arrays(columns, ["shard", "image_id", "file"])

    return run


def _picture_writer(folder: str) -> Callable[[pa.Table], pa.Table]:
    def run(table: pa.Table) -> pa.Table:
        number = table["shard"][0].as_py()
        checksums = pictures.write(folder, number, table["image_id"].to_pylist(), table["file"].to_pylist())
        return pa.Table.from_batches([_row(folder, number, len(table), checksums)])

    return run


def _searcher(folder: str, k: int, distance: str, farthest: bool) -> Callable[[Batches], Batches]:
    def run(batches: Batches) -> Batches:
        for batch in batches:
            table = pa.Table.from_batches([batch])
            for shard in np.unique(table["shard"].to_numpy()).tolist():
                index = _opened(folder, shard)
                queries = _images(table.filter(pc.field("shard") == shard))
                answers = index.search(queries, min(k, len(index)), distance, farthest)
                yield pa.RecordBatch.from_pylist(list(_rows(answers)), UNRANKED)

    return run


@functools.lru_cache(maxsize=2)
def _opened(folder: str, shard: int) -> image_index.Index:
    return replace(image_index.open_folder(folder, only=[shard]), threads=1)


def _rows(answers: list[Answer]) -> Iterator[dict[str, Any]]:
    for answer in answers:
        for neighbour in answer.neighbours:
            row = {name: value for name, value in neighbour._asdict().items() if name in UNRANKED.names}
            yield {"query_id": answer.image_id, "query_origin": answer.origin, **row}


def _images(table: pa.Table, dataset: str | None = None) -> Images:
    features, probabilities = (arrow.matrix(table[name].combine_chunks()) for name in ("features", "probabilities"))
    images = Images(features, probabilities, table["image_id"].to_pylist(), origins=table["origin"].to_pylist())
    if dataset is None:
        return images
    splits, labels = table["split"].to_pylist(), table["label"].to_pylist()
    return replace(images, splits=splits, datasets=[dataset] * len(splits), labels=labels)
