"""Images of an earlier version of a dataset in place of those that would be decoded anew: of each file that has the
same address, size and version (mtime or ETag) as then, also where it was no image, or a repeat of another.
"""

from collections.abc import Sequence
from typing import NamedTuple

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from kindred.data import decoding, image_files, raw_images
from kindred.data.sources import Source
from kindred.runtime import partitioning

NAMED = ("split", "origin", "label")  # what is known of a file before it is read
FILE = ["origin", "size", "version"]  # by which a file is known again
RESULT = ["image_id", "height", "width", "channels", "reason"]


class Files(NamedTuple):
    """Rows of FILE, and how many they are."""

    rows: DataFrame
    number: int


class Earlier(NamedTuple):
    """The tables of the earlier version."""

    sources: DataFrame
    images: DataFrame


class Decoded(NamedTuple):
    """Rows of `decoding.SCHEMA`, those of known files without their content; and how many of these are images."""

    rows: DataFrame
    reused_images: int


class Completed(NamedTuple):
    """Such rows with their content; and how many files had to be decoded for it."""

    rows: DataFrame
    decoded: int


def listed(spark: SparkSession, files: Sequence[Source]) -> Files:
    """The files of a dataset, as they were listed; without those of which no version is known."""
    rows = [tuple(file) for file in files if file.version]
    tasks = spark.sparkContext.parallelize(rows, partitioning.tasks(spark, len(rows)))
    return Files(spark.createDataFrame(tasks, "origin string, size bigint, version string"), len(rows))


def decode(raw: DataFrame, files: Files, earlier: Earlier) -> Decoded:
    """Raw images decoded, but for those whose file the earlier version knows."""
    known = files.rows.join(earlier.sources, FILE, how="inner").select("origin", *RESULT)
    head = raw.select(*NAMED).join(known, "origin", how="inner").withColumn("content", F.lit(None).cast("binary"))
    taken = head.select(decoding.COLUMNS).persist()
    counts = taken.agg(F.count("*").alias("all"), F.count("image_id").alias("images")).collect()[0]
    new = raw.join(taken.select("origin"), "origin", how="left_anti").select(raw_images.COLUMNS)
    tasks = partitioning.tasks(raw.sparkSession, max(1, files.number - counts["all"]))
    return Decoded(decoding.decode(new.repartition(tasks, "origin")).unionByName(taken), counts["images"])


def completed(kept: DataFrame, earlier: Earlier) -> Completed:
    """Decoded rows that stay, with the content of those that are reused. A file that was left out then, as a repeat
    of another, has none: where it stays now, it is decoded. Raises RuntimeError where such a file is no longer what was
    listed: the next try lists it anew.
    """
    stored = earlier.images.select("origin", F.lit(True).alias("stored"))
    light = kept.where("content is null").drop("content").join(stored, "origin", how="left").persist()
    # Spark then knows how small it is, and joins without moving the images between tasks.
    lacking = light.agg(F.count_if(F.col("stored").isNull())).collect()[0][0]
    found = light.where("stored").join(earlier.images.select("origin", "content"), "origin", how="inner")
    rows = kept.where("content is not null").unionByName(found.select(kept.columns))
    if not lacking:
        return Completed(rows, 0)
    left_out = light.where("stored is null")
    raw = left_out.select(*[F.col(name) if name in NAMED else _null(name) for name in raw_images.COLUMNS])
    again = decoding.decode(raw.repartition(partitioning.tasks(kept.sparkSession, lacking), "origin"))
    same = again.join(left_out.select("origin", "image_id"), ["origin", "image_id"], how="left_semi")
    if same.count() < lacking:
        raise RuntimeError(f"of {lacking:,} image files some were changed while they were read")
    return Completed(rows.unionByName(again.select(kept.columns)), lacking)


def source_rows(files: Files, decoded: DataFrame) -> DataFrame:
    """Rows of the table `sources`. A file that could not be read is none of them: the next time it may be."""
    results = decoded.where(~F.coalesce(F.col("reason").startswith(image_files.UNREAD), F.lit(False)))
    return files.rows.join(results.select("origin", *RESULT), "origin", how="inner").select(*FILE, *RESULT)


def _null(name: str) -> Column:
    """No value of a column of `raw_images.SCHEMA`."""
    kinds = dict(column.split() for column in raw_images.SCHEMA.split(", "))
    return F.lit(None).cast(kinds[name]).alias(name)
