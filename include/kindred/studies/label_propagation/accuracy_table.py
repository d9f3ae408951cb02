"""The table and the plot at the end of `label_propagation`: published, reproduced, ours."""

import io
from typing import Any

import numpy as np
import pandas as pd

from kindred.studies.label_propagation.cell_grid import Cell

DATASET = "fashion_mnist"
DASHES = ("-", "--", "-.", ":")
# Accuracy on the 10,000 test images, as the study reports it with 60,000 training images.
STUDY = {
    "all": 0.841,
    "distances-100": 0.8262,
    "distances-200": 0.8389,
    "distances-300": 0.8456,
    "random-500": 0.7852,
    "random-1000": 0.7924,
    "random-2000": 0.8089,
    "representatives-2000": 0.8146,
    "clusters-2000-100": 0.8121,
    "clusters-2000-25": 0.8044,
    "network-all": 0.8968,
    "network-random-500": 0.7351,
    "network-random-1000": 0.76,
    "network-random-2000": 0.7853,
    "network-representatives-500": 0.755,
    "network-representatives-1000": 0.7636,
    "network-representatives-2000": 0.8024,
    "network-clusters-500-100": 0.7649,
    "network-clusters-1000-100": 0.778,
    "network-clusters-2000-100": 0.799,
    "network-clusters-500-25": 0.7598,
    "network-clusters-1000-25": 0.7734,
    "network-clusters-2000-25": 0.7942,
    "network-clusters-2000-20": 0.1,
    "network-clusters-2000-30": 0.8012,
    "network-clusters-2000-50": 0.8012,
    "network-clusters-2000-75": 0.796,
}


def compare(
    cells: list[Cell], figures: dict[str, float], ours: dict[int, float], study: dict[str, float]
) -> pd.DataFrame:
    """A row for each cell: test accuracy as published (`study`), reproduced (`figures` of the run), and this
    pipeline's own with as many random labels (`ours`, by budget). Empty where there is none.
    """
    rows = [
        {
            "cell": cell.name,
            "labels": cell.labels,
            "centroids": cell.k,
            "percentile": cell.percentile,
            "published": study.get(cell.name),
            "reproduced": figures.get(f"cell/{cell.name}/accuracy"),
            "ours": ours.get(cell.labels) if cell.kind == "random" and not cell.network else None,
        }
        for cell in cells
    ]
    table = pd.DataFrame(rows)
    counts = dict.fromkeys(("labels", "centroids"), "Int64")
    return table.astype(counts | dict.fromkeys(("percentile", "published", "reproduced", "ours"), "float64"))


def text(cells: list[Cell], table: pd.DataFrame) -> str:
    """The table as lines for a console."""
    width = max(len(cell.title) for cell in cells) + 3
    lines = [f"{'test accuracy':{width}}{'labels':>8}{'k':>6}{'%':>6}{'published':>11}{'reproduced':>11}{'ours':>9}"]
    for cell, row in zip(cells, table.itertuples(), strict=True):
        counts = f"{cell.labels or 'all':>8}{cell.k or '':>6}"
        share = "" if cell.percentile is None else f"{cell.percentile:g}"
        scores = ["" if pd.isna(v) else f"{v:.4f}" for v in (row.published, row.reproduced, row.ours)]
        lines.append(f"{cell.title:{width}}{counts}{share:>6}{scores[0]:>11}{scores[1]:>11}{scores[2]:>9}")
    return "\n".join(line.rstrip() for line in lines)


def plot(cells: list[Cell], table: pd.DataFrame) -> bytes:
    """Test accuracy against the number of given labels, as a PNG: a panel for each classifier, in it a line for each
    way to use them, crosses for what is published, dotted lines for all labels.
    """
    from matplotlib.figure import Figure

    table = table.assign(title=[_line(cell) for cell in cells])
    networks = np.array([cell.network for cell in cells])
    panels = [table[networks == kind] for kind in np.unique(networks)]
    figure = Figure(figsize=(10, 5 * len(panels)), layout="constrained")
    for axes, rows in zip(figure.subplots(len(panels), squeeze=False)[:, 0], panels, strict=True):
        _panel(axes, rows)
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1), fontsize=8, title="reproduced (x: published)")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=120)
    return buffer.getvalue()


def _panel(axes: Any, table: pd.DataFrame) -> None:
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


def _line(cell: Cell) -> str:
    """What a cell's line in the plot is called."""
    if cell.kind == "distances":
        return f"{cell.title}, k = {cell.centroids}"
    near = cell.percentile is not None and cell.percentile < 100
    return f"{cell.title}, nearest {cell.percentile:g} %" if near else cell.title
