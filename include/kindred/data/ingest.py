"""Decoded images -> images, truth, rejected: duplicates, leaks, and a test part where the source has none."""

from collections import Counter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from kindred.data import decoding
from kindred.runtime import storage
from kindred.runtime.errors import InputError

IMAGES_PER_TEST_IMAGE = 5  # one labelled image in so many of each class becomes a test image: a split of 80 to 20

# The reasons of the table `rejected`.
CONTRADICTING = "the same pixels under two classes"
LEAKED = "copy of a test image"
REPEATED = "repeat within the split"
REPEATED_UNLABELED = "unlabelled repeat of a training image"


def duplicates(decoded: DataFrame, leaks: str) -> DataFrame:
    """Which decoded rows to leave out, and why: origin, split, reason.

    A copy of a test image outside the test part is a leak, which `leaks` = "keep" leaves in. Of repeats the first
    stays.
    """
    rows = decoded.where("reason is null").select("image_id", "split", "origin", "label")
    same = Window.partitionBy("image_id")
    order = Window.partitionBy("image_id", "split").orderBy(F.col("label").isNull(), "origin")
    marked = rows.select(
        "*",
        F.size(F.collect_set("label").over(same)).alias("labels"),
        F.max((F.col("split") == "test").cast("int")).over(same).alias("in_test"),
        F.max((F.col("split") == "train").cast("int")).over(same).alias("in_train"),
        F.row_number().over(order).alias("rank"),
    )
    reason = (
        F.when(F.col("labels") > 1, CONTRADICTING)
        .when((F.col("in_test") == 1) & (F.col("split") != "test") & F.lit(leaks == "drop"), LEAKED)
        .when(F.col("rank") > 1, REPEATED)
        .when((F.col("split") == "unlabeled") & (F.col("in_train") == 1), REPEATED_UNLABELED)
    )
    return marked.select("origin", "split", reason.alias("reason")).where("reason is not null")


def hold_out_test(decoded: DataFrame) -> DataFrame:
    """Decoded rows with a fifth of the labelled images of each class, chosen by the hash of the id, moved to the split
    test.
    """
    labelled = decoded.where("reason is null and label is not null").select("image_id", "label").distinct()
    by_class = Window.partitionBy("label")
    rank = F.row_number().over(by_class.orderBy(F.sha2("image_id", 256)))
    count = F.count(F.lit(1)).over(by_class)
    chosen = labelled.select("image_id", (rank <= F.round(count / IMAGES_PER_TEST_IMAGE)).alias("held_out"))
    joined = decoded.join(F.broadcast(chosen.where("held_out").distinct()), "image_id", how="left")
    test = F.col("held_out") & F.col("label").isNotNull()
    return joined.withColumn("split", F.when(test, "test").otherwise(F.col("split"))).select(decoding.COLUMNS)


def kept_images(decoded: DataFrame, left_out: DataFrame) -> DataFrame:
    """The decoded rows that stay: what `duplicates` leaves out is `left_out`."""
    return decoded.where("reason is null").join(
        left_out.select("origin", "split"), ["origin", "split"], how="left_anti"
    )


def rejected_rows(decoded: DataFrame, left_out: DataFrame) -> DataFrame:
    """Everything that does not stay, with its reason."""
    return decoded.where("reason is not null").select("origin", "split", "reason").unionByName(left_out)


def count_decoded(decoded: DataFrame) -> dict[str, int]:
    """How many rows decoded (of them labelled, and in the split test) and how many did not; decodes them on the way.

    Raises InputError where nothing is left to learn from.
    """
    good = F.col("reason").isNull()
    counts = decoded.agg(
        F.count_if(good).alias("decoded"),
        F.count_if(~good).alias("undecoded"),
        F.count_if(good & F.col("label").isNotNull()).alias("labelled"),
        F.count_if(good & (F.col("split") == "test")).alias("test"),
    ).collect()[0]
    if not counts["decoded"]:
        example = decoded.where(~good).select("origin", "reason").first()
        detail = f" of {counts['undecoded']:,}, e.g. {storage.local(example[0])}: {example[1]}" if example else ""
        raise InputError(f"no image could be read{detail}")
    if not counts["labelled"]:
        raise InputError(f"none of the {counts['decoded']:,} images has a label; label a few of them")
    return {name: counts[name] for name in ("decoded", "undecoded", "labelled", "test")}


def figures(kept: pa.Table, left_out: pa.Table, undecoded: int, leaks: str) -> dict[str, int]:
    """The stage's figures, from columns of the tables `images` and `rejected`. Leaked counts copies of test images,
    whether they were dropped or (leaks = keep) left in.
    """
    by_split = _counts(kept["split"])
    by_reason = _counts(left_out["reason"])
    return {
        **{f"ingest/{split}": by_split[split] for split in ("train", "unlabeled", "test")},
        "ingest/rejected": undecoded + by_reason[CONTRADICTING],
        "ingest/leaked": _leaks(kept) if leaks == "keep" else by_reason[LEAKED],
        "ingest/repeated": by_reason[REPEATED] + by_reason[REPEATED_UNLABELED],
    }


def summary(figures: dict[str, int]) -> str:
    """The figures as the console shows them."""
    counts = {name.split("/")[1]: f"{value:,}" for name, value in figures.items()}
    return (
        f"{counts['train']} train, {counts['unlabeled']} unlabelled, {counts['test']} test images; "
        f"{counts['rejected']} rejected, {counts['leaked']} leaked, {counts['repeated']} repeated"
    )


def facts(kept: pa.Table, truth: pa.Table) -> dict[str, Any]:
    """What later stages need to know of a dataset, from columns of its tables: classes (sorted), the images' common
    size (null: mixed), channels.
    """
    sizes = {name: pc.min_max(kept[name]).as_py() for name in ("height", "width", "channels")}
    alike = all(sizes[name]["min"] == sizes[name]["max"] for name in ("height", "width"))
    return {
        "classes": sorted(pc.unique(truth["label"]).to_pylist()),
        "height": sizes["height"]["max"] if alike else None,
        "width": sizes["width"]["max"] if alike else None,
        "channels": sizes["channels"]["max"],
    }


def _counts(column: pa.ChunkedArray) -> Counter[str]:
    return Counter({row["values"]: row["counts"] for row in pc.value_counts(column).to_pylist()})


def _leaks(kept: pa.Table) -> int:
    """How many kept rows outside the test part show a test image."""
    test = pc.equal(kept["split"], "test")
    others = kept.filter(pc.invert(test))["image_id"]
    return pc.sum(pc.is_in(others, kept.filter(test)["image_id"].combine_chunks())).as_py() or 0
