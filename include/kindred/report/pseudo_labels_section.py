"""Which unlabelled images got a label, with what confidence, and how many of them are right."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import seaborn as sns

from kindred.learning import refusal_reasons
from kindred.report import plots
from kindred.report.blocks import Block, Plot, Section, Sheet, Table, Tile

CONFIDENCE_BINS = 10
MAX_TILES = 12
MAX_DOUBTFUL = 25
MAX_CLASSES = 30  # of a plot: those with the most unlabelled images


def section(
    accepted: pd.DataFrame, refused: pd.DataFrame, by_class: pd.DataFrame, thumbnails: Mapping[str, np.ndarray]
) -> Section:
    """From the rows of pseudo_labels and refused (image_id, label, confidence, and `truth` or null; refused ones with
    their reason), `scoring.pseudo_by_class`, and pictures of those in `pictured`.
    """
    title = "Pseudo-labels"
    if accepted.empty and refused.empty:
        return Section("pseudo-labels", title, "There was no unlabelled image, so there are no pseudo-labels.")
    refused = refused.assign(reason=refused["reason"].map(refusal_reasons.current))
    bins = by_confidence(accepted, refused)
    blocks: list[Block] = [
        _class_plot(by_class),
        Table("classes", "Pseudo-labels by class.", by_class.reset_index()),
        _confidence_plot(bins),
        Table("confidence", "Pseudo-labels by confidence.", bins),
    ]
    if len(refused):
        reasons = refused["reason"].value_counts().rename_axis("reason").reset_index(name="images")
        blocks.append(Table("reasons", "Why images got no pseudo-label.", reasons))
    doubtful = least_confident(accepted)
    for name, rows, caption in (
        ("doubtful", doubtful, f"The {len(doubtful)} accepted pseudo-labels of the lowest confidence."),
        ("accepted", accepted.head(MAX_TILES), "Examples of accepted pseudo-labels."),
        ("refused", refused.head(MAX_TILES), "Examples of refused images, with the label that each would have got."),
    ):
        if len(rows):
            blocks.append(Sheet(name, caption, _tiles(rows, thumbnails), ("label", "truth", "note")))
    return Section("pseudo-labels", title, headline(accepted, refused), blocks)


def headline(accepted: pd.DataFrame, refused: pd.DataFrame) -> str:
    """How many images got a pseudo-label, and how many of these are right."""
    count = len(accepted) + len(refused)
    if accepted.empty:
        return f"None of {count:,} unlabelled images got a pseudo-label."
    text = f"{len(accepted):,} of {count:,} unlabelled images ({len(accepted) / count:.1%}) got a pseudo-label"
    known = accepted["truth"].notna()
    if not known.any():
        return f"{text}; how many are right is not known, because no truth is."
    right = (accepted["label"] == accepted["truth"])[known].mean()
    of_known = "" if known.all() else f" of the {known.sum():,} whose truth is known"
    return f"{text}; {right:.1%}{of_known} are right."


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
    figure, (left, right) = plots.figure(9, 1.2 + 0.26 * len(largest), columns=2, sharey=True)
    left.barh(names, largest["accepted"], color=plots.GOOD_COLOUR, label="accepted")
    left.barh(names, largest["refused"], left=largest["accepted"], color=plots.BAD_COLOUR, label="refused")
    left.set(xlabel="unlabelled images")
    left.invert_yaxis()
    left.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)
    right.plot(largest["coverage"], names, "o", color=plots.BASE_COLOUR, label="coverage")
    right.plot(largest["precision"], names, "D", color=plots.OTHER_COLOUR, label="precision")
    right.plot(largest["confidence"], names, "|", color="black", markersize=12, label="mean confidence")
    right.set(xlabel="share", xlim=(0, 1.03))
    right.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3, fontsize=8)
    caption = "By class: how many images are predicted as it, and the precision where the truth is known."
    if len(by_class) > MAX_CLASSES:
        caption += f" The {MAX_CLASSES} largest classes."
    return Plot("classes", caption, plots.png(figure))


def _confidence_plot(bins: pd.DataFrame) -> Plot:
    figure, (left, right) = plots.figure(9, 3.2, columns=2)
    middle, width = (bins["from"] + bins["to"]) / 2, 0.9 / CONFIDENCE_BINS
    left.bar(middle, bins["accepted"], width, color=plots.GOOD_COLOUR, label="accepted")
    left.bar(middle, bins["refused"], width, bottom=bins["accepted"], color=plots.BAD_COLOUR, label="refused")
    left.set(xlabel="confidence", ylabel="unlabelled images", xlim=(0, 1))
    left.legend()
    right.plot([0, 1], [0, 1], ":", color=plots.GUIDE_COLOUR, label="perfectly calibrated")
    sns.scatterplot(bins, x="confidence", y="precision", color=plots.OTHER_COLOUR, s=60, ax=right)
    right.set(xlim=(0, 1.02), ylim=(0, 1.02), ylabel="precision of the accepted")
    right.legend()
    caption = "By confidence: how many are accepted, and whether the precision is as high as the confidence."
    return Plot("confidence", caption, plots.png(figure))


def _tiles(rows: pd.DataFrame, thumbnails: Mapping[str, np.ndarray]) -> list[Tile]:
    tiles = []
    for row in rows.to_dict("records"):
        truth = "truth: not known" if pd.isna(row["truth"]) else f"truth: {row['truth']}"
        label, note = f"{row['label']} {row['confidence']:.2f}", row.get("reason", "")
        tiles.append(Tile(thumbnails[row["image_id"]], (label, truth, note)))
    return tiles
