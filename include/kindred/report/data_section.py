"""What was in the data: how many images of each class and size, what they look like, and which are in two splits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from kindred.data.near_duplicates import NearDuplicates
from kindred.report import near_duplicate_blocks, plots, rejected_blocks
from kindred.report.blocks import Block, Plot, Rows, Section, Sheet, Table, Text, Tile, counted
from kindred.report.pictures import Pictures
from kindred.report.rejected_blocks import RejectedFiles
from kindred.runtime.tables import SPLITS

MAX_CLASSES = 30  # of a plot: the largest
EXAMPLES = 8  # images of each class
MAX_AVERAGED = 100  # images of each class behind its mean image, and in all:
MAX_AVERAGED_IN_ALL = 4000
MAX_NAMES = 10  # classes that a sentence names
SPLIT_NAMES = {"train": "training", "unlabeled": "unlabelled", "test": "test"}
SPLIT_COLOURS = {"training": "#9ecae1", "unlabelled": "#a6a6a6", "test": "#3182bd"}  # by SPLIT_NAMES


@dataclass(frozen=True)
class ImageCounts:
    """How many images there are: `balance` by split and label (columns split, label or null, count), `sizes` (height,
    width, count), and how many exact copies were leaked and repeated. With several labels an image `balance` has a
    column `present` too, and an image is in several rows: `images` are those of each split.
    """

    balance: pd.DataFrame
    sizes: pd.DataFrame
    leaked: int
    repeated: int
    images: Mapping[str, int] = field(default_factory=dict)


def section(
    counts: ImageCounts,
    classes: list[str],
    samples: Mapping[str, list[str]],
    duplicates: NearDuplicates,
    rejected: RejectedFiles,
    labels: Mapping[str, str],
    pictures: Pictures,
) -> Section:
    """From the counts of images, the ids of some images by class (`sample`), the near duplicates, the files that were
    left out, known labels by id, and pictures of those in `pictured`.
    """
    known = counts.balance.dropna(subset="label")
    table = known.pivot_table("count", "label", "split", "sum", fill_value=0).reindex(classes, fill_value=0)
    table = table[[split for split in SPLITS if split in table]]
    drawn = sorted(sorted(classes, key=lambda name: (-table.loc[name].sum(), name))[:MAX_CLASSES])
    part = f" The {MAX_CLASSES} largest of {len(classes)} classes." if len(classes) > MAX_CLASSES else ""
    shares: list[Block] = []
    examples: list[Block] = []
    if len(known):
        shares = [_balance_plot(table), _balance_table(table)]
        examples = [_mean_images(drawn, samples, pictures, part), example_images(drawn, samples, pictures, part)]
    blocks: list[Block] = [
        *_notes(counts.balance, table),
        *shares,
        *sizes(counts.sizes),
        *rejected_blocks.blocks(rejected),
        *examples,
        *near_duplicate_blocks.blocks(duplicates, counts.leaked, counts.repeated, labels, pictures),
    ]
    return Section("data", "Data", headline(counts.balance, classes if len(known) else [], duplicates), blocks)


def headline(balance: pd.DataFrame, classes: Sequence[str], duplicates: NearDuplicates) -> str:
    """How many images there are, in a sentence."""
    by_split = balance.groupby("split")["count"].sum()
    images = ", ".join(f"{by_split[split]:,} {SPLIT_NAMES[split]}" for split in SPLITS if split in by_split)
    pairs = f"{len(duplicates.pairs):,}" if len(duplicates.pairs) else "no"
    noun = "near duplicate" if len(duplicates.pairs) == 1 else "near duplicates"
    of = f"of {counted(len(classes), 'class', 'classes')}" if classes else "of no known class"
    return f"{images} images {of}; {pairs} {noun} across splits."


def sample(labels: Mapping[str, str], classes: Sequence[str]) -> dict[str, list[str]]:
    """The ids by class of some images with a known label (label by id): the first ones, as ids are hashes.

    >>> sample({"b": "cat", "a": "cat"}, ["cat", "dog"])
    {'cat': ['a', 'b'], 'dog': []}
    """
    ids: dict[str, list[str]] = {name: [] for name in classes}
    most = max(EXAMPLES, min(MAX_AVERAGED, MAX_AVERAGED_IN_ALL // max(len(classes), 1)))
    for image_id in sorted(labels):
        own = ids[labels[image_id]]
        if len(own) < most:
            own.append(image_id)
    return ids


def pictured(samples: Mapping[str, list[str]], duplicates: NearDuplicates) -> list[str]:
    """The ids of the images that are shown."""
    return [*(i for ids in samples.values() for i in ids), *near_duplicate_blocks.pictured(duplicates)]


def _notes(balance: pd.DataFrame, table: pd.DataFrame) -> list[Text]:
    """Sentences on what is missing: labels, classes of a split."""
    notes = []
    unknown = int(balance.loc[balance["label"].isna(), "count"].sum())
    if unknown:
        notes.append(f"No label is known of {counted(unknown, 'image')}.")
    for split in table:
        absent = table.index[table[split] == 0].tolist()
        if absent:
            rest = f" and {len(absent) - MAX_NAMES} others" if len(absent) > MAX_NAMES else ""
            notes.append(f"Split {split} has no image of {', '.join(absent[:MAX_NAMES])}{rest}.")
    return [Text(note) for note in notes]


def _balance_table(table: pd.DataFrame) -> Table:
    return Table("balance", "Images with a known label, by class and split.", table.rename_axis("class").reset_index())


def _balance_plot(table: pd.DataFrame) -> Plot:
    shares = 100 * table / table.sum().clip(lower=1)
    drawn = shares.loc[sorted(table.sum(axis=1).nlargest(MAX_CLASSES).index)]
    figure, (axes,) = plots.figure(plots.PANEL, 0.9 + len(drawn) * max(0.22, 0.11 * len(table.columns)))
    plots.grouped_bars(axes, drawn.rename(columns=SPLIT_NAMES), SPLIT_COLOURS)
    axes.set(xlabel="% of the split")
    plots.legend_above(axes)
    part = f" The {MAX_CLASSES} largest classes." if len(table) > MAX_CLASSES else ""
    caption = f"Class balance: the share of each class among a split's labelled images.{part}"
    return Plot("balance", caption, [plots.svg(figure)])


def sizes(sizes: pd.DataFrame) -> list[Block]:
    """How large the images are: rows of height, width, count."""
    if len(sizes) == 1:
        row = sizes.iloc[0]
        return [Text(f"All images are {row['width']} x {row['height']} px.")]
    figure, (axes,) = plots.figure(plots.PANEL, 3.4)
    area = 12 + 200 * sizes["count"] / sizes["count"].max()
    axes.scatter(sizes["width"], sizes["height"], area, color=plots.OTHER_COLOUR, alpha=0.5, linewidths=0)
    axes.set(xlabel="width, px", ylabel="height, px", xlim=(0, 1.1 * sizes["width"].max()))
    axes.set_ylim(0, 1.1 * sizes["height"].max())
    caption = "Image sizes; the bigger the dot, the more images."
    return [Plot("sizes", caption, [plots.svg(figure)]), Table("sizes", "The most frequent sizes.", sizes)]


def _mean_images(classes: list[str], samples: Mapping[str, list[str]], pictures: Pictures, part: str) -> Sheet:
    tiles = []
    for name in classes:
        of_class = [pictures.thumbnails[i].astype(np.float32) for i in samples[name]]
        if of_class:
            mean = np.mean(of_class, axis=0).round().astype(np.uint8)
            tiles.append(Tile(mean, (name, f"mean of {len(of_class)}")))
    return Sheet("means", f"The mean image of each class.{part}", tiles, ("class", "images"))


def example_images(classes: list[str], samples: Mapping[str, list[str]], pictures: Pictures, part: str) -> Rows:
    """A row of pictures for each class."""
    rows = [(name, [pictures.tile(i, ()) for i in samples[name][:EXAMPLES]]) for name in classes if samples[name]]
    return Rows("examples", f"Examples of each class.{part}", "class", rows)
