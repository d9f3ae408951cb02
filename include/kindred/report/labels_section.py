"""Which labels a dataset of several labels an image has: how many, how often, and which stand on the same images."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow.dataset as ds
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.colors import to_rgba
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator
from scipy.cluster import hierarchy

from kindred.data import label_pairs
from kindred.report import plots
from kindred.report.blocks import Block, Plot, Section, Table, Text, counted
from kindred.runtime import arrow, stages
from kindred.runtime.run_reader import RunReader

MAX_LISTED = 1000  # labels of the table: the most frequent
MAX_BARS = 24  # labels of a plot of frequencies
MAX_IMAGE_LABELS = 40  # of the plot of labels an image; more are counted together
MAX_PAIRS = 20  # of the table that stands open
STATES = {"present": plots.OTHER_COLOUR, "verified absent": "#d55e00", "unknown": plots.GRID_COLOUR}
MIN_OPACITY = 0.06  # of a known cell, to tell it from an unknown one
ROW_INCHES = 0.19  # of a label in a plot


@dataclass(frozen=True)
class LabelMap:
    """The tables of the stage `label_map`, of `counts` the first MAX_LISTED; its figures and facts."""

    counts: pd.DataFrame
    pairs: pd.DataFrame
    per_image: pd.DataFrame
    sizes: pd.DataFrame
    figures: dict[str, float]
    facts: dict[str, object]
    several: dict[str, str]  # by image_id, the classes of images that show several of the run's

    def name_of(self) -> dict[str, str]:
        """What a label is called: its name, or where it has none, or shares it, the label too."""
        names = self.counts["name"].fillna("")
        shared = names.duplicated(keep=False) | (names == "")
        texts = names.where(~shared, (names + " (" + self.counts["label"] + ")").str.removeprefix(" "))
        texts = texts.where(names != "", self.counts["label"])
        return dict(zip(self.counts["label"], texts, strict=True))


def read(reader: RunReader) -> LabelMap | None:
    """What the stage has left; None in a run without it."""
    if not reader.finished(stages.LABEL_MAP):
        return None
    counts = reader.rows("label_counts", where=ds.field("rank") <= MAX_LISTED)
    pairs, per_image, sizes = (
        reader.rows(name).to_pandas() for name in ("label_pairs", "labels_per_image", "image_sizes")
    )
    return LabelMap(
        counts.to_pandas().sort_values("rank", ignore_index=True),
        pairs,
        per_image.sort_values("labels", ignore_index=True),
        sizes,
        reader.figures_of(stages.LABEL_MAP),
        reader.facts_of(stages.LABEL_MAP),
        arrow.by_id(reader.rows("several_classes"), "classes"),
    )


def section(labels: LabelMap) -> Section:
    """From the tables of the stage."""
    blocks: list[Block] = [
        Text(_absent_in_words(labels), strong=True),
        _frequencies(labels),
        _count_table(labels),
        _per_image(labels),
        *_together(labels),
        *_sizes(labels),
    ]
    return Section("labels", "Labels", headline(labels), blocks)


def headline(labels: LabelMap) -> str:
    """How many labels there are, and how many an image has."""
    figures = {name.removeprefix("label_map/"): value for name, value in labels.figures.items()}
    most = labels.per_image["labels"].max()
    return (
        f"{counted(figures['labels'], 'label')} on {counted(figures['images'], 'image')}: "
        f"{figures['labels_per_image']:.1f} present labels an image, at most {most:,}."
    )


def _absent_in_words(labels: LabelMap) -> str:
    figures = {name.removeprefix("label_map/"): value for name, value in labels.figures.items()}
    text = (
        f"Of {counted(figures['rows'], 'row')} {figures['positive_rows']:,.0f} say that a label is present. The others "
        f"say that it is absent, or that a machine is less sure of it than {labels.facts['label_threshold']}: who "
        "counts rows takes them for presences. An image without a row is unknown, which is neither."
    )
    if figures["contradicting"]:
        text += f" Of {counted(figures['contradicting'], 'label of an image', 'labels of images')} persons disagree; "
        text += "the newest row counts."
    return text


def _frequencies(labels: LabelMap) -> Plot:
    """Present and absent counted, and the share that all three have of the images."""
    drawn, names = labels.counts.head(MAX_BARS), labels.name_of()
    titles = [names[label] for label in drawn["label"]]
    height = 0.9 + ROW_INCHES * len(drawn)
    values = pd.DataFrame({"present": drawn["present"], "verified absent": drawn["absent"]}).set_axis(titles)
    counts, (axes,) = plots.figure(plots.PANEL, max(height, 1.6))
    plots.grouped_bars(axes, values, STATES)
    _name_rows(axes, titles)
    axes.set(xlabel="images")
    plots.legend_above(axes)
    shares, (axes,) = plots.figure(plots.PANEL, max(height, 1.6))
    left = np.zeros(len(drawn))
    for state, column in zip(STATES, ("present", "absent", "unknown"), strict=True):
        share = 100 * drawn[column].to_numpy() / labels.figures["label_map/images"]
        axes.barh(np.arange(len(drawn)), share, 0.8, left, color=STATES[state], label=state)
        left += share
    _name_rows(axes, titles)
    axes.grid(False, axis="y")
    axes.set(xlabel="% of the images", xlim=(0, 100), ylim=(len(drawn) - 0.5, -0.5))
    plots.legend_above(axes)
    part = f" The {MAX_BARS} most frequent labels." if len(labels.counts) > MAX_BARS else ""
    caption = f"On how many images each label is present and verified absent, and the share that is unknown.{part}"
    return Plot("frequencies", caption, [plots.svg(counts), plots.svg(shares)])


def _count_table(labels: LabelMap) -> Table:
    columns = ["label", "name", "rows", "positive_rows", "present", "absent", "unknown", "contradicting"]
    rows = labels.counts[columns]
    titles = {"positive_rows": "positive rows", "absent": "verified absent"}
    display = rows.assign(name=rows["name"].fillna("")).rename(columns=titles)
    most = int(labels.figures["label_map/labels"])
    part = f" The {MAX_LISTED:,} most frequent of {most:,}." if most > MAX_LISTED else ""
    caption = f"Each label: its rows, those that say present, and the images by what is known of it.{part}"
    return Table("counts", caption, rows, display)


def _per_image(labels: LabelMap) -> Plot:
    capped = labels.per_image["labels"].clip(upper=MAX_IMAGE_LABELS)
    images = labels.per_image["images"].groupby(capped).sum()
    figure, (axes,) = plots.figure(plots.PANEL, 2.6)
    axes.bar(images.index, images, 0.8, color=plots.OTHER_COLOUR)
    axes.grid(False, axis="x")
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    axes.set(xlabel="present labels an image", ylabel="images")
    more = labels.per_image["labels"].max() > MAX_IMAGE_LABELS
    part = f" The last bar has {MAX_IMAGE_LABELS} and more." if more else ""
    return Plot("per-image", f"How many labels an image has.{part}", [plots.svg(figure)])


def _together(labels: LabelMap) -> list[Block]:
    """The dendrogram and phi of the compared labels, and the pairs that are most alike."""
    compared = labels.counts[(labels.counts["rank"] <= label_pairs.LABELS) & (labels.counts["present"] > 0)]
    if len(compared) < 2:
        return [Text("Fewer than two labels are present on any image: there is nothing to compare.")]
    names = labels.name_of()
    similar = label_pairs.similarity(compared["present"].to_numpy(), _matrix(labels.pairs, compared, "both", 0))
    tree = label_pairs.tree(similar)
    order = hierarchy.leaves_list(tree)
    titles = [names[label] for label in compared["label"].iloc[order]]
    caption = (
        f"The {len(compared)} most frequent labels by the images that they share: average linkage of 1 - Ochiai's "
        "coefficient, both / √(one x other)."
    )
    phi = _matrix(labels.pairs, compared, "phi", np.nan)[np.ix_(order, order)]
    known = np.flatnonzero(np.isfinite(phi).any(axis=1))
    correlated: Block = Text("Phi is known of no pair: no label is verified absent beside another.")
    if len(known):
        correlated = _phi(phi[np.ix_(known, known)], [titles[i] for i in known])
    return [Plot("dendrogram", caption, [_dendrogram(tree, titles)]), correlated, _pair_table(labels, names)]


def _matrix(pairs: pd.DataFrame, compared: pd.DataFrame, column: str, missing: float) -> np.ndarray:
    """A symmetric matrix [n, n] of a column of the pairs, in the order of the labels."""
    place = {label: i for i, label in enumerate(compared["label"])}
    matrix = np.full((len(place), len(place)), float(missing))
    a, b = (pairs[name].map(place).to_numpy() for name in ("label", "other"))
    matrix[a, b] = matrix[b, a] = pairs[column].to_numpy(float)
    return matrix


def _dendrogram(tree: np.ndarray, titles: list[str]) -> bytes:
    figure, (axes,) = plots.figure(plots.PANEL, 0.7 + ROW_INCHES * len(titles))
    drawn = hierarchy.dendrogram(tree, no_plot=True)
    for heights, places in zip(drawn["dcoord"], drawn["icoord"], strict=True):
        axes.plot(heights, (np.array(places) - 5) / 10, color=plots.OTHER_COLOUR, linewidth=1)  # leaves are 10 apart
    _name_rows(axes, titles)
    axes.grid(False, axis="y")
    axes.set(xlabel="1 - Ochiai's coefficient", xlim=(1.02, 0), ylim=(len(titles) - 0.5, -0.5))
    axes.yaxis.tick_right()
    axes.tick_params(right=False)
    axes.spines[["left", "right", "top"]].set_visible(False)
    return plots.svg(figure)


def _phi(phi: np.ndarray, titles: list[str]) -> Plot:
    """Cells in two colours, the stronger the more opaque, so that they suit a light and a dark page."""
    side = 1.6 + ROW_INCHES * len(titles)
    figure, (axes,) = plots.figure(side, side)
    known = np.argwhere(np.isfinite(phi))
    squares = [Rectangle((column - 0.5, row - 0.5), 1, 1) for row, column in known]
    colours = [
        to_rgba(STATES["present" if value > 0 else "verified absent"], max(abs(value), MIN_OPACITY))
        for value in phi[tuple(known.T)]
    ]
    axes.add_collection(PatchCollection(squares, facecolors=colours, linewidths=0))
    _name_rows(axes, titles)
    ticks = [plots.short_name(title) for title in titles]
    axes.set_xticks(range(len(titles)), ticks, rotation=90, fontsize=8)
    limits = (-0.5, len(titles) - 0.5)
    axes.set(xlim=limits, ylim=limits[::-1], aspect="equal")
    axes.grid(False)
    caption = "Phi, the correlation over the images where both labels are known, of the labels that have it: blue "
    caption += "together, orange apart; empty cells are not known."
    return Plot("phi", caption, [plots.svg(figure)])


def _name_rows(axes: Axes, titles: list[str]) -> None:
    axes.set_yticks(range(len(titles)), [plots.short_name(title) for title in titles], fontsize=8)


def _pair_table(labels: LabelMap, names: dict[str, str]) -> Table:
    rows = labels.pairs.sort_values(["both", "label", "other"], ascending=[False, True, True], ignore_index=True)
    display = rows.head(MAX_PAIRS).copy()
    for column in ("label", "other"):
        display[column] = display[column].map(names)
    display["phi"] = ["" if pd.isna(phi) else f"{phi:.3f}" for phi in display["phi"]]
    titles = {"known": "both known", "both": "both present", "label_present": "first present"}
    display = display.rename(columns={"label": "first", "other": "second", "other_present": "second present", **titles})
    caption = f"The {len(display)} pairs on most images: where both labels are known, and both or each of them present "
    caption += "among these; labels-pairs.csv has all."
    return Table("pairs", caption, rows, display)


def _sizes(labels: LabelMap) -> list[Block]:
    if labels.sizes.empty:
        return []
    first = labels.sizes.sort_values(["images", "height", "width"], ascending=[False, True, True]).iloc[0]
    text = f"The most frequent size of an image is {first['width']} x {first['height']} px "
    return [Text(f"{text}({counted(first['images'], 'image')}); the section Data shows them all.")]
