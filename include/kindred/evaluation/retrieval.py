"""How good the search is: what share of the images that it finds are of the query's class.

Queries are test images. The gallery is the unlabelled images whose truth is known (figures `search/...`) and, where
there are others, all of them by the class that the final model gives them (`search_by_model/...`: it flatters what the
model itself orders, the probabilities). Of more than QUERIES queries or GALLERY images those count whose ids come
first; ids are hashes, so these are chosen by chance, and always the same.
"""

from collections import Counter
from collections.abc import Mapping

import numpy as np

from kindred.data import contact_sheets
from kindred.search.answers import Answer
from kindred.search.distances import DISTANCES
from kindred.search.image_index import Index
from kindred.search.shards import Images

PRECISION_AT = (1, 5, 8, 10)
TOP = (1, 3, 10)
QUERIES = 1_000
GALLERY = 50_000
BLOCK = 2**22  # distances at once
SHOWN = 8  # images on each side of a picture


def figures(index: Index, queries: Images, truth: Mapping[str, str]) -> dict[str, float]:
    """All scores by name. `truth` is the known class of an image by its id, that of each query among them."""
    queries = queries[:QUERIES]
    asked = np.array([truth[image_id] for image_id in queries.ids])
    own = set(queries.ids)  # a copy of a test image that was kept would find itself
    others = [image_id for image_id in index.ids() if image_id not in own]
    known = [image_id for image_id in others if image_id in truth]
    found = {}
    if known:
        gallery = index.images(known[:GALLERY])
        found |= _figures("search", queries, asked, gallery, np.array([truth[i] for i in gallery.ids]))
    if len(known) < len(others):
        gallery = index.images(others[:GALLERY])
        predicted = np.array(index.classes)[gallery.probabilities.argmax(axis=1)]
        found |= _figures("search_by_model", queries, asked, gallery, predicted)
    return found


def scores(far: np.ndarray, right: np.ndarray) -> dict[str, float]:
    """Of distances [q, n] and whether each image is of the query's class [q, n]: means over the queries.

    precision at k: the share of right ones among the first k; top k: whether one is among them; mean average precision:
    the mean precision at the ranks of the right ones (C. Manning et al., Introduction to Information Retrieval, section
    8.4). Of equally distant images the first comes first; a query without any right one has precision 0.
    """
    ordered = np.take_along_axis(right, np.argsort(far, axis=1, kind="stable"), axis=1)
    hits = ordered.cumsum(axis=1)
    precision = hits / np.arange(1, ordered.shape[1] + 1)
    average = (precision * ordered).sum(axis=1) / np.maximum(hits[:, -1], 1)
    return {
        **{f"precision_at_{k}": float(ordered[:, :k].mean()) for k in PRECISION_AT},
        **{f"top_{k}_accuracy": float(ordered[:, :k].any(axis=1).mean()) for k in TOP},
        "mean_average_precision": float(average.mean()),
    }


def one_of_each(queries: Images, classes: list[str], truth: Mapping[str, str]) -> Images:
    """The first query of each class that has one."""
    asked = [truth[image_id] for image_id in queries.ids]
    rows = [asked.index(name) for name in classes if name in asked]
    return Images(queries.features[rows], queries.probabilities[rows], [queries.ids[row] for row in rows])


def examples(index: Index, queries: Images) -> dict[str, list[tuple[Answer, Answer]]]:
    """What each query finds by each distance, by name: the SHOWN most similar and the SHOWN least similar images."""
    k = min(SHOWN, len(index))
    both = {name: [index.search(queries, k, name, farthest) for farthest in (False, True)] for name in DISTANCES}
    return {name: list(zip(*answers, strict=True)) for name, answers in both.items()}


def pictures(
    found: dict[str, list[tuple[Answer, Answer]]], truth: Mapping[str, str], pixels: Mapping[str, np.ndarray]
) -> dict[str, bytes]:
    """A PNG for each distance: each query, the most similar and the least similar images. The frame of a result tells
    whether it is of the query's class, by its truth or, where that is not known, by the final model.
    """
    heads = {0: "query", 1: "most similar", 1 + SHOWN: "least similar"}
    made = {}
    for name, answers in found.items():
        rows = []
        for near, far in answers:
            asked, results = truth[near.image_id], [*near.neighbours, *far.neighbours]
            right = [truth.get(result.image_id, result.prediction) == asked for result in results]
            frames = [contact_sheets.MATCH_COLOUR if same else contact_sheets.OTHER_COLOUR for same in right]
            results = [result.image_id for result in results]
            rows.append((asked, [(near.image_id, None), *zip(results, frames, strict=True)]))
        title = f"{name}: blue frames are of the query's class, orange ones are not"
        made[f"search-{name}.png"] = contact_sheets.sheet(title, heads, rows, pixels)
    return made


def shown(found: dict[str, list[tuple[Answer, Answer]]]) -> list[str]:
    """The ids of all images in the pictures."""
    answers = [answer for both in found.values() for pair in both for answer in pair]
    results = {result.image_id for answer in answers for result in answer.neighbours}
    return sorted(results | {answer.image_id for answer in answers})


def _figures(head: str, queries: Images, asked: np.ndarray, gallery: Images, classes: np.ndarray) -> dict[str, float]:
    found: dict[str, float] = {f"{head}/queries": len(queries), f"{head}/gallery": len(gallery)}
    blocks = np.array_split(np.arange(len(queries)), -(-len(queries) * len(gallery) // BLOCK))
    for name, distance in DISTANCES.items():
        vectors, rows = (getattr(images, distance.vectors) for images in (queries, gallery))
        total: Counter[str] = Counter()
        for block in blocks:
            right = classes == asked[block, None]
            for score, value in scores(distance.between(vectors[block], rows), right).items():
                total[score] += value * len(block) / len(queries)
        found |= {f"{head}/{name}/{score}": value for score, value in total.items()}
    return found
