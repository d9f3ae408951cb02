"""docs/figures.md is made by its benchmarks, and keeps what could not be measured."""

import json
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MACHINE = {"machine/processor": "a processor", "machine/threads": 2, "machine/load": 0.1, "machine/steal": 0.0}
PAGE = """# Figures

<!-- figures: speed -->
by hand
<!-- /figures -->
End.
"""


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """The module, beside a benchmark `speed.py` that copies its first argument into its JSON file."""
    import figures

    (tmp_path / "speed.py").write_text("import shutil, sys\nshutil.copy(sys.argv[1], sys.argv[3])\n")
    monkeypatch.setattr(figures, "HERE", tmp_path)
    monkeypatch.setattr(figures, "RESULTS", tmp_path / "results")
    return figures


def speed(figures, *commands: str, timed: bool = False):
    return figures.Benchmark("speed", list(commands), "speed/{way}/", {"images/s": "{rate:,.0f}"}, timed)


def test_the_page_shows_what_the_results_say() -> None:
    import figures

    text = figures.PAGE.read_text()

    assert figures.page(text, figures.specified()) == text


def test_every_benchmark_has_its_place_on_the_page_and_options_that_it_knows() -> None:
    import figures

    benchmarks = figures.specified()
    shared = (ROOT / "benchmarks" / "bench.py").read_text()

    assert sorted(match[2] for match in figures.BLOCK.finditer(figures.PAGE.read_text())) == sorted(benchmarks)
    for command in (command for benchmark in benchmarks.values() for command in benchmark.commands):
        program, *words = command.split()
        source = shared + (ROOT / "benchmarks" / program).read_text()
        assert not [word for word in words if word.startswith("--") and f'"{word}"' not in source], command


def test_what_a_benchmark_measures_stands_on_the_page_with_its_machine_and_date(figures, tmp_path: Path) -> None:
    (tmp_path / "measured.json").write_text(json.dumps({"speed/exact/rate": 1234.5, **MACHINE}))

    reason = figures.run(speed(figures, "speed.py FILE"), {"FILE": str(tmp_path / "measured.json")})

    assert reason == ""
    page = figures.page(PAGE, {"speed": speed(figures, "speed.py FILE")})
    assert "python benchmarks/speed.py FILE\n```\n\n| way | images/s |\n| --- | --- |\n| exact | 1,234 |\n" in page
    assert "a processor, 2 threads, load 0.10, stolen 0.0%: quiet; commit" in page
    assert "by hand" not in page
    assert page.endswith("<!-- /figures -->\nEnd.\n")


def test_a_section_whose_benchmark_fails_or_lacks_its_data_keeps_its_text(figures) -> None:
    failed = figures.run(speed(figures, "speed.py /nowhere"), {})
    unnamed = figures.run(speed(figures, "speed.py FILE"), {})

    assert failed == "speed.py /nowhere ended with status 1"
    assert unnamed == 'its data is not named (DATA="FILE=folder")'
    assert figures.page(PAGE, {"speed": speed(figures)}) == PAGE


def test_times_are_not_measured_on_a_busy_machine(figures, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "WAIT_SECONDS", 0)
    monkeypatch.setattr(figures.quiet.os, "getloadavg", lambda: (9.0, 9.0, 9.0))

    reason = figures.run(speed(figures, "speed.py /nowhere", timed=True), {})

    assert reason.startswith("not quiet: the load was 9.00")


def test_several_commands_make_one_table_with_the_highest_load(figures, tmp_path: Path) -> None:
    for name, load in (("a", 0.4), ("b", 0.2)):
        values = {f"speed/{name}/rate": 1.0, **MACHINE, "machine/load": load}
        (tmp_path / f"{name}.json").write_text(json.dumps(values))

    figures.run(speed(figures, *(f"speed.py {tmp_path}/{name}.json" for name in "ab")), {})

    result = json.loads((tmp_path / "results" / "speed.json").read_text())["figures"]
    assert {"speed/a/rate", "speed/b/rate"} <= set(result)
    assert result["machine/load"] == 0.4
