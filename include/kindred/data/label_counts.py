"""What label rows say of each image and label: present, verified absent, or nothing; and how often.

A label row has image_id, label, by_person, confidence and place, which is higher for a newer row. A person's row says
present (1) or absent (0); a machine's carries a probability, and says present from a threshold on, otherwise nothing. A
pair of an image and a label without a row is unknown, which is not absent. Source: A. Kuznetsova et al., The Open
Images Dataset V4 (IJCV 2020), section 3.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kindred.runtime.label_sets import SEPARATOR

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

ROW_COLUMNS = "image_id string, label string, by_person boolean, confidence double, place bigint"
FILE_ID = r"([^/]+)[.]jpg$"  # the id of an image in the address of its file
MAX_SIZES = 500  # different image sizes that are counted: the most frequent


def verdicts(rows: DataFrame, threshold: float, partitions: int) -> DataFrame:
    """What label rows (ROW_COLUMNS) say together of each image and label that have any: image_id, label, `present`
    (null: only a machine has seen it, and is not sure), `rows` and `positive_rows` (how many there are, and say
    present), and `contradicting`, whether persons disagree. The newest row counts, and a person's before any machine's.

    `threshold`: the probability from which on a machine's row says present. All rows of an image come to lie in one of
    the partitions.
    """
    from pyspark.sql import functions as F

    person = F.col("by_person")
    positive = F.col("confidence") >= F.when(person, 1.0).otherwise(threshold)
    # The newest row is that of the highest number, whose lowest bit is what it says: numbers alone are added up fast.
    numbered = F.shiftleft("place", 1).bitwiseOR(positive.cast("bigint"))
    counted = (
        rows.select("image_id", "label", positive.alias("positive"), person.alias("person"), numbered.alias("numbered"))
        .repartition(partitions, "image_id")
        .groupBy("image_id", "label")
        .agg(
            F.max(F.when(F.col("person"), F.col("numbered"))).alias("by_person"),
            F.max(F.when(~F.col("person"), F.col("numbered"))).alias("by_machine"),
            F.count_if("person").alias("by_persons"),
            F.count_if(F.col("person") & F.col("positive")).alias("persons_positive"),
            F.count("*").alias("rows"),
            F.count_if("positive").alias("positive_rows"),
        )
    )
    said_by_person, said_by_machine = (F.col(f"by_{who}").bitwiseAND(1) == 1 for who in ("person", "machine"))
    return counted.select(
        "image_id",
        "label",
        F.coalesce(said_by_person, F.when(said_by_machine, True)).alias("present"),
        F.col("rows").cast("int").alias("rows"),
        F.col("positive_rows").cast("int").alias("positive_rows"),
        ((F.col("persons_positive") > 0) & (F.col("persons_positive") < F.col("by_persons"))).alias("contradicting"),
    )


def by_image(verdicts: DataFrame) -> DataFrame:
    """The table `labels_per_image`: how many images have how many present labels."""
    from pyspark.sql import functions as F

    counted = verdicts.groupBy("image_id").agg(F.count_if("present").cast("int").alias("labels"))
    return counted.groupBy("labels").agg(F.count("*").cast("int").alias("images")).orderBy("labels")


def by_label(verdicts: DataFrame, images: int) -> DataFrame:
    """The table `label_counts` without names, of so many images. `rank` is from 1 for the label that is present most
    often; of equals the first in the alphabet.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    conditions = {"present": F.col("present"), "absent": ~F.col("present"), "contradicting": F.col("contradicting")}
    counts = verdicts.groupBy("label").agg(
        *(F.sum(name).cast("int").alias(name) for name in ("rows", "positive_rows")),
        *(F.count_if(condition).cast("int").alias(name) for name, condition in conditions.items()),
    )
    rank = F.row_number().over(Window.orderBy(F.desc("present"), "label"))
    unknown = F.lit(images) - F.col("present") - F.col("absent")
    return counts.select("*", rank.alias("rank"), unknown.cast("int").alias("unknown"))


def sizes(images: DataFrame) -> DataFrame:
    """The table `image_sizes`, of the table `images`: how many are of each of the most frequent sizes."""
    from pyspark.sql import functions as F

    counts = images.groupBy("height", "width").agg(F.count("*").cast("int").alias("images"))
    return counts.orderBy(F.desc("images"), "height", "width").limit(MAX_SIZES)


def several_classes(verdicts: DataFrame, class_of: DataFrame, images: DataFrame) -> DataFrame:
    """The table `several_classes`: which of the `images` (the table of that name, whose files are named by the ids of
    the verdicts) show several classes. `class_of` says which class a present label shows: label, class.
    """
    from pyspark.sql import functions as F

    shown = verdicts.where("present").join(F.broadcast(class_of), "label", how="inner")
    classes = F.array_sort(F.collect_set("class"))
    several = shown.groupBy("image_id").agg(classes.alias("shown")).where(F.size("shown") > 1)
    several = several.select(F.col("image_id").alias("file"), F.array_join("shown", SEPARATOR).alias("classes"))
    files = images.select("image_id", F.regexp_extract("origin", FILE_ID, 1).alias("file"))
    return files.join(several, "file", how="inner").select("image_id", "classes").distinct()
