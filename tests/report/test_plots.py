"""Plots: a colour for each class, and names of any script that cannot break them."""

import io
import warnings
from collections.abc import Iterator
from pathlib import Path

import matplotlib
import pytest
from matplotlib import font_manager

from font_files import forget_fonts, write_font
from kindred.report import plots
from report_run import few


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Path]]:
    """A machine whose fonts are those in this list; plots start with the usual font."""
    paths: list[Path] = []
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: [str(path) for path in paths])
    forget_fonts()
    with matplotlib.rc_context({"font.family": ["sans-serif"]}):
        yield paths
    forget_fonts()


def plot_of(names: list[str]) -> tuple[matplotlib.figure.Figure, bytes]:
    """A bar chart with these names, and its PNG as the report has it."""
    figure, (axes,) = plots.figure(2, 1)
    axes.barh([plots.short_name(name) for name in names], range(len(names)))
    return figure, plots.png(figure)


def draw_again(figure: matplotlib.figure.Figure) -> None:
    """As matplotlib does it by itself; a glyph that no font has is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.savefig(io.BytesIO(), dpi=20)


def test_a_class_has_one_colour_and_many_classes_have_many() -> None:
    assert plots.class_colours(["a", "b"]) == {name: plots.class_colours(list("abcdefghij"))[name] for name in "ab"}
    assert len(set(plots.class_colours(few(10)).values())) == 10
    assert len(set(plots.class_colours(few(30)).values())) == 30


def test_names_cannot_break_a_plot() -> None:
    assert plots.short_name("$x^{") == r"\$x^{"
    assert plots.short_name("_hidden\nline") == " _hidden line"
    assert plots.short_name("x" * 50) == "x" * 19 + "…"


def test_names_in_hindi_and_thai_are_written_by_fonts_that_have_them(machine: list[Path]) -> None:
    figure, png = plot_of(["बिल्ली", "แมว", "кошка"])

    draw_again(figure)
    assert png != plot_of(["बिल्ली", "หมา", "кошка"])[1]


def test_once_a_font_has_joined_later_plots_have_it_from_the_start(machine: list[Path]) -> None:
    plot_of(["แมว"])

    figure, (axes,) = plots.figure(2, 1)
    axes.set(xlabel="แมว")

    draw_again(figure)


def test_a_font_of_the_machine_writes_chinese_where_there_is_one(machine: list[Path], tmp_path: Path) -> None:
    machine.append(write_font(tmp_path / "Cats.ttf", "猫犬"))

    figure, png = plot_of(["猫"])

    draw_again(figure)
    assert png != plot_of(["犬"])[1]


def test_where_no_font_has_a_character_the_plot_is_drawn_without_a_warning(machine: list[Path]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure, png = plot_of(["猫"])

    assert png.startswith(b"\x89PNG")
    with pytest.raises(UserWarning, match="missing from font"):
        draw_again(figure)


def test_other_warnings_of_a_plot_are_not_swallowed() -> None:
    figure, _ = plots.figure(0.1, 0.1)  # too small for its axes

    with pytest.warns(UserWarning, match="constrained_layout"):
        plots.png(figure)
