"""How many of the nearest images the approximate search finds: measured on images of the gallery itself."""

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from kindred.runtime.variants import APPROXIMATE
from kindred.search.gallery import Filter

ASKED = 400  # images of the gallery; half of them choose how many cells are looked into, the others measure
MEASURED = (10, 100)  # results for which recall is measured
WANTED = 0.995  # recall of the half that chooses, so that the other half's is seldom below 0.99
GROWTH = 1.4  # of the number of cells that are looked into, until that is reached
CHANGED = 0.1  # share of images added or deleted above which a measured recall says nothing any more
COMPARED = (4, 16, 64)  # times k images whose short points are nearest, of which one is chosen, are compared in full
LEAST = 0.9  # recall below which a distance is not answered approximately
Distances = Callable[[np.ndarray, int, int, int], np.ndarray]


class Setting(NamedTuple):
    """Up to `k` results: look into `probes` cells and compare `compared` times k images; what `recall` was measured."""

    k: int
    probes: int
    compared: int
    recall: float


def settings(images: np.ndarray, cells: int, distances: Distances) -> list[Setting]:
    """The settings of a distance for a gallery with images at these rows [n], in so many cells.

    distances(rows [q], k, probes, compared) -> the distances [q, k] of what each of these rows gets, infinite where it
    gets fewer; exactly where probes is 0.
    """
    asked = images[np.linspace(0, len(images) - 1, min(ASKED, len(images))).astype(int)]
    return [_setting(asked[::2], asked[1::2], k, cells, distances) for k in MEASURED if k < len(images)]


def _setting(choosing: np.ndarray, measuring: np.ndarray, k: int, cells: int, distances: Distances) -> Setting:
    """The least that gives the first rows the recall that is wanted, with the recall of the others."""

    def recall(rows: np.ndarray, probes: int, compared: int) -> float:
        return _recall(exact[rows is choosing], distances(rows, k, probes, compared))

    exact = {rows is choosing: distances(rows, k, 0, 0) for rows in (choosing, measuring)}
    compared = next((many for many in COMPARED if recall(choosing, cells, many) >= WANTED), COMPARED[-1])
    probes = 1
    while probes < cells and recall(choosing, probes, compared) < WANTED:
        probes = min(cells, math.ceil(GROWTH * probes))
    return Setting(k, probes, compared, round(recall(measuring, probes, compared), 4))


def choose(
    about: Mapping[str, Any], distance: str, k: int, farthest: bool, where: Filter | None, changed: float
) -> Setting | str:
    """The setting that answers a search, or the reason why that is answered exactly. `changed` is the share of images
    added or deleted since recall was measured.
    """
    known = [Setting(*values) for values in about[APPROXIMATE].get(distance, [])]
    if not known:
        return f"the distance {distance} is always exact"
    if farthest:
        return "the least similar images are always exact"
    if where not in (None, Filter()):
        return "a filter would lose recall"
    if changed > CHANGED:
        return f"more than {CHANGED:.0%} of the images have changed since recall was measured; saving measures it anew"
    fitting = next((one for one in known if one.k >= k), None)
    if fitting is None:
        return f"recall is measured up to {known[-1].k} results"
    return fitting if fitting.recall >= LEAST else f"its recall would be {fitting.recall:.1%}"


def _recall(exact: np.ndarray, found: np.ndarray) -> float:
    """The share of answers [q, k] that are as near as the true k-th one."""
    return float((found <= exact[:, -1:] * (1 + 1e-9)).mean())
