"""Decoded images -> images, truth, rejected: duplicates, leaks, and a test part where the source has none."""

from collections import Counter
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from kindred.data import decoding
from kindred.runtime import storage, tables
from kindred.runtime.errors import InputError

IMAGES_PER_TEST_IMAGE = 5  # one labelled image in so many of each class becomes a test image: a split of 80 to 20

# The reasons of the table `rejected`.
CONTRADICTING = "the same pixels under two classes"
CONFLICTING = "copy of a test image of another class"  # followed by which: see `duplicates`
LEAKED = "copy of a test image"
LEAKED_QUERY = "copy of a query image"
REPEATED = "repeat within the split"
REPEATED_UNLABELED = "unlabelled repeat of a training image"

PAIR = ("label", "present")  # columns of what is known of an image
NOTHING_TO_TEST_ON = "no test image has a known label, so the run's figures are those of cross-validation only"


def duplicates(decoded: DataFrame, leaks: str) -> DataFrame:
    """Which decoded rows to leave out, and why: origin, split, reason.

    Where copies of an image have several labels, the test part is right: a copy elsewhere under another class is left
    out. Within one part none is right, and all are left out. A copy of a test image outside the test part is a leak,
    which `leaks` = "keep" leaves in. Of repeats the first stays. Queries are tested on, as test images are; a copy in
    the gallery is no leak, since no stage learns from it, and no label there takes another image away.
    """
    rows = decoded.where("reason is null").select("image_id", "split", "origin", "label")
    same = Window.partitionBy("image_id")
    in_test, known = F.col("split").isin(*tables.TESTED_ON), F.col("label").isNotNull()
    learned = F.col("split").isin(*tables.LEARNED_FROM)
    marked = rows.select(
        "*",
        F.size(F.collect_set(F.when(in_test, F.col("label"))).over(same)).alias("test_labels"),
        F.size(F.collect_set(F.when(~in_test, F.col("label"))).over(same)).alias("other_labels"),
        F.size(F.collect_set(F.when(learned, F.col("label"))).over(same)).alias("learned_labels"),
        F.max(F.when(in_test & known, F.struct("label", "origin"))).over(same).alias("test"),
        F.max(F.col("split") == tables.TEST).over(same).alias("tested"),
        F.max(F.col("split") == tables.QUERY).over(same).alias("asked"),
    )
    conflict = F.concat(F.lit(f"{CONFLICTING}: "), "test.origin", F.lit(" ("), "test.label", F.lit(")"))
    grave = (
        F.when((F.col("test_labels") > 1) & (in_test | known), CONTRADICTING)
        .when(~in_test & (F.col("test.label") != F.col("label")), conflict)
        .when(learned & (F.col("test_labels") == 0) & (F.col("learned_labels") > 1), CONTRADICTING)
        .when(~in_test & ~learned & (F.col("test_labels") == 0) & (F.col("other_labels") > 1), CONTRADICTING)
        .when(learned & F.col("tested") & F.lit(leaks == "drop"), LEAKED)
        .when(learned & F.col("asked") & F.lit(leaks == "drop"), LEAKED_QUERY)
    )
    reasons = _with_repeats(marked.withColumn("reason", grave))
    return reasons.select("origin", "split", "reason").where("reason is not null")


def of_one_class(decoded: DataFrame) -> DataFrame:
    """Decoded rows as if all that are labelled were of one class: those of images with several labels do not contradict
    each other, and what is done class by class is done with all of them at once.
    """
    return decoded.withColumn("label", F.when(F.col("label").isNotNull(), F.lit("labelled")))


def known_labels(labelled: DataFrame) -> DataFrame:
    """Rows of the table `truth` of images with several labels, of `labelled_rows`: those of copies are joined, so that
    a class is present where one of them says so.
    """
    known = labelled.select("image_id", F.explode(F.from_json("label", "map<string, boolean>")).alias(*PAIR))
    return known.groupBy("image_id", "label").agg(F.max("present").alias("present"))


def joined_images(labelled: DataFrame) -> int:
    """Of how many images with several labels those of copies that differ are joined; of `labelled_rows`."""
    different = labelled.groupBy("image_id").agg(F.count_distinct("label").alias("sets"))
    return different.where("sets > 1").count()


def labelled_rows(decoded: DataFrame, left_out: DataFrame) -> DataFrame:
    """The decoded rows of images with several labels (`data.known_labels`) whose labels count: those that stay, and
    repeats within a split. A leak gives no labels, nor does another row that is left out. Where leaks are kept the test
    image is right, as everywhere; one of the gallery comes last.
    """
    apart = left_out.where(F.col("reason") != REPEATED).select("origin", "split")
    rows = decoded.where("reason is null and label is not null").select("image_id", "split", "origin", "label")
    place = F.when(F.col("split").isin(*tables.TESTED_ON), 0).when(F.col("split").isin(*tables.LEARNED_FROM), 1)
    ranked = rows.join(apart, ["origin", "split"], how="left_anti").withColumn("place", F.coalesce(place, F.lit(2)))
    best = F.min("place").over(Window.partitionBy("image_id"))
    return ranked.withColumn("best", best).where("place = best").select("image_id", "label")


def _with_repeats(rows: DataFrame) -> DataFrame:
    """The same rows; where none has a reason to go yet, all copies but the first have one."""
    stays = F.col("reason").isNull()
    same = Window.partitionBy("image_id")
    order = Window.partitionBy("image_id", "split", stays).orderBy(F.col("label").isNull(), "origin")
    trained = F.max(stays & (F.col("split") == "train")).over(same)
    ranked = rows.withColumn("trained", trained).withColumn("rank", F.row_number().over(order))
    repeat = F.when(F.col("rank") > 1, REPEATED).when(
        (F.col("split") == "unlabeled") & F.col("trained"), REPEATED_UNLABELED
    )
    return ranked.withColumn("reason", F.when(stays, repeat).otherwise(F.col("reason")))


def hold_out_test(decoded: DataFrame, several: bool = False) -> DataFrame:
    """Decoded rows with a fifth of the labelled images of each class, chosen by the hash of the id, moved to the split
    test: none of a class that has two, which cross-validation needs. An image under two classes counts for none. Of
    images that may have `several` labels it is a fifth of all that are labelled.
    """
    learned = F.col("split").isin(*tables.LEARNED_FROM)
    labels = (
        (of_one_class(decoded) if several else decoded)
        .where(learned)
        .where("reason is null and label is not null")
        .select("image_id", "label")
        .distinct()
    )
    labelled = labels.groupBy("image_id").agg(F.min("label").alias("label"), F.count("label").alias("labels"))
    by_class = Window.partitionBy("label")
    rank = F.row_number().over(by_class.orderBy(F.sha2("image_id", 256)))
    count = F.count(F.lit(1)).over(by_class)
    held_out = (rank <= F.round(count / IMAGES_PER_TEST_IMAGE)).alias("held_out")
    chosen = labelled.where("labels = 1").select("image_id", held_out)
    joined = decoded.join(F.broadcast(chosen.where("held_out")), "image_id", how="left")
    test = learned & F.col("held_out") & F.col("label").isNotNull()
    return joined.withColumn("split", F.when(test, "test").otherwise(F.col("split"))).select(decoding.COLUMNS)


def kept_images(decoded: DataFrame, left_out: DataFrame) -> DataFrame:
    """The decoded rows that stay: what `duplicates` leaves out is `left_out`."""
    return decoded.where("reason is null").join(
        left_out.select("origin", "split"), ["origin", "split"], how="left_anti"
    )


def rejected_rows(decoded: DataFrame, left_out: DataFrame) -> DataFrame:
    """Everything that does not stay, with its reason."""
    return decoded.where("reason is not null").select("origin", "split", "reason").unionByName(left_out)


def count_decoded(decoded: DataFrame, labels_required: bool = True) -> dict[str, int]:
    """How many rows decoded (of them labelled, and in the split test; the bytes of all) and how many did not; decodes
    them on the way.

    Raises InputError where nothing is left to learn from: no image or, where they are required, no label.
    """
    good = F.col("reason").isNull()
    counts = decoded.agg(
        F.count_if(good).alias("decoded"),
        F.count_if(~good).alias("undecoded"),
        F.count_if(good & F.col("label").isNotNull() & ~F.col("split").isin(*tables.MATCHED)).alias("labelled"),
        F.count_if(good & (F.col("split") == "test")).alias("test"),
        F.coalesce(F.sum(F.length("content")), F.lit(0)).alias("bytes"),
    ).collect()[0]
    if not counts["decoded"]:
        example = decoded.where(~good).select("origin", "reason").first()
        detail = f" of {counts['undecoded']:,}, e.g. {storage.local(example[0])}: {example[1]}" if example else ""
        raise InputError(f"no image could be read{detail}")
    if labels_required and not counts["labelled"]:
        raise InputError(f"none of the {counts['decoded']:,} images has a label; label a few of them")
    return {name: counts[name] for name in ("decoded", "undecoded", "labelled", "test", "bytes")}


def figures(kept: pa.Table, left_out: pa.Table, undecoded: int, leaks: str) -> dict[str, int]:
    """The stage's figures, from columns of the tables `images` and `rejected`. Leaked counts copies of test images,
    whether they were dropped or (leaks = keep) left in.
    """
    by_split = _counts(kept["split"])
    matched = {f"ingest/{split}": by_split[split] for split in tables.MATCHED if by_split[split]}
    by_reason = _counts(left_out["reason"])
    conflicting = sum(count for reason, count in by_reason.items() if reason.startswith(f"{CONFLICTING}: "))
    return {
        **{f"ingest/{split}": by_split[split] for split in tables.SPLITS},
        **matched,
        "ingest/rejected": undecoded + by_reason[CONTRADICTING] + conflicting,
        "ingest/undecoded": undecoded,
        "ingest/contradicting": by_reason[CONTRADICTING],
        "ingest/conflicting": conflicting,
        "ingest/leaked": _leaks(kept) if leaks == "keep" else by_reason[LEAKED] + by_reason[LEAKED_QUERY],
        "ingest/repeated": by_reason[REPEATED] + by_reason[REPEATED_UNLABELED],
    }


def summary(figures: dict[str, int]) -> str:
    """The figures as the console shows them."""
    counts = {name.split("/")[1]: f"{value:,}" for name, value in figures.items()}
    kinds = {
        "undecoded": "cannot be decoded",
        "contradicting": f"with {CONTRADICTING}",
        "conflicting": "copies of test images of another class",
    }
    named = ", ".join(f"{counts[kind]} {text}" for kind, text in kinds.items() if figures[f"ingest/{kind}"])
    matched = "".join(f", {counts[split]} {split}" for split in tables.MATCHED if split in counts)
    return (
        f"{counts['train']} train, {counts['test']} test images, {counts['unlabeled']} without a known label{matched}; "
        f"{counts['rejected']} rejected{f' ({named})' if named else ''}, {counts['leaked']} leaked, "
        f"{counts['repeated']} repeated"
    )


def check_left(kept: pa.Table, truth: pa.Table, figures: dict[str, int]) -> None:
    """Raise InputError, with the counts of what was left out, where the labelled training images that are left are of
    fewer than two classes.
    """
    train = pc.unique(kept.filter(pc.equal(kept["split"], "train"))["image_id"].combine_chunks())
    classes = pc.unique(truth.filter(pc.is_in(truth["image_id"], train))["label"]).to_pylist()
    if not classes:
        raise InputError(f"no labelled training image is left; a classifier needs two classes: {summary(figures)}")
    if len(classes) == 1:
        one = f"all labelled training images that are left are of one class, {classes[0]!r}"
        raise InputError(f"{one}; a classifier needs two: {summary(figures)}")


def check_any_present(kept: pa.Table, truth: pa.Table, figures: dict[str, int]) -> None:
    """Raise InputError, with the counts of what was left out, where none of the training images that are left shows one
    of the classes, of images with several labels.
    """
    train = kept.filter(pc.equal(kept["split"], "train"))["image_id"].combine_chunks()
    if not pc.any(pc.and_(truth["present"], pc.is_in(truth["image_id"], train))).as_py():
        known = len(pc.unique(truth["label"]))
        raise InputError(f"no training image that is left shows one of the {known:,} classes: {summary(figures)}")


def check_matched(figures: dict[str, int]) -> None:
    """Raise InputError where no query, or no image to match it with, is left."""
    if lacking := [split for split in tables.MATCHED if not figures.get(f"ingest/{split}")]:
        raise InputError(f"no image of the split {lacking[0]} is left: {summary(figures)}")


def labelled_test_images(kept: pa.Table, truth: pa.Table) -> int:
    """How many images of the test part have a known label."""
    test = kept.filter(pc.equal(kept["split"], "test"))["image_id"]
    return pc.sum(pc.is_in(test, truth["image_id"].combine_chunks())).as_py() or 0


def facts(kept: pa.Table, truth: pa.Table) -> dict[str, Any]:
    """What later stages need to know of a dataset, from columns of its tables: classes (sorted; of images to match,
    none), the images' common size (null: mixed), the median of their longer sides (px), channels.
    """
    sizes = {name: pc.min_max(kept[name]).as_py() for name in ("height", "width", "channels")}
    alike = all(sizes[name]["min"] == sizes[name]["max"] for name in ("height", "width"))
    matched = pc.is_in(kept["split"], pa.array(tables.MATCHED))
    ids = kept.filter(pc.invert(matched))["image_id"].combine_chunks()
    return {
        "classes": sorted(pc.unique(truth["label"].filter(pc.is_in(truth["image_id"], ids))).to_pylist()),
        "height": sizes["height"]["max"] if alike else None,
        "width": sizes["width"]["max"] if alike else None,
        "median_longer_side": median_longer_side(kept),
        "channels": sizes["channels"]["max"],
    }


def median_longer_side(images: pa.Table) -> int:
    """The median of the images' longer sides (px), from the columns height and width.

    >>> median_longer_side(pa.table({"height": [8, 30, 9], "width": [10, 5, 9]}))
    10
    """
    longer = pc.max_element_wise(images["height"], images["width"])
    return int(pc.quantile(longer, 0.5, interpolation="lower")[0].as_py())


def _counts(column: pa.ChunkedArray) -> Counter[str]:
    return Counter({row["values"]: row["counts"] for row in pc.value_counts(column).to_pylist()})


def _leaks(kept: pa.Table) -> int:
    """How many kept rows that are learned from show a test image or a query."""
    test = pc.is_in(kept["split"], pa.array(tables.TESTED_ON))
    others = kept.filter(pc.is_in(kept["split"], pa.array(tables.LEARNED_FROM)))["image_id"]
    return pc.sum(pc.is_in(others, kept.filter(test)["image_id"].combine_chunks())).as_py() or 0
