"""What was in the data where images have several labels: of how many images each class is present, absent and unknown,
what they look like, and which are in two splits.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from kindred.data.near_duplicates import NearDuplicates
from kindred.learning.multi_label import Labels
from kindred.report import data_section, near_duplicate_blocks, plots, rejected_blocks
from kindred.report.blocks import Block, Plot, Section, Table, Text, counted
from kindred.report.data_section import MAX_CLASSES, SPLIT_NAMES, ImageCounts
from kindred.report.pictures import Pictures
from kindred.report.rejected_blocks import RejectedFiles
from kindred.runtime import label_sets
from kindred.runtime.tables import SPLITS

STATES = {"present": plots.OTHER_COLOUR, "absent": "#d55e00", "unknown": plots.GRID_COLOUR}


def section(
    counts: ImageCounts,
    classes: list[str],
    samples: Mapping[str, list[str]],
    duplicates: NearDuplicates,
    rejected: RejectedFiles,
    labels: Mapping[str, str],
    contradicting: pd.DataFrame,
    pictures: Pictures,
) -> Section:
    """As `data_section.section`; `counts.balance` has a column `present` too, and a row for each split, class and
    whether it is present; `labels` are joined sets. `counts.images` are the images of each split; `contradicting`, of
    the near duplicates, those of `contradictions`.
    """
    table = states(counts, classes)
    present = table[[name for name in table if str(name).startswith("present")]].sum(axis=1)
    drawn = sorted(present.nlargest(MAX_CLASSES).index)
    part = f" The {MAX_CLASSES} classes of most images, of {len(classes)}." if len(classes) > MAX_CLASSES else ""
    shown: list[Block] = []
    if labels:
        shown = [
            _state_plot(table.loc[drawn], part),
            Table("balance", "On how many images of each split a class is present, absent, unknown.", _rows(table)),
            _per_image_plot(labels),
        ]
    blocks: list[Block] = [
        *_notes(counts, table),
        *shown,
        *data_section.sizes(counts.sizes),
        *rejected_blocks.blocks(rejected),
        *([data_section.example_images(drawn, samples, pictures, part)] if any(samples.values()) else []),
        *near_duplicate_blocks.blocks(duplicates, counts.leaked, counts.repeated, labels, pictures),
        *_contradictions(contradicting),
    ]
    by_split = pd.DataFrame({"split": list(counts.images), "count": list(counts.images.values())})
    headline = data_section.headline(by_split[by_split["count"] > 0], classes if labels else [], duplicates)
    return Section("data", "Data", headline, blocks)


def states(counts: ImageCounts, classes: Sequence[str]) -> pd.DataFrame:
    """A row for each class and, for each split that has images, the columns `present <split>`, `absent <split>` and
    `unknown <split>`.
    """
    table = pd.DataFrame(index=pd.Index(classes, name="class"))
    for split in SPLITS:
        if images := counts.images.get(split):
            known = counts.balance[counts.balance["split"] == split].dropna(subset="label")
            for name, value in (("present", True), ("absent", False)):
                own = known[known["present"].astype(bool) == value].groupby("label")["count"].sum()
                table[f"{name} {split}"] = own.reindex(table.index, fill_value=0).astype(int)
            table[f"unknown {split}"] = images - table[f"present {split}"] - table[f"absent {split}"]
    return table


def contradictions(pairs: pd.DataFrame, labels: Labels, ids: np.ndarray, classes: Sequence[str]) -> pd.DataFrame:
    """Of pairs of near duplicates (image_id, other) those of which one has a class that the other has not, with these
    classes as a joined set. What is known of the images is in the order of `ids` [n].

    >>> pairs = pd.DataFrame({"image_id": ["a", "a"], "other": ["b", "c"]})
    >>> labels = Labels(np.array([[True], [True], [False]]), np.array([[True], [False], [False]]))
    >>> contradictions(pairs, labels, np.array(["a", "b", "c"]), ["sea"]).to_numpy().tolist()
    [['a', 'b', 'sea']]
    """
    one, other = (labels.of(pd.Index(ids).get_indexer(pairs[name])) for name in ("image_id", "other"))
    differs = one.known & other.known & (one.present != other.present)
    texts = [label_sets.joined(np.array(classes, object)[row]) for row in differs]
    return pairs.assign(classes=texts)[differs.any(axis=1)].reset_index(drop=True)


def sample(labels: Mapping[str, str], classes: Sequence[str]) -> dict[str, list[str]]:
    """The ids by class of some images on which it is present (joined set by id): the first ones, as ids are hashes.

    >>> sample({"b": "sea|trees", "a": "sea"}, ["sea", "trees"])
    {'sea': ['a', 'b'], 'trees': ['b']}
    """
    ids: dict[str, list[str]] = {name: [] for name in classes}
    for image_id in sorted(labels):
        for name in label_sets.split(labels[image_id]):
            if len(ids[name]) < data_section.EXAMPLES:
                ids[name].append(image_id)
    return ids


def _contradictions(contradicting: pd.DataFrame) -> list[Block]:
    if contradicting.empty:
        return []
    text = (
        f"Near duplicates that contradict each other, as one has a class that the other has not: "
        f"{counted(len(contradicting), 'pair')}. One label of each pair is likely wrong."
    )
    shown = contradicting[["classes", "distance", "origin", "other_origin"]]
    display = shown.rename(columns={"other_origin": "other"})
    return [Text(text, strong=True), Table("contradictions", "Classes that differ.", contradicting, display, open=True)]


def _rows(table: pd.DataFrame) -> pd.DataFrame:
    names = {name: f"{state} {SPLIT_NAMES[split]}" for name in table for state, split in [str(name).split()]}
    return table.rename(columns=names).reset_index()


def _notes(counts: ImageCounts, table: pd.DataFrame) -> list[Text]:
    """Sentences on what is missing: images of which nothing is known, classes that no image of a split has, and those
    that are not learned as no given image has them.
    """
    notes = []
    if dropped := sorted(set(counts.balance["label"].dropna()) - set(table.index)):
        listed, rest = ", ".join(dropped[: data_section.MAX_NAMES]), len(dropped) - data_section.MAX_NAMES
        notes.append(f"Not learned, as no given image has it: {listed}{f' and {rest} others' if rest > 0 else ''}.")
    unknown = int(counts.balance.loc[counts.balance["label"].isna(), "count"].sum())
    if unknown:
        notes.append(f"No class is known of {counted(unknown, 'image')}.")
    for split in ("train", "test"):
        if f"present {split}" in table:
            absent = table.index[table[f"present {split}"] == 0].tolist()
            if absent:
                listed = ", ".join(absent[: data_section.MAX_NAMES])
                rest = len(absent) - data_section.MAX_NAMES
                notes.append(f"Split {split} has no image of {listed}{f' and {rest} others' if rest > 0 else ''}.")
    return [Text(note) for note in notes]


def _state_plot(table: pd.DataFrame, part: str) -> Plot:
    """For each split of which anything is known, on which share of its images a class is in which of STATES."""
    panels = []
    for split in SPLITS:
        if f"present {split}" not in table or not table[[f"present {split}", f"absent {split}"]].to_numpy().any():
            continue
        figure, (axes,) = plots.figure(plots.PANEL, max(1.8, 0.9 + 0.26 * len(table)))
        values = pd.DataFrame({state: table[f"{state} {split}"] for state in STATES})
        left = np.zeros(len(values))
        for state, colour in STATES.items():
            share = 100 * values[state].to_numpy() / values.sum(axis=1).to_numpy()
            axes.barh(np.arange(len(values)), share, 0.8, left, color=colour, label=state)
            left += share
        axes.set_yticks(range(len(values)), [plots.short_name(str(name)) for name in values.index])
        axes.grid(False, axis="y")
        axes.set(xlabel=f"% of the {SPLIT_NAMES[split]} images", xlim=(0, 100), ylim=(len(values) - 0.5, -0.5))
        plots.legend_above(axes)
        panels.append(plots.svg(figure))
    caption = f"On which share of a split's images each class is present, absent, and unknown, which is neither.{part}"
    return Plot("balance", caption, panels)


def _per_image_plot(labels: Mapping[str, str]) -> Plot:
    images = pd.Series([len(label_sets.split(text)) for text in labels.values()]).value_counts()
    figure, (axes,) = plots.figure(plots.PANEL, 2.6)
    axes.bar(images.index, images, 0.8, color=plots.OTHER_COLOUR)
    axes.grid(False, axis="x")
    axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    axes.set(xlabel="present classes an image, as far as is known", ylabel="images")
    return Plot("per-image", "How many of the classes an image has.", [plots.svg(figure)])
