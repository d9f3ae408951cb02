"""The plot at the end of `label_propagation`: test accuracy against the number of given labels."""

import io
from typing import Any

import numpy as np
import pandas as pd

from kindred.studies.label_propagation.cell_grid import Cell

DASHES = ("-", "--", "-.", ":")


def plot(cells: list[Cell], table: pd.DataFrame) -> bytes:
    """As a PNG: a panel for each classifier, in it a line for each way to use the labels, crosses for what is
    published, dotted lines for all labels. `table`: what `accuracy_table.compare` gives.
    """
    from matplotlib.figure import Figure

    table = table.assign(title=[_line_title(cell) for cell in cells])
    networks = np.array([cell.network for cell in cells])
    panels = [table[networks == kind] for kind in np.unique(networks)]
    figure = Figure(figsize=(10, 5 * len(panels)), layout="constrained")
    for axes, rows in zip(figure.subplots(len(panels), squeeze=False)[:, 0], panels, strict=True):
        _draw_panel(axes, rows)
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), fontsize=8, title="reproduced (x: published)")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120)
    return buffer.getvalue()


def _draw_panel(axes: Any, table: pd.DataFrame) -> None:
    axes.set(xlabel="given labels", ylabel="test accuracy")
    for title, rows in table[table["labels"].notna()].groupby("title", sort=False):
        (line,) = axes.plot(rows["labels"].astype(int), rows["reproduced"], "o-", label=title)
        axes.plot(rows["labels"].astype(int), rows["published"], "x", color=line.get_color(), markersize=9)
    ours = table[table["ours"].notna()]
    if len(ours):
        axes.plot(
            ours["labels"].astype(int), ours["ours"], "s-", color="black", linewidth=2, label="ours, random labels"
        )
    for i, (title, rows) in enumerate(table[table["labels"].isna()].groupby("title", sort=False)):
        axes.axhline(rows["reproduced"].max(), linestyle=DASHES[i % len(DASHES)], color="gray", label=title)


def _line_title(cell: Cell) -> str:
    if cell.kind == "distances":
        return f"{cell.title}, k = {cell.centroids}"
    nearest = cell.percentile is not None and cell.percentile < 100
    return f"{cell.title}, nearest {cell.percentile:g} %" if nearest else cell.title
