"""The error line of a run that has not finished names the command that resumes it."""

from pathlib import Path

import pytest

from kindred.runtime import runs, unfinished


@pytest.mark.parametrize(
    ("dag_id", "name", "record", "expected"),
    [
        ("self_training", "one", {"params": {"seed": 1}, "defaults": {"seed": 1}}, "make run RUN_ID=one"),
        (
            *("self_training", "one", {"params": {"path": "my $ photos"}, "defaults": {"path": None}}),
            """make run RUN_ID=one CONF='{"path": "my $$ photos"}'""",
        ),
        (
            *("stl10_study", "one-ours", {"part": "ours", "params": {"seed": 1, "folds": 5}}),
            "make run DAG=stl10_study RUN_ID=one",
        ),
    ],
    ids=["defaults", "a path that make would expand", "a part of a study"],
)
def test_the_command_goes_on_with_the_values_of_the_run(
    data: Path, dag_id: str, name: str, record: dict, expected: str
) -> None:
    run = runs.run_folder(dag_id, name)
    runs.put_record(run, record)

    command = unfinished.command(run)

    assert command.startswith(expected)
    assert f"KINDRED_DATA={data}" in command
    assert command.endswith("and the CONF that it had") == ("part" in record)
