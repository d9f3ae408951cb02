"""What a page is made of. A section is one file with a function `section(...) -> Section`, of figures, arrays and
pictures; it knows neither Spark nor MLflow, and where there is nothing to show it says so.

A block is a plot, a table, a sheet of pictures or a sentence. Each gives the page its content, and `files` for who
wants it alone: a PNG for what is drawn, a CSV for what is counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from kindred.data import contact_sheets, images
from kindred.evaluation import scoring


@dataclass(frozen=True)
class Text:
    """A sentence or two; `strong` where it is the one to remember."""

    text: str
    strong: bool = False
    kind: str = "text"

    def files(self) -> dict[str, bytes]:
        return {}


@dataclass(frozen=True)
class Plot:
    """A drawn PNG."""

    name: str
    caption: str
    png: bytes
    kind: str = "plot"

    def files(self) -> dict[str, bytes]:
        return {f"{self.name}.png": self.png}


@dataclass(frozen=True)
class Table:
    """`rows` are the numbers, for the CSV; `display` are texts of the same rows, for the page (by default the rows
    themselves), which folds it away unless it is `open`.
    """

    name: str
    caption: str
    rows: pd.DataFrame
    display: pd.DataFrame | None = None
    open: bool = False
    kind: str = "table"

    def files(self) -> dict[str, bytes]:
        return {f"{self.name}.csv": scoring.csv(self.rows, index=False)}


@dataclass(frozen=True)
class Tile:
    """A picture, uint8 [h, w, 3], and the lines below it; its sheet's `columns` name them."""

    picture: np.ndarray
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Sheet:
    """Pictures side by side, each with its lines."""

    name: str
    caption: str
    tiles: list[Tile]
    columns: tuple[str, ...]
    kind: str = "sheet"

    def files(self) -> dict[str, bytes]:
        rows = pd.DataFrame([tile.lines for tile in self.tiles], columns=list(self.columns))
        sheet = images.encode(contact_sheets.mosaic([tile.picture for tile in self.tiles]))
        return {f"{self.name}.png": sheet, f"{self.name}.csv": scoring.csv(rows, index=False)}


@dataclass(frozen=True)
class Cloud:
    """Points [n, 2] to look at one by one: each has a colour, a line of text, whether its prediction is correct (None:
    not known) and perhaps a picture (its number in the sprite). `png` is the same, drawn.
    """

    name: str
    caption: str
    png: bytes
    points: np.ndarray
    colours: list[str]
    correct: list[bool | None]
    lines: list[str]
    thumbnails: list[int | None]
    sprite: np.ndarray | None
    side: int
    kind: str = "cloud"

    def files(self) -> dict[str, bytes]:
        return {f"{self.name}.png": self.png}


Block = Text | Plot | Table | Sheet | Cloud


@dataclass(frozen=True)
class Section:
    """A part of the page; `headline` is its result in a sentence.

    >>> counts = pd.DataFrame({"class": ["cat", "dog"], "images": [3, 4]})
    >>> section = Section("data", "Data", "7 images of 2 classes.", [Table("classes", "Images by class.", counts)])
    >>> section.files()
    {'data-classes.csv': b'class,images\\ncat,3\\ndog,4\\n'}
    """

    name: str
    title: str
    headline: str
    blocks: Sequence[Block] = field(default_factory=list)

    def files(self) -> dict[str, bytes]:
        """The files of its blocks, each named after the section."""
        return {f"{self.name}-{name}": content for block in self.blocks for name, content in block.files().items()}


def counted(number: float, singular: str, plural: str | None = None) -> str:
    """A number and what it counts.

    >>> counted(1, "pair"), counted(2000, "pair"), counted(3, "class", "classes")
    ('1 pair', '2,000 pairs', '3 classes')
    """
    return f"{number:,.0f} {singular if number == 1 else plural or singular + 's'}"
