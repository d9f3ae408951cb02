"""The pictures that a page shows of images, and the files that these are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kindred.report.blocks import Tile

GREY = 128  # between two pictures, on a light and a dark page


@dataclass(frozen=True)
class Pictures:
    """Thumbnails, uint8 [h, w, 3], and the addresses of the files, each by image id; there may be more addresses.

    >>> pictures = Pictures({"a": np.zeros((8, 8, 3), np.uint8)}, {"a": "/photos/cat/1.jpg"})
    >>> pictures.tile("a", ("truth: cat",)).origins
    ('/photos/cat/1.jpg',)
    """

    thumbnails: Mapping[str, np.ndarray]
    origins: Mapping[str, str]

    def tile(self, image_id: str, lines: Sequence[str]) -> Tile:
        """One image with lines below it."""
        return Tile(self.thumbnails[image_id], tuple(lines), (self.origins[image_id],))

    def pair(self, ids: Sequence[str], lines: Sequence[str]) -> Tile:
        """Two images side by side with lines below them."""
        pictures = [self.thumbnails[image_id] for image_id in ids]
        gap = np.full_like(pictures[0][:, : max(1, len(pictures[0]) // 32)], GREY)
        picture = np.hstack([part for each in pictures for part in (gap, each)][1:])
        return Tile(picture, tuple(lines), tuple(self.origins[image_id] for image_id in ids))
