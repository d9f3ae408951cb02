"""Whether the images that a form names are there, as far as a listing shows it: before Spark starts, in seconds."""

import logging
from collections.abc import Mapping
from typing import Any

from kindred.data import junk_csv, sources
from kindred.runtime import storage, variants
from kindred.runtime.errors import InputError

CLUSTERERS, RERANKER = "clusterers", "reranker"  # fields of forms whose runs need no label; the latter needs queries
MATCHED = "check_matched"  # a dataset's check of images to match
CHECKED = "KINDRED_CHECKED_INPUT"  # the environment variable that holds the `identity` of what has passed already

log = logging.getLogger(__name__)


def identity(values: Mapping[str, Any]) -> str:
    """What changes with all that `check` looks at."""
    of_images = ("dataset", "path", "images", "extractor", "weights", "preprocessing", "precision")
    names = (*of_images, RERANKER, "local_features", "embedder", "augment", "image_size")
    of_dataset = variants.dataset_params(values.get("dataset"), values)
    return storage.fingerprint([values.get(name) for name in names], of_dataset)


def check(values: Mapping[str, Any]) -> None:
    """Raise InputError for the values `dataset` and `path`, or `images`, of a form whose images a stage would refuse as
    well, and for the file of an extractor. A failure that may pass (a store that is busy) is left to the stage, which
    is tried again.

    >>> check({"dataset": "image_folder", "path": None})
    Traceback (most recent call last):
    kindred.runtime.errors.InputError: dataset image_folder needs a path: the folder that holds the images
    """
    try:
        check = MATCHED if RERANKER in values else "" if CLUSTERERS in values else "check"
        dataset = values.get("dataset")
        _check_dataset(dataset, values.get("path") or "", check, variants.dataset_params(dataset, values))
        if values.get("images") and not dataset:
            sources.images_to_label(values["images"], lambda line: None)
        _check_extractor(values)
        if RERANKER in values:
            variants.check_reranker(values[RERANKER], values["local_features"])
            variants.check_augment(values.get("augment") or variants.NONE, values.get("embedder") or variants.AUTO)
            variants.check_embedder(
                values.get("embedder", variants.AUTO), values.get("extractor", ""), values.get("image_size")
            )
    except InputError:
        raise
    except Exception:
        log.warning("the images could not be listed before the first stage", exc_info=True)


def _check_dataset(name: str | None, path: str, check: str, params: Mapping[str, Any]) -> None:
    """`check` names what the dataset checks beyond that its files are there; `params` are its own."""
    dataset = variants.load("dataset", name) if name else None
    if dataset is not None and hasattr(dataset, "check"):
        if check == "check":
            dataset.check(path, **params)
            return
        found = dataset.sources(path, lambda line: None, **params)
        if hasattr(dataset, check):
            getattr(dataset, check)(found, **params)
        if check == MATCHED and found and (table := junk_csv.content(found[0].uri)) is not None:
            junk_csv.pairs(table, found)
    elif path:
        sources.existing_uri(path)


def _check_extractor(values: Mapping[str, Any]) -> None:
    name = values.get("extractor")
    if not name or name == variants.AUTO:  # what `auto` takes needs no file
        return
    variants.check_precision(name, values.get("precision") or variants.FLOAT32)
    check = getattr(variants.load("extractor", name), "check", None)
    if check:
        check(values.get("weights") or "", values.get("preprocessing") or "")
