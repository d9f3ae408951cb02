"""Counts of pairs of classes as coloured cells, a panel for each model."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.colors import to_rgba
from matplotlib.patches import Rectangle

from kindred.report import plots

CAPTION = "Empty cells are 0; the stronger the colour, the more."
FEW_CLASSES = 6  # up to which the numbers can be larger
ANNOTATED_CLASSES = 15  # up to which the numbers can be read
STRONG = 0.75  # share of the highest value
ON_STRONG = "#fefefe"  # of text on a strong colour, also on a dark page: pages turn white into their ground


def panels(
    counts: Mapping[str, np.ndarray], classes: list[str], rows: str, columns: str, normalised: bool = False
) -> list[bytes]:
    """Drawn counts [classes, classes] by the title of the panel; `normalised`: as shares of their row. `rows` and
    `columns` say what these are.
    """
    highest = max(c.max() for c in counts.values()) or 1
    annotated = len(classes) <= ANNOTATED_CLASSES
    ticks, labels = range(len(classes)), [plots.short_name(c) for c in classes]
    drawn = []
    for title, matrix in counts.items():
        shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
        figure, (axes,) = plots.figure(plots.PANEL, plots.PANEL)
        _draw_cells(axes, shares if normalised else matrix / highest)
        if annotated:
            _write_values(axes, *((shares, "{:.0%}", 1.0) if normalised else (matrix, "{:d}", highest)))
        axes.set_xticks(ticks, labels, rotation=90, fontsize=8 if annotated else 6)
        axes.set_yticks(ticks, labels, fontsize=8 if annotated else 6)
        axes.set(title=title, xlabel=columns, ylabel=rows)
        drawn.append(plots.svg(figure))
    return drawn


def _draw_cells(axes: Axes, strength: np.ndarray) -> None:
    """A square for each cell [n, n] above 0, the stronger the more opaque, so that it suits a light and a dark page."""
    places = np.argwhere(strength)
    squares = [Rectangle((column - 0.5, row - 0.5), 1, 1) for row, column in places]
    colours = [to_rgba(plots.GOOD_COLOUR, strength[row, column]) for row, column in places]
    axes.add_collection(PatchCollection(squares, facecolors=colours, linewidths=0))
    limits = (-0.5, len(strength) - 0.5)
    axes.set(xlim=limits, ylim=limits[::-1], aspect="equal")
    axes.grid(False)


def _write_values(axes: Axes, values: np.ndarray, form: str, highest: float) -> None:
    """The values [n, n] above 0 in their cells."""
    size = 10 if len(values) <= FEW_CLASSES else 7.5
    for row, column in np.argwhere(values).tolist():
        colour = ON_STRONG if values[row, column] > STRONG * highest else "black"
        text = form.format(values[row, column])
        axes.text(column, row, text, ha="center", va="center", fontsize=size, color=colour, in_layout=False)
