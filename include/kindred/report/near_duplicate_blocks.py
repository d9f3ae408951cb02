"""Which images are in two splits: near duplicates as pairs, beside the count of exact copies."""

from collections.abc import Mapping

import pandas as pd

from kindred.data.near_duplicates import NearDuplicates
from kindred.report.blocks import Block, Sheet, Table, Text, Tile, counted
from kindred.report.pictures import Pictures

MAX_PAIRS = 12  # that are shown


def blocks(
    duplicates: NearDuplicates,
    leaked: int,
    repeated: int,
    labels: Mapping[str, str],
    pictures: Pictures,
) -> list[Block]:
    """From the near duplicates, how many exact copies were leaked and repeated, known labels by id, and pictures of
    those in `pictured`.
    """
    pairs, groups = counted(len(duplicates.pairs), "pair"), counted(duplicates.groups, "group")
    summary = (
        f"Exact copies: {leaked:,} of test images elsewhere, {counted(repeated, 'repeat')}. "
        f"Near duplicates across splits: {pairs} in {groups}, {duplicates.flagged:.2%} of {duplicates.queries:,} "
        "comparisons."
    )
    parts: list[Block] = [Text(summary)]
    if duplicates.recall:
        by_edit = ", ".join(f"{share:.0%} of {name} ones" for name, share in duplicates.recall.items() if name != "all")
        threshold = (
            f"Images count as near duplicates up to a distance of {duplicates.threshold:.4f}, which was set by edits "
            f"of images of this dataset. Of other such edits it finds {duplicates.recall['all']:.1%}: {by_edit}."
        )
        parts.append(Text(threshold))
    parts += _conflicts(duplicates.conflicts, labels, pictures)
    if len(duplicates.pairs):
        tiles = [_pair_tile(row, labels, pictures) for row in duplicates.pairs.head(MAX_PAIRS).to_dict("records")]
        caption = f"The nearest {counted(len(tiles), 'pair')}."
        parts.append(Sheet("twins", caption, tiles, ("one", "other", "distance")))
        parts.append(Table("near-duplicates", "Near duplicates across splits.", duplicates.pairs))
    return parts


def pictured(duplicates: NearDuplicates) -> list[str]:
    """The ids of the images that are shown."""
    shown = (duplicates.pairs.head(MAX_PAIRS), duplicates.conflicts.head(MAX_PAIRS))
    return [image_id for pairs in shown for side in ("image_id", "other") for image_id in pairs[side]]


def _conflicts(conflicts: pd.DataFrame, labels: Mapping[str, str], pictures: Pictures) -> list[Block]:
    """Near duplicates of which one label must be wrong."""
    if conflicts.empty:
        return []
    text = (
        f"Near duplicates under two classes: {counted(len(conflicts), 'pair')}. One label of each pair is likely wrong."
    )
    tiles = [_pair_tile(row, labels, pictures) for row in conflicts.head(MAX_PAIRS).to_dict("records")]
    caption = f"The nearest {counted(len(tiles), 'pair')} under two classes."
    table = Table("conflicts", "Near duplicates under two classes.", conflicts)
    return [Text(text, strong=True), Sheet("conflicts", caption, tiles, ("one", "other", "distance")), table]


def _pair_tile(row: Mapping, labels: Mapping[str, str], pictures: Pictures) -> Tile:
    sides = ((row["image_id"], row["split"]), (row["other"], row["other_split"]))
    lines = [f"{split}: {labels.get(image_id, 'label not known')}" for image_id, split in sides]
    return pictures.pair([image_id for image_id, _ in sides], (*lines, f"distance {row['distance']:.4f}"))
