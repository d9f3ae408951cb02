"""What the page says of groups of the same thing."""

import numpy as np
import pandas as pd

from kindred.report import groups_section
from kindred.report.blocks import Rows
from kindred.report.pictures import Pictures

GROUPS = pd.DataFrame(
    [(0, "a", 1), (0, "b", 2), (0, "c", 1), (1, "d", 1), (1, "e", 1)], columns=["group", "image_id", "links"]
)
FIGURES = {"groups/min_inliers": 8, "groups/pairs": 1200, "groups/linked_pairs": 3}
PICTURES = Pictures(
    dict.fromkeys("abcde", np.zeros((8, 8, 3), np.uint8)), {name: f"/photos/{name}.jpg" for name in "abcde"}
)


def test_the_largest_groups_are_shown_the_image_with_most_links_first() -> None:
    section = groups_section.section(GROUPS, FIGURES, PICTURES)
    text, rows = section.blocks

    assert section.headline == "2 groups of 5 images; the largest has 3."
    assert "where 8 keypoints fit one homography; of 1,200 pairs compared 3 do." in text.text
    assert isinstance(rows, Rows)
    assert [name for name, _ in rows.rows] == ["3 images", "2 images"]
    assert [tile.origins[0] for tile in rows.rows[0][1]] == ["/photos/b.jpg", "/photos/a.jpg", "/photos/c.jpg"]


def test_no_groups_are_said() -> None:
    section = groups_section.section(GROUPS[:0], {**FIGURES, "groups/linked_pairs": 0}, PICTURES)

    assert section.headline == "No two images of the gallery show the same thing."
    assert len(section.blocks) == 1
