"""A search whose order a re-ranker improves: in an index, for one query at a time, with all vectors in memory."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from kindred.features.keypoints import Keypoints
from kindred.features.verification import Verified
from kindred.runtime import variants
from kindred.runtime.errors import InputError
from kindred.search import answers, reranking
from kindred.search.answers import Answer, Neighbour
from kindred.search.file_shards import FileShards
from kindred.search.gallery import Filter
from kindred.search.image_index import Index
from kindred.search.reranking import ALONE, MIN_INLIERS, Gallery, Query
from kindred.search.shards import Images

DISTANCE = "cosine"  # the one that re-rankers begin with


@dataclass(frozen=True)
class LocalFeatures:
    """The keypoints of an index's images by id, and what they tell: from how many inliers on two images show the same
    thing, and the group of each image that shows the same as others.
    """

    name: str
    keypoints: FileShards
    min_inliers: int = MIN_INLIERS
    groups: Mapping[str, int] | None = None

    @property
    def binary(self) -> bool:
        """Whether descriptors are bits."""
        return bool(variants.load("local_features", self.name).BINARY)

    def of(self, image_id: str) -> Keypoints | None:
        """The keypoints of an image; None where it has not been looked at."""
        content = self.keypoints.file(image_id)
        return None if content is None else Keypoints.from_bytes(content)


@dataclass(frozen=True, eq=False)
class RerankedSearch:
    """An index, and its images as a gallery, row by row."""

    index: Index
    gallery: Gallery

    def search(
        self,
        query: Images,
        k: int,
        reranker: str,
        keypoints: Keypoints | None = None,
        where: Filter | None = None,
        itself: bool = False,
    ) -> Answer:
        """The first k images for one query, of which `keypoints` may be known: those that the re-ranker puts first
        among the reranking.RANKED nearest by cosine distance, which is the distance in the answer. A query whose own id
        is in the index does not get itself, unless `itself`.

        Raises InputError as `Index.search` does, and for a re-ranker that the index has no local features for.
        """
        self.index.check(query, k)
        if k > reranking.RANKED:
            raise InputError(f"k is {k}; a re-ranker puts the first {reranking.RANKED:,} images into order")
        excluded = self.index.excluded(where)
        rows = None if excluded is None else np.flatnonzero(excluded == 0)
        gallery = self.gallery if rows is None else _part(self.gallery, rows)
        vector = _unit(query.vectors("features"))[0]
        asked = Query(vector, keypoints)
        found = variants.load("reranker", reranker).rerank(asked, gallery, reranking.nearest(asked, gallery))
        own = -1 if itself or query.ids is None else int(self.index.gallery.find_rows(query.ids)[0])
        verified = {int(row if rows is None else rows[row]): one for row, one in found.verified.items()}
        order = found.rows if rows is None else rows[found.rows]
        order = order[order != own][:k]
        distances = np.maximum(1 - (self.gallery.vectors[order] @ vector).astype(np.float64), 0)
        ranking = answers.Ranking(np.zeros(len(order), int), order, distances)
        (answer,) = self.index.answers(query, ranking, DISTANCE, False)
        beside = [verified.get(row) for row in order.tolist()]
        least = self.gallery.min_inliers
        compared = [_compared(*both, least) for both in zip(answer.neighbours, beside, strict=True)]
        return replace(answer, neighbours=compared, reranker=reranker)


def of_index(index: Index, local_features: LocalFeatures | None) -> RerankedSearch:
    """Reads all vectors of the index."""
    rows = np.arange(index.gallery.starts[-1])
    columns = index.gallery.columns(("features", "ids"), rows)
    gallery = Gallery(_unit(columns["features"]))
    if local_features is None:
        return RerankedSearch(index, gallery)
    ids = [image_id.decode() for image_id in columns["ids"].tolist()]
    known = local_features.groups or {}
    groups = np.array([known.get(image_id, ALONE) for image_id in ids], int)
    keypoints = Gallery(gallery.vectors, lambda row: local_features.of(ids[row]), local_features.binary)
    return RerankedSearch(index, replace(keypoints, min_inliers=local_features.min_inliers, groups=groups))


def _unit(vectors: np.ndarray) -> np.ndarray:
    from kindred.features import neighbours  # loads SciPy, which who opens an index may not have

    return neighbours.unit_vectors(vectors, np.zeros(vectors.shape[1]))


def _part(gallery: Gallery, rows: np.ndarray) -> Gallery:
    """Some rows of a gallery."""
    of = gallery.keypoints
    keypoints = None if of is None else lambda row: of(int(rows[row]))
    groups = None if gallery.groups is None else gallery.groups[rows]
    return replace(gallery, vectors=gallery.vectors[rows], keypoints=keypoints, groups=groups)


def _compared(neighbour: Neighbour, verified: Verified | None, min_inliers: int) -> Neighbour:
    if verified is None:
        return neighbour
    return neighbour._replace(inliers=verified.inliers, same=verified.inliers >= min_inliers)
