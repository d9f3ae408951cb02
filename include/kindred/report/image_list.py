"""A run's images as one table for people: a row for each, with its file, its labels and its prediction (with several
labels an image sets of them; an image that got a pseudo-label for some class is not refused). Made by Spark
where there are many, and written row by row, as it grows with the data: about 80 bytes an image.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import IO, TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from kindred.data import image_csv
from kindred.learning import refusal_reasons
from kindred.runtime import label_sets, tables

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row

COLUMNS = (
    *("origin", "split", "given_label", "truth", "prediction", "confidence"),
    *("pseudo_label", "pseudo_confidence", "refused", "image_id"),
)
ADDED = (  # to each image, by its id: columns of the tables truth, labels, pseudo_labels, refused, and their names
    {"label": "truth"},
    {"label": "given_label"},
    {"label": "pseudo_label", "confidence": "pseudo_confidence"},
    {"reason": "refused"},
)
LEARNED_FROM_COLUMNS = ("given_label", "pseudo_label", "pseudo_confidence", "refused")
REJECTED_COLUMNS = ("origin", "split", "reason")


TABLES = ("images", "predictions_final", "truth", "labels", "pseudo_labels", "refused")


def rows(images: pa.Table, predictions: pa.Table, *added: pa.Table, classes: Sequence[str] | None = None) -> pa.Table:
    """Rows of COLUMNS in the order of their origins, from TABLES. What an image does not have is null: no test image
    has a given label or a pseudo-label, even where the training images have a copy of it. With several labels an image,
    of `classes`, these are joined sets.
    """
    predicted = predictions.select(["image_id", "split", "prediction", "confidence"])
    joined = images.select(["image_id", "split", "origin"]).join(predicted, ["image_id", "split"])
    for table, names in zip(added, ADDED, strict=True):
        of_images = table if classes is None else _of_images(table, list(names), classes)
        own = of_images.select(["image_id", *names]).rename_columns(["image_id", *names.values()])
        joined = joined.join(own, "image_id")
    if classes is not None:
        place = joined.column_names.index("refused")
        joined = joined.set_column(
            place, "refused", pc.if_else(pc.is_null(joined["pseudo_label"]), joined["refused"], None)
        )
    learned_from = pc.is_in(joined["split"], pa.array(tables.LEARNED_FROM))
    for name in LEARNED_FROM_COLUMNS:
        place = joined.column_names.index(name)
        joined = joined.set_column(place, name, pc.if_else(learned_from, joined[name], None))
    return joined.select(COLUMNS).sort_by([("origin", "ascending"), ("split", "ascending")])


def rows_in_spark(
    images: DataFrame, predictions: DataFrame, *added: DataFrame, classes: Sequence[str] | None = None
) -> DataFrame:
    """The same."""
    from pyspark.sql import functions as F

    learned_from = F.col("split").isin(*tables.LEARNED_FROM)
    predicted = predictions.select("image_id", "split", "prediction", "confidence")
    joined = images.select("image_id", "split", "origin").join(predicted, ["image_id", "split"], how="left")
    for table, names in zip(added, ADDED, strict=True):
        of_images = table if classes is None else _of_images_in_spark(table, list(names), classes)
        columns = [F.col(name).alias(alias) for name, alias in names.items()]
        joined = joined.join(of_images.select("image_id", *columns), "image_id", how="left")
    if classes is not None:
        joined = joined.withColumn("refused", F.when(F.col("pseudo_label").isNull(), F.col("refused")))
    own = {name: F.when(learned_from, F.col(name)) for name in LEARNED_FROM_COLUMNS}
    return joined.withColumns(own).select(*COLUMNS).orderBy("origin", "split")


def _of_images(table: pa.Table, names: list[str], classes: Sequence[str]) -> pa.Table:
    """One row for each image of a table with a row for each image and class: the present classes as a joined set, the
    lowest confidence, the first reason.
    """
    known = table.filter(pc.is_in(table["label"], pa.array(classes, pa.string())))
    lowest = [(name, "min") for name in names if name != "label"]
    grouped = known.group_by("image_id").aggregate(lowest).rename_columns(["image_id", *(name for name, _ in lowest)])
    if "label" not in names:
        return grouped
    sets = label_sets.by_id(known, classes)
    return grouped.append_column("label", pa.array([sets[i] for i in grouped["image_id"].to_pylist()], pa.string()))


def _of_images_in_spark(table: DataFrame, names: list[str], classes: Sequence[str]) -> DataFrame:
    """The same."""
    from pyspark.sql import functions as F

    present = F.array_sort(F.collect_set(F.when(F.col("present"), F.col("label"))))
    text = F.when(F.size(present) == 0, label_sets.NONE).otherwise(F.array_join(present, label_sets.SEPARATOR))
    columns = [text.alias(name) if name == "label" else F.min(name).alias(name) for name in names]
    return table.where(F.col("label").isin(*classes)).groupBy("image_id").agg(*columns)


def write(rows: Iterable[Row | Mapping[str, Any]], file: IO[bytes]) -> None:
    """Write rows of COLUMNS as CSV, one by one, the reasons in the words of today."""
    image_csv.write((_current(row) for row in rows), COLUMNS, file)


def write_rejected(rejected: pa.Table, file: IO[bytes]) -> None:
    """Write rows of the table `rejected` as CSV, in their order."""
    image_csv.write((row for batch in rejected.to_batches() for row in batch.to_pylist()), REJECTED_COLUMNS, file)


def _current(row: Row | Mapping[str, Any]) -> dict[str, Any]:
    values = {name: row[name] for name in COLUMNS}
    return values | {"refused": None if row["refused"] is None else refusal_reasons.current(row["refused"])}
