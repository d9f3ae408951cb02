"""How every plot looks: size, colours that colour-blind eyes tell apart, names that cannot break a plot, PNG."""

import io
import re
import warnings
from collections.abc import Sequence
from typing import Any

import matplotlib

matplotlib.use("Agg")

import seaborn as sns  # noqa: E402  (it would choose another backend)
from matplotlib.axes import Axes  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402
from matplotlib.text import Text  # noqa: E402

from kindred.data import contact_sheets, fonts  # noqa: E402

MISSING_GLYPH = r"Glyph (\d+) .*missing from font"
warnings.filterwarnings("ignore", MISSING_GLYPH)  # of Seaborn's layout, too; `png` and `fonts.hint` see to them

DPI = 110
DISTINCT_COLOURS = 10  # classes: up to here each has a distinct colour, and plots have a legend
MAX_NAME_LENGTH = 20  # characters of a class name in a plot
BASE_COLOUR, OTHER_COLOUR = "#8a8a8a", "#12466b"  # of the two models, everywhere; no class has them
GOOD_COLOUR, BAD_COLOUR = contact_sheets.MATCH_COLOUR, contact_sheets.OTHER_COLOUR  # correct and not, accepted and not
GUIDE_COLOUR = "#b0b0b0"  # of frames, and of lines to compare with


def class_colours(classes: Sequence[str]) -> dict[str, str]:
    """A colour for each class, the same one in every plot of a run: ten of seaborn's palette for colour-blind eyes, or
    for more classes steps of viridis, which differ in lightness too.
    """
    many = len(classes) > DISTINCT_COLOURS
    palette = sns.color_palette("viridis", len(classes)) if many else sns.color_palette("colorblind", DISTINCT_COLOURS)
    return dict(zip(classes, palette.as_hex()[: len(classes)], strict=True))


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
    family = matplotlib.rcParams["font.family"]
    style = {"grid.color": "#e6e6e6", "axes.edgecolor": GUIDE_COLOUR, "font.family": family}
    with sns.axes_style("whitegrid", style):
        drawn = Figure(figsize=(width, height), layout="constrained")
        return drawn, drawn.subplots(rows, columns, squeeze=False, **options).ravel().tolist()


def without_ticks(axes: Axes) -> None:
    """Axes for pictures: no ticks, no frame."""
    axes.set(xticks=[], yticks=[])
    axes.grid(False)
    sns.despine(ax=axes, left=True, bottom=True)


def png(drawn: Figure) -> bytes:
    """The figure as a PNG. Where the usual font lacks characters, fonts that have them join it, for later plots too;
    what no font has becomes a box, of which `fonts.hint` tells.
    """
    content, lacking = _saved(drawn)
    families = matplotlib.rcParams["font.family"]
    if added := [family for family in fonts.families(lacking) if family not in families]:
        matplotlib.rcParams["font.family"] = [*families, *added]
        for text in drawn.findobj(Text):
            if isinstance(text, Text):
                text.set_fontfamily([*families, *added])
        content, _ = _saved(drawn)
    return content


def _saved(drawn: Figure) -> tuple[bytes, list[str]]:
    """A PNG, and the characters of which matplotlib warns that it has no glyph for them."""
    buffer = io.BytesIO()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        drawn.savefig(buffer, format="png", dpi=DPI, facecolor="white")
    lacking = []
    for warning in caught:
        if glyph := re.match(MISSING_GLYPH, str(warning.message)):
            lacking.append(chr(int(glyph[1])))
        else:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    return buffer.getvalue(), lacking
