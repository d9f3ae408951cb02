"""What every stage does the same way: read, write, commit, resume, and fail in one line."""

import logging
import time
from pathlib import Path

import pytest

from kindred.runtime import job, marks, progress, runs, storage, tables
from kindred.runtime.errors import InputError
from kindred.runtime.run_reader import RunReader
from kindred.runtime.stage import Stage

pytestmark = pytest.mark.spark


@pytest.fixture
def run(data, spark) -> str:
    return runs.run_folder("tests", "one")


def write_rejected(s: Stage, *, reason: str) -> str:
    """A stage that writes one row."""
    row = [("a.png", "train", reason)]
    s.write("rejected", s.spark.createDataFrame(row, tables.table("rejected").columns))
    s.facts, s.figures = {"classes": ["cat"]}, {"ingest/rejected": 1}
    return f"one row: {reason}"


def read_rejected(s: Stage, *, note: str = "") -> str:
    """A stage that reads what the other one wrote."""
    s.figures = {"evaluate/rows": s.read("rejected").count()}
    return "read"


def do(name: str, run: str, main=write_rejected, home=None, **arguments) -> dict:
    return job.execute(main, home, Stage(name, run, arguments), time.time())


def reasons(run: str) -> list[str]:
    """What a reader sees."""
    return [row.reason for row in RunReader(run, "evaluate").read("rejected").collect()]


def test_what_a_stage_wrote_is_read_once_it_is_committed(run: str) -> None:
    mark = do("ingest", run, reason="blurred")

    assert reasons(run) == ["blurred"]
    assert marks.mark_of(storage.join(run, "ingest")) == mark
    assert mark["arguments"] == {"reason": "blurred"}
    assert mark["summary"] == "one row: blurred"
    assert mark["figures"]["ingest/rejected"] == 1
    assert mark["figures"]["ingest/reused"] == 0
    assert mark["figures"]["ingest/seconds"] > 0
    assert RunReader(run, "evaluate").facts_of("ingest") == {"classes": ["cat"]}


# Wildcards of Spark's path globs, and what other programs may misread.
NAMES = [
    "data [2024]",
    "{a,b}",
    "a?",
    "a*",
    "]}",
    "back\\slash",
    "a b",
    "#1",
    "100%",
    "%20",
    "é 猫",
    "[",
    "it's",
    "a:b",
]


def test_folders_of_any_names_hold_tables(data, spark) -> None:
    run = storage.join(f"file://{data}", *NAMES, "run")

    do("ingest", run, reason="blurred")

    assert reasons(run) == ["blurred"]
    assert RunReader(run, "evaluate").rows("rejected")["reason"].to_pylist() == ["blurred"]


def test_before_the_commit_there_is_nothing_to_read(run: str) -> None:
    def look(s: Stage, *, reason: str) -> str:
        write_rejected(s, reason=reason)
        named = "run 'tests/one' has not finished its stage 'ingest', which makes 'rejected'"
        with pytest.raises(InputError, match=named):
            reasons(run)
        return "looked"

    assert do("ingest", run, look, reason="blurred")["summary"] == "looked"


def test_a_stage_that_is_done_is_skipped(run: str) -> None:
    first = do("ingest", run, reason="blurred")

    again = do("ingest", run, lambda s, **given: pytest.fail("done again"), reason="blurred")

    assert again["attempt"] == first["attempt"]
    assert again["figures"] == first["figures"] | {"ingest/reused": 1}
    assert marks.mark_of(storage.join(run, "ingest")) == again


def test_a_stage_with_other_arguments_is_done_again(run: str) -> None:
    do("ingest", run, reason="blurred")

    do("ingest", run, reason="dark")

    assert reasons(run) == ["dark"]


def test_a_stage_is_done_again_when_an_input_was(run: str) -> None:
    do("ingest", run, reason="blurred")
    first = do("evaluate", run, read_rejected, note="x")
    skipped = do("evaluate", run, read_rejected, note="x")
    do("ingest", run, reason="dark")

    again = do("evaluate", run, read_rejected, note="x")

    assert skipped["attempt"] == first["attempt"]
    assert again["attempt"] != first["attempt"]
    assert again["inputs"] == {"ingest": marks.mark_of(storage.join(run, "ingest"))["attempt"]}


def test_a_stage_that_dies_leaves_no_mark_and_readers_see_the_old_table(run: str) -> None:
    def die(s: Stage, *, reason: str) -> str:
        write_rejected(s, reason=reason)
        raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        do("ingest", run, die, reason="first")
    before = marks.mark_of(storage.join(run, "ingest"))
    do("ingest", run, reason="blurred")
    with pytest.raises(RuntimeError, match="killed"):
        do("ingest", run, die, reason="dark")

    assert before is None
    assert reasons(run) == ["blurred"]


def test_an_attempt_that_was_overtaken_by_other_work_is_refused_and_leaves_nothing(run: str, data) -> None:
    def overtaken(s: Stage, *, reason: str) -> str:
        do("ingest", run, reason="later")
        return write_rejected(s, reason=reason)

    with pytest.raises(InputError, match="a later try of 'ingest' with other arguments stands"):
        do("ingest", run, overtaken, reason="earlier")

    assert reasons(run) == ["later"]
    assert len(list((data / "runs/tests/one/ingest").iterdir())) == 2  # the mark, and the attempt that it names


def test_an_attempt_that_was_overtaken_by_the_same_work_reuses_that_and_reports_it(run: str, data, caplog) -> None:
    caplog.set_level(logging.INFO, "kindred")

    def overtaken(s: Stage, *, reason: str) -> str:
        do("ingest", run, reason=reason)
        return write_rejected(s, reason=reason)

    mark = do("ingest", run, overtaken, reason="same")

    assert f"comes second and is deleted; {mark['attempt']} did the same work and stands" in caplog.text
    assert marks.mark_of(storage.join(run, "ingest")) == mark
    assert reasons(run) == ["same"]
    assert len(list((data / "runs/tests/one/ingest").iterdir())) == 2


def test_shared_work_is_reused_by_another_run(run: str, data) -> None:
    other, shared = runs.run_folder("tests", "two"), f"file://{data}/shared"
    first = do("ingest", run, home=lambda s, reason: shared, reason="blurred")

    second = do("ingest", other, home=lambda s, reason: shared, reason="blurred")

    assert second["attempt"] == first["attempt"]
    assert (first["figures"]["ingest/reused"], second["figures"]["ingest/reused"]) == (0, 1)
    assert reasons(run) == reasons(other) == ["blurred"]
    assert RunReader(other, "evaluate").folder_of("ingest") == shared


def test_a_stage_cannot_write_anothers_table(run: str, spark) -> None:
    with pytest.raises(InputError, match="stage 'evaluate' may not write 'rejected'; its writer: ingest"):
        Stage("evaluate", run, {}).write("rejected", spark.range(1))


def test_columns_of_another_type_are_refused(run: str, spark) -> None:
    frame = spark.createDataFrame([("a", "train", 1)], "origin string, split string, reason int")

    with pytest.raises(TypeError, match="table 'rejected' must have columns"):
        Stage("ingest", run, {}).write("rejected", frame)


def test_a_missing_column_is_refused(run: str, spark) -> None:
    from pyspark.errors import AnalysisException

    with pytest.raises(AnalysisException, match="reason"):
        Stage("ingest", run, {}).write(
            "rejected", spark.createDataFrame([("a", "train")], "origin string, split string")
        )


def test_columns_are_put_in_order_and_others_left_out(run: str, spark) -> None:
    frame = spark.createDataFrame([("r", 1, "a", "train")], "reason string, more int, origin string, split string")

    written = Stage("ingest", run, {}).write("rejected", frame)

    assert [tuple(row) for row in written.collect()] == [("a", "train", "r")]


def test_a_table_is_adopted_under_another_name_without_a_copy(run: str, spark) -> None:
    columns = tables.table("predictions_base").columns

    def write(s: Stage) -> str:
        s.write("predictions_base", s.spark.createDataFrame([("a", "test", "x", 1.0, [1.0])], columns))
        return "written"

    def adopt(s: Stage) -> str:
        s.adopt("predictions_final", "predictions_base")
        return "adopted"

    written = do("train_base", run, write)
    adopted = do("gate", run, adopt)

    assert adopted["tables"]["predictions_final"] == written["tables"]["predictions_base"]
    assert RunReader(run, "evaluate").read("predictions_final").count() == 1
    with pytest.raises(TypeError, match="'labels' cannot stand in for 'predictions_final'"):
        Stage("gate", run, {}).adopt("predictions_final", "labels")


@pytest.mark.spark
def test_how_quick_work_is_on_its_way_is_kept_step_by_step(data, spark, monkeypatch) -> None:
    monkeypatch.setattr(progress, "INTERVAL_SECONDS", 0.1)
    s = Stage("featurize", runs.run_folder("tests", "progress"), {})

    with s.progress(of=30):
        spark.sparkContext.parallelize(range(3), 3).foreach(lambda _: time.sleep(0.6))

    course = s.steps["progress/images_per_second"]
    assert all(0 < rate < 40 for _, rate in course)
    assert [at for at, _ in course] == sorted(at for at, _ in course)


def test_a_stage_that_was_left_out_is_remembered_so_that_its_later_work_counts(run: str) -> None:
    def look(s: Stage) -> str:
        return f"rejected: {s.finished('ingest')}"

    before = do("report", run, look)
    again = do("report", run, look)
    do("ingest", run, reason="blurred")
    after = do("report", run, look)

    assert before["summary"] == again["summary"] == "rejected: False"
    assert again["figures"]["report/reused"] == 1
    assert after["summary"] == "rejected: True"
    assert after["figures"]["report/reused"] == 0
    assert RunReader(run, "evaluate").arguments_of("ingest") == {"reason": "blurred"}


def test_features_are_written_without_a_dictionary(run: str, spark) -> None:
    import pyarrow.parquet as pq

    rows = [(f"id{i}", "train", [0.5, 1.5]) for i in range(9)]
    stage = Stage("featurize", run, {})

    stage.write("features", spark.createDataFrame(rows, tables.table("features").columns).coalesce(1))

    (file,) = Path(storage.local(stage.tables["features"])).glob("*.parquet")
    group = pq.ParquetFile(file).metadata.row_group(0)
    used = {group.column(i).path_in_schema: str(group.column(i).encodings) for i in range(group.num_columns)}
    assert "DICTIONARY" in used["split"]
    assert "DICTIONARY" not in used["features.list.element"]
