"""The report: one page per run. A section is one file with a function `section(...) -> Section`, of figures, arrays and
pictures; it knows neither Spark nor MLflow, and where there is nothing to show it says so.

A block is a plot, a table, a sheet of pictures or a sentence. Each gives the page its content, and `files` for who
wants it alone: a PNG for what is drawn, a CSV for what is counted.
"""

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
    """`rows` are the numbers, for the CSV; `shown` are texts of the same rows, for the page (by default the rows
    themselves), which folds it away unless it is `open`.
    """

    name: str
    caption: str
    rows: pd.DataFrame
    shown: pd.DataFrame | None = None
    open: bool = False
    kind: str = "table"

    def files(self) -> dict[str, bytes]:
        return {f"{self.name}.csv": scoring.csv(self.rows, index=False)}


@dataclass(frozen=True)
class Tile:
    """A picture, uint8 [h, w, 3], and the lines below it, which say what its sheet's `columns` are called."""

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
    """Points [n, 2] to look at one by one: each has a class, says something, and some have a picture (a number of the
    sprite's, or None). `png` is the same, drawn.
    """

    name: str
    caption: str
    png: bytes
    points: np.ndarray
    colours: list[str]
    right: list[bool | None]
    lines: list[str]
    thumbnails: list[int | None]
    sprite: np.ndarray | None
    side: int
    kind: str = "cloud"

    def files(self) -> dict[str, bytes]:
        return {f"{self.name}.png": self.png}


@dataclass(frozen=True)
class Section:
    """A part of the page: `says` is what one sees in it, in a sentence."""

    name: str
    title: str
    says: str
    blocks: list[Text | Plot | Table | Sheet | Cloud] = field(default_factory=list)

    def files(self) -> dict[str, bytes]:
        """The files of its blocks, each named after the section."""
        return {f"{self.name}-{name}": content for block in self.blocks for name, content in block.files().items()}


@dataclass(frozen=True)
class Scored:
    """The test images whose label is known: ids [n], labels [n] int, and what each model says of them, probabilities
    [n, classes] by the model's name; `final` is the name of the one that is used.
    """

    classes: list[str]
    ids: np.ndarray
    labels: np.ndarray
    models: dict[str, np.ndarray]
    final: str

    def predicted(self, model: str) -> np.ndarray:
        return self.models[model].argmax(axis=1)

    def right(self, model: str) -> np.ndarray:
        return self.predicted(model) == self.labels


def count(number: int, one: str, many: str | None = None) -> str:
    """A number of things: `1 pair`, `2 pairs`."""
    return f"{number:,.0f} {one if number == 1 else many or one + 's'}"
