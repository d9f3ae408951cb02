"""How every plot looks: size, colours that colour-blind eyes tell apart, names that cannot break a plot, SVG.

Names are written as text, which the reader's machine shows in its own fonts: it has them for the scripts that its
reader reads.
"""

import io
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from matplotlib.transforms import Bbox

from kindred.data import contact_sheets

MISSING_GLYPH = r"Glyph \d+ .*missing from font"  # where text is measured; it is drawn by the reader's fonts
PANEL = 4.4  # inches: the usual width of a panel, of which two fit beside each other, and one on a phone
PADDING = 0.04  # inches around everything
DISTINCT_COLOURS = 10  # classes: up to here each has a distinct colour, and plots have a legend
MAX_NAME_LENGTH = 20  # characters of a class name in a plot
BASE_COLOUR, OTHER_COLOUR = "#8a8a8a", "#12466b"  # of the two models, everywhere; no class has them
TRUTH_COLOUR = "black"
GOOD_COLOUR, BAD_COLOUR = contact_sheets.MATCH_COLOUR, contact_sheets.OTHER_COLOUR  # correct and not, accepted and not
GRID_COLOUR, GUIDE_COLOUR = "#e6e6e6", "#b0b0b0"  # of grids; of frames and lines to compare with
CLASS_COLOURS = (  # for colour-blind eyes: those of seaborn's palette "colorblind"
    *("#0173b2", "#de8f05", "#029e73", "#d55e00", "#cc78bc"),
    *("#ca9161", "#fbafe4", "#949494", "#ece133", "#56b4e9"),
)
STYLE: dict[Any, Any] = {  # of matplotlib
    **{"axes.grid": True, "axes.axisbelow": True, "axes.edgecolor": GUIDE_COLOUR},
    **{"grid.color": GRID_COLOUR, "lines.solid_capstyle": "round"},
    **dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color"), ".15"),
    **{"xtick.bottom": False, "ytick.left": False},
}


def class_colours(classes: Sequence[str]) -> dict[str, str]:
    """A colour for each class, the same one in every plot of a run: CLASS_COLOURS, or for more classes steps of
    viridis, which differ in lightness too.
    """
    if len(classes) <= DISTINCT_COLOURS:
        return dict(zip(classes, CLASS_COLOURS, strict=False))
    steps = np.linspace(0, 1, len(classes) + 2)[1:-1]
    return dict(zip(classes, map(to_hex, matplotlib.colormaps["viridis"](steps)), strict=True))


def model_colours(models: Sequence[str]) -> dict[str, str]:
    """The first model's colour and the other's; where there are more than two, colours as for classes."""
    return dict(zip(models, (BASE_COLOUR, OTHER_COLOUR), strict=False)) if len(models) <= 2 else class_colours(models)


def short_name(text: str) -> str:
    r"""A name as plots show it: short, in one line, and no markup of theirs (a `$` starts a formula, a `_` hides it).

    >>> short_name("a name that is too long"), short_name("$x$")
    ('a name that is too …', '\\$x\\$')
    """
    text = " ".join(text.split())
    text = text if len(text) <= MAX_NAME_LENGTH else f"{text[: MAX_NAME_LENGTH - 1]}…"
    return (" " + text if text.startswith("_") else text).replace("$", r"\$")


def figure(width: float, height: float, rows: int = 1, columns: int = 1, **options: Any) -> tuple[Figure, list[Axes]]:
    """A figure of so many inches and its axes, row by row."""
    with matplotlib.rc_context(STYLE):
        drawn = Figure(figsize=(width, height))
        return drawn, drawn.subplots(rows, columns, squeeze=False, **options).ravel().tolist()


def grouped_bars(axes: Axes, values: pd.DataFrame, colours: Mapping[str, Any]) -> None:
    """Horizontal bars: for each row of `values` [n, k] a group, the first one on top, in it a bar for each column."""
    height = 0.8 / len(values.columns)
    for i, column in enumerate(values):
        places = np.arange(len(values)) + height * (i - (len(values.columns) - 1) / 2)
        axes.barh(places, values[column], height, color=colours[str(column)], label=short_name(str(column)))
    axes.set_yticks(range(len(values)), [short_name(str(name)) for name in values.index])
    axes.set_ylim(len(values) - 0.5, -0.5)
    axes.grid(False, axis="y")
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))


def legend_above(axes: Axes) -> None:
    """The legend in one row above the axes, where it hides nothing."""
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3, fontsize=8, frameon=False)


def legend_below(axes: Axes, **options: Any) -> None:
    """The legend in rows below axes without ticks."""
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, 0), ncols=3, fontsize=8, frameon=False, **options)


def without_ticks(axes: Axes) -> None:
    """Axes for pictures: no ticks, no frame."""
    axes.set(xticks=[], yticks=[])
    axes.grid(False)
    axes.spines[:].set_visible(False)


def legend_inside(axes: Axes, **options: Any) -> None:
    """The legend where it hides least inside the axes."""
    axes.legend(**options).set_in_layout(False)  # it needs no room beside them


def _make_room(drawn: Figure) -> None:
    """Margins as wide as what stands beside the axes, which is measured once: matplotlib's layouts measure or draw it
    twice, a third of the time of a plot.
    """
    outer, size = drawn.get_tightbbox(), drawn.get_size_inches()
    inner = Bbox.union([axes.get_position() for axes in drawn.axes])
    left, bottom = (np.array(inner.min) * size - outer.min + PADDING) / size
    right, top = 1 - (outer.max - np.array(inner.max) * size + PADDING) / size
    if left < right and bottom < top:
        drawn.subplots_adjust(left, bottom, right, top)
    else:
        warnings.warn(f"a plot of {size[0]:g} x {size[1]:g} inches is too small for its texts", stacklevel=3)


def svg(drawn: Figure) -> bytes:
    """The figure as an SVG on white, text as text; the same figure has the same bytes."""
    buffer = io.BytesIO()
    with warnings.catch_warnings(), matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "kindred"}):
        warnings.filterwarnings("ignore", MISSING_GLYPH)
        _make_room(drawn)
        drawn.savefig(buffer, format="svg", facecolor="white", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()
