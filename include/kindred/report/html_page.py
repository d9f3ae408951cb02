"""Sections -> one HTML page that needs nothing else: no network, no other file. What others wrote is escaped."""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from kindred.data import images, origins
from kindred.report import svg_files
from kindred.report.blocks import Section
from kindred.runtime import templates

FOLDER = Path(__file__).parent
MAX_LOSSLESS_PX = 32  # sides up to which a picture is a PNG
JPEG_QUALITY = 85
MAX_ROWS = 40  # of a table on the page: its CSV has all of them


@dataclass(frozen=True)
class Link:
    """An address, which the page shows as it is: in a frame that opens no other page it can be copied."""

    address: str


def render(title: str, facts: Mapping[str, str | Link], sections: list[Section]) -> bytes:
    """The page: its title, facts for its head (name: text or link), and its sections in their order.

    >>> page = render("Kindred: first", {"dataset": "digits"}, [Section("data", "Data", "5 < 7 images.")])
    >>> b"5 &lt; 7 images." in page
    True
    """
    environment = templates.environment(FOLDER)
    environment.filters |= {"picture": picture, "inlined": svg_files.inlined, "cells": cells, "file_name": origins.name}
    style, script = ((FOLDER / name).read_text() for name in ("page.css", "page.js"))
    policy = (
        f"default-src 'none'; img-src data:; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    values = {"title": title, "facts": facts, "sections": sections, "policy": policy, "style": style, "script": script}
    return environment.get_template("page.html").render(**values, max_rows=MAX_ROWS).encode()


def data_uri(content: bytes, kind: str = "png") -> str:
    """An encoded image as a URI that holds it."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def picture(pixels: np.ndarray) -> str:
    """Pixels, uint8 [h, w, c], as a URI that holds them: exact where there are few, else as a JPEG, a sixth of the
    size.
    """
    if min(pixels.shape[:2]) < MAX_LOSSLESS_PX:
        return data_uri(images.encode(pixels))
    return data_uri(images.encode_jpeg(pixels, JPEG_QUALITY), "jpeg")


def cells(rows: pd.DataFrame) -> list[list[dict[str, Any]]]:
    """The first rows as cells: a text, and whether it is a number."""
    return [[_cell(value, i) for i, value in enumerate(row)] for row in rows.head(MAX_ROWS).itertuples(index=False)]


def _cell(value: Any, column: int) -> dict[str, Any]:
    if isinstance(value, str):  # in the first column stand names, and a class may be called 7
        return {"text": value, "number": column > 0 and value[:1] in "+-0123456789" and value[-1:] in ")0123456789"}
    if pd.isna(value):
        return {"text": "–", "number": True}
    return {"text": f"{value:.4g}" if isinstance(value, float) else f"{value:,}", "number": True}


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
