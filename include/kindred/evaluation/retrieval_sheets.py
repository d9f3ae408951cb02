"""What the search answers, as pictures: for each class a query, its most and its least similar images."""

import csv
import io
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from kindred.data import contact_sheets, origins
from kindred.runtime import label_sets
from kindred.search.answers import Answer
from kindred.search.gallery import UNLABELLED
from kindred.search.image_index import Index
from kindred.search.shards import Images

IMAGES_PER_SIDE = 8
SIDES = ("nearest", "farthest")
TABLE = ("metric", "side", "rank", "query", "image", "distance", "query_label", "prediction", "label")
HEADINGS = {0: "query", 1: "most similar", 1 + IMAGES_PER_SIDE: "least similar"}


class Example(NamedTuple):
    """A query's id with its nearest and its farthest images."""

    query: str
    nearest: Answer
    farthest: Answer


def first_of_each_class(
    queries: Images, classes: Sequence[str], truth: Mapping[str, str], several: bool = False
) -> Images:
    """The first query of each class that has one; `truth` is the class of a query by its id. Of `several` labels an
    image a query is of each that is present.
    """
    ids = queries.names("ids")
    labels = [_labels(truth[image_id], several) for image_id in ids]
    first = {name: row for row, own in reversed(list(enumerate(labels))) for name in own}
    rows = list(dict.fromkeys(first[name] for name in classes if name in first))
    features, probabilities = (queries.vectors(kind)[rows] for kind in ("features", "probabilities"))
    return Images(features, probabilities, [ids[row] for row in rows])


def examples(index: Index, queries: Images) -> dict[str, list[Example]]:
    """The IMAGES_PER_SIDE most and least similar unlabelled images of each query by each distance, by its name."""
    k, ids = min(IMAGES_PER_SIDE, len(index)), queries.names("ids")
    by_distance = {}
    for name in index.distances:
        nearest, farthest = (index.search(queries, k, name, farthest, UNLABELLED) for farthest in (False, True))
        by_distance[name] = [Example(*of_query) for of_query in zip(ids, nearest, farthest, strict=True)]
    return by_distance


def pictured(examples: Mapping[str, Sequence[Example]]) -> list[str]:
    """The ids of all images in the sheets."""
    ids = set()
    for example in (example for of_distance in examples.values() for example in of_distance):
        ids.add(example.query)
        ids |= {neighbour.image_id for answer in example[1:] for neighbour in answer.neighbours}
    return sorted(ids)


def sheets(
    examples: Mapping[str, Sequence[Example]],
    truth: Mapping[str, str],
    pixels: Mapping[str, np.ndarray],
    files: Mapping[str, str],
    several: bool = False,
) -> dict[str, bytes]:
    """A PNG for each distance: each query, the most similar and the least similar images, each above the name of its
    file (`files`: the origins by id). A frame is blue where the image is of the query's class, with `several` labels an
    image where it has one of the query's, by its truth or, where that is not known, by the final model.
    """
    title = (
        "have a label of the query's, orange ones have none"
        if several
        else "are of the query's class, orange ones are not"
    )
    made, captions = {}, {image_id: origins.name(origin) for image_id, origin in files.items()}
    for name, of_distance in examples.items():
        rows = [_row(example, truth, several) for example in of_distance]
        made[f"search-{name}.png"] = contact_sheets.sheet(
            f"{name}: blue frames {title}", HEADINGS, rows, pixels, captions
        )
    return made


def table(examples: Mapping[str, Sequence[Example]], truth: Mapping[str, str], files: Mapping[str, str]) -> bytes:
    """The same as a CSV, a line for each image that was found: the files as paths, the class of the query, the class
    that the final model predicts for the image, and its truth where that is known.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(TABLE)
    for name, of_distance in examples.items():
        for query, *answers in of_distance:
            for side, answer in zip(SIDES, answers, strict=True):
                for rank, found in enumerate(answer.neighbours, 1):
                    pair = [origins.path(files[image_id]) for image_id in (query, found.image_id)]
                    classes = truth[query], found.prediction, truth.get(found.image_id)
                    writer.writerow([name, side, rank, *pair, f"{found.distance:.7g}", *classes])
    return text.getvalue().encode()


def _labels(text: str | None, several: bool) -> list[str]:
    return label_sets.split(text) if several and text is not None else [str(text)]


def _row(example: Example, truth: Mapping[str, str], several: bool) -> tuple[str, list[contact_sheets.Cell]]:
    label = truth[example.query]
    wanted = set(_labels(label, several))
    cells: list[contact_sheets.Cell] = [(example.query, None)]
    for neighbour in [*example.nearest.neighbours, *example.farthest.neighbours]:
        same = not wanted.isdisjoint(_labels(truth.get(neighbour.image_id, neighbour.prediction), several))
        colour = contact_sheets.MATCH_COLOUR if same else contact_sheets.OTHER_COLOUR
        cells.append((neighbour.image_id, colour))
    return label, cells
