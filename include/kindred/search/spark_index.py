"""The search index in Spark: a task writes a shard, and a task searches in one."""

import functools
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from kindred.data.images import id_bound
from kindred.runtime import arrow, label_sets, tables
from kindred.runtime.checked_copy import Checksum
from kindred.runtime.label_sets import Thresholds
from kindred.search import cells, file_shards, image_index, lower_bounds, pictures, shards
from kindred.search.answers import Answer
from kindred.search.cells import Cells
from kindred.search.lower_bounds import LowerBound
from kindred.search.shards import Images

Batches = Iterator[pa.RecordBatch]
FILE = "shard int, image_id string, file binary"
COLUMNS = ["image_id", "split", "features", "probabilities", "origin", "label"]  # of images that are written
MATCHED_COLUMNS = [name for name in COLUMNS if name not in ("probabilities", "label")]  # of a gallery without classes
UNRANKED = arrow.schema("neighbours").remove(1)  # ranks are known when shards are merged


class Part(NamedTuple):
    """The shards of a part of an index: their numbers, the checksums of their files by name, and how many images."""

    numbers: list[int]
    checksums: dict[str, Checksum]
    images: int


def sample(
    count: int, size: int = lower_bounds.SAMPLE_SIZE, splits: Sequence[str] = tables.LEARNED_FROM
) -> ds.Expression:
    """About `size` images of the gallery, the `splits`, of `count`: those that the axes of the lower bounds are learned
    from.
    """
    return ds.field("split").isin(splits) & (ds.field("image_id") < id_bound(count, size))


def gallery(features: DataFrame, predictions: DataFrame, images: DataFrame, given: DataFrame) -> DataFrame:
    """The training and the unlabelled images, each once: image_id, split, features, probabilities, origin, and the
    given label of those that have one, of several those that are present, as `label_sets.joined`.
    """
    whole = _with_origins(_with_probabilities(features, predictions, tables.LEARNED_FROM), images)
    return whole.join(joined_labels(given), "image_id", how="left").select(COLUMNS)


def joined_labels(given: DataFrame) -> DataFrame:
    """image_id and label, each image of a table of labels once, with those that are present as `label_sets.joined`."""
    present = F.collect_set(F.when(F.col("present"), F.col("label")))
    sets = given.groupBy("image_id").agg(F.sort_array(present).alias("present"))
    text = F.when(F.size("present") == 0, label_sets.NONE).otherwise(F.array_join("present", label_sets.SEPARATOR))
    return sets.select("image_id", text.alias("label"))


def queries(features: DataFrame, predictions: DataFrame, images: DataFrame) -> DataFrame:
    """The test images, likewise; they have no given label."""
    whole = _with_origins(_with_probabilities(features, predictions, (tables.TEST,)), images)
    return whole.withColumn("label", F.lit(None).cast("string")).select(COLUMNS)


def matched(embedded: DataFrame, images: DataFrame, split: str) -> DataFrame:
    """The queries or the gallery of image matching: image_id, split, features, which are the vectors, and origin."""
    return _with_origins(embedded.where(F.col("split") == split), images).select(MATCHED_COLUMNS)


def write(
    images: DataFrame,
    count: int,
    folder: str,
    bounds: dict[str, LowerBound],
    dataset: str,
    by_distance: dict[str, Cells],
    thresholds: Thresholds = None,
) -> DataFrame:
    """Rows of the table `index` for about `count` images, whose shards are written into a folder on the way. Images
    without the column probabilities have no classes; `thresholds` are those of several labels an image.
    """
    tasks = max(1, -(-count // shards.MAX_ROWS))
    worker = _writer(folder, lower_bounds.to_bytes(bounds), dataset, cells.to_bytes(by_distance), thresholds)
    return images.repartition(tasks, "image_id").mapInArrow(worker, tables.table("index").columns)


def write_pictures(images: DataFrame, count: int, folder: str) -> DataFrame:
    """Rows of the table `index` for the pictures of all images, each once, in `count` shards, likewise."""
    return _write_files(images, count, folder, _picture)


def write_keypoints(keypoints: DataFrame, count: int, folder: str) -> DataFrame:
    """The same for the keypoints of all images."""
    return _write_files(keypoints, count, folder, _keypoints)


def written(table: pa.Table, parts: Iterable[str]) -> dict[str, Part]:
    """What was written of each part, from the table `index`; of one without images nothing."""
    by_part = {part: Part([], {}, 0) for part in parts}
    for row in table.sort_by("shard").to_pylist():
        of = by_part[row["part"]]
        files = {name: Checksum(*checksum) for name, checksum in json.loads(row["checksums"]).items()}
        by_part[row["part"]] = Part([*of.numbers, row["shard"]], {**of.checksums, **files}, of.images + row["images"])
    return by_part


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


def _writer(
    folder: str, bounds: bytes, dataset: str, by_distance: bytes, thresholds: Thresholds
) -> Callable[[Batches], Batches]:
    def run(batches: Batches) -> Batches:
        from pyspark import TaskContext

        filled = [batch for batch in batches if batch.num_rows]
        if filled:
            task = TaskContext.get()
            assert task is not None  # this runs in a task
            number, images = task.partitionId(), _images(pa.Table.from_batches(filled), dataset)
            filled.clear()  # its features are copied
            both = lower_bounds.from_bytes(bounds), cells.from_bytes(by_distance)
            checksums = shards.write(folder, number, shards.make(images, *both, thresholds))
            yield _row(folder, number, len(images), checksums)

    return run


def _row(folder: str, shard: int, count: int, checksums: dict[str, Checksum]) -> pa.RecordBatch:
    row = {"part": folder.rsplit("/", 1)[1], "shard": shard, "images": count, "checksums": json.dumps(checksums)}
    return pa.RecordBatch.from_pylist([row], arrow.schema("index"))


def _write_files(images: DataFrame, count: int, folder: str, file: Callable[[dict[str, Any]], bytes]) -> DataFrame:
    sharded = images.dropDuplicates(["image_id"]).mapInArrow(_sharder(count, file), FILE)
    return sharded.groupBy("shard").applyInArrow(_file_writer(folder), tables.table("index").columns)


def _picture(row: dict[str, Any]) -> bytes:
    return pictures.small(row["content"], row["height"], row["width"])


def _keypoints(row: dict[str, Any]) -> bytes:
    content: bytes = row["keypoints"]
    return content


def _sharder(count: int, file: Callable[[dict[str, Any]], bytes]) -> Callable[[Batches], Batches]:
    def run(batches: Batches) -> Batches:
        for batch in batches:
            rows = batch.to_pylist()
            files = [file(row) for row in rows]
            numbers = pa.array([file_shards.shard_of(row["image_id"], count) for row in rows], pa.int32())
            columns = [numbers, batch["image_id"], pa.array(files, pa.binary())]
            yield pa.RecordBatch.from_arrays(columns, ["shard", "image_id", "file"])

    return run


def _file_writer(folder: str) -> Callable[[pa.Table], pa.Table]:
    def run(table: pa.Table) -> pa.Table:
        number = table["shard"][0].as_py()
        checksums = file_shards.write(folder, number, table["image_id"].to_pylist(), table["file"].to_pylist())
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
    features = arrow.matrix(table["features"].combine_chunks())
    probabilities = np.empty((len(table), 0), np.float32)
    if "probabilities" in table.column_names:
        probabilities = arrow.matrix(table["probabilities"].combine_chunks())
    images = Images(features, probabilities, table["image_id"].to_pylist(), origins=table["origin"].to_pylist())
    if dataset is None:
        return images
    labels = table["label"].to_pylist() if "label" in table.column_names else None
    return replace(images, splits=table["split"].to_pylist(), datasets=[dataset] * len(table), labels=labels)
