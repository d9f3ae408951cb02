"""Queries beside a picture of the same thing, with lines between the keypoints that fit one homography."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw

from kindred.data.contact_sheets import BACKGROUND, MATCH_COLOUR
from kindred.features import verification
from kindred.features.keypoints import Keypoints
from kindred.report.blocks import Block, Sheet, Tile

SHOWN, SHOWN_LINES = 6, 40
SIDE_PX, GAP_PX, DOT_PX = 240, 8, 2  # of the box of a picture, between two, half of a keypoint's dot


@dataclass(frozen=True)
class Seen:
    """An image: its pixels, uint8 [h, w, 1 or 3], its keypoints, and the address of its file."""

    pixels: np.ndarray
    keypoints: Keypoints
    origin: str


def chosen(matches: pd.DataFrame, queries: Sequence[str]) -> list[tuple[str, str]]:
    """Of the first of these queries that have one, the first match of the same thing: ids, from the table `matches`."""
    same = matches[matches["same"].eq(True)].sort_values("rank")
    first = dict(zip(same["query_id"][::-1], same["image_id"][::-1], strict=True))
    return [(query, first[query]) for query in queries if query in first][:SHOWN]


def blocks(
    pairs: Sequence[tuple[str, str]], queries: Mapping[str, Seen], gallery: Mapping[str, Seen], binary: bool
) -> list[Block]:
    """A sheet of the pairs of ids; `binary`: whether descriptors are bits. None where there is no pair."""
    tiles = []
    for query_id, image_id in pairs:
        one, other = queries[query_id], gallery[image_id]
        verified = verification.verify(one.keypoints, other.keypoints, binary)
        tiles.append(
            Tile(drawn(one, other, verified.pairs), (f"{verified.inliers} inliers",), (one.origin, other.origin))
        )
    if not tiles:
        return []
    caption = f"Queries (left), the first picture of the same thing, and keypoints that agree, {SHOWN_LINES} at most."
    return [Sheet("keypoints", caption, tiles, ("inliers",))]


def drawn(one: Seen, other: Seen, pairs: np.ndarray) -> np.ndarray:
    """Both pictures side by side, uint8 [SIDE_PX, 2 SIDE_PX + GAP_PX, 3], with lines between the rows [n, 2] of their
    keypoints.
    """
    picture = Image.new("RGB", (2 * SIDE_PX + GAP_PX, SIDE_PX), BACKGROUND)
    places = []
    for seen, left, rows in ((one, 0, pairs[:, 0]), (other, SIDE_PX + GAP_PX, pairs[:, 1])):
        height, width = seen.pixels.shape[:2]
        scale = SIDE_PX / max(height, width)
        size = max(1, round(width * scale)), max(1, round(height * scale))
        corner = left + (SIDE_PX - size[0]) // 2, (SIDE_PX - size[1]) // 2
        pixels = np.broadcast_to(seen.pixels, (height, width, 3))
        picture.paste(Image.fromarray(pixels).resize(size), corner)
        places.append((seen.keypoints.points[rows] * scale + corner)[:SHOWN_LINES])
    draw = ImageDraw.Draw(picture)
    for start, end in zip(*places, strict=True):
        draw.line([*start, *end], MATCH_COLOUR)
        for x, y in (start, end):
            draw.ellipse([x - DOT_PX, y - DOT_PX, x + DOT_PX, y + DOT_PX], MATCH_COLOUR)
    return np.asarray(picture)
