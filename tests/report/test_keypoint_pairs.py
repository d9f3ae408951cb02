"""Pictures of the same thing with lines between their keypoints."""

import numpy as np
import pandas as pd

from kindred.features.keypoints import Keypoints
from kindred.features.local_features import sift
from kindred.report import keypoint_pairs
from kindred.report.blocks import Sheet
from kindred.report.keypoint_pairs import GAP_PX, SIDE_PX, Seen
from turned_pictures import textured, turned

MATCHES = pd.DataFrame(
    [("q", 1, "a", False), ("q", 3, "c", True), ("q", 2, "b", True), ("r", 1, "a", False), ("s", 1, "a", None)],
    columns=["query_id", "rank", "image_id", "same"],
)


def seen(pixels: np.ndarray, name: str) -> Seen:
    return Seen(pixels, sift.keypoints(pixels), f"/photos/{name}.jpg")


def test_the_first_match_of_the_same_thing_is_shown_if_there_is_one() -> None:
    assert keypoint_pairs.chosen(MATCHES, ["s", "r", "q"]) == [("q", "b")]


def test_a_pair_says_its_inliers_and_files() -> None:
    picture, _ = turned(textured(0), 20, 0.9)
    sheets = keypoint_pairs.blocks([("q", "b")], {"q": seen(textured(0), "q")}, {"b": seen(picture, "b")}, binary=False)

    assert isinstance(sheets[0], Sheet)
    (tile,) = sheets[0].tiles
    assert tile.picture.shape == (SIDE_PX, 2 * SIDE_PX + GAP_PX, 3)
    assert int(tile.lines[0].split()[0]) > 30
    assert tile.origins == ("/photos/q.jpg", "/photos/b.jpg")
    assert "keypoints.png" in sheets[0].files()
    assert keypoint_pairs.blocks([], {}, {}, binary=False) == []


def test_a_line_leads_from_the_one_keypoint_to_the_other_in_pictures_of_any_shape() -> None:
    wide, tall = np.full((100, 200, 1), 255, np.uint8), np.full((480, 120, 3), 255, np.uint8)
    one, other = (
        Seen(pixels, Keypoints(np.array([[100, 50]], np.float32), np.zeros((1, 64), np.uint8), side), "")
        for pixels, side in ((wide, 200), (tall, 480))
    )

    picture = keypoint_pairs.drawn(one, other, np.array([[0, 0]]))

    rows, columns = np.nonzero((picture != 255).any(axis=2))
    assert (columns.min(), columns.max()) == (120 - 2, SIDE_PX + GAP_PX + 90 + 50 + 2)
    assert picture[120, 120].tolist() == [0, 0x72, 0xB2]
    assert picture[25, SIDE_PX + GAP_PX + 140].tolist() == [0, 0x72, 0xB2]
