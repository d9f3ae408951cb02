"""The table at the end of `label_propagation`: test accuracy as published, reproduced, and ours."""

import pandas as pd

from kindred.studies.label_propagation.cell_grid import Cell


def compare(
    cells: list[Cell], figures: dict[str, float], ours: dict[int, float], published: dict[str, float]
) -> pd.DataFrame:
    """A row for each cell: test accuracy as `published`, reproduced (`figures` of the run), and this pipeline's own
    with as many random labels (`ours`, by budget). Empty where there is none.
    """
    rows = [
        {
            "cell": cell.name,
            "labels": cell.labels,
            "centroids": cell.k,
            "percentile": cell.percentile,
            "published": published.get(cell.name),
            "reproduced": figures.get(f"cell/{cell.name}/accuracy"),
            "ours": _ours(cell, ours),
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
    accuracies = table[["published", "reproduced", "ours"]].to_numpy()
    for cell, row in zip(cells, accuracies, strict=True):
        counts = f"{cell.labels or 'all':>8}{cell.k or '':>6}"
        percentile = "" if cell.percentile is None else f"{cell.percentile:g}"
        published, reproduced, ours = ("" if pd.isna(value) else f"{value:.4f}" for value in row)
        lines.append(f"{cell.title:{width}}{counts}{percentile:>6}{published:>11}{reproduced:>11}{ours:>9}")
    return "\n".join(line.rstrip() for line in lines)


def _ours(cell: Cell, ours: dict[int, float]) -> float | None:
    """Beside a cell with random labels and logistic regression; None beside the others."""
    if cell.labels is None or cell.kind != "random" or cell.network:
        return None
    return ours.get(cell.labels)
