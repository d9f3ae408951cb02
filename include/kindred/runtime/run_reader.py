"""What the finished stages of a run have left: tables, files, facts, figures. The only reader of tables."""

from __future__ import annotations

import contextlib
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from kindred.runtime import (
    arrow,
    committed_files,
    file_checks,
    label_sets,
    marks,
    runs,
    storage,
    tables,
    unfinished,
)
from kindred.runtime.checked_copy import Checksum
from kindred.runtime.errors import InputError
from kindred.runtime.file_names import MARK

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

BATCH_ROWS = 1024  # read at a time
SMALL_IMAGES, SMALL_BYTES = 20_000, 64 * 2**20  # up to which Spark costs more than it saves
BUFFER_BYTES = 2**20  # of each column's file


class RunReader:
    """Reads any run by the URI of its folder, as far as its stages have finished, in the name of the stage `name`:
    not every stage may read every table.

    >>> run = "memory://runs/self_training/first"
    >>> storage.put_json(f"{run}/ingest/_DONE.json", {"attempt": "1", "facts": {"classes": ["cat", "dog"]}})
    >>> reader = RunReader(run, "report")
    >>> reader.facts_of("ingest")["classes"]
    ['cat', 'dog']
    >>> reader.finished("attack")
    False
    """

    def __init__(self, run: str, name: str) -> None:
        self.run, self.name = run, name
        self.inputs: dict[str, str | None] = {}  # the attempt of each stage that was read
        self._spark: SparkSession | None = None

    @property
    def spark(self) -> SparkSession:
        """The Spark session, started at the first use: many stages do without."""
        if self._spark is None:
            from kindred.runtime import spark_session

            self._spark = spark_session.session(f"kindred {self.name}")
        return self._spark

    def params(self) -> dict[str, Any]:
        """The values of the run's form."""
        return runs.params_of(self.run)

    def finished(self, stage: str) -> bool:
        """Whether a stage that may be left out has run; that it has not is remembered with what was read."""
        mark = self._find_mark(stage)
        self.inputs[stage] = mark["attempt"] if mark else None
        return mark is not None

    def mark_of(self, stage: str, table: str | None = None) -> dict[str, Any]:
        """The mark of a finished stage. Raises InputError, which names the `table` to read, where it has not."""
        mark = self._find_mark(stage)
        if mark is None:
            raise unfinished.error(self.run, stage, table or "")
        self.inputs[stage] = mark["attempt"]
        return mark

    def _find_mark(self, stage: str) -> dict[str, Any] | None:
        mark = marks.mark_of(storage.join(self.run, stage))
        if mark is not None and "attempt" not in mark:
            raise InputError(f"the mark of {stage!r} in {storage.local(self.run)} names no attempt; {marks.AGAIN}")
        return mark

    def _part(self, stage: str, name: str) -> Any:
        """What the mark of a finished stage says under a name."""
        mark = self.mark_of(stage)
        if name not in mark:
            place = storage.local(storage.join(self.run, stage))
            raise InputError(f"the mark in {place} has no {name!r}; {marks.AGAIN}")
        return mark[name]

    def folder_of(self, stage: str) -> str:
        """The folder that holds the attempts of a finished stage."""
        return str(self._part(stage, "folder")).rsplit("/", 1)[0]

    def facts_of(self, stage: str) -> dict[str, Any]:
        """The facts that a finished stage has left (classes, sizes ...)."""
        facts: dict[str, Any] = self._part(stage, "facts")
        return facts

    def classes(self) -> list[str]:
        """The names of what the run's models predict: those of named clusters, or the classes of the dataset."""
        named: list[str] | None = self.facts_of("choose_labels").get("classes")
        return named or list(self.facts_of("ingest")["classes"])

    def truth(self) -> dict[str, str]:
        """The known labels of what the models predict, by image_id: none where clusters have been named otherwise than
        the classes of the dataset. Of several labels an image those that are present, as `label_sets.joined`.
        """
        rows = self.rows("truth")
        if self.multi_label():
            return label_sets.by_id(rows, self.classes())
        known = set(self.facts_of("ingest")["classes"]) <= set(self.classes())
        return arrow.by_id(rows) if known else {}

    def multi_label(self) -> bool:
        """Whether an image may have several labels."""
        return self.facts_of("ingest").get("task") == label_sets.MULTI_LABEL

    def arguments_of(self, stage: str) -> dict[str, Any]:
        """The arguments of a finished stage."""
        arguments: dict[str, Any] = self._part(stage, "arguments")
        return arguments

    def figures_of(self, stage: str) -> dict[str, float]:
        """The figures of a finished stage, by name."""
        figures: dict[str, float] = self._part(stage, "figures")
        return figures

    def file(self, stage: str, name: str) -> bytes:
        """A small file that a finished stage wrote. Raises InputError where it is not there as it was written."""
        folder = str(self._part(stage, "folder"))
        return file_checks.read(storage.join(folder, name), self.checksums_of(stage).get(name))

    def checksums_of(self, stage: str) -> dict[str, Checksum]:
        """The checksums of the small files that a finished stage wrote, by name; none in an older version's mark."""
        place = storage.join(self.run, stage, MARK)
        return file_checks.listed(self.mark_of(stage).get("checksums", {}), place)

    def read(self, name: str) -> DataFrame:
        """A table, as its stage committed it. Raises InputError where that stage has not finished."""
        return self.frame(name, self.table_uri(name))

    def table_uri(self, name: str) -> str:
        """Where the committed table of this name lies. Raises InputError where it is not there as it was written."""
        stage = tables.check_reader(name, self.name).writer
        mark = self.mark_of(stage, name)
        if name not in mark.get("tables", {}):
            raise InputError(f"the mark of {stage!r} in {storage.local(self.run)} has no {name!r}; {marks.AGAIN}")
        uri = str(mark["tables"][name])
        if "files" in mark and (
            flaw := committed_files.flaw_of_folder(uri, committed_files.of_table(mark, name), ("",))
        ):
            raise InputError(f"{name!r} is not whole, {flaw}; {marks.AGAIN}")
        return uri

    def size_of(self, name: str) -> int:
        """The bytes of a committed table's files."""
        return sum(committed_files.listing(self.table_uri(name)).values())

    def frame(self, name: str, uri: str) -> DataFrame:
        """The table `name` as it lies at a URI."""
        from pyspark.sql import functions as F

        from kindred.runtime import spark_session

        frame = spark_session.read_parquet(self.spark, tables.table(name).columns, uri)
        for column, value in tables.defaults(name).items():
            frame = frame.withColumn(column, F.coalesce(column, F.lit(value)))
        return frame

    def rows(self, name: str, columns: list[str] | None = None, where: ds.Expression | None = None) -> pa.Table:
        """What fits into one process of a table, read without Spark: `columns` of the rows for which `where` holds."""
        with self._named_errors(name):
            rows = self._scanner(name, columns, where).to_table()
            return arrow.completed(rows, name, rows.column_names)

    def rows_or_frame(self, name: str, images: int) -> pa.Table | DataFrame:
        """A table of so many images here where it is small, else in Spark."""
        small = images <= SMALL_IMAGES and self.size_of(name) <= SMALL_BYTES
        return self.rows(name) if small else self.read(name)

    def first(self, name: str, column: str) -> Any:
        """The column's value in the first row of a table. Raises InputError where there is none."""
        with self._named_errors(name), contextlib.closing(self.batches(name, [column], 1)) as batches:
            for batch in batches:
                return batch[0][0].as_py()
        raise InputError(f"no row of {name!r} in {storage.local(self.run)}")

    def matrix(self, name: str, column: str, where: ds.Expression) -> tuple[np.ndarray, np.ndarray]:
        """The ids and one column of lists, as an array [n, d] float32, of the images in a table for which `where`
        holds, sorted by id.

        For what fits into one process: it is read without Spark, first the ids, then batch by batch into the array's
        rows, so that there is never a second copy of it.
        """
        with self._named_errors(name):
            found = self._scanner(name, ["image_id"], where).to_table()["image_id"].unique().sort()
            if not len(found):
                raise InputError(f"no row of {name!r} in {storage.local(self.run)} matches the filter")
            ids, array = found.to_numpy(zero_copy_only=False), np.empty((0, 0), np.float32)
            row_of = {image_id: row for row, image_id in enumerate(ids)}
            for batch in self.batches(name, ["image_id", column]):
                # A leak that was kept stands in two splits: the first row is as good as the second.
                rows = np.array([row_of.pop(image_id, -1) for image_id in batch.column("image_id").to_pylist()])
                if (wanted := rows >= 0).any():
                    values = arrow.matrix(batch.column(column))
                    if not array.size:
                        array = np.empty((len(ids), values.shape[1]), np.float32)
                    array[rows[wanted]] = values[wanted]
        return ids, array

    def batches(
        self, name: str, columns: list[str], batch_rows: int = BATCH_ROWS
    ) -> Generator[pa.RecordBatch, None, None]:
        """Some columns of all rows of a table, a few at a time and nothing read ahead."""
        fs, _ = storage.filesystem(self.table_uri(name))
        for fragment in self._dataset(name).get_fragments():
            with pq.ParquetFile(fragment.path, filesystem=fs, buffer_size=BUFFER_BYTES, pre_buffer=False) as file:
                yield from file.iter_batches(batch_rows, columns=columns, use_threads=False)

    def _scanner(self, name: str, columns: list[str] | None, where: ds.Expression | None) -> ds.Scanner:
        """Some columns of the rows for which `where` holds. Arrow would read far ahead: gigabytes for one picture."""
        buffered = ds.ParquetFragmentScanOptions(pre_buffer=False, use_buffered_stream=True, buffer_size=BUFFER_BYTES)
        options = {"batch_readahead": 1, "fragment_readahead": 1, "fragment_scan_options": buffered}
        return self._dataset(name).scanner(columns, where, BATCH_ROWS, **options)

    def _dataset(self, name: str) -> ds.Dataset:
        fs, inside = storage.filesystem(self.table_uri(name))
        return ds.dataset(inside, filesystem=fs, format="parquet", schema=arrow.schema(name))

    @contextlib.contextmanager
    def _named_errors(self, name: str) -> Iterator[None]:
        """What a broken file makes of a read is an InputError that names it."""
        try:
            yield
        except (pa.ArrowInvalid, OSError) as error:
            if isinstance(error, OSError) and error.errno is not None and not isinstance(error, FileNotFoundError):
                raise  # of the disk or the store, not of the file
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            raise InputError(f"{name!r} cannot be read: {reason[:300]}; {marks.AGAIN}") from None
