"""The history of what was served, going back in it, and commands that are ended halfway."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from kindred.runtime import caches, file_names, kept_runs, model_registry, runs, stages, storage
from kindred.runtime.errors import InputError
from kindred.serving import bundle, champion, history
from kindred.serving.history import Cause, Turn

FIRST, SECOND, THIRD = (f"self_training/{name}" for name in ("first", "second", "third"))


def story(aliases: list) -> tuple[str, str, str]:
    """The run that the pointer, MLflow's alias and the history name."""
    pointer = kept_runs.pointer() or {}
    return pointer["name"], f"self_training/{aliases[-1].removeprefix('of ')}", history.entries()[-1]["to"]


def test_an_entry_says_who_when_from_to_why_and_by_which_figures(finished, aliases) -> None:
    first, second = finished("first"), finished("second")
    storage.put_json(f"{first}/{file_names.METRICS}", {"final/test/accuracy": 0.75, "final/test/images": 100})
    storage.put_json(f"{second}/{file_names.METRICS}", {"final/test/mean_average_precision": 0.5})

    champion.promote(first, Cause("ada", "the first"))
    pointer = champion.promote(second, Cause("bob", "more labels", "no_worse", {"images": 9}))

    one, two = history.entries()
    assert [one[key] for key in ("action", "who", "from", "to", "reason")] == [
        *("promoted", "ada", None, FIRST, "the first"),
    ]
    assert [two[key] for key in ("who", "from", "to", "reason", "rule")] == [
        "bob",
        FIRST,
        SECOND,
        "more labels",
        "no_worse",
    ]
    assert two["figures"] == {
        **{"from": {"accuracy": 0.75}, "to": {"mean_average_precision": 0.5}},
        "challenge": {"images": 9},
    }
    assert two["pointer"] == json.loads(json.dumps(pointer)) == kept_runs.pointer()
    assert one["id"] < two["id"]
    assert two["id"].startswith(two["when"][:10].replace("-", ""))


def test_an_entry_is_never_written_again(finished, aliases, data: Path) -> None:
    champion.promote(finished("first"))
    (file,) = (data / "serving" / "history").iterdir()
    before = file.read_bytes()

    assert not storage.put_once(storage.uri(str(file)), b"{}")
    champion.promote(finished("second"))

    assert file.read_bytes() == before
    assert len(list((data / "serving" / "history").iterdir())) == 2  # and no temporary file


def test_what_an_earlier_version_served_becomes_the_first_entry(finished, aliases, data: Path) -> None:
    champion.promote(finished("first"))
    old = {key: value for key, value in (kept_runs.pointer() or {}).items() if key != "promotion"}
    storage.put_json(history.pointer_uri(), {**old, "published": "2026-01-02T03:04:05+00:00"})
    storage.delete(history.folder())

    listed = history.entries()
    champion.promote(finished("second"))

    assert [(entry["action"], entry["who"], entry["when"][:10]) for entry in listed] == [("found", None, "2026-01-02")]
    assert listed[0]["id"].startswith("20260102T030405.000000Z-")
    assert history.entries()[0] == listed[0]
    assert [(entry["from"], entry["to"]) for entry in history.entries()] == [(None, FIRST), (FIRST, SECOND)]


def test_nothing_promoted_is_no_history(data: Path) -> None:
    assert history.entries() == []


def test_back_goes_to_the_run_before_and_then_forth_again_without_reading_a_bundle(
    finished, aliases, monkeypatch
) -> None:
    for name in ("first", "second"):
        champion.promote(finished(name))
        champion.ChampionFollower().current()  # copies it into the cache
    first = bundle.folder_of(runs.run_folder("self_training", "first"))
    storage.delete(first)  # what is in the cache is enough

    def read(*_: object) -> None:
        raise AssertionError("a bundle is read")

    with monkeypatch.context() as patch:
        for name in ("checksums", "copy_folder"):
            patch.setattr(champion.checked_copy, name, read)
        back = champion.rollback(cause=Cause("ada"))
        told = story(aliases)
        forth = champion.rollback(cause=Cause("ada", "it was not that"))

    assert told == (FIRST, FIRST, FIRST)
    assert story(aliases) == (SECOND, SECOND, SECOND)
    assert (back["name"], back["before"], forth["name"], forth["before"]) == (FIRST, SECOND, SECOND, FIRST)
    assert [(e["action"], e["to"], e["reason"]) for e in history.entries()[2:]] == [
        ("rolled back", FIRST, f"back from {SECOND}"),
        ("rolled back", SECOND, "it was not that"),
    ]
    assert champion.ChampionFollower().current().since == forth["promotion"]["when"]


def test_back_to_a_run_or_an_entry_by_name(finished, aliases) -> None:
    for name in ("first", "second", "third"):
        champion.promote(finished(name))
    oldest = history.entries()[0]["id"]

    assert champion.rollback("second")["name"] == SECOND
    assert champion.rollback(oldest)["name"] == FIRST
    assert champion.rollback(THIRD)["name"] == THIRD
    assert kept_runs.served() == {THIRD: kept_runs.CHAMPION, FIRST: kept_runs.PREDECESSOR}


def test_what_cannot_be_gone_back_to_is_refused_in_a_line(finished, aliases, monkeypatch) -> None:
    with pytest.raises(InputError, match="no run was served before this one"):
        champion.rollback()
    champion.promote(finished("first"))
    with pytest.raises(InputError, match="no run was served before this one"):
        champion.rollback()
    champion.promote(finished("second"))
    with pytest.raises(InputError, match=f"'forth' is no entry of the history, .*; known: {FIRST}, {SECOND};"):
        champion.rollback("forth")
    with pytest.raises(InputError, match=f"{SECOND} is served already"):
        champion.rollback("second")
    file = bundle.folder_of(runs.run_folder("self_training", "first")) + "/network.npz"
    storage.put_bytes(file, b"cut")
    with pytest.raises(InputError, match=rf"network.npz has 3 bytes, not .*; `make promote RUN={FIRST}`"):
        champion.rollback()

    assert story(aliases) == (SECOND, SECOND, SECOND)
    assert len(history.entries()) == 2


def test_where_the_pointer_is_broken_going_back_puts_it_again(finished, aliases) -> None:
    champion.promote(finished("first"))
    champion.promote(finished("second"))
    storage.put_bytes(history.pointer_uri(), b"{")

    assert champion.rollback()["name"] == SECOND


STEPS = [(storage, "put_unless_changed"), (model_registry, "set_champion"), (storage, "put_once")]


class Killed(BaseException):
    pass


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", STEPS, ids=[name for _, name in STEPS])
@pytest.mark.parametrize("follows", ["history", "promote", "rollback"])
@pytest.mark.parametrize("command", ["promote", "rollback"])
def test_killed_at_any_step_all_tell_the_same_story_after_the_next_command(
    command: str, follows: str, step: tuple, after: bool, finished, aliases, monkeypatch
) -> None:
    first, second, third = (finished(name) for name in ("first", "second", "third"))
    champion.promote(first)
    champion.promote(second)
    module, name = step
    work = getattr(module, name)

    def killed(*given: object) -> None:
        if after:
            work(*given)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(module, name, killed)
        with pytest.raises(Killed):
            champion.promote(third) if command == "promote" else champion.rollback()
    moved = after or name != "put_unless_changed"
    begun = {"promote": THIRD, "rollback": FIRST}[command] if moved else SECOND
    assert (kept_runs.pointer() or {})["name"] == begun

    commands: dict[str, Callable[[], object]] = {
        **{"history": history.entries, "promote": lambda: champion.promote(third)},
        "rollback": lambda: champion.rollback("first" if begun != FIRST else "second"),
    }
    commands[follows]()

    expected = {"history": begun, "promote": THIRD, "rollback": FIRST if begun != FIRST else SECOND}[follows]
    listed = history.entries()
    assert story(aliases) == (expected,) * 3
    assert [entry["from"] for entry in listed] == [None, *(entry["to"] for entry in listed[:-1])]
    assert len(listed) == 2 + moved + (follows != "history")


def test_of_two_at_the_same_moment_one_is_refused_and_the_history_has_the_other(bucket, aliases, monkeypatch) -> None:
    monkeypatch.setenv("KINDRED_DATA", f"{bucket}/data")
    pointers = [{"name": name, "version": f"of {name[14:]}", "files": {}} for name in (FIRST, SECOND)]
    slow = Turn()
    with history.turn() as fast:
        fast.put(pointers[0], history.PROMOTED, Cause())

    with pytest.raises(InputError, match="another run was promoted at the same moment"):
        slow.put(pointers[1], history.PROMOTED, Cause())

    assert story(aliases) == (FIRST, FIRST, FIRST)
    with history.turn() as turn:
        turn.put(pointers[1], history.PROMOTED, Cause())
    assert story(aliases) == (SECOND, SECOND, SECOND)


def test_a_run_that_was_compared_with_another_one_than_is_served_by_now_is_refused(finished, aliases) -> None:
    champion.promote(finished("first"))

    with pytest.raises(InputError, match=f"{FIRST} is served by now, not {THIRD}"):
        champion.promote(finished("second"), over=THIRD)


def test_entries_stay_in_order_where_a_clock_is_behind(finished, aliases) -> None:
    pointer = champion.promote(finished("first"))
    ahead = {**pointer["promotion"], "id": "29990101T000000.000000Z-00000000"}
    storage.put_json(history.pointer_uri(), {**pointer, "promotion": ahead})

    champion.promote(finished("second"))

    assert [entry["to"] for entry in history.entries()] == [FIRST, FIRST, SECOND]


def test_the_copies_of_what_is_served_and_what_was_before_are_no_unused_caches(finished, aliases, monkeypatch) -> None:
    for name in ("first", "second"):
        champion.promote(finished(name))
        champion.ChampionFollower().current()
    monkeypatch.setattr(caches, "FRESH_SECONDS", -9)

    assert caches.unused() == []
    assert stages.BUILD_INDEX in (kept_runs.pointer() or {})["folder"]
