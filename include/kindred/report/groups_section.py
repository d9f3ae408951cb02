"""Groups of the gallery's images that show the same thing: how many there are, and the largest ones to look at."""

import pandas as pd

from kindred.report.blocks import Block, Rows, Section, Text, counted
from kindred.report.pictures import Pictures

SHOWN_GROUPS, SHOWN_IMAGES = 12, 7


def shown(groups: pd.DataFrame) -> dict[int, list[str]]:
    """The ids of some images of each of the largest groups, those with most links first; from the table `groups`."""
    ordered = groups.sort_values(["group", "links", "image_id"], ascending=[True, False, True])
    numbers = range(min(SHOWN_GROUPS, ordered["group"].nunique()))
    return {one: ordered.loc[ordered["group"] == one, "image_id"].head(SHOWN_IMAGES).tolist() for one in numbers}


def section(groups: pd.DataFrame, figures: dict[str, float], pictures: Pictures) -> Section:
    """From the table `groups`, the figures of the stage, and pictures of the images in `shown`."""
    least = f"Two images show the same thing where {figures['groups/min_inliers']:,.0f} keypoints fit one homography"
    blocks: list[Block] = [
        Text(f"{least}; of {figures['groups/pairs']:,.0f} pairs compared {figures['groups/linked_pairs']:,.0f} do.")
    ]
    sizes = groups["group"].value_counts()
    if len(groups):
        rows = [
            (counted(int(sizes[number]), "image"), [pictures.tile(image_id, ()) for image_id in ids])
            for number, ids in shown(groups).items()
        ]
        caption = "The largest groups, and their images that are linked to most others. No label was used."
        blocks.append(Rows("groups", caption, "group", rows))
    headline = "No two images of the gallery show the same thing."
    if len(groups):
        found, images = counted(len(sizes), "group"), counted(len(groups), "image")
        headline = f"{found} of {images}; the largest has {sizes.max():,}."
    return Section("groups", "Groups of the same thing", headline, blocks)
