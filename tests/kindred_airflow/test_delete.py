"""`make delete`, `make pin`, `make runs` and `make prune`: exactly what they name, never what is in use."""

import fcntl
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from kindred.runtime import (
    file_names,
    file_sizes,
    run_deletion,
    run_state,
    runs,
    storage,
    tracking_deletion,
)
from kindred.runtime.errors import InputError
from kindred_airflow import delete, list_runs, machine, managed_runs, pin, prune
from managed import content, is_whole, make_run, old_attempts, opened
from managed import no_mlflow as no_mlflow
from managed import settled as settled

NAME = "self_training/"


@pytest.fixture(autouse=True)
def mlflow_deleted(no_mlflow: None, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of the MLflow runs that were deleted; there is no MLflow."""
    deleted: list[str] = []
    monkeypatch.setattr(machine, "use_tracking", lambda: None)
    monkeypatch.setattr(tracking_deletion, "is_champion", lambda run_id: False)
    monkeypatch.setattr(tracking_deletion, "delete", lambda run_id: (deleted.append(run_id) or 1, 10))
    monkeypatch.setattr(delete.preflight, "check_tracking", lambda: None)
    old_attempts(monkeypatch, days=2)
    return deleted


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture) -> Callable[..., str]:
    """Runs the command line of a command with these variables; what it prints."""

    def run(main: Callable[[], object], **variables: str) -> str:
        with monkeypatch.context() as patch:
            for name, value in variables.items():
                patch.setenv(name, value)
            main()
        return capsys.readouterr().out

    return run


def serve(name: str, before: str | None = None) -> None:
    storage.put_json(storage.join(storage.data_root(), file_names.SERVING), {"name": name, "before": before})


def test_of_ten_runs_exactly_the_named_ones_go_and_the_others_open(settled, command, mlflow_deleted) -> None:
    made = [make_run(f"run-{n}", ["digits", "cats", "dogs"][n % 3], seed=n) for n in range(10)]
    contents = list(map(content, made))
    made = settled(made)
    before = file_sizes.of(storage.data_root()).sizes

    printed = command(delete.main, RUN=f"run-3 {NAME}run-7 run-3")

    gone = [made[3], made[7]]
    left = [run for run in made if run not in gone]
    assert [line.split(":")[0] for line in printed.splitlines()] == [f"  deleted {NAME}run-{n}" for n in (3, 7)]
    assert mlflow_deleted == ["mlflow-of-run-3", "mlflow-of-run-7"]
    assert [file_sizes.of(run).sizes for run in gone] == [{}, {}]
    named = ("runs/self_training/run-3/", "runs/self_training/run-7/")
    kept = {path: size for path, size in before.items() if not path.startswith(named)}
    assert file_sizes.of(storage.data_root()).sizes == kept
    for run in opened(left):
        assert content(run) == contents[made.index(run)]
    with pytest.raises(InputError, match="no run 'run-3'"):
        runs.find_run("run-3")


def test_champion_predecessor_and_pinned_runs_are_refused_and_then_nothing_goes(data: Path, command) -> None:
    made = [make_run(name, "digits") for name in ("champion", "before", "pinned", "other")]
    serve(f"{NAME}champion", f"{NAME}before")
    command(pin.pin, RUN="pinned")

    for name, reason in [
        (
            "champion",
            r"run self_training/champion is served \(the champion\); `make promote RUN=name` promotes another",
        ),
        ("before", "run self_training/before was served before the champion"),
        ("pinned", "run self_training/pinned is pinned; `make unpin RUN=self_training/pinned` first"),
    ]:
        with pytest.raises(InputError, match=reason):
            command(delete.main, RUN=f"other {name}")

    assert all(map(is_whole, made))
    assert command(pin.unpin, RUN="pinned") == f"  {NAME}pinned is no longer pinned\n"
    command(delete.main, RUN="pinned other")
    assert list(map(is_whole, made[:2])) == [True, True]


def test_a_run_whose_model_is_mlflows_champion_is_refused(data: Path, command, monkeypatch) -> None:
    run = make_run("one", "digits")
    monkeypatch.setattr(tracking_deletion, "is_champion", lambda run_id: run_id == "mlflow-of-one")

    with pytest.raises(InputError, match="the model of self_training/one has MLflow's alias champion"):
        command(delete.main, RUN="one")

    assert is_whole(run)


@pytest.mark.parametrize("alive", [True, None])
def test_a_run_in_progress_is_refused_as_long_as_its_processes_may_live(
    data: Path, command, monkeypatch, alive
) -> None:
    run = make_run("one", "digits", close=False)
    run_state.opened(run, "tree")
    monkeypatch.setattr(managed_runs, "alive", lambda tree: alive)

    with pytest.raises(InputError, match="run self_training/one is in progress"):
        command(delete.main, RUN="one")

    assert is_whole(run)
    monkeypatch.setattr(managed_runs, "alive", lambda tree: False)
    assert "stopped" in command(list_runs.main)
    command(delete.main, RUN="one")


def test_a_run_whose_log_is_being_written_is_refused_and_later_the_log_goes_with_it(data: Path, command) -> None:
    make_run("one", "digits")
    log = data / "logs" / "self_training-one.log"
    log.parent.mkdir()
    log.write_text("done")
    with log.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(InputError, match="in progress"):
            command(delete.main, RUN="one")

    assert "logs 4 B" in command(delete.main, RUN="one")
    assert not log.exists()


def test_airflows_logs_of_the_tasks_go_once_no_run_of_the_dag_run_is_left(data: Path, command) -> None:
    make_run("one", "digits")
    part = make_run("two", "digits")
    record = runs.record_of(part)
    runs.put_record(part, {**record, "tags": {"kindred.airflow_run": "manual__one"}})
    logs = data / "airflow" / "logs" / "dag_id=self_training" / "run_id=manual__one"
    logs.mkdir(parents=True)
    (logs / "attempt=1.log").write_text("log")

    command(delete.main, RUN="one")
    with_part = logs.exists()
    command(delete.main, RUN="two")

    assert (with_part, logs.exists()) == (True, False)


@pytest.mark.parametrize(
    "name",
    ["..", ".", "../runs", "a/../b", "self_training/..", "/etc", "~", "a/b/c", "*", "o?e", "file:///tmp", "one!"],
)
def test_a_name_that_is_none_is_refused(data: Path, command, name: str) -> None:
    run = make_run("one", "digits")

    with pytest.raises(InputError, match="is not the name of a run|no run"):
        command(delete.main, RUN=name)

    assert is_whole(run)


def test_a_name_that_two_dags_have_is_asked_for_whole(data: Path, command) -> None:
    run = make_run("one", "digits")
    other = run.replace("self_training", "predict")
    runs.put_record(other, {"dag_id": "predict"})

    with pytest.raises(InputError, match="2 DAGs have a run 'one'; say which: predict/one, self_training/one"):
        command(delete.main, RUN="one")
    command(delete.main, RUN="one", DAG="predict")

    assert file_sizes.of(other).sizes == {}
    assert is_whole(run)


@pytest.mark.parametrize("linked", ["runs", "runs/self_training", "runs/self_training/one"])
def test_a_run_behind_a_symbolic_link_is_refused(data: Path, tmp_path: Path, command, linked: str) -> None:
    run = make_run("one", "digits")
    (data / linked).rename(tmp_path / "elsewhere")
    (data / linked).symlink_to(tmp_path / "elsewhere")

    with pytest.raises(InputError, match=f"{data / linked} is a symbolic link: nothing behind it is deleted"):
        command(delete.main, RUN="one")

    assert is_whole(run)


def test_a_link_in_a_run_goes_and_what_it_leads_to_stays(data: Path, tmp_path: Path, command) -> None:
    run = Path(storage.local(make_run("one", "digits")))
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "photo").write_text("mine")
    for place in (run / "folder", run / "gate" / "folder"):
        place.symlink_to(mine)
    (run / "file").symlink_to(mine / "photo")

    command(delete.main, RUN="one")

    assert not run.exists()
    assert (mine / "photo").read_text() == "mine"


def test_wherever_it_is_killed_a_run_is_whole_or_none_and_a_second_try_ends_it(
    data: Path, tmp_path: Path, command, monkeypatch
) -> None:
    other, run, killed, step = make_run("other", "digits"), make_run("one", "digits"), True, 0
    shutil.copytree(storage.local(run), tmp_path / "copy")
    deletion = storage.delete

    while killed:
        done = iter(range(step))

        def until_killed(place: str, done=done) -> None:
            if next(done, None) is None:
                raise KeyboardInterrupt
            deletion(place)

        with monkeypatch.context() as patch:
            patch.setattr(storage, "delete", until_killed)
            try:
                command(delete.main, RUN="one")
                killed = False
            except KeyboardInterrupt:
                with pytest.raises(InputError, match="the deletion of run 'one' has begun; `make delete RUN=one` ends"):
                    make_run("one", "digits")
        if killed:
            assert "half deleted" in command(list_runs.main)
            assert "`make delete RUN=self_training/one` ends it" in command(prune.main)
            if step:  # else nothing is gone yet
                with pytest.raises(InputError, match="no run 'one'"):
                    runs.find_run("one")
            command(delete.main, RUN="one")
        assert not Path(storage.local(run)).exists()
        assert is_whole(other)
        shutil.copytree(tmp_path / "copy", storage.local(run))
        step += 1

    assert step > 6


def test_a_run_that_is_opened_while_its_deletion_begins_stays(data: Path, command, monkeypatch) -> None:
    run, begin = make_run("one", "digits"), run_deletion.begin

    def begin_late(folder: str) -> dict:
        run_state.opened(run, "tree")  # by a run that looked before
        return begin(folder)

    monkeypatch.setattr(run_deletion, "begin", begin_late)
    monkeypatch.setattr(managed_runs, "alive", lambda tree: True)

    with pytest.raises(InputError, match="in progress"):
        command(delete.main, RUN="one")

    assert is_whole(run)
    run_deletion.check_not_begun(run)


def test_a_broken_run_can_be_deleted(data: Path, command, mlflow_deleted) -> None:
    run = Path(storage.local(make_run("one", "digits")))
    (run / file_names.RUN).write_text("{")

    assert "broken" in command(list_runs.main)
    command(delete.main, RUN="one")

    assert not run.exists()
    assert mlflow_deleted == []


def test_the_list_says_what_runs_are_and_what_would_go(data: Path, command) -> None:
    make_run("one", "digits")
    make_run("two", "cats", seed=3)
    storage.delete(storage.join(runs.run_folder("self_training", "two"), "ingest"))
    serve(f"{NAME}one", None)
    command(pin.pin, RUN="one")
    listed = json.loads(command(list_runs.main, FORMAT="json"))
    text = command(list_runs.main)

    one, two = listed["runs"]
    assert (one["name"], one["state"], one["kept"], one["params"]) == (
        f"{NAME}one",
        "finished",
        ["champion", "pinned"],
        {},
    )
    assert (two["params"], two["accuracy"], two["kept"]) == ({"dataset": "cats", "seed": 3}, 0.903, [])
    assert two["size"] == sum(file_sizes.of(runs.run_folder("self_training", "two")).sizes.values())
    assert {"runs", "datasets", "features"} <= listed["disk"].keys()
    assert sum(listed["disk"].values()) == sum(file_sizes.of(storage.data_root()).sizes.values())
    assert '    dataset="cats", seed=3' in text
    assert max(map(len, text.splitlines())) <= list_runs.WIDTH


def test_the_list_has_the_map_of_runs_with_several_labels_an_image(data: Path, command) -> None:
    for name, precision in (("a", 0.806), ("b", 1.0)):
        figures = {"final/test/mean_average_precision": precision}
        storage.put_json(storage.join(make_run(name, "cats"), file_names.METRICS), figures)

    some, every = sorted(line for line in command(list_runs.main).splitlines() if line.startswith(NAME))

    assert "  mAP .806  " in some
    assert "  mAP 1.00  " in every
    assert len(some) == len(every)


def test_the_list_keeps_its_width_whatever_a_run_is_called(data: Path, command) -> None:
    make_run("n" * 100, "cats", seed=1)
    make_run("short", "digits")
    serve(f"{NAME}short")

    lines = command(list_runs.main).splitlines()

    assert lines[1] == NAME + "n" * 100
    assert [line for line in lines if len(line) > list_runs.WIDTH] == [lines[1]]
    assert "    champion" in lines


def test_prune_deletes_only_when_it_is_told_so(settled, command) -> None:
    run, _ = settled([make_run("one", "digits"), make_run("two", "cats")])
    command(delete.main, RUN="two")

    dry, again = (command(prune.main) for _ in range(2))
    done = command(prune.main, APPLY="1")

    assert dry == again
    assert "datasets" in dry
    assert "datasets/cats-0123456789ab" in dry
    assert "`make prune APPLY=1` does it" in dry
    assert [line for line in done.splitlines() if "cats" in line] == [
        line for line in dry.splitlines() if "cats" in line
    ]
    assert "nothing to delete: all is needed" in command(prune.main)
    assert is_whole(run)
    with pytest.raises(InputError, match="APPLY must be 1, or left out, not 'yes'"):
        command(prune.main, APPLY="yes")
