"""`make history` and `make rollback` on the console."""

import json

import pytest

from kindred.runtime import file_names, model_registry, runs, storage
from kindred.runtime.errors import InputError
from kindred.serving import history as entries
from kindred.serving.history import Cause
from kindred_airflow import history, machine, rollback


@pytest.fixture
def promoted(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Two promotions, of one and of two; the versions that get the alias."""
    aliases: list[str] = []
    monkeypatch.setattr(machine, "use_tracking", lambda: None)
    monkeypatch.setattr(model_registry, "check_version", lambda version, run: None)
    monkeypatch.setattr(model_registry, "set_champion", lambda version, *_: aliases.append(version))
    for number, (name, figures) in enumerate(
        {"one": {"final/test/accuracy": 0.9}, "two": {"final/test/mean_average_precision": 0.5}}.items(), 1
    ):
        run = runs.run_folder("self_training", name)
        storage.put_json(storage.join(run, file_names.METRICS), figures)
        pointer = {"name": f"self_training/{name}", "model": "kindred", "version": str(number), "files": {}}
        with entries.turn() as turn:
            placed = {**pointer, "folder": storage.join(run, "build_index"), "fingerprint": name}
            turn.put(placed, entries.PROMOTED, Cause("ada", f"reason {number}"))
    return aliases


def test_the_table_has_a_line_for_each_promotion_and_why_below_it(promoted, capsys) -> None:
    assert history.main() == 0

    printed = capsys.readouterr().out.splitlines()
    assert printed[0].split() == ["version", "run", "since", "(UTC)", "by", "test", "score"]
    assert [printed[n].split()[:2] for n in (1, 4)] == [["1", "self_training/one"], ["2", "self_training/two"]]
    assert [printed[n].split("ada")[1].strip() for n in (1, 4)] == ["accuracy 0.9000", "mAP 0.5000"]
    assert [printed[n].strip() for n in (2, 5)] == ["promoted: reason 1", "promoted: reason 2"]
    assert printed[-1].startswith("served: self_training/two;")


def test_as_json_it_has_all_that_the_entries_hold(promoted, capsys, monkeypatch) -> None:
    monkeypatch.setenv("FORMAT", "json")

    history.main()

    assert json.loads(capsys.readouterr().out) == {"history": entries.entries()}
    monkeypatch.setenv("FORMAT", "yaml")
    with pytest.raises(InputError, match="unknown FORMAT 'yaml'; known: text, json"):
        history.main()


def test_without_a_promotion_it_says_how_to_make_one() -> None:
    (line,) = history.as_text([])

    assert "`make promote RUN=name`" in line


def test_the_way_back_is_told_with_its_reason(promoted, capsys, monkeypatch) -> None:
    monkeypatch.setenv("REASON", "it was worse")

    assert rollback.main() == 0

    printed = capsys.readouterr().out
    assert promoted == ["1", "2", "1"]
    assert "self_training/one, again; before: self_training/two" in printed
    assert "it was worse" in printed
    monkeypatch.setenv("TO", storage.local(runs.run_folder("self_training", "two")))
    rollback.main()
    assert promoted[-1] == "2"
