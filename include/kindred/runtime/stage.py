"""What every stage does the same way: arguments, the Spark session, reading, writing, progress, commit. The only table
IO.

A job is a function `main(s, *, argument, ...) -> str` that `run` calls with this module's `Stage`. Its keyword
arguments are the job's command line (`--argument JSON`), all of them required; what it returns is the key figure for
the console.
"""

import argparse
import contextlib
import errno
import inspect
import json
import logging
import os
import re
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from pyspark.sql import DataFrame, SparkSession

from kindred import arrow, runs, schemas, work
from kindred.errors import InputError
from kindred.jvm import cores

log = logging.getLogger("kindred")
TAG = "[kindred]"  # what a console shows of the log: the lines that hold this
BAD_INPUT = 2  # exit status: trying again will not help
PROGRESS_SECONDS = 2.0


def session(name: str) -> SparkSession:
    """The Spark session, with the settings that every stage relies on; where it runs is spark-submit's to say."""
    if running := SparkSession.getActiveSession():
        return running
    builder = SparkSession.builder.appName(name)
    settings = {
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        **work.batch_settings(),
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.adaptive.coalescePartitions.parallelismFirst": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.python.worker.reuse": "true",
        "spark.hadoop.mapreduce.fileoutputcommitter.marksuccessfuljobs": "false",
    }
    if secret := os.environ.get("_SPARK_AUTH_SECRET"):  # here, because spark-submit's command line is logged
        settings["spark.authenticate.secret"] = secret
    for key, value in settings.items():
        builder = builder.config(key, value)
    spark = builder.getOrCreate()
    spark.conf.set("spark.sql.shuffle.partitions", str(work.shuffle_partitions(spark)))
    return spark


class Stage:
    """One attempt at one stage of one run."""

    def __init__(self, name: str, run: str, arguments: dict[str, Any], home: str | None = None) -> None:
        self.name, self.run, self.arguments = name, run, arguments
        self.home = home or runs.join(run, name)
        self.attempt = runs.new_attempt()
        self.figures: dict[str, float] = {}
        self.facts: dict[str, Any] = {}
        self.steps: dict[str, list[tuple[int, float]]] = {}  # figures that change on the way: (step, value), for MLflow
        self.found: Any = None  # what `home` found out on its way, for `main`
        self.reports: list[str] = []  # files of the attempt's folder that are for people: for MLflow
        self.inputs: dict[str, str | None] = {}
        self.tables: dict[str, str] = {}
        self._spark: SparkSession | None = None

    @property
    def spark(self) -> SparkSession:
        if self._spark is None:
            self._spark = session(f"kindred {self.name}")
        return self._spark

    @property
    def folder(self) -> str:
        """The folder of this attempt: nobody else writes there, and nobody reads there before the commit."""
        return runs.join(self.home, self.attempt)

    def say(self, text: str) -> None:
        """One line for the console."""
        log.info("%s %s: %s", TAG, self.name, text)

    def threads(self) -> int:
        """Threads for each task, so that the tasks that run side by side fill the cores and do not fight over them."""
        context = self.spark.sparkContext
        if context.master.startswith("local"):
            return max(1, cores() // context.defaultParallelism)
        return int(context.getConf().get("spark.task.cpus", "1"))

    def folder_of(self, stage: str) -> str:
        """The folder of the committed attempt's stage."""
        return self._mark(stage)["folder"].rsplit("/", 1)[0]

    def facts_of(self, stage: str) -> dict[str, Any]:
        """What a finished stage of this run found out (classes, sizes ...)."""
        return self._mark(stage)["facts"]

    def arguments_of(self, stage: str) -> dict[str, Any]:
        return self._mark(stage)["arguments"]

    def finished(self, stage: str) -> bool:
        """Whether a stage that may be left out has run; that it has not is remembered with what was read."""
        mark = runs.mark_of(runs.join(self.run, stage))
        self.inputs[stage] = mark["attempt"] if mark else None
        return mark is not None

    def figures_of(self, stage: str) -> dict[str, float]:
        return self._mark(stage)["figures"]

    def file(self, stage: str, name: str) -> bytes:
        """A small file that a finished stage of this run wrote."""
        content = runs.read_bytes(runs.join(self._mark(stage)["folder"], name))
        if content is None:
            raise InputError(f"no file {name!r} in {runs.local(self._mark(stage)['folder'])}")
        return content

    def put_file(self, name: str, content: bytes) -> str:
        path = runs.join(self.folder, name)
        runs.put_bytes(path, content)
        return path

    def report(self, name: str, content: bytes) -> None:
        """A file of this attempt that is for people: MLflow gets it too."""
        self.put_file(name, content)
        self.reports.append(name)

    def read(self, name: str) -> DataFrame:
        """A table of this run, as its stage committed it. Raises InputError where that stage has not finished."""
        entry = schemas.check_reader(name, self.name)
        mark = self._mark(entry.writer, name)
        return self.spark.read.schema(entry.columns).parquet(mark["tables"][name])

    def rows(
        self,
        name: str,
        columns: list[str] | None = None,
        where: ds.Expression | None = None,
        limit: int | None = None,
    ) -> pa.Table:
        """What fits into one process of a table of this run, read without Spark: `columns` of the rows for which
        `where` holds, or of the first ones.
        """
        dataset = self._dataset(name)
        return dataset.to_table(columns, where) if limit is None else dataset.head(limit, columns, where)

    def matrix(self, name: str, column: str, where: ds.Expression) -> tuple[np.ndarray, np.ndarray]:
        """The ids and one column of lists, as an array [n, d], of the images in a table of this run for which `where`
        holds, sorted by id.

        For what fits into one process: it is read file by file, without Spark.
        """
        ids, blocks = [], []
        for batch in self._dataset(name).to_batches(columns=["image_id", column], filter=where):
            if batch.num_rows:
                ids.append(batch.column("image_id").to_numpy(zero_copy_only=False))
                blocks.append(arrow.matrix(batch.column(column)))
        if not ids:
            raise InputError(f"no row of {name!r} in {runs.local(self.run)} is among those that are wanted")
        unique, first = np.unique(np.concatenate(ids), return_index=True)  # a leak that was kept stands in two splits
        return unique, np.concatenate(blocks)[first]

    def write(self, name: str, frame: DataFrame, of: int | None = None) -> DataFrame:
        """Write a table into this attempt's folder, with a live count on the way to `of` images; the table
        as written.
        """
        path, columns = self._place(name), schemas.table(name).columns
        frame = frame.select(arrow.schema(name).names)
        empty = self.spark.createDataFrame([], columns)
        declared, given = ([(f.name, f.dataType) for f in s.schema.fields] for s in (empty, frame))
        if declared != given:
            raise TypeError(f"table {name!r} must have columns {declared}, not {given}")
        with self.progress(of):
            frame.write.parquet(path)
        self.tables[name] = path
        return self.spark.read.schema(columns).parquet(path)

    def written(self, name: str, columns: list[str]) -> pa.Table:
        """Some columns of a table that this attempt has just written."""
        fs, inside = runs.filesystem(self.tables[name])
        return ds.dataset(inside, filesystem=fs, format="parquet", schema=arrow.schema(name)).to_table(columns)

    def write_rows(self, name: str, rows: pa.Table) -> None:
        """Write a table that fits into one process; without Spark."""
        path, wanted = self._place(name), arrow.schema(name)
        fs, inside = runs.filesystem(path)
        fs.makedirs(inside, exist_ok=True)
        pq.write_table(rows.select(wanted.names).cast(wanted), f"{inside}/part-0.parquet", filesystem=fs)
        self.tables[name] = path

    @contextlib.contextmanager
    def progress(self, of: int | None = None) -> Iterator[None]:
        """Say every few seconds how much of the Spark work that runs meanwhile is done: images, or per cent. How many
        images a second that is so far becomes a step of the stage's, by whole seconds.
        """
        ended, started, course = threading.Event(), time.time(), []
        tracker = self.spark.sparkContext.statusTracker()

        def watch() -> None:
            said = ""
            while not ended.wait(PROGRESS_SECONDS):
                stages = [info for i in tracker.getActiveStageIds() if (info := tracker.getStageInfo(i))]
                if not stages:
                    continue
                done = min(info.numCompletedTasks / max(info.numTasks, 1) for info in stages)
                text = f"... {int(done * of):,} of {of:,} images" if of else f"... {done:.0%}"
                if text != said:
                    self.say(text)
                said = text
                if of and done:
                    seconds = time.time() - started
                    course.append((round(seconds), done * of / seconds))

        thread = threading.Thread(target=watch, daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
            if course:
                self.steps["progress/images_per_second"] = course

    def adopt(self, name: str, other: str) -> None:
        """Commit a table of this run under another name: the mark points to it, nothing is copied."""
        if schemas.table(name).columns != schemas.table(other).columns:
            raise TypeError(f"{other!r} cannot stand in for {name!r}: their columns differ")
        self.tables[name] = self._mark(schemas.check_reader(other, self.name).writer, other)["tables"][other]

    def mark(self, seconds: float, summary: str) -> dict:
        """The mark that commits this attempt."""
        return {
            "stage": self.name,
            "attempt": self.attempt,
            "folder": self.folder,
            "arguments": self.arguments,
            "inputs": self.inputs,
            "tables": self.tables,
            "figures": {**self.figures, f"{self.name}/seconds": round(seconds, 3), f"{self.name}/reused": 0},
            "facts": self.facts,
            "steps": self.steps,
            "reports": self.reports,
            "application": self._spark and self._spark.sparkContext.applicationId,  # None: it needed no Spark
            "summary": summary,
        }

    def _place(self, name: str) -> str:
        """Where this stage writes a table; raises InputError for one that is another stage's."""
        entry = schemas.table(name)
        if entry.writer != self.name:
            raise InputError(f"stage {self.name!r} may not write {name!r}; its writer: {entry.writer}")
        return runs.join(self.folder, name)

    def _dataset(self, name: str) -> ds.Dataset:
        mark = self._mark(schemas.check_reader(name, self.name).writer, name)
        fs, inside = runs.filesystem(mark["tables"][name])
        return ds.dataset(inside, filesystem=fs, format="parquet", schema=arrow.schema(name))

    def _mark(self, stage: str, table: str | None = None) -> dict:
        mark = runs.mark_of(runs.join(self.run, stage))
        if mark is None:
            wanted = f"'{table}'" if table else f"'{stage}' stage"
            raise InputError(f"no finished {wanted} in {runs.local(self.run)}; run the '{stage}' stage first")
        self.inputs[stage] = mark["attempt"]
        return mark


def run(main: Callable[..., str], home: Callable[..., str] | None = None) -> None:
    """Run a job from its command line: skip what is done, else do it and commit it; exits 0 only then.

    `home(s, **arguments)` names the folder of work that runs share (a dataset, its features); without it, the work
    belongs to the run. Bad input ends in one line and status 2, anything else in one line, its stack and status 1.
    """
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(message)s")
    logging.getLogger("py4j").setLevel(logging.WARNING)
    names = [p.name for p in inspect.signature(main).parameters.values() if p.kind is p.KEYWORD_ONLY]
    parser = argparse.ArgumentParser(description=sys.modules[main.__module__].__doc__, allow_abbrev=False)
    parser.add_argument("--run-uri", required=True, help="URI of the run's folder")
    parser.add_argument("--stage", required=True, help="name of the stage")
    for name in names:
        parser.add_argument(f"--{name}", required=True, type=json.loads, help="a JSON value")
    values = vars(parser.parse_args())
    folder, stage = values.pop("run_uri"), values.pop("stage")
    started = time.time()
    try:
        execute(main, home, Stage(stage, folder, values), started)
    except BaseException as error:
        line, status = explain(error)
        if status != BAD_INPUT:
            log.error("%s", traceback.format_exc())
        log.error("%s %s failed: %s", TAG, stage, line)
        sys.stdout.flush()
        sys.exit(status)


def execute(main: Callable[..., str], home: Callable[..., str] | None, s: Stage, started: float) -> dict:
    """Do the stage, or find it done; the mark that stands in the run's folder afterwards."""
    s.say("started")
    own = runs.join(s.run, s.name)
    if home is not None:
        s.home = home(s, **s.arguments)
    done = _done(s)
    if done is None:
        runs.sweep(s.home)
        summary = main(s, **s.arguments)
        seconds = time.time() - started
        mark = s.mark(seconds, summary)
        done = runs.commit(s.home, mark)
        if done["attempt"] != s.attempt:
            runs.delete(s.folder)
            if not runs.same_work(done, mark):
                raise InputError(f"a later try of {s.name!r} with other arguments stands in {runs.local(s.home)}")
            s.say(f"attempt {s.attempt} comes second and is deleted; {done['attempt']} did the same work and stands")
        s.say(f"done in {seconds:.1f} s, {summary}")
    else:
        done = reused(done)
        s.say(f"reused ({done['summary']})")
    if s.home != own or done["figures"][f"{s.name}/reused"]:
        runs.put_json(runs.join(own, runs.MARK), done)
    return done


def reused(mark: dict) -> dict:
    """The mark of finished work as another run, or another try, takes it over: the same figures, marked as reused."""
    return {**mark, "figures": {**mark["figures"], f"{mark['stage']}/reused": 1}}


def explain(error: BaseException) -> tuple[str, int]:
    """One line for a person, and the exit status."""
    if isinstance(error, KeyboardInterrupt):
        return "stopped", 130
    if isinstance(error, InputError):
        return str(error), BAD_INPUT
    if isinstance(error, SystemExit):
        return f"ended with status {error.code}", error.code if error.code and isinstance(error.code, int) else 1
    if found := re.search(r"kindred\.errors\.InputError: (.+)", str(error)):  # raised in a Spark worker
        return found.group(1), BAD_INPUT
    if found := re.search(r"PYTHON_VERSION_MISMATCH\] (.+?), PySpark cannot run", str(error)):
        return f"{found.group(1)}; mend PYSPARK_PYTHON", BAD_INPUT
    if getattr(error, "errno", None) == errno.ENOSPC or "No space left on device" in str(error):
        return (
            "no space is left on a disk; make room, or mend KINDRED_DATA, KINDRED_CACHE or SPARK_LOCAL_DIRS",
            BAD_INPUT,
        )
    first = next((line for line in str(error).splitlines() if line.strip()), "")
    return f"{type(error).__name__}: {first[:300]} (the stack is in the log)", 1


def _done(s: Stage) -> dict | None:
    """The mark of the same work, already done: by this run, or for a shared folder by any."""
    mark = runs.mark_of(s.home)
    if mark is None or mark["arguments"] != s.arguments:
        return None
    now = {stage: (runs.mark_of(runs.join(s.run, stage)) or {}).get("attempt") for stage in mark["inputs"]}
    return mark if now == mark["inputs"] else None
