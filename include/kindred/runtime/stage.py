"""One attempt at one stage of one run: what it writes, and the mark that commits it. The only writer of tables."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from kindred.runtime import arrow, checked_copy, committed_files, log_lines, marks, progress, storage, tables
from kindred.runtime.checked_copy import Checksum
from kindred.runtime.errors import InputError
from kindred.runtime.run_reader import RunReader

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

log = logging.getLogger("kindred")

# Hardly a feature stands there twice: a dictionary of them would be made and thrown away, a third of the time to write.
PARQUET = {"parquet.enable.dictionary#features.list.element": "false"}


class Stage(RunReader):
    """One attempt at the stage `name` of a run; `home` is the folder of the stage's attempts, the run's own by default.

    The results of a job go into `figures` (numbers, for MLflow), `facts` (what later stages read) and `steps`
    (figures that change on the way: step and value, for MLflow).
    """

    def __init__(self, name: str, run: str, arguments: dict[str, Any], home: str | None = None) -> None:
        super().__init__(run, name)
        self.arguments = arguments
        self.home = home or storage.join(run, name)
        self.attempt = marks.new_attempt()
        self.figures: dict[str, float] = {}
        self.facts: dict[str, Any] = {}
        self.steps: dict[str, list[tuple[int, float]]] = {}
        self.prepared: Any = None  # what `home` worked out on its way, for `main`
        self.reports: list[str] = []  # files of the attempt's folder that are for people: for MLflow
        self.tables: dict[str, str] = {}
        self.checksums: dict[str, Checksum] = {}  # of the small files

    @property
    def folder(self) -> str:
        """The folder of this attempt: nobody else writes there, and nobody reads there before the commit."""
        return storage.join(self.home, self.attempt)

    def say(self, text: str) -> None:
        """One line for the console."""
        log.info("%s", log_lines.progress(self.name, text))

    def threads(self) -> int:
        """Threads for each task."""
        from kindred.runtime import spark_session

        return spark_session.threads_per_task(self.spark)

    def put_file(self, name: str, content: bytes) -> str:
        """A small file in this attempt's folder; its URI."""
        path = storage.join(self.folder, name)
        storage.put_bytes(path, content)
        self.checksums[name] = checked_copy.checksum_of(content, "sha256")
        return path

    def report(self, name: str, content: bytes) -> None:
        """A file of this attempt that is for people: MLflow gets it too."""
        self.put_file(name, content)
        self.reports.append(name)

    def write(self, name: str, frame: DataFrame, of: int | None = None) -> DataFrame:
        """Write a table into this attempt's folder, with a live count on the way to `of` images; the table as written.

        Raises InputError for another stage's table, TypeError for other columns than those of `tables`.
        """
        from pyspark.sql import functions as F

        path, columns = self._table_path(name), tables.table(name).columns
        for column, value in tables.defaults(name).items():
            if column not in frame.columns:
                frame = frame.withColumn(column, F.lit(value))
        frame = frame.select(arrow.schema(name).names)
        empty = self.spark.createDataFrame([], columns)
        declared, given = ([(f.name, f.dataType) for f in s.schema.fields] for s in (empty, frame))
        if declared != given:
            raise TypeError(f"table {name!r} must have columns {declared}, not {given}")
        with self.progress(of):
            frame.write.options(**PARQUET).parquet(path)
        self.tables[name] = path
        return self.frame(name, path)

    def written(self, name: str, columns: list[str]) -> pa.Table:
        """Some columns of a table that this attempt has just written."""
        fs, inside = storage.filesystem(self.tables[name])
        return ds.dataset(inside, filesystem=fs, format="parquet", schema=arrow.schema(name)).to_table(columns)

    def write_rows(self, name: str, rows: pa.Table) -> None:
        """Write a table that fits into one process; without Spark."""
        path, schema = self._table_path(name), arrow.schema(name)
        fs, inside = storage.filesystem(path)
        fs.makedirs(inside, exist_ok=True)
        rows = arrow.completed(rows, name, schema.names)
        pq.write_table(rows.select(schema.names).cast(schema), f"{inside}/part-0.parquet", filesystem=fs)
        self.tables[name] = path

    @contextlib.contextmanager
    def progress(self, of: int | None = None) -> Iterator[None]:
        """Report every few seconds how much of the Spark work inside the block is done; the speed becomes a step."""
        course: list[tuple[int, float]] = []
        try:
            with progress.watched(self.spark, self.say, of) as course:
                yield
        finally:
            if course:
                self.steps["progress/images_per_second"] = course

    def adopt(self, name: str, other: str) -> None:
        """Commit a table of this run under another name: the mark points to it, nothing is copied."""
        if tables.table(name).columns != tables.table(other).columns:
            raise TypeError(f"{other!r} cannot stand in for {name!r}: their columns differ")
        self.tables[name] = self.mark_of(tables.check_reader(other, self.name).writer, other)["tables"][other]

    def mark(self, seconds: float, summary: str) -> dict[str, Any]:
        """The mark that commits this attempt."""
        return {
            "stage": self.name,
            "attempt": self.attempt,
            "folder": self.folder,
            "arguments": self.arguments,
            "inputs": self.inputs,
            "tables": self.tables,
            "files": self._files(),
            "checksums": self.checksums,
            "figures": {**self.figures, f"{self.name}/seconds": round(seconds, 3), f"{self.name}/reused": 0},
            "facts": self.facts,
            "steps": self.steps,
            "reports": self.reports,
            "application": self._spark and self._spark.sparkContext.applicationId,  # None: it needed no Spark
            "summary": summary,
        }

    def _files(self) -> dict[str, dict[str, int]]:
        """The size of each file that this attempt has written, and of each table that it has adopted, by folder."""
        adopted = [uri for uri in self.tables.values() if not uri.startswith(f"{self.folder}/")]
        listed = {folder: committed_files.listing(folder) for folder in [self.folder, *adopted]}
        return {folder: files for folder, files in listed.items() if files}

    def _table_path(self, name: str) -> str:
        """Where this stage writes a table; raises InputError for one that is another stage's."""
        table = tables.table(name)
        if table.writer != self.name:
            raise InputError(f"stage {self.name!r} may not write {name!r}; its writer: {table.writer}")
        return storage.join(self.folder, name)
