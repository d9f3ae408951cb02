"""Plots: a colour for each class, and names of any script that cannot break them."""

import warnings
from xml.etree import ElementTree

import pandas as pd
import pytest

from kindred.report import plots
from report_run import few

SCRIPTS = ["बिल्ली", "แมว", "кошка", "猫", "$a_b$", "<b>"]


def texts_of(svg: bytes) -> list[str]:
    """The texts of a plot."""
    root = ElementTree.fromstring(svg)
    return ["".join(text.itertext()) for text in root.iter("{http://www.w3.org/2000/svg}text")]


def test_a_class_has_one_colour_and_many_classes_have_many() -> None:
    assert plots.class_colours(["a", "b"]) == {name: plots.class_colours(list("abcdefghij"))[name] for name in "ab"}
    assert len(set(plots.class_colours(few(10)).values())) == 10
    assert len(set(plots.class_colours(few(30)).values())) == 30


def test_names_cannot_break_a_plot() -> None:
    assert plots.short_name("$x^{") == r"\$x^{"
    assert plots.short_name("_hidden\nline") == " _hidden line"
    assert plots.short_name("x" * 50) == "x" * 19 + "…"


def test_names_of_any_script_are_texts_of_the_plot_without_a_warning() -> None:
    figure, (axes,) = plots.figure(3, 3)
    plots.grouped_bars(axes, pd.DataFrame({"images": range(6)}, index=SCRIPTS), {"images": "black"})

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        svg = plots.svg(figure)

    assert set(SCRIPTS) <= set(texts_of(svg))


def test_the_same_figure_has_the_same_bytes() -> None:
    one, other = (plots.figure(2, 1)[0] for _ in range(2))

    assert plots.svg(one) == plots.svg(other)


def test_groups_of_bars_stand_from_top_to_bottom() -> None:
    _, (axes,) = plots.figure(3, 3)

    values = pd.DataFrame({"one": [1, 2], "other": [3, 4]}, index=["a", "b"])
    plots.grouped_bars(axes, values, {"one": "black", "other": "white"})

    bars = [(bar.get_width(), bar.get_y() + bar.get_height() / 2) for bar in axes.patches]
    assert [width for width, _ in sorted(bars, key=lambda bar: bar[1])] == [1, 3, 2, 4]
    assert axes.yaxis_inverted()


def test_everything_that_stands_beside_the_axes_is_inside_the_figure() -> None:
    figure, (above, below) = plots.figure(3, 3, rows=2, sharex=True)
    above.plot([0, 1], label="measured")
    above.set(ylabel="a label", title="title")
    below.set_yticks([0, 1], ["short", "a much longer name"])
    below.set(xlabel="below", xlim=(0, 1000))
    plots.legend_above(above)

    plots.svg(figure)

    tight = figure.get_tightbbox()
    assert tight.min.tolist() == pytest.approx([plots.PADDING] * 2, abs=0.02)
    assert tight.max.tolist() == pytest.approx([3 - plots.PADDING] * 2, abs=0.02)


def test_other_warnings_of_a_plot_are_not_swallowed() -> None:
    figure, _ = plots.figure(0.1, 0.1)  # too small for its axes

    with pytest.warns(UserWarning, match="too small for its texts"):
        plots.svg(figure)
