"""Sections -> one HTML page that needs nothing else: no network, no other file. What others wrote is escaped."""

import base64
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from kindred import images
from kindred.report import Section

FOLDER = Path(__file__).parent
FILE = "report.html"
ROWS = 40  # of a table on the page: its CSV has all of them


def render(title: str, facts: dict[str, str], sections: list[Section]) -> bytes:
    """The page: its title, what the run was asked for, and its sections in their order."""
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"picture": picture, "png": data_uri, "shown": shown}
    style, script = ((FOLDER / name).read_text() for name in ("page.css", "page.js"))
    policy = (
        f"default-src 'none'; img-src data:; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    values = {"title": title, "facts": facts, "sections": sections, "policy": policy, "style": style, "script": script}
    return environment.get_template("page.html").render(**values, rows=ROWS).encode()


def data_uri(content: bytes) -> str:
    """An encoded PNG as a URI that holds it."""
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"


def picture(pixels: np.ndarray) -> str:
    """Pixels, uint8 [h, w, c], as a URI that holds them."""
    return data_uri(images.encode(pixels))


def shown(rows: pd.DataFrame) -> list[list[dict[str, Any]]]:
    """The first rows as cells: a text, and whether it is a number."""
    return [[_cell(value) for value in row] for row in rows.head(ROWS).itertuples(index=False)]


def _cell(value: Any) -> dict[str, Any]:
    if isinstance(value, str):
        return {"text": value, "number": value[:1] in "+-0123456789" and value[-1:] in ")%0123456789"}
    if pd.isna(value):
        return {"text": "–", "number": True}
    whole = float(value).is_integer() and not isinstance(value, float)
    return {"text": f"{value:,}" if whole else f"{value:.4g}", "number": True}


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
