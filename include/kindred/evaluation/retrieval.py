"""How good the search is: how many of the nearest images are of the query's class.

Queries are test images. The gallery is the unlabelled images of the index (a labelled one is no find: its class was
known, and the model has learned it), of these the ones whose truth is known (figures `search/...`) and, where
there are others, all of them by the class that the final model predicts (`search_by_model/...`). The latter says
nothing about which distance is best: distances of the model's own probabilities agree with its predictions by
construction, its mistakes among them. Of more than MAX_QUERIES queries or MAX_GALLERY images those count whose ids come
first; ids are hashes, so these are a random sample, and always the same.

With several labels an image, an image is relevant to a query if at least one label is present on both; what is not
known to be present counts as absent. A test image of which every known label is absent is no query.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from kindred.runtime import label_sets
from kindred.search.distances import fitting
from kindred.search.gallery import UNLABELLED
from kindred.search.image_index import Index
from kindred.search.shards import Images

PRECISION_AT = (1, 5, 8, 10)
TOP_K = (1, 3, 10)
MAX_QUERIES = 1_000
MAX_GALLERY = 50_000
BLOCK_ROWS = 4096  # of the gallery, that are turned into points at once, in double precision
BLOCK_DISTANCES = 2**22  # ordered at once: 32 MiB
Relevance = Callable[[np.ndarray], np.ndarray]


def query_ids(test_ids: Iterable[str], truth: Mapping[str, str], several: bool) -> list[str]:
    """The test images that are queries: the first of those with a known label, of `several` with one that is present.

    >>> query_ids(["c", "b", "a"], {"a": "(none)", "c": "sea|sky"}, several=True)
    ['c']
    """
    labelled = sorted(image_id for image_id in test_ids if image_id in truth)
    return [image_id for image_id in labelled if not several or truth[image_id] != label_sets.NONE][:MAX_QUERIES]


def figures(index: Index, queries: Images, truth: Mapping[str, str]) -> dict[str, float]:
    """All scores by name. `truth` is the known class of an image by its id, that of each query among them; of several
    labels an image those that are present, as `label_sets.joined`.
    """
    several, queries = index.thresholds is not None, queries[:MAX_QUERIES]
    ids = queries.names("ids")
    labels = [truth[image_id] for image_id in ids]
    gallery_ids = sorted(
        set(index.ids(UNLABELLED)) - set(ids)
    )  # a copy of a test image that was kept would find itself
    known = [image_id for image_id in gallery_ids if image_id in truth]
    values: dict[str, float] = {}
    if known:
        gallery = index.images(known[:MAX_GALLERY])
        classes = [truth[image_id] for image_id in gallery.names("ids")]
        values |= _figures("search", queries, gallery, relevance(labels, classes, several), several)
    if len(known) < len(gallery_ids):
        gallery = index.images(gallery_ids[:MAX_GALLERY])
        classes = label_sets.predictions(gallery.vectors("probabilities"), index.classes, index.thresholds)
        values |= _figures("search_by_model", queries, gallery, relevance(labels, classes, several), several)
    return values


def relevance(labels: Sequence[str], classes: Sequence[str], several: bool) -> Relevance:
    """A function of rows of queries [b] that says which images are relevant to them, [b, n]: those of the same class,
    or of `several` labels an image with a label in common. `labels` [q] are the queries', `classes` [n] the images'.

    >>> relevance(["sea|sky", "tree"], ["sky|tree", "sea", "(none)"], several=True)(np.array([0, 1])).tolist()
    [[True, True, False], [True, False, False]]
    """
    if not several:
        own, others = np.array(labels), np.array(classes)
        return lambda rows: others == own[rows, None]
    present = [[set(label_sets.split(text)) for text in texts] for texts in (labels, classes)]
    names = sorted(set().union(*present[0]))
    has, image_has = (np.array([[n in own for n in names] for own in sets], np.float32) for sets in present)
    return lambda rows: has[rows] @ image_has.T > 0


def scores(distances: np.ndarray, relevant: np.ndarray) -> dict[str, float]:
    """Of distances [q, n], and whether each image is of the query's class [q, n]: means over the queries.

    precision at k: the share of relevant images among the first k; top k: whether one is among them; mean average
    precision: the mean precision at the ranks of the relevant ones (C. Manning et al., Introduction to Information
    Retrieval, section 8.4). Of equally distant images the first comes first; a query without any relevant image has
    precision 0.

    >>> table = scores(np.array([[0.1, 0.2, 0.3]]), np.array([[True, False, True]]))
    >>> table["precision_at_1"], round(table["mean_average_precision"], 4)  # the latter: the mean of 1/1 and 2/3
    (1.0, 0.8333)
    """
    ordered = np.take_along_axis(relevant, np.argsort(distances, axis=1, kind="stable"), axis=1)
    hits = ordered.cumsum(axis=1)
    precision = hits / np.arange(1, ordered.shape[1] + 1)
    average = (precision * ordered).sum(axis=1) / np.maximum(hits[:, -1], 1)
    return {
        **{f"precision_at_{k}": float(ordered[:, :k].mean()) for k in PRECISION_AT},
        **{f"top_{k}_accuracy": float(ordered[:, :k].any(axis=1).mean()) for k in TOP_K},
        "mean_average_precision": float(average.mean()),
    }


def _figures(prefix: str, queries: Images, gallery: Images, relevant_to: Relevance, several: bool) -> dict[str, float]:
    """The scores by each distance, of queries [q] in a gallery [n]."""
    values: dict[str, float] = {f"{prefix}/queries": len(queries), f"{prefix}/gallery": len(gallery)}
    blocks = np.array_split(np.arange(len(queries)), -(-len(queries) * len(gallery) // BLOCK_DISTANCES))
    for name, distance in fitting(several).items():
        vectors, rows = (images.vectors(distance.vectors) for images in (queries, gallery))
        total: defaultdict[str, float] = defaultdict(float)
        distances = np.empty((len(queries), len(gallery)))
        for start in range(0, len(gallery), BLOCK_ROWS):
            part = slice(start, start + BLOCK_ROWS)
            distances[:, part] = distance.between(vectors, rows[part])
        for block in blocks:
            for score, value in scores(distances[block], relevant_to(block)).items():
                total[score] += value * len(block) / len(queries)
        values |= {f"{prefix}/{name}/{score}": value for score, value in total.items()}
    return values
