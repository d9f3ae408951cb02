"""What a page is made of. A section is one file with a function `section(...) -> Section`, of figures, arrays and
pictures; it knows neither Spark nor MLflow, and where there is nothing to show it says so.

A block is a plot, a table, a sheet of pictures or a sentence. Each gives the page its content, and `files` for who
wants it alone: an SVG for what is drawn, a PNG for pictures, a CSV for what is counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from kindred.data import contact_sheets, images
from kindred.evaluation import scoring
from kindred.report import svg_files

ORIGIN_COLUMNS = ("origin", "other_origin")  # of the CSV of a sheet whose tiles show a file, or two


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
    """One or several drawn SVGs: beside each other where there is room, else below each other."""

    name: str
    caption: str
    panels: Sequence[bytes]
    kind: str = "plot"

    def files(self) -> dict[str, bytes]:
        return {f"{self.name}.svg": svg_files.side_by_side(self.panels)}


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
    """A picture, uint8 [h, w, 3], and the lines below it; its sheet's `columns` name them. `origins`: the addresses of
    the files that it shows, none where it is made of many.
    """

    picture: np.ndarray
    lines: tuple[str, ...]
    origins: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sheet:
    """Pictures side by side, each with its lines and the names of its files; the CSV has the whole addresses."""

    name: str
    caption: str
    tiles: list[Tile]
    columns: tuple[str, ...]
    kind: str = "sheet"

    def files(self) -> dict[str, bytes]:
        rows = pd.DataFrame([tile.lines for tile in self.tiles], columns=list(self.columns))
        for i, name in enumerate(ORIGIN_COLUMNS[: max((len(tile.origins) for tile in self.tiles), default=0)]):
            rows[name] = [tile.origins[i] for tile in self.tiles]
        sheet = images.encode(contact_sheets.mosaic([tile.picture for tile in self.tiles]))
        return {f"{self.name}.png": sheet, f"{self.name}.csv": scoring.csv(rows, index=False)}


@dataclass(frozen=True)
class Rows:
    """Rows of pictures of one size, each with its name; the CSV has the whole addresses of the files."""

    name: str
    caption: str
    column: str
    rows: list[tuple[str, list[Tile]]]
    kind: str = "rows"

    def files(self) -> dict[str, bytes]:
        columns = max(len(tiles) for _, tiles in self.rows)
        blank = np.full_like(self.rows[0][1][0].picture, 255)
        padded = [[tile.picture for tile in tiles] + [blank] * (columns - len(tiles)) for _, tiles in self.rows]
        sheet = contact_sheets.mosaic([picture for row in padded for picture in row], columns=columns)
        listed = [(name, *tile.origins) for name, tiles in self.rows for tile in tiles]
        rows = pd.DataFrame(listed, columns=[self.column, ORIGIN_COLUMNS[0]])
        return {f"{self.name}.png": images.encode(sheet), f"{self.name}.csv": scoring.csv(rows, index=False)}


@dataclass(frozen=True)
class Cloud:
    """Points [n, 2] to look at one by one: each has a colour, a line of text, the address of its file, whether its
    prediction is correct (None: not known) and perhaps a picture (its number in the sprite). `panels` are the same,
    drawn.
    """

    name: str
    caption: str
    panels: Sequence[bytes]
    points: np.ndarray
    colours: list[str]
    correct: list[bool | None]
    lines: list[str]
    origins: list[str]
    thumbnails: list[int | None]
    sprite: np.ndarray | None
    side: int
    kind: str = "cloud"

    def files(self) -> dict[str, bytes]:
        rows = pd.DataFrame(
            {"origin": self.origins, "image": self.lines, "x": self.points[:, 0], "y": self.points[:, 1]}
        )
        return {
            f"{self.name}.svg": svg_files.side_by_side(self.panels),
            f"{self.name}.csv": scoring.csv(rows, index=False),
        }


Block = Text | Plot | Table | Sheet | Rows | Cloud


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
