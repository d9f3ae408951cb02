"""The variants of each kind: a file in the kind's folder, named as people name it. Listing them imports nothing."""

import importlib
import inspect
import pkgutil
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from kindred.runtime import openvino_package
from kindred.runtime.errors import InputError
from kindred.runtime.label_sets import MULTI_LABEL, SINGLE_LABEL, TASKS

AUTO = "auto"  # in place of a name: the stage chooses the variant
NONE = "none"  # in place of a name, of what may be left out
FLOAT32, INT8, INT8_OPENVINO = PRECISIONS = ("float32", "int8", "int8_openvino")  # of an extractor's network
FLIPS = "flips"  # augments: each training image's mirror image is one more view of it
AUGMENTS = (NONE, FLIPS)
PIXELS = "pixels"  # the extractor whose features are the pixels
MIN_PIXELS_SIDE, MAX_PIXELS_SIDE = 16, 128  # of images that an embedder learns from the pixels of
EXACT, APPROXIMATE = SEARCH_MODES = ("exact", "approximate")
PACKAGE = Path(__file__).parents[1]
TASK = "task"  # of a dataset that can have several labels an image; forms without this field leave it single_label
# What a dataset takes beside its path, by keyword: forms that lack these fields, but for the task, do not offer it.
DATASET_PARAMS = {
    "image_folder": (TASK,),
    "open_images": ("classes", "label_source", "label_threshold", "images", "both", TASK),
}
KINDS = {  # the package of each kind's variants
    "dataset": "kindred.data.datasets",
    "extractor": "kindred.features.extractors",
    "classifier": "kindred.learning.classifiers",
    "labeller": "kindred.learning.labellers",
    "clusterer": "kindred.learning.clusterers",
    "embedder": "kindred.learning.embedders",
    "local_features": "kindred.features.local_features",
    "reranker": "kindred.search.rerankers",
}


def names(kind: str) -> list[str]:
    """The names of a kind's variants, sorted.

    >>> "logistic_regression" in names("classifier")
    True
    """
    folder = PACKAGE.joinpath(*KINDS[kind].split(".")[1:])  # perhaps inside an archive
    return sorted(file.name for file in pkgutil.iter_modules([str(folder)]) if not file.name.startswith("_"))


def offered(kind: str) -> list[str]:
    """The names of a kind's variants that need no field of their own.

    >>> "open_images" in names("dataset"), "open_images" in offered("dataset"), "image_folder" in offered("dataset")
    (True, False, True)
    """
    return [name for name in names(kind) if kind != "dataset" or {TASK}.issuperset(DATASET_PARAMS.get(name, ()))]


def dataset_params(dataset: str | None, values: Mapping[str, Any]) -> dict[str, Any]:
    """What a dataset takes beside its path, of the values of a form or of a stage's arguments, where it is set. One
    label an image is what each takes anyway.

    >>> dataset_params("open_images", {"path": "/oi", "classes": ["Car"], "images": None, "task": "single_label"})
    {'classes': ['Car']}
    """
    given = {name: values.get(name) for name in DATASET_PARAMS.get(dataset or "", ())}
    return {name: value for name, value in given.items() if value is not None and (name, value) != (TASK, SINGLE_LABEL)}


def load(kind: str, name: str) -> ModuleType:
    """The variant's module. Raises InputError, with the known names, for an unknown one."""
    if name not in names(kind):
        raise InputError(f"unknown {kind} {name!r}; known: {', '.join(names(kind))}")
    return importlib.import_module(f"{KINDS[kind]}.{name}")


def check_task(task: str, dataset: str | None) -> None:
    """Raise InputError for an unknown task, and for several labels of a dataset that knows one an image.

    >>> check_task("multi_label", "digits")
    Traceback (most recent call last):
    kindred.runtime.errors.InputError: dataset digits has one label an image; task multi_label is for image_folder, \
open_images
    """
    if task not in TASKS:
        raise InputError(f"unknown task {task!r}; known: {', '.join(TASKS)}")
    if task == MULTI_LABEL and dataset and TASK not in DATASET_PARAMS.get(dataset, ()):
        able = ", ".join(name for name, params in DATASET_PARAMS.items() if TASK in params)
        raise InputError(f"dataset {dataset} has one label an image; task {MULTI_LABEL} is for {able}")


def check_classifier(name: str, task: str) -> None:
    """Raise InputError for a classifier that cannot learn several labels an image: MLlib's, which takes no weights.

    >>> check_classifier("multilayer_perceptron", "multi_label")
    Traceback (most recent call last):
    kindred.runtime.errors.InputError: classifier multilayer_perceptron learns one label an image; \
for task multi_label: logistic_regression, neural_network
    """
    if task == MULTI_LABEL and not load("classifier", name).TAKES_WEIGHTS:
        able = ", ".join(one for one in names("classifier") if load("classifier", one).TAKES_WEIGHTS)
        raise InputError(f"classifier {name} learns one label an image; for task {task}: {able}")


def check_precision(name: str, precision: str) -> None:
    """Raise InputError for a precision that an extractor, or this environment, cannot have.

    >>> check_precision("hog", "float32")
    """
    if precision not in PRECISIONS:
        raise InputError(f"unknown precision {precision!r}; known: {', '.join(PRECISIONS)}")
    if precision != FLOAT32 and not load("extractor", name).WEIGHTED:
        networks = ", ".join(one for one in names("extractor") if load("extractor", one).WEIGHTED)
        raise InputError(f"precision {precision} is for networks, and {name} is none; these are: {networks}")
    if precision == INT8_OPENVINO:
        openvino_package.check()


def check_reranker(name: str, local_features: str) -> None:
    """Raise InputError for a re-ranker that compares keypoints where none are looked for.

    >>> check_reranker("k_reciprocal", NONE)
    """
    if name != AUTO and load("reranker", name).NEEDS_KEYPOINTS and local_features == NONE:
        known = ", ".join(names("local_features"))
        raise InputError(f"reranker {name} compares keypoints: choose local_features ({known})")


def check_augment(augment: str, embedder: str) -> None:
    """Raise InputError for views of training images that an embedder does not learn from; `auto` is not yet known.

    >>> check_augment(FLIPS, "supcon")
    """
    if augment not in AUGMENTS:
        raise InputError(f"unknown augment {augment!r}; known: {', '.join(AUGMENTS)}")
    if augment != NONE and embedder != AUTO and not takes_views(embedder):
        known = ", ".join(name for name in names("embedder") if takes_views(name))
        what = f"augment {augment} is for embedders that learn from features and labels"
        raise InputError(f"{what} ({known}), not for {embedder}")


def takes_views(embedder: str) -> bool:
    """Whether an embedder learns from several views of an image.

    >>> takes_views("supcon"), takes_views("none"), takes_views("convnet")
    (True, False, False)
    """
    return bool(load("embedder", embedder).LABELLED) and not learns_from_pixels(embedder)


def learns_from_pixels(embedder: str) -> bool:
    """Whether an embedder takes the pixels of images for features."""
    return bool(getattr(load("embedder", embedder), "PIXELS", False))


def check_embedder(name: str, extractor: str, image_size: int | None = None) -> None:
    """Raise InputError for an embedder that learns from pixels and gets other features, or images of no size for it.

    >>> check_embedder("supcon", "mobilenet_v2")
    >>> check_embedder("convnet", "hog")
    Traceback (most recent call last):
    kindred.runtime.errors.InputError: embedder convnet learns from pixels: set extractor to pixels and image_size to 48
    """
    if name == AUTO or not learns_from_pixels(name):
        return
    if extractor != PIXELS:
        raise InputError(f"embedder {name} learns from pixels: set extractor to {PIXELS} and image_size to 48")
    if image_size and not MIN_PIXELS_SIDE <= image_size <= MAX_PIXELS_SIDE:
        sides = f"{MIN_PIXELS_SIDE} to {MAX_PIXELS_SIDE} px"
        raise InputError(f"embedder {name} takes images of {sides} a side, not {image_size}: set image_size to 48")


def source(module: ModuleType) -> Path:
    """The variant's own file, which its fingerprints cover."""
    return Path(inspect.getfile(module))
