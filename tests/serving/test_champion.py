"""Which run is served: the pointer, its checked copy in the cache, and the change from one to the next."""

import threading
from pathlib import Path

import pytest

import bundles
from kindred.runtime import file_names, kept_runs, marks, runs, stages, storage
from kindred.runtime.errors import InputError
from kindred.serving import bundle, champion
from kindred.serving.champion import ChampionFollower


@pytest.fixture
def eager(monkeypatch) -> None:
    monkeypatch.setattr(champion, "POLL_SECONDS", 0)
    monkeypatch.setattr(champion, "RETRY_SECONDS", 0)


def after_a_look(follower: ChampionFollower) -> bundle.Bundle:
    """What is served after it was looked for once more."""
    follower.current()
    looking = follower._look_thread
    if looking:
        looking.join()
    return follower.current()


def test_what_is_promoted_is_served_from_a_copy(finished, aliases, data) -> None:
    run = finished("first")

    pointer = champion.promote(run)
    current = ChampionFollower().current()

    assert (pointer["name"], pointer["version"]) == ("self_training/first", "of first")
    assert current.name == "self_training/first"
    assert len(current.gallery) == 20
    assert current.image(bundles.id_of(0)).origins == ["file:///photos/first.jpg"]
    assert current.words("blue", "cosine").features[0].argmax() == 2
    (copy,) = (data / "cache" / "served").iterdir()
    assert sorted(bundle.files(storage.uri(str(copy)))) == sorted(pointer["files"])


def test_the_pointer_names_the_run_that_was_served_before(finished, aliases) -> None:
    first, second = finished("first"), finished("second")
    before = []
    for run in (first, second, second, first):
        champion.promote(run)
        before.append(storage.read_json(storage.join(storage.data_root(), file_names.SERVING))["before"])

    assert before == [None, "self_training/first", "self_training/first", "self_training/second"]
    assert kept_runs.served() == {"self_training/second": "predecessor", "self_training/first": "champion"}


def test_where_the_pointer_is_broken_a_promotion_puts_it_again(finished, aliases) -> None:
    storage.put_bytes(storage.join(storage.data_root(), file_names.SERVING), b"{")

    champion.promote(finished("first"))

    assert kept_runs.served() == {"self_training/first": "champion"}


def test_without_a_pointer_it_is_said_what_to_do(data) -> None:
    with pytest.raises(InputError, match="make promote"):
        ChampionFollower().current()


@pytest.mark.usefixtures("eager")
def test_another_run_is_served_without_a_restart_and_the_copy_of_the_one_before_stays(finished, aliases, data) -> None:
    champion.promote(finished("first", 20))
    follower = ChampionFollower()
    before = follower.current()

    champion.promote(finished("second", 30))
    after = after_a_look(follower)

    assert (len(before.gallery), len(after.gallery)) == (20, 30)
    assert len(list((data / "cache" / "served").iterdir())) == 2
    champion.promote(finished("third", 10))
    assert len(after_a_look(follower).gallery) == 10
    assert len(list((data / "cache" / "served").iterdir())) == 2  # third and second
    query = before.queries.images(before.queries.ids()[:1])
    assert len(before.gallery.search(query, 5, "l2")[0].neighbours) == 5  # who still has the old one can go on


@pytest.mark.usefixtures("eager")
def test_a_bundle_whose_files_have_changed_is_never_served(finished, aliases, data) -> None:
    champion.promote(finished("first", 20))
    follower = ChampionFollower()
    follower.current()
    second = finished("second", 30)
    champion.promote(second)
    file = (
        data
        / "runs"
        / "self_training"
        / "second"
        / stages.BUILD_INDEX
        / "attempt"
        / bundle.VECTORS
        / "00000-features.npy"
    )
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))

    changed = after_a_look(follower)
    problem = follower.problem
    file.write_bytes(content)
    fixed = after_a_look(follower)

    assert len(changed.gallery) == 20
    assert "00000-features.npy" in problem
    assert "has changed: its checksum differs; promote the run again" in problem
    assert len(fixed.gallery) == 30
    assert follower.problem == ""
    assert not [path for path in (data / "cache" / "served").iterdir() if path.name.startswith(".")]


def flip_a_bit(file: Path) -> None:
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))


def test_a_run_whose_files_are_not_what_was_built_is_not_promoted(finished, aliases) -> None:
    run = finished("first", 20)
    flip_a_bit(Path(storage.local(bundle.folder_of(run))) / bundle.VECTORS / "00000-features.npy")

    with pytest.raises(InputError, match=r"/vectors/00000-features.npy has changed: its checksum differs; delete it"):
        champion.promote(run)

    assert aliases == [None]


@pytest.mark.parametrize("name", ["vectors/00000-features.npy", file_names.NETWORK, "pictures/00001-files.npy"])
def test_a_copy_that_was_damaged_is_copied_again(finished, aliases, data, caplog, name: str) -> None:
    champion.promote(finished("first", 20))
    ChampionFollower().current()
    (copy,) = (data / "cache" / "served").iterdir()
    flip_a_bit(copy / name)

    current = ChampionFollower().current()  # of another process

    assert len(current.gallery) == 20
    assert f"{copy / name} has changed: its checksum differs: all is copied again" in caplog.messages


@pytest.mark.slow
@pytest.mark.usefixtures("eager")
def test_who_searches_while_runs_change_always_sees_a_whole_one(finished, aliases) -> None:
    sizes = {"self_training/first": 20, "self_training/second": 30}
    folders = [finished("first", 20), finished("second", 30)]
    champion.promote(folders[0])
    follower, answered, ending = ChampionFollower(), [], threading.Event()
    follower.current()

    def look() -> None:
        while not ending.is_set():
            current = follower.current()
            answers = current.gallery.search(current.queries.images(current.queries.ids()[:1]), 10, "cosine")
            answered.append((current.name, len(current.gallery), len(answers[0].neighbours)))

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for number in range(6):
        champion.promote(folders[number % 2])
        after_a_look(follower)
    ending.set()
    for thread in threads:
        thread.join()

    assert {name for name, *_ in answered} == set(sizes)
    assert all(size == sizes[name] and count == 10 for name, size, count in answered)
    assert follower.problem == ""


def test_where_the_pointer_cannot_move_the_alias_does_not_either(finished, aliases, monkeypatch) -> None:
    champion.promote(finished("first"))
    second = finished("second")

    def full(*_: object) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(storage, "put_unless_changed", full)
        with pytest.raises(OSError, match="no space left"):
            champion.promote(second)

    assert aliases == [None, "of first"]
    assert ChampionFollower().current().name == "self_training/first"


def test_a_run_that_was_not_evaluated_cannot_be_promoted(finished, aliases) -> None:
    run = finished("first")
    storage.delete(storage.join(run, stages.EVALUATE, file_names.MARK))
    storage.put_json(f"{run}/{file_names.RUN}", {"params": {"seed": 7, "dataset": "digits"}, "defaults": {"seed": 0}})

    advice = """to go on with it: make run RUN_ID=first CONF='{"dataset": "digits", "seed": 7}\'"""
    with pytest.raises(InputError, match=f"run 'first' has not finished its stage 'evaluate'; {advice}"):
        champion.promote(run)

    assert aliases == [None]


def test_a_run_without_an_index_cannot_be_promoted(data, aliases) -> None:
    with pytest.raises(InputError, match="has not finished its stage 'build_index', which makes 'index'; to go on"):
        champion.promote(runs.run_folder("self_training", "none"))

    assert aliases == [None]


def test_an_index_of_another_extractor_cannot_be_promoted(finished, aliases) -> None:
    run = finished("first")
    storage.put_json(storage.join(run, "featurize", file_names.MARK), {"attempt": "features-2"})

    with pytest.raises(InputError, match="of another extractor's features; to build it again: make run"):
        champion.promote(run)


def test_a_folder_without_its_model_is_not_opened(tmp_path) -> None:
    bundles.make(tmp_path)
    (tmp_path / file_names.DESCRIPTION).unlink()

    with pytest.raises(InputError, match="/description.json is missing; `make run` with"):
        bundle.open_folder(tmp_path, "r")


def test_a_run_on_an_object_store_is_searched_from_a_copy(finished, monkeypatch) -> None:
    import fsspec

    run = finished("first")
    store, memory = "memory://bucket/data", fsspec.filesystem("memory")
    memory.put(storage.local(storage.data_root()) + "/runs", "/bucket/data/runs", recursive=True)
    mark = marks.mark_of(storage.join(run, stages.BUILD_INDEX))
    text = {name: str(mark[name]).replace(storage.data_root(), store) for name in ("folder",)}
    monkeypatch.setenv("KINDRED_CACHE", storage.local(storage.data_root()) + "/cache")
    monkeypatch.setenv("KINDRED_DATA", store)
    remote = runs.run_folder("self_training", "first")
    facts = {"folder": storage.join(text["folder"], bundle.VECTORS)}
    storage.put_json(storage.join(remote, stages.BUILD_INDEX, file_names.MARK), {**mark, **text, "facts": facts})

    opened = champion.bundle_of_run(remote)

    assert len(opened.gallery) == 20
    assert opened.image(bundles.id_of(0)).origins == ["file:///photos/first.jpg"]
    assert opened.pictures.file(bundles.id_of(3)) is not None
