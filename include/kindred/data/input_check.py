"""Whether the images that a form names are there, as far as a listing shows it: before Spark starts, in seconds."""

import logging
from collections.abc import Mapping
from typing import Any

from kindred.data import junk_csv, sources
from kindred.runtime import label_budget, storage, variants
from kindred.runtime.errors import InputError
from kindred.runtime.label_sets import MULTI_LABEL, SINGLE_LABEL

CLUSTERERS, RERANKER = "clusterers", "reranker"  # fields of forms whose runs need no label; the latter needs queries
MATCHED = "check_matched"  # a dataset's check of images to match
OF_TASK = (variants.TASK, "classifier", "label_choice", "attack")  # of which some values do not go together
CHECKED = "KINDRED_CHECKED_INPUT"  # the environment variable that holds the `identity` of what has passed already

log = logging.getLogger(__name__)


def identity(values: Mapping[str, Any]) -> str:
    """What changes with all that `check` looks at."""
    of_images = ("dataset", "path", "images", "extractor", "weights", "preprocessing", "precision")
    names = (*of_images, RERANKER, "local_features", "embedder", "augment", "image_size", *OF_TASK)
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
        _check_task(values)
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


def _check_task(values: Mapping[str, Any]) -> None:
    """Raise InputError where images may have several labels and something is asked for that takes one."""
    task = values.get(variants.TASK, SINGLE_LABEL)
    variants.check_task(task, values.get("dataset"))
    if task != MULTI_LABEL:
        return
    if values.get("classifier"):
        variants.check_classifier(values["classifier"], task)
    if values.get("label_choice") == label_budget.REPRESENTATIVES:
        raise InputError(
            f"label_choice {label_budget.REPRESENTATIVES} gives one label an image; for {task}: random, all"
        )
    if values.get("attack"):
        raise InputError(f"attacks are on classifiers of one label an image; with task {task} set attack to false")


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
