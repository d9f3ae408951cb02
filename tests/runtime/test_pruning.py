"""What nothing needs goes, and nothing else: not what a run names, whatever its state, nor what began within a day."""

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import managed
from kindred.runtime import (
    caches,
    file_names,
    file_sizes,
    marks,
    pruning,
    pruning_plan,
    references,
    run_deletion,
    runs,
    storage,
)
from kindred.runtime.pruning_plan import ATTEMPTS, DATASETS, FEATURES, STUDIES, Plan
from managed import content, is_whole, make_run, old_attempts, opened
from managed import no_mlflow as no_mlflow
from managed import settled as settled

pytestmark = pytest.mark.usefixtures("no_mlflow")
DATA = ["digits", "cats", "dogs"]
SHARED = "datasets/{}-0123456789ab"
FEATURES_OF = SHARED + "/featurize/{}-0123456789ab"


@pytest.fixture(params=["disk", pytest.param("bucket", marks=pytest.mark.slow)])
def root(request: pytest.FixtureRequest, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URI of KINDRED_DATA, on a disk or in a bucket."""
    if request.param == "bucket":
        monkeypatch.setenv("KINDRED_DATA", request.getfixturevalue("bucket") + "/data")
        monkeypatch.setenv("KINDRED_CACHE", str(tmp_path / "cache"))
    return storage.data_root()


def make_ten(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ten runs of three datasets, the last dataset with two extractors, begun two days ago."""
    old_attempts(monkeypatch, days=2)
    names = [(f"run-{n}", DATA[n % 3], "hog" if n == 8 else "pixels", n) for n in range(10)]
    return [make_run(*values) for values in names]


def delete_run(run: str) -> None:
    run_deletion.begin(run)
    run_deletion.delete_files(run)
    run_deletion.end(run)


def apply(plan: Plan) -> int:
    return sum(pruning.delete(item) for item in plan.items)


def places(plan: Plan) -> dict[str, str]:
    root = storage.data_root() + "/"
    return {item.place.removeprefix(root): item.kind for item in plan.items}


def test_of_ten_runs_and_three_datasets_exactly_what_no_run_names_goes(settled, monkeypatch) -> None:
    made = make_ten(monkeypatch)
    whole = pruning_plan.plan()
    for number in (1, 4, 7, 8):  # all of `cats`, and the only one of `dogs` with `hog`
        delete_run(made[number])
    kept_runs = [run for number, run in enumerate(made) if number not in (1, 4, 7, 8)]
    contents = list(map(content, kept_runs))
    left = settled(kept_runs)

    before = file_sizes.of(storage.data_root()).sizes
    kept = {path: size for path, size in before.items() if "/cats-" not in path and "/hog-" not in path}
    plan = pruning_plan.plan()
    freed = apply(plan)

    assert whole.items == []
    assert places(plan) == {SHARED.format("cats"): DATASETS, FEATURES_OF.format("dogs", "hog"): FEATURES}
    assert freed == sum(item.size for item in plan.items) > 0
    for run in opened(left):
        assert content(run) == contents[left.index(run)]
    assert file_sizes.of(storage.data_root()).sizes == kept
    assert pruning_plan.plan().items == []


def test_what_began_within_a_day_stays_and_is_counted(data: Path, monkeypatch) -> None:
    old_attempts(monkeypatch, days=0.9)
    delete_run(make_run("one", "digits"))

    plan = pruning_plan.plan()

    assert plan.items == []
    assert plan.young > 0


def test_what_an_unfinished_run_names_stays(data: Path, monkeypatch) -> None:
    old_attempts(monkeypatch, days=2)
    run = make_run("one", "digits", close=False)

    assert pruning_plan.plan().items == []
    assert is_whole(run)


def test_superseded_attempts_go_of_runs_and_of_what_they_share(data: Path, monkeypatch) -> None:
    old_attempts(monkeypatch, days=2)
    run, name, root = make_run("one", "digits"), marks.new_attempt(), storage.data_root()
    homes = ["runs/self_training/one/gate", FEATURES_OF.format("digits", "pixels")]
    for home in homes:
        storage.put_bytes(f"{root}/{home}/{name}/network.bin", b"left")

    plan = pruning_plan.plan()
    apply(plan)

    assert places(plan) == {f"{home}/{name}": ATTEMPTS for home in homes}
    assert plan.sizes() == {ATTEMPTS: 8}
    assert is_whole(run)
    assert pruning_plan.plan().items == []


def test_the_attempt_to_which_an_older_run_is_pinned_stays(data: Path, monkeypatch) -> None:
    old_attempts(monkeypatch, days=2)
    older = make_run("older", "digits")
    storage.delete(f"{storage.data_root()}/{SHARED.format('digits')}/ingest/{file_names.MARK}")
    newer = make_run("newer", "digits")

    assert marks.mark_of(f"{older}/ingest")["attempt"] != marks.mark_of(f"{newer}/ingest")["attempt"]
    assert pruning_plan.plan().items == []


def test_clusterings_and_cells_go_alone_where_the_features_are_needed(data: Path, monkeypatch) -> None:
    old_attempts(monkeypatch, days=2)
    run, home = make_run("one", "digits"), FEATURES_OF.format("digits", "pixels")
    kept, gone = marks.new_attempt(), marks.new_attempt()
    for folder, attempt in (("cluster/kmeans-10-0-ab", kept), ("cell/all-2-0-ab", gone), ("advise_k/0-ab", gone)):
        storage.put_bytes(f"{storage.data_root()}/{home}/{folder}/{attempt}/clustering.npz", b"x")
        marks.put(f"{storage.data_root()}/{home}/{folder}", {"stage": "cell", "attempt": attempt})
    marks.put(f"{run}/cluster/10", {"stage": "cluster/10", "attempt": kept})

    plan = pruning_plan.plan()
    apply(plan)

    assert places(plan) == {f"{home}/cell/all-2-0-ab": STUDIES, f"{home}/advise_k/0-ab": STUDIES}
    assert is_whole(run)
    assert storage.find_bytes(f"{storage.data_root()}/{home}/cluster/kmeans-10-0-ab/{kept}/clustering.npz") == b"x"


def interrupted(monkeypatch: pytest.MonkeyPatch, work: Callable[[], object], steps: int) -> bool:
    """Do some work of which a kill lets only so many deletions happen; whether it was killed."""
    done, delete = iter(range(steps)), storage.delete

    def count(place: str) -> None:
        if next(done, None) is None:
            raise KeyboardInterrupt
        delete(place)

    with monkeypatch.context() as patch:
        patch.setattr(storage, "delete", count)
        try:
            work()
        except KeyboardInterrupt:
            return True
    return False


def test_wherever_it_is_killed_all_runs_open_and_a_second_try_ends_it(data: Path, tmp_path: Path, monkeypatch) -> None:
    old_attempts(monkeypatch, days=2)
    run, killed, step = make_run("kept", "digits"), True, 0
    delete_run(make_run("gone", "cats"))
    shutil.copytree(data / SHARED.format("cats"), tmp_path / "copy")

    while killed:
        killed = interrupted(monkeypatch, lambda: apply(pruning_plan.plan()), step)
        assert is_whole(run)
        remade = make_run("remade", "cats")
        assert is_whole(remade)  # what is half deleted is not taken for whole
        delete_run(remade)
        apply(pruning_plan.plan())
        assert not (data / SHARED.format("cats")).exists()
        shutil.copytree(tmp_path / "copy", data / SHARED.format("cats"))
        step += 1

    assert step > 4


def test_a_run_that_reuses_what_is_just_deleted_does_it_again(root: str, monkeypatch) -> None:
    old_attempts(monkeypatch, days=2)
    delete_run(make_run("gone", "cats"))
    (item,) = pruning_plan.plan().items
    put = marks.put

    def put_late(folder: str, mark: dict) -> None:
        if folder.endswith("/late/ingest"):  # it has just found the dataset
            monkeypatch.setattr(marks, "put", put)
            assert pruning.delete(item) > 0
        put(folder, mark)

    monkeypatch.setattr(marks, "put", put_late)
    run = make_run("late", "cats")

    assert is_whole(run)
    assert marks.mark_of(f"{run}/ingest")["figures"]["ingest/reused"] == 0


def test_what_a_run_has_begun_to_use_since_it_was_planned_stays(data: Path, monkeypatch) -> None:
    old_attempts(monkeypatch, days=2)
    delete_run(make_run("gone", "cats"))
    (item,) = pruning_plan.plan().items
    run = make_run("late", "cats")

    assert pruning.delete(item) == 0
    assert is_whole(run)
    assert is_whole(make_run("later", "cats"))


@pytest.mark.parametrize("broken", ["runs/self_training/one/gate/_DONE.json", file_names.SERVING])
def test_where_a_mark_cannot_be_read_nothing_that_runs_made_goes(data: Path, monkeypatch, broken: str) -> None:
    old_attempts(monkeypatch, days=2)
    make_run("one", "digits")
    delete_run(make_run("gone", "cats"))
    (data / broken).write_text('{"attempt": "0000')

    plan = pruning_plan.plan()

    assert plan.items == []
    assert f"{data / broken} cannot be read, it is cut or no JSON: no dataset" in plan.notes[0]


def test_what_lies_behind_symbolic_links_stays(data: Path, tmp_path: Path, monkeypatch) -> None:
    old_attempts(monkeypatch, days=2)
    run = make_run("one", "digits")
    delete_run(make_run("gone", "cats"))
    elsewhere = tmp_path / "elsewhere"
    (data / SHARED.format("cats")).rename(elsewhere)
    (data / SHARED.format("cats")).symlink_to(elsewhere)
    linked_data = pruning_plan.plan()
    (data / "runs").rename(tmp_path / "runs")
    (data / "runs").symlink_to(tmp_path / "runs")

    linked_runs = pruning_plan.plan()

    assert (linked_data.items, linked_runs.items) == ([], [])
    assert linked_data.notes == [f"{data}/{SHARED.format('cats')} is a symbolic link and left alone"]
    assert f"{data}/runs is a symbolic link, so what the runs behind it need is not known" in linked_runs.notes[0]
    assert list(elsewhere.rglob("features.bin"))
    assert is_whole(run)


def test_a_link_in_what_goes_is_not_followed(data: Path, tmp_path: Path, monkeypatch) -> None:
    old_attempts(monkeypatch, days=2)
    run = make_run("gone", "cats")
    attempt = Path(storage.local(marks.mark_of(f"{run}/ingest")["folder"]))
    delete_run(run)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "photo").write_text("mine")
    (attempt / "link").symlink_to(tmp_path / "mine")

    apply(pruning_plan.plan())

    assert not attempt.exists()
    assert (tmp_path / "mine" / "photo").read_text() == "mine"


def aged(path: Path, days: float) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix:
        path.write_text("cached")
    else:
        path.mkdir()
        aged(path / "vectors.npy", days)
    os.utime(path, (time.time() - days * managed.DAY,) * 2)
    return path


def test_caches_go_once_nothing_uses_them(data: Path) -> None:
    cache = data / runs.CACHE
    data.mkdir()
    (data / file_names.SERVING).write_text(json.dumps({"name": "self_training/one", "fingerprint": "now"}))
    stays = [
        *(aged(cache / "served" / "now", 9), aged(cache / "served" / "fresh", 0.5)),
        *(aged(cache / "graphs" / "used.onnx", 9), aged(cache / "downloads" / "stl10.tar.gz", 99)),
    ]
    goes = {
        aged(cache / "served" / "before", 2): caches.SERVED,
        aged(cache / "served" / ".copy-1", 2): caches.LEFT,
        aged(cache / "neighbours" / "old.npz", 40): caches.UNUSED,
        aged(cache / "indexes" / "old", 40): caches.UNUSED,
    }
    link = cache / "served" / "link"
    link.symlink_to(data)

    plan = pruning_plan.plan()
    apply(plan)

    assert {Path(storage.local(item.place)): item.kind for item in plan.items} == goes
    assert not [path for path in goes if path.exists()]
    assert all(path.exists() for path in [*stays, link])


def test_the_attempts_that_are_named_are_those_of_the_marks(data: Path, monkeypatch) -> None:
    old_attempts(monkeypatch, days=2)
    run = make_run("one", "digits")

    named = references.names(pruning_plan.read_marks(storage.data_root()).values())

    assert {marks.mark_of(f"{run}/{stage}")["attempt"] for stage in ("ingest", "featurize", "gate")} == named
