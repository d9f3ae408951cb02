"""Images of two splits that show the same picture though their pixels differ: encoded again, mirrored, shifted,
brightened.

Candidates have alike amplitude spectra, which a shift or a mirroring hardly changes. A candidate's distance is 1 minus
the normalised cross-correlation of the query's inner part with the best place in the other image: exact under shifts,
and blind to brightness and contrast (J. Lewis, Fast Normalized Cross-Correlation, 1995). The threshold is set on this
very data, by edits of its own images.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa

from kindred.data import images

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

SIDE = 32  # px, at which images are compared, in grey
REACH = 4  # px of them that a shift may come to
INNER = SIDE - 2 * REACH
LOW, HIGH = 0.5, 6  # cycles an image between which details count: no slow shading, no noise of an encoder
SPECTRUM = 10  # cycles an image up to which candidates' spectra are compared
CANDIDATES = 8
QUERIES, GALLERY = 5_000, 30_000  # images of a split that are looked for, and looked through, in the order of their ids
EDITED = 250  # images that are edited, half of them to set the threshold and half to measure what it finds
WANTED, MARGIN = 0.975, 2  # of the edits the threshold shall find so many, with so much to spare
FLAGGED = 0.001  # of images without a twin that may be flagged
BULK = (0.05, 0.25)  # quantiles that tell how far images without a twin are: below them are real near duplicates, too
GUESSED = 0.9  # of a distance that may be put down to a shift by no whole pixel
BLOCK = 4096
GREY = "image_id string, split string, edit string, grey binary"


@dataclass(frozen=True)
class Greys:
    """Small grey images, uint8 [n, SIDE, SIDE], with their ids and splits [n]; `edit` [n] is empty where untouched."""

    ids: np.ndarray
    split: np.ndarray
    edit: np.ndarray
    pixels: np.ndarray

    def where(self, chosen: np.ndarray) -> Greys:
        return Greys(self.ids[chosen], self.split[chosen], self.edit[chosen], self.pixels[chosen])


@dataclass(frozen=True)
class Found:
    """`pairs` below the threshold, nearest first: image_id, split, other, other_split, distance. `recall` by edit and
    of all, on edits that did not set the threshold; `flagged` is the share of the `queries` that are in a pair.
    """

    pairs: pd.DataFrame
    groups: int
    threshold: float
    recall: dict[str, float]
    flagged: float
    queries: int

    def figures(self) -> dict[str, float]:
        """As they stand in metrics.json."""
        named = {"pairs": len(self.pairs), "groups": self.groups, "flagged": self.flagged}
        named |= {f"found_{edit}": share for edit, share in self.recall.items()}
        return {f"near_duplicates/{name}": value for name, value in named.items()}


def jpeg(pixels: np.ndarray, strength: float) -> np.ndarray:
    """Encoded again, at a quality of 95 down to 55."""
    return images.decode(images.encode_jpeg(pixels, round(95 - 40 * strength)))


def mirrored(pixels: np.ndarray, strength: float) -> np.ndarray:
    return pixels[:, ::-1]


def shifted(pixels: np.ndarray, strength: float) -> np.ndarray:
    """Moved right and down by a pixel or more, up to a sixteenth; the edge is repeated."""
    height, width = pixels.shape[:2]
    down, right = (max(1, round(strength * length / 16)) for length in (height, width))
    return np.pad(pixels, ((down, 0), (right, 0), (0, 0)), mode="edge")[:height, :width]


def brightened(pixels: np.ndarray, strength: float) -> np.ndarray:
    """By 10 to 40 grey levels."""
    return np.minimum(pixels.astype(np.int16) + round(10 + 30 * strength), 255).astype(np.uint8)


EDITS: dict[str, Callable[[np.ndarray, float], np.ndarray]] = {
    "re-encoded": jpeg,
    "mirrored": mirrored,
    "shifted": shifted,
    "brightened": brightened,
}


def greys(frame: DataFrame, counts: dict[str, int], edited: str = "test") -> Greys:
    """The images of the table `images` (`counts` by split) that are compared, and the edits of some of the `edited`
    split. An id is a hash, so the ids below a bound are a random part.
    """
    from pyspark.sql import functions as F

    inside = F.lit(False)
    for split, count in counts.items():
        inside = inside | ((F.col("split") == split) & (F.col("image_id") < images.id_below(count, GALLERY)))
    cut = functools.partial(_cut, edited, images.id_below(counts.get(edited, 0), EDITED))
    rows = frame.where(inside).select("image_id", "split", "content").mapInArrow(cut, GREY).toArrow()
    rows = rows.sort_by([("split", "ascending"), ("image_id", "ascending"), ("edit", "ascending")])
    columns = [np.array(rows[name].to_pylist(), dtype=object) for name in ("image_id", "split", "edit")]
    pixels = np.frombuffer(b"".join(rows["grey"].to_pylist()), np.uint8).reshape(-1, SIDE, SIDE)
    return Greys(*columns, pixels)


def search(found: Greys, threads: int) -> Found:
    """The near duplicates across splits."""
    plain, edits = found.where(found.edit == ""), found.where(found.edit != "")
    nearest = [pair for pair in _pairs_of_splits(plain, threads) if len(pair)]
    columns = ["image_id", "split", "other", "other_split", "distance"]
    pairs = pd.concat(nearest, ignore_index=True) if nearest else pd.DataFrame(columns=columns)
    own = plain.where(np.isin(plain.split, np.unique(edits.split)))
    rows, distance = match(edits.pixels, own.pixels, threads) if len(edits.ids) else (np.zeros(0, int), np.zeros(0))
    right = own.ids[rows] == edits.ids
    sets = np.isin(edits.ids, np.unique(edits.ids)[::2])  # every other image sets the threshold
    limit = threshold(np.where(right, distance, 1.0)[sets], pairs["distance"].to_numpy(float))
    hit = right & (distance <= limit)
    recall = {name: float(hit[~sets & (edits.edit == name)].mean()) for name in EDITS if (~sets).any()}
    recall |= {"all": float(hit[~sets].mean())} if (~sets).any() else {}
    near = pairs[pairs["distance"] <= limit].sort_values(["distance", "image_id"]).reset_index(drop=True)
    return Found(near, groups(near), limit, recall, near["image_id"].nunique() / max(len(pairs), 1), len(pairs))


def threshold(twins: np.ndarray, others: np.ndarray) -> float:
    """MARGIN times the distance that finds WANTED of the `twins` [n], but no more than that below which FLAGGED of the
    `others` [m], distances of images to their nearest, would lie if their logarithms were normal.

    Of these two quantiles tell: real near duplicates among them are few, and would spoil the tail.
    """
    found = MARGIN * float(np.quantile(twins, WANTED)) if len(twins) else 0.0
    if not len(others):
        return found
    from scipy.stats import norm

    low, high = np.quantile(np.log(np.maximum(others, 1e-6)), BULK)
    below, above = norm.ppf(BULK)
    return min(found, float(np.exp(low + (high - low) / (above - below) * (norm.ppf(FLAGGED) - below))))


def groups(pairs: pd.DataFrame) -> int:
    """Into how many groups the pairs join their images."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    if pairs.empty:
        return 0
    numbers, names = pd.factorize(pd.concat([pairs["image_id"], pairs["other"]]))
    one, other = np.split(numbers, 2)
    graph = coo_matrix((np.ones(len(one)), (one, other)), shape=(len(names), len(names)))
    return int(connected_components(graph, directed=False)[0])


def match(queries: np.ndarray, gallery: np.ndarray, threads: int) -> tuple[np.ndarray, np.ndarray]:
    """For each query, uint8 [q, SIDE, SIDE], the row of the nearest image of the gallery [n, SIDE, SIDE], and its
    distance [q], 0 to 2; mirrored or not.
    """
    import faiss

    faiss.omp_set_num_threads(threads)
    index = faiss.IndexFlatIP(_spectra(gallery[:1]).shape[1])
    windows, spread = [], []
    for block in _blocks(gallery):
        index.add(_spectra(block))
        details = _details(block)
        windows.append(np.fft.rfft2(details).astype(np.complex64))
        spread.append(_spread(details))
    windows, spread = np.concatenate(windows), np.concatenate(spread)
    rows, distances = [], []
    for block in _blocks(queries):
        best, at = np.full(len(block), -1.0), np.zeros(len(block), int)
        for picture in (block, block[:, :, ::-1]):
            _, near = index.search(_spectra(picture), min(CANDIDATES, len(gallery)))
            inner = _inner(picture)
            for candidate in near.T:
                alike = np.fft.irfft2(inner * windows[candidate], s=(SIDE, SIDE))[:, : 2 * REACH + 1, : 2 * REACH + 1]
                alike = _peak(alike / spread[candidate])
                at, best = np.where(alike > best, candidate, at), np.maximum(alike, best)
        rows.append(at)
        distances.append(1 - best)
    return np.concatenate(rows), np.maximum(np.concatenate(distances), 0)


def _pairs_of_splits(plain: Greys, threads: int) -> Iterator[pd.DataFrame]:
    """For each two splits the nearest image of the larger one to each query from the smaller one."""
    splits = sorted(np.unique(plain.split), key=lambda split: (plain.split == split).sum())
    for i, split in enumerate(splits):
        queries = plain.where(np.flatnonzero(plain.split == split)[:QUERIES])
        for other in splits[i + 1 :]:
            gallery = plain.where(plain.split == other)
            rows, distance = match(queries.pixels, gallery.pixels, threads)
            pairs = {"image_id": queries.ids, "split": split, "other": gallery.ids[rows], "other_split": other}
            same = gallery.ids[rows] == queries.ids  # an exact copy that was kept is counted elsewhere
            yield pd.DataFrame({**pairs, "distance": distance})[~same]


def _cut(edited: str, below: str, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        rows = []
        for row in batch.to_pylist():
            pixels = images.decode(row["content"])
            rows.append((row["image_id"], row["split"], "", _grey(pixels)))
            if row["split"] == edited and row["image_id"] < below:
                strength = int(row["image_id"][-8:], 16) / 16**8
                rows += [(row["image_id"], edited, name, _grey(edit(pixels, strength))) for name, edit in EDITS.items()]
        columns = zip(*rows, strict=True) if rows else ([], [], [], [])
        types = (pa.string(), pa.string(), pa.string(), pa.binary())
        arrays = [pa.array(list(column), kind) for column, kind in zip(columns, types, strict=True)]
        yield pa.RecordBatch.from_arrays(arrays, ["image_id", "split", "edit", "grey"])


def _grey(pixels: np.ndarray) -> bytes:
    return images.fit(images.fit(pixels, pixels.shape[:2], 1), (SIDE, SIDE), 1).tobytes()


def _blocks(pixels: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(pixels), BLOCK):
        yield pixels[start : start + BLOCK].astype(np.float32)


def _radius() -> np.ndarray:
    """Cycles an image of each coefficient of `rfft2`, [SIDE, SIDE // 2 + 1]."""
    return np.hypot(np.fft.fftfreq(SIDE)[:, None] * SIDE, np.fft.rfftfreq(SIDE)[None, :] * SIDE)


def _details(pixels: np.ndarray) -> np.ndarray:
    """The images' details between LOW and HIGH cycles, float32 [n, SIDE, SIDE]."""
    weight = np.exp(-((_radius() / HIGH) ** 2)) * (1 - np.exp(-((_radius() / LOW) ** 2)))
    return np.fft.irfft2(np.fft.rfft2(pixels) * weight, s=(SIDE, SIDE)).astype(np.float32)


def _spectra(pixels: np.ndarray) -> np.ndarray:
    """Unit vectors [n, d] of the low amplitudes, the same for an image and its mirror image."""
    window = np.sqrt(np.outer(*[np.hanning(SIDE + 2)[1:-1]] * 2))
    amplitudes = np.abs(np.fft.rfft2((pixels - pixels.mean(axis=(1, 2), keepdims=True)) * window))
    both = np.sqrt(amplitudes + amplitudes[:, -np.arange(SIDE)])
    vectors = both[:, (_radius() < SPECTRUM) & (_radius() > 0)].astype(np.float32)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-6)


def _peak(values: np.ndarray) -> np.ndarray:
    """The height of each surface's peak [n], values [n, k, k]: between the grid's points, where a shift by no whole
    pixel puts it, a parabola along each axis tells.
    """
    n, k, _ = values.shape
    rows, top = np.arange(n), values.reshape(n, -1).argmax(axis=1)
    at = (top // k, top % k)
    height = values[rows, *at]
    found = height.copy()
    for axis, place in enumerate(at):
        middle = np.clip(place, 1, k - 2)
        before, after = (
            values[rows, *((middle + step, at[1]) if axis == 0 else (at[0], middle + step))] for step in (-1, 1)
        )
        gain = (before - after) ** 2 / np.maximum(8 * (2 * height - before - after), 1e-6)
        found += np.where(middle == place, gain, 0)
    return np.minimum(found, height + GUESSED * (1 - height))


def _inner(pixels: np.ndarray) -> np.ndarray:
    """The queries' inner parts of mean 0 and length 1, transformed: their product with an image correlates the two."""
    part = _details(pixels)[:, REACH : REACH + INNER, REACH : REACH + INNER]
    part = part - part.mean(axis=(1, 2), keepdims=True)
    part /= np.maximum(np.linalg.norm(part, axis=(1, 2), keepdims=True), 1e-3)
    return np.conj(np.fft.rfft2(part, s=(SIDE, SIDE))).astype(np.complex64)


def _spread(details: np.ndarray) -> np.ndarray:
    """The length, about their means, of each image's parts of the size INNER, [n, 2 * REACH + 1, 2 * REACH + 1]."""
    sums, squares = (_sums(values.astype(np.float64)) for values in (details, details**2))
    return np.sqrt(np.maximum(squares - sums**2 / INNER**2, 1e-6)).astype(np.float32)


def _sums(values: np.ndarray) -> np.ndarray:
    total = np.pad(values.cumsum(axis=1).cumsum(axis=2), ((0, 0), (1, 0), (1, 0)))
    return total[:, INNER:, INNER:] - total[:, :-INNER, INNER:] - total[:, INNER:, :-INNER] + total[:, :-INNER, :-INNER]
