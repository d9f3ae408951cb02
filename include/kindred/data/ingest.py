"""Raw images -> images, truth, rejected: decoding, ids, duplicates, leaks, and a test part where there is none."""

import functools
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pyspark import StorageLevel
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from kindred.data import images
from kindred.runtime import partitioning, s3, s3_objects, storage
from kindred.runtime.errors import InputError

DECODED = (
    "split string, origin string, label string, image_id string, height int, width int, channels int, "
    "content binary, reason string"
)
COLUMNS = [column.split()[0] for column in DECODED.split(", ")]
CONTENT = COLUMNS.index("content")
READERS = 8  # objects of a bucket that a task fetches side by side
TEST_PART = 5  # one in so many labelled images is set aside where the source has no test part

CONTRADICTING = "the same pixels under two classes"
LEAKED = "copy of a test image"
REPEATED = "repeat within the split"
REPEATED_UNLABELED = "unlabelled repeat of a training image"


def decode(raw: DataFrame) -> DataFrame:
    """Rows of `datasets.RAW` as rows of `DECODED`: pixels hashed and stored as a file, or a reason why not."""
    worker = functools.partial(decode_batches, partitioning.batch_bytes())
    return raw.mapInPandas(worker, DECODED).persist(StorageLevel.DISK_ONLY)


def decode_batches(most: int, frames: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """The same in a worker, about `most` bytes at a time: a frame may name hundreds of photographs."""
    for frame in frames:
        rows = list(frame.itertuples(index=False))
        files = (row.origin if row.content is None and row.reason is None else None for row in rows)
        decoded = (_decode(row, read) for row, read in zip(rows, read_ahead(files), strict=True))
        for some in partitioning.batches(decoded, _stored_bytes, most):
            yield pd.DataFrame(some, columns=COLUMNS)


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


def set_test_aside(decoded: DataFrame) -> DataFrame:
    """Decoded rows with a fifth of the labelled images, by the hash of the id within each class, moved to
    split test.
    """
    labelled = decoded.where("reason is null and label is not null").select("image_id", "label").distinct()
    by_class = Window.partitionBy("label")
    rank = F.row_number().over(by_class.orderBy(F.sha2("image_id", 256)))
    count = F.count(F.lit(1)).over(by_class)
    chosen = labelled.select("image_id", (rank <= F.round(count / TEST_PART)).alias("aside")).where("aside")
    moved = decoded.join(F.broadcast(chosen.distinct()), "image_id", how="left")
    test = F.col("aside") & F.col("label").isNotNull()
    return moved.withColumn("split", F.when(test, "test").otherwise(F.col("split"))).select(COLUMNS)


def keep(decoded: DataFrame, left_out: DataFrame) -> DataFrame:
    """The images that stay."""
    return decoded.where("reason is null").join(
        left_out.select("origin", "split"), ["origin", "split"], how="left_anti"
    )


def rejected(decoded: DataFrame, left_out: DataFrame) -> DataFrame:
    """Everything that does not stay, with its reason."""
    return decoded.where("reason is not null").select("origin", "split", "reason").unionByName(left_out)


def check(decoded: DataFrame) -> dict[str, int]:
    """How many rows decoded, in all and by split, and how many did not; decodes them on the way.

    Raises InputError where nothing is left to learn from.
    """
    good = F.col("reason").isNull()
    counts = decoded.agg(
        F.count_if(good).alias("decoded"),
        F.count_if(~good).alias("undecoded"),
        F.count_if(good & F.col("label").isNotNull()).alias("labelled"),
        F.count_if(good & (F.col("split") == "test")).alias("test"),
    ).first()
    if not counts["decoded"]:
        example = decoded.where(~good).select("origin", "reason").first()
        detail = f" of {counts['undecoded']:,}; {storage.local(example[0])}: {example[1]}" if example else ""
        raise InputError(f"no image could be read{detail}")
    if not counts["labelled"]:
        raise InputError(f"none of the {counts['decoded']:,} images has a label; a few are needed to begin")
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


def facts(kept: pa.Table, truth: pa.Table) -> dict:
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


def read_file(uri: str) -> bytes:
    """An image file's content, unless it is too big to be one. Raises ImageError for a file that cannot be read; a
    bucket that does not answer is no fault of the image, and ends the task.
    """
    if s3.is_s3(uri):
        return _read_object(uri)
    fs, inside = storage.filesystem(uri)
    try:
        if fs.size(inside) > images.MAX_BYTES:
            raise images.ImageError(f"over {images.MAX_BYTES // 2**20} MiB")
        return fs.cat_file(inside)
    except OSError as error:
        raise images.ImageError(f"cannot be read: {error.strerror or error}") from None


def read_ahead(uris: Iterable[str | None]) -> Iterator[Callable[[], bytes] | None]:
    """For each file what gives its content, or raises what `read_file` raises (None stays None), in the given order.
    Objects of a bucket are fetched some at a time, ahead of whoever asks, since each takes its way through the network.
    """
    waiting = deque()
    with ThreadPoolExecutor(READERS) as pool:
        for uri in uris:
            if uri is None:
                waiting.append(None)
            elif s3.is_s3(uri):
                waiting.append(pool.submit(read_file, uri).result)
            else:
                waiting.append(functools.partial(read_file, uri))
            if len(waiting) > READERS:
                yield waiting.popleft()
        yield from waiting


def _read_object(uri: str) -> bytes:
    try:
        found = s3_objects.find(uri, images.MAX_BYTES)
    except s3_objects.TooBig:
        raise images.ImageError(f"over {images.MAX_BYTES // 2**20} MiB") from None
    if found is None:
        raise images.ImageError("cannot be read: it is gone from the bucket")
    return found[0]


def _decode(row, read: Callable[[], bytes] | None) -> tuple:
    head = (row.split, row.origin, row.label)
    if row.reason is not None:
        return (*head, None, None, None, None, None, row.reason)
    try:
        if not pd.isna(row.height):
            shape = (int(row.height), int(row.width), int(row.channels))
            values = np.frombuffer(row.content, np.uint8)
            if values.size != np.prod(shape):
                raise images.ImageError(f"{values.size:,} values are no {' x '.join(map(str, shape))} image")
            pixels = images.from_array(values.reshape(shape))
            content = images.encode(pixels)
        else:
            pixels, content = images.decode_and_keep(row.content if read is None else read())
    except images.ImageError as error:
        return (*head, None, None, None, None, None, str(error))
    return (*head, images.image_id(pixels), *pixels.shape, content, None)


def _stored_bytes(row: tuple) -> int:
    return len(row[CONTENT] or b"")


def _counts(column: pa.ChunkedArray) -> Counter:
    return Counter({row["values"]: row["counts"] for row in pc.value_counts(column).to_pylist()})


def _leaks(kept: pa.Table) -> int:
    """How many kept rows outside the test part show a test image."""
    test = pc.equal(kept["split"], "test")
    others = kept.filter(pc.invert(test))["image_id"]
    return pc.sum(pc.is_in(others, kept.filter(test)["image_id"].combine_chunks())).as_py() or 0
