"""How the commands behind make end, and what they need."""

import pytest

from kindred.runtime import runs, storage
from kindred.runtime.errors import InputError
from kindred_airflow import command


def refuse() -> None:
    raise InputError("no such file: /a")


@pytest.mark.parametrize(("main", "status"), [(lambda: 0, 0), (lambda: 3, 3), (refuse, "kindred: no such file: /a")])
def test_a_command_ends_with_its_status_and_bad_input_in_one_line(main, status) -> None:
    with pytest.raises(SystemExit) as ended:
        command.exit_with(main)

    assert ended.value.code == status


def test_a_command_without_a_value_names_the_runs_to_choose_from(data, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGES", "pictures")
    monkeypatch.setenv("RUN", "")

    with pytest.raises(InputError, match="^say which; `make run` makes a run$"):
        command.required("RUN", "IMAGES", usage="say which")
    storage.put_json(storage.join(runs.run_folder("self_training", "first"), "run.json"), {})
    with pytest.raises(InputError, match="^say which; finished runs: first$"):
        command.required("RUN", "IMAGES", usage="say which")
    monkeypatch.setenv("RUN", "first")

    assert command.required("RUN", "IMAGES", usage="say which") == ["first", "pictures"]
