"""What an answer says of an image."""

from typing import Any

from kindred.data import origins
from kindred.runtime import label_sets
from kindred.search import answers
from kindred.search.answers import Neighbour
from kindred.search.shards import Images
from kindred.serving import originals
from kindred.serving.bundle import Bundle

Row = dict[str, Any]


def rows(current: Bundle, images: Images) -> list[Row]:
    """Images for the page; what is not known of one is null."""
    probabilities, unknown = images.vectors("probabilities"), [None] * len(images)
    classes, thresholds = current.gallery.classes, current.gallery.thresholds
    columns: dict[str, Any] = {
        "image_id": images.ids,
        "prediction": label_sets.predictions(probabilities, classes, thresholds) if classes else unknown,
        "confidence": label_sets.confidences(probabilities, thresholds).tolist() if classes else unknown,
        "predicted": answers.predicted_classes(probabilities, classes, thresholds),
        "split": images.splits or unknown,
        "dataset": images.datasets or unknown,
        "label": images.known("labels"),
    }
    table = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return [known | file_of(origin) for known, origin in zip(table, images.known("origins"), strict=True)]


def neighbour(found: Neighbour) -> Row:
    """An image that was found."""
    return found._asdict() | file_of(found.origin)


def file_of(origin: str | None) -> Row:
    """Which file an image is, for people, and how that can be opened."""
    if origin is None:
        return {"origin": None, "name": None, "original": None}
    return {"origin": origins.path(origin), "name": origins.name(origin), "original": originals.access(origin)}


def row(current: Bundle, image: Images) -> Row:
    """One image, with the probability of each class."""
    probabilities = image.vectors("probabilities")[0].tolist()
    by_class = dict(zip(current.gallery.classes, probabilities, strict=True))
    return {**rows(current, image)[0], "probabilities": by_class}
