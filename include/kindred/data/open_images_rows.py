"""All label rows of Open Images in Spark: tables of any size, of which each task reads a range of bytes."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from kindred.data import label_counts, open_images_labels
from kindred.data.open_images_files import MACHINE, LabelFile
from kindred.data.open_images_labels import COLUMNS, CONFIDENCE, IMAGE, LABEL, SOURCE
from kindred.runtime import storage
from kindred.runtime.errors import InputError
from kindred.runtime.log_lines import one_line

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

RANGE_BYTES = 2**23  # of a table, in a task at once
ROW_NAMES = [column.split()[0] for column in label_counts.ROW_COLUMNS.split(", ")]
PLACE_BITS = 48  # of a row's place that say where in its table it begins; those above, which table it is


def rows(spark: SparkSession, tables: Sequence[LabelFile]) -> DataFrame:
    """The rows of label tables, a later of which is newer, as label_counts.ROW_COLUMNS. Raises InputError, while Spark
    works, for other columns and for rows that are none.
    """
    for table in tables:
        _check(table)
    ranges = [
        (number, table.file.uri, start, min(start + RANGE_BYTES, table.file.size))
        for number, table in enumerate(tables)
        for start in range(0, table.file.size, RANGE_BYTES)
    ]
    columns = "number int, uri string, start bigint, end bigint"
    tasks = max(1, min(len(ranges), 4 * spark.sparkContext.defaultParallelism))
    frame = spark.createDataFrame(ranges, columns).repartition(tasks, "uri", "start")
    return frame.mapInArrow(_read_ranges, label_counts.ROW_COLUMNS)


def _check(table: LabelFile) -> None:
    """Raise InputError where a table has other columns."""
    fs, inside = storage.filesystem(table.file.uri)
    with fs.open(inside, "rb") as file:
        header = file.readline().decode("utf-8", "replace").rstrip("\r\n")
    open_images_labels.check_columns(header.split(","), one_line(storage.local(table.file.uri)))


def _read_ranges(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for one in batch.to_pylist():
            content = _lines(one["uri"], one["start"], one["end"])
            if content:
                yield _parsed(content, one["number"], one["start"], one["uri"])


def _lines(uri: str, start: int, end: int) -> bytes:
    """The lines of a table that begin behind its header in a range of bytes."""
    fs, inside = storage.filesystem(uri)
    with fs.open(inside, "rb") as file:
        file.seek(max(start - 1, 0))
        file.readline()  # the header, or a line that begins before the range
        content: bytes = file.read(max(end - file.tell(), 0))
        return content + (b"" if not content or content.endswith(b"\n") else file.readline())


def _parsed(content: bytes, number: int, start: int, uri: str) -> pa.RecordBatch:
    """Lines as rows of label_counts.ROW_COLUMNS."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc
    from pyarrow import csv

    path = one_line(storage.local(uri))
    texts = csv.ConvertOptions(column_types={name: pa.string() for name in COLUMNS})
    try:
        table = csv.read_csv(
            io.BytesIO(content), csv.ReadOptions(use_threads=False, column_names=list(COLUMNS)), convert_options=texts
        )
    except pa.ArrowInvalid as error:
        shown = one_line(str(error))[: open_images_labels.MAX_SHOWN]
        raise InputError(f"{path} is no CSV file with {len(COLUMNS)} columns: {shown}") from None
    by_person = pc.not_equal(pc.utf8_lower(pc.utf8_trim_whitespace(table[SOURCE])), MACHINE)
    confidence = _confidence(table, by_person, path)
    place = np.arange(len(table)) + start + (number << PLACE_BITS)  # below those of the next range: no line is empty
    columns = [table[IMAGE], table[LABEL], by_person, confidence, pa.array(place)]
    return pa.table(columns, ROW_NAMES).combine_chunks().to_batches()[0]


def _confidence(table: pa.Table, by_person: pa.ChunkedArray, path: str) -> pa.ChunkedArray:
    """The confidences of rows. Raises InputError for one that is none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        values = pc.cast(table[CONFIDENCE], pa.float64())
    except pa.ArrowInvalid:
        values = pa.nulls(len(table), pa.float64())
    of_person = pc.or_(pc.equal(values, 0), pc.equal(values, 1))
    of_machine = pc.and_(pc.greater_equal(values, 0), pc.less_equal(values, 1))
    valid = pc.fill_null(pc.if_else(by_person, of_person, of_machine), False)
    for row in table.filter(pc.invert(valid)).to_pylist():
        open_images_labels.row_of(row[IMAGE], row[SOURCE], row[LABEL], row[CONFIDENCE], path)  # raises for a bad one
    return values
