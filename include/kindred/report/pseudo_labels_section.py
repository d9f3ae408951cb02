"""Which unlabelled images got a label, with what confidence, and how many of them are right."""

import numpy as np
import pandas as pd

from kindred.learning import refusal_reasons
from kindred.report import plots, pseudo_label_precision
from kindred.report.blocks import Block, Plot, Section, Sheet, Table, Text, Tile
from kindred.report.pictures import Pictures

CONFIDENCE_BINS = 10
MAX_TILES = 12
MAX_DOUBTFUL = 25
UNKNOWN = "No truth is known of these images, so the plots show how many there are and how confident, but no precision."
MAX_CLASSES = 30  # of a plot: those with the most unlabelled images


def section(
    accepted: pd.DataFrame,
    refused: pd.DataFrame,
    by_class: pd.DataFrame,
    figures: dict[str, float],
    pictures: Pictures,
) -> Section:
    """From the rows of pseudo_labels and refused (image_id, label, confidence, and `truth` or null; refused ones with
    their reason), `scoring.pseudo_by_class`, the figures of the run, and pictures of those in `pictured`.
    """
    title = "Pseudo-labels"
    if accepted.empty and refused.empty:
        return Section("pseudo-labels", title, "There was no unlabelled image, so there are no pseudo-labels.")
    refused = refused.assign(reason=refused["reason"].map(refusal_reasons.current))
    bins = by_confidence(accepted, refused)
    blocks: list[Block] = []
    if len(accepted) and not bins["known"].any():
        blocks.append(Text(UNKNOWN))
    blocks += [
        _class_plot(by_class),
        Table("classes", "Pseudo-labels by class.", by_class.reset_index()),
        _confidence_plot(bins),
        Table("confidence", "Pseudo-labels by confidence.", bins),
    ]
    if len(refused):
        reasons = refused["reason"].value_counts().rename_axis("reason").reset_index(name="images")
        blocks.append(Table("reasons", "Why images got no pseudo-label.", reasons, open=True))
    doubtful = least_confident(accepted)
    for name, rows, caption in (
        ("doubtful", doubtful, f"The {len(doubtful)} accepted pseudo-labels of the lowest confidence."),
        ("accepted", accepted.head(MAX_TILES), "Examples of accepted pseudo-labels."),
        ("refused", refused.head(MAX_TILES), "Examples of refused images, with the label that each would have got."),
    ):
        if len(rows):
            blocks.append(Sheet(name, caption, _tiles(rows, pictures), ("label", "truth", "note")))
    return Section("pseudo-labels", title, headline(accepted, refused, figures), blocks)


def headline(accepted: pd.DataFrame, refused: pd.DataFrame, figures: dict[str, float]) -> str:
    """How many images got a pseudo-label, and how many of these are right."""
    count = len(accepted) + len(refused)
    if accepted.empty:
        return f"None of {count:,} unlabelled images got a pseudo-label."
    text = f"{len(accepted):,} of {count:,} unlabelled images ({len(accepted) / count:.1%}) got a pseudo-label."
    return f"{text} {pseudo_label_precision.sentence(figures)}".strip()


def pictured(accepted: pd.DataFrame, refused: pd.DataFrame) -> list[str]:
    """The ids of the images that are shown."""
    parts = (least_confident(accepted), accepted.head(MAX_TILES), refused.head(MAX_TILES))
    return [image_id for part in parts for image_id in part["image_id"]]


def least_confident(accepted: pd.DataFrame) -> pd.DataFrame:
    """The MAX_DOUBTFUL accepted rows of the least confidence, the least first."""
    return accepted.sort_values(["confidence", "image_id"]).head(MAX_DOUBTFUL)


def by_confidence(accepted: pd.DataFrame, refused: pd.DataFrame) -> pd.DataFrame:
    """For each tenth of confidence: how many were accepted and refused, of the accepted how many have a known truth,
    their precision (empty where there is none) and mean confidence.
    """
    edges = np.linspace(0, 1, CONFIDENCE_BINS + 1)
    rows = []
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        inside, refused_inside = (_between(part, low, high) for part in (accepted, refused))
        known = inside[inside["truth"].notna()]
        rows.append(
            {
                "from": round(low, 2),
                "to": round(high, 2),
                "accepted": len(inside),
                "refused": len(refused_inside),
                "known": len(known),
                "precision": (known["label"] == known["truth"]).mean() if len(known) else np.nan,
                "confidence": inside["confidence"].mean() if len(inside) else np.nan,
            }
        )
    return pd.DataFrame(rows)


def _between(rows: pd.DataFrame, low: float, high: float) -> pd.DataFrame:
    """The rows of a confidence from `low` up to `high`; 1 belongs to the last bin."""
    return rows[(rows["confidence"] >= low) & ((rows["confidence"] < high) | (high == 1))]


def _class_plot(by_class: pd.DataFrame) -> Plot:
    total = by_class["accepted"] + by_class["refused"]
    largest = by_class[total >= total.nlargest(MAX_CLASSES).min()].head(MAX_CLASSES)
    names = [plots.short_name(name) for name in largest.index]
    height = 1.1 + 0.26 * len(largest)
    counts, (left,) = plots.figure(plots.PANEL, height)
    left.barh(names, largest["accepted"], color=plots.GOOD_COLOUR, label="accepted")
    left.barh(names, largest["refused"], left=largest["accepted"], color=plots.BAD_COLOUR, label="refused")
    left.set(xlabel="unlabelled images")
    shares, (right,) = plots.figure(plots.PANEL, height)
    right.plot(largest["coverage"], names, "o", color=plots.BASE_COLOUR, label="accepted")
    if largest["precision"].notna().any():
        right.plot(largest["precision"], names, "D", color=plots.OTHER_COLOUR, label="of these right")
    right.plot(largest["confidence"], names, "|", color="black", markersize=12, label="mean confidence")
    right.set(xlabel="share", xlim=(0, 1.03))
    for axes in (left, right):
        axes.set_ylim(len(names) - 0.5, -0.5)
        plots.legend_above(axes)
    caption = "By predicted class: how many images, the share that is accepted, their mean confidence, and where the "
    caption += "truth is known the share that is right."
    if len(by_class) > MAX_CLASSES:
        caption += f" The {MAX_CLASSES} largest classes."
    return Plot("classes", caption, [plots.svg(counts), plots.svg(shares)])


def _confidence_plot(bins: pd.DataFrame) -> Plot:
    counts, (left,) = plots.figure(plots.PANEL, 3)
    middle, width = (bins["from"] + bins["to"]) / 2, 0.9 / CONFIDENCE_BINS
    left.bar(middle, bins["accepted"], width, color=plots.GOOD_COLOUR, label="accepted")
    left.bar(middle, bins["refused"], width, bottom=bins["accepted"], color=plots.BAD_COLOUR, label="refused")
    left.set(xlabel="confidence", ylabel="unlabelled images", xlim=(0, 1))
    plots.legend_above(left)
    if not bins["known"].any():
        return Plot("confidence", "By confidence: how many are accepted.", [plots.svg(counts)])
    precision, (right,) = plots.figure(plots.PANEL, 3)
    right.plot([0, 1], [0, 1], ":", color=plots.GUIDE_COLOUR, label="perfectly calibrated")
    right.plot(bins["confidence"], bins["precision"], "o", color=plots.OTHER_COLOUR, label="measured")
    right.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel="confidence", ylabel="precision of the accepted")
    plots.legend_above(right)
    caption = "By confidence: how many are accepted, and whether the precision is as high as the confidence."
    return Plot("confidence", caption, [plots.svg(counts), plots.svg(precision)])


def _tiles(rows: pd.DataFrame, pictures: Pictures) -> list[Tile]:
    tiles = []
    for row in rows.to_dict("records"):
        truth = "truth: not known" if pd.isna(row["truth"]) else f"truth: {row['truth']}"
        label, note = f"{row['label']} {row['confidence']:.2f}", row.get("reason", "")
        tiles.append(pictures.tile(row["image_id"], (label, truth, note)))
    return tiles
