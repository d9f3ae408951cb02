"""Which unlabelled images got a label, how sure that was, and how right."""

import numpy as np
import pandas as pd
import seaborn as sns

from kindred.learning import refusal_reasons
from kindred.report import plots
from kindred.report.blocks import Plot, Section, Sheet, Table, Tile

BINS = 10
TILES = 12
DOUBTFUL = 25
MOST = 30  # classes of a plot: those with the most unlabelled images


def section(accepted: pd.DataFrame, refused: pd.DataFrame, by_class: pd.DataFrame, thumbnails: dict) -> Section:
    """From the rows of pseudo_labels and refused (image_id, label, confidence, and `truth` or null; refused ones with
    their reason), `evaluate.pseudo_by_class`, and pictures of those in `wanted`.
    """
    title = "Pseudo-labels"
    if accepted.empty and refused.empty:
        return Section("pseudo-labels", title, "There was no unlabelled image, so there are no pseudo-labels.")
    blocks = [_by_class(by_class), Table("classes", "Pseudo-labels by class.", by_class.reset_index())]
    binned = by_confidence(accepted, refused)
    blocks += [_by_confidence(binned), Table("confidence", "Pseudo-labels by confidence.", binned)]
    if len(refused):
        refused = refused.assign(reason=refused["reason"].map(refusal_reasons.current))
        reasons = refused["reason"].value_counts().rename_axis("reason").reset_index(name="images")
        blocks.append(Table("reasons", "Why images got no pseudo-label.", reasons))
    doubtful = doubted(accepted)
    for name, rows, said in (
        ("doubtful", doubtful, f"The {len(doubtful)} most doubtful of the accepted pseudo-labels."),
        ("accepted", accepted.head(TILES), "Some of the accepted ones."),
        ("refused", refused.head(TILES), "Some of the refused ones, and what they would have been called."),
    ):
        if len(rows):
            blocks.append(Sheet(name, said, _tiles(rows, thumbnails), ("label", "truth", "note")))
    return Section("pseudo-labels", title, says(accepted, refused), blocks)


def says(accepted: pd.DataFrame, refused: pd.DataFrame) -> str:
    """How many, and how right they are."""
    count = len(accepted) + len(refused)
    if accepted.empty:
        return f"None of {count:,} unlabelled images got a pseudo-label."
    text = f"{len(accepted):,} of {count:,} unlabelled images ({len(accepted) / count:.1%}) got a pseudo-label"
    known = accepted["truth"].notna()
    if not known.any():
        return f"{text}; how many are right is not known, for their truth is not."
    right = (accepted["label"] == accepted["truth"])[known].mean()
    of = "" if known.all() else f" of the {known.sum():,} whose truth is known"
    return f"{text}; {right:.1%}{of} are right."


def wanted(accepted: pd.DataFrame, refused: pd.DataFrame) -> list[str]:
    """The ids of the images that are shown."""
    parts = (doubted(accepted), accepted.head(TILES), refused.head(TILES))
    return [image_id for part in parts for image_id in part["image_id"]]


def doubted(accepted: pd.DataFrame) -> pd.DataFrame:
    """The DOUBTFUL accepted rows of the least confidence, the least first."""
    return accepted.sort_values(["confidence", "image_id"]).head(DOUBTFUL)


def by_confidence(accepted: pd.DataFrame, refused: pd.DataFrame) -> pd.DataFrame:
    """For each tenth of confidence: how many were accepted and refused, of the accepted how many have a known truth,
    their precision (empty where there is none) and mean confidence.
    """
    edges = np.linspace(0, 1, BINS + 1)
    rows = []
    for low, high in zip(edges, edges[1:], strict=False):
        inside, out = (
            rows_[(rows_["confidence"] >= low) & ((rows_["confidence"] < high) | (high == 1))]
            for rows_ in (accepted, refused)
        )
        known = inside[inside["truth"].notna()]
        rows.append(
            {
                "from": round(low, 2),
                "to": round(high, 2),
                "accepted": len(inside),
                "refused": len(out),
                "known": len(known),
                "precision": (known["label"] == known["truth"]).mean() if len(known) else np.nan,
                "confidence": inside["confidence"].mean() if len(inside) else np.nan,
            }
        )
    return pd.DataFrame(rows)


def _by_class(by_class: pd.DataFrame) -> Plot:
    total = by_class["accepted"] + by_class["refused"]
    kept = by_class[total >= total.nlargest(MOST).min()].head(MOST)
    names = [plots.name(name) for name in kept.index]
    figure, (left, right) = plots.figure(9, 1.2 + 0.26 * len(kept), columns=2, sharey=True)
    left.barh(names, kept["accepted"], color=plots.GOOD, label="accepted")
    left.barh(names, kept["refused"], left=kept["accepted"], color=plots.BAD, label="refused")
    left.set(xlabel="unlabelled images")
    left.invert_yaxis()
    left.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)
    right.plot(kept["coverage"], names, "o", color=plots.BASE, label="coverage")
    right.plot(kept["precision"], names, "D", color=plots.OTHER, label="precision")
    right.plot(kept["confidence"], names, "|", color="black", markersize=12, label="mean confidence")
    right.set(xlabel="share", xlim=(0, 1.03))
    right.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3, fontsize=8)
    which = f" The {MOST} largest classes." if len(by_class) > MOST else ""
    said = "By class: how many images were taken for it, and how right that was where the truth is known."
    return Plot("classes", said + which, plots.png(figure))


def _by_confidence(binned: pd.DataFrame) -> Plot:
    figure, (left, right) = plots.figure(9, 3.2, columns=2)
    middle, width = (binned["from"] + binned["to"]) / 2, 0.9 / BINS
    left.bar(middle, binned["accepted"], width, color=plots.GOOD, label="accepted")
    left.bar(middle, binned["refused"], width, bottom=binned["accepted"], color=plots.BAD, label="refused")
    left.set(xlabel="confidence", ylabel="unlabelled images", xlim=(0, 1))
    left.legend()
    right.plot([0, 1], [0, 1], ":", color="#b0b0b0", label="as often right as it says")
    sns.scatterplot(binned, x="confidence", y="precision", color=plots.OTHER, s=60, ax=right)
    right.set(xlim=(0, 1.02), ylim=(0, 1.02), ylabel="precision of the accepted")
    right.legend()
    return Plot(
        "confidence",
        "By confidence: how many are accepted, and whether the confidence can be believed.",
        plots.png(figure),
    )


def _tiles(rows: pd.DataFrame, thumbnails: dict[str, np.ndarray]) -> list[Tile]:
    tiles = []
    for row in rows.to_dict("records"):
        truth = "truth: not known" if pd.isna(row["truth"]) else f"truth: {row['truth']}"
        note = row.get("reason", "")
        tiles.append(Tile(thumbnails[row["image_id"]], (f"{row['label']} {row['confidence']:.2f}", truth, note)))
    return tiles
