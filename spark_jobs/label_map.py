"""all label rows of Open Images -> how often each label is present, absent, unknown, and which stand together"""

from pyspark import StorageLevel
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from kindred.data import (
    label_counts,
    label_pairs,
    open_images_classes,
    open_images_files,
    open_images_labels,
    open_images_rows,
)
from kindred.data.open_images_files import Files
from kindred.runtime import job, partitioning
from kindred.runtime.errors import InputError
from kindred.runtime.stage import Stage

PARTITION_BYTES = 2**23  # of label tables: all pairs of image and label of a partition are counted in memory


def main(s: Stage, *, path: str, label_source: str, label_threshold: float) -> str:
    files = open_images_files.find(path)
    tables = open_images_labels.tables_of(files, label_source)
    size = sum(table.file.size for table in tables)
    partitions = max(partitioning.shuffle_partitions(s.spark), size // PARTITION_BYTES)
    rows = open_images_rows.rows(s.spark, tables)
    verdicts = label_counts.verdicts(rows, label_threshold, partitions).persist(StorageLevel.DISK_ONLY)
    with s.progress():
        per_image = s.write("labels_per_image", label_counts.by_image(verdicts).coalesce(1))
    if not per_image.count():
        raise InputError(f"no row in the label tables of {label_source} below {path}")
    images, present = per_image.agg(F.sum("images"), F.sum(F.col("images") * F.col("labels"))).first()
    names = s.spark.createDataFrame(list(open_images_classes.read_names(files).items()), "label string, name string")
    counted = label_counts.by_label(verdicts, images).join(names, "label", how="left")
    counts = s.write("label_counts", counted.coalesce(1))
    compared = counts.where((F.col("rank") <= label_pairs.LABELS) & (F.col("present") > 0)).orderBy("rank")
    labels = [row["label"] for row in compared.select("label").collect()]
    pairs = s.write("label_pairs", label_pairs.pairs(verdicts, labels).coalesce(1)).count()
    s.write(
        "several_classes", label_counts.several_classes(verdicts, _class_of(s, files), s.read("images")).coalesce(1)
    )
    verdicts.unpersist()
    s.write("image_sizes", label_counts.sizes(s.read("images")).coalesce(1))
    s.figures = {"label_map/images": images, "label_map/labels_per_image": present / images, "label_map/pairs": pairs}
    s.figures |= _sums(counts)
    s.facts = {"label_source": label_source, "label_threshold": label_threshold}
    return _summary(s.figures)


def _class_of(s: Stage, files: Files) -> DataFrame:
    """Which class of the run a label shows: itself, or what it is a kind of."""
    names = open_images_classes.read_names(files)
    labels = open_images_classes.find(s.arguments_of("ingest").get("classes") or [], names, fewest=0)
    kinds = open_images_classes.read_hierarchy(files, names).descendants(labels)
    rows = [(kind, labels[one]) for one in labels for kind in sorted({one, *kinds[one]})]
    return s.spark.createDataFrame(rows, "label string, class string")


def _sums(counts: DataFrame) -> dict[str, float]:
    """How many labels there are, and the sums of their counts."""
    names = ("rows", "positive_rows", "present", "absent", "contradicting")
    sums = counts.agg(F.count("*").alias("labels"), *(F.sum(name).alias(name) for name in names)).first()
    return {f"label_map/{name}": value for name, value in sums.asDict().items()}


def _summary(figures: dict[str, float]) -> str:
    rows, positive, labels, images = (
        figures[f"label_map/{name}"] for name in ("rows", "positive_rows", "labels", "images")
    )
    return f"{rows:,} rows, {positive:,} of them positive, of {labels:,} labels on {images:,} images"


if __name__ == "__main__":
    job.run(main)
