"""What `make run` says at the end of a run that has succeeded."""

from pathlib import Path

import pytest

from kindred.runtime import file_names, make_command, runs, stages, storage
from kindred_airflow import closing, machine


def test_the_stages_stand_in_their_order_with_the_reused_ones_last() -> None:
    figures = {
        **{"featurize/seconds": 20, "featurize/reused": 0, "report/seconds": 30.04, "report/reused": 0},
        **{"ingest/seconds": 9, "ingest/reused": 1, "test/seconds": 7},
    }

    assert closing.times(figures, 132).split() == (
        "time 2 min 12 s: featurize 20 s, report 30 s, starts of Airflow and Spark 82 s; reused: ingest".split()
    )


def test_the_stages_of_image_matching_stand_in_their_order_too() -> None:
    own = stages.MATCHING_ORDER
    figures = {f"{stage}/{name}": value for stage in sorted(own) for name, value in (("seconds", 5), ("reused", 0))}

    line = " ".join(closing.times(figures, 100).split())

    assert f"{', '.join(f'{stage} 5.0 s' for stage in own)}, starts of Airflow" in line


def test_the_cells_of_a_study_are_one_part_and_lines_break_after_commas() -> None:
    figures = {f"cell/random-{n}/{name}": value for n in range(20) for name, value in (("seconds", 6), ("reused", 0))}
    many = {f"{stage * 9}/{name}": 1 - len(name) % 2 for stage in "abcdefgh" for name in ("seconds", "reused")}

    lines = closing.times({**figures, **many}, 600).splitlines()

    assert "cell (20) 2 min" in lines[0] + lines[-1]
    assert len(lines) > 1
    assert max(map(len, lines)) <= closing.WIDTH
    assert all(line.endswith(",") for line in lines[:-1])


@pytest.mark.parametrize("elsewhere", [False, True])
def test_the_commands_can_be_copied_as_they_are(elsewhere: bool, tmp_path: Path, monkeypatch) -> None:
    folder = tmp_path / "my $ data" if elsewhere else machine.ROOT / "data"
    monkeypatch.setenv("KINDRED_DATA", str(folder))
    monkeypatch.setattr(make_command.sys, "prefix", str(machine.ROOT / ".venv"))

    own = f" KINDRED_DATA='{tmp_path}/my $$ data'" if elsewhere else ""
    assert make_command.text("search", RUN="first") == f"make search RUN=first{own}"


def test_the_next_steps_name_the_report_where_there_is_one(data: Path) -> None:
    folder = runs.run_folder("self_training", "first")
    without = closing.next_steps("self_training", folder)
    storage.put_bytes(storage.join(folder, file_names.REPORT), b"<!DOCTYPE html>")

    lines = closing.next_steps("self_training", folder).splitlines()

    assert lines[0].split() == ["open", "the", "report", f"{data}/runs/self_training/first/report.html"]
    assert lines[1:] == without.splitlines()
    assert "make search RUN=first" in lines[1]
    assert "make search" not in closing.next_steps("label_propagation", folder)
