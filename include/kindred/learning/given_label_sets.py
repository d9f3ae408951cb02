"""Which images with known labels a run is given, where an image may have several. Images are ordered by hashes of their
ids, so a choice repeats.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from kindred.learning import given_labels
from kindred.runtime import label_sets
from kindred.runtime.errors import InputError


def choose(
    known: pa.Table, per_class: int | None, total: int | None, seed: int, say: Callable[[str], None]
) -> pa.Table:
    """All that is known (image_id, label, present) of the chosen images, as the table `labels`: of `total` images, or
    for each class of the first `per_class` that have it, or of all.

    >>> known = pa.table({"image_id": ["a", "a", "b"], "label": ["x", "y", "x"], "present": [True, False, True]})
    >>> choose(known, None, 1, 0, print).select(["image_id", "label", "present"]).to_pylist()
    [{'image_id': 'a', 'label': 'x', 'present': True}, {'image_id': 'a', 'label': 'y', 'present': False}]
    """
    images = known["image_id"].unique().sort()
    order = given_labels.hash_order(pa.table({"image_id": images, "label": images}), seed)["image_id"].to_numpy()
    if per_class is not None:
        chosen = _first_of_each_class(known, order, per_class, say)
    else:
        if total is not None and total > len(order):
            say(f"only {len(order):,} images have a known label; all are used")
        chosen = order[:total]
    rows = known.filter(pc.is_in(known["image_id"], pa.array(chosen, pa.string())))
    count = len(rows)
    columns = {name: rows[name] for name in ("image_id", "label", "present")}
    table = pa.table({**columns, "confidence": np.ones(count), "source": ["given"] * count})
    return table.sort_by([("image_id", "ascending"), ("label", "ascending")])


def present_counts(labels: pa.Table) -> dict[str, int]:
    """On how many images each class of a table of labels is present; those that are on none are not there."""
    counts = pc.value_counts(labels.filter(labels["present"])["label"]).to_pylist()
    return {row["values"]: row["counts"] for row in counts}


def check(counts: dict[str, int], images: int) -> None:
    """Raise InputError where no class is present on a given image, or fewer than two images are given."""
    if not counts:
        raise InputError(f"none of the {images:,} given images has any of the classes; give more labels")
    if images < 2:
        raise InputError(f"{images} image has a given label; cross-validation needs at least 2")


def never_absent(labels: pa.Table) -> list[str]:
    """The classes of a table of labels that are absent on none of its images, so that a model finds them on all. Raises
    InputError where that is so of every class.
    """
    absent = set(labels.filter(pc.invert(labels["present"]))["label"].unique().to_pylist())
    if not absent:
        raise InputError(
            "no given image is known to lack a class, so there is nothing to tell apart: label images that have none "
            f"of them with {label_sets.NONE}, or say with 0 in the column present what is absent, or give more labels"
        )
    return sorted(set(labels["label"].unique().to_pylist()) - absent)


def _first_of_each_class(known: pa.Table, order: np.ndarray, per_class: int, say: Callable[[str], None]) -> np.ndarray:
    present = known.filter(known["present"]).to_pandas()
    place = pd.Series(np.arange(len(order)), order)
    present["place"] = present["image_id"].map(place)
    by_class = present.sort_values("place").groupby("label")
    for label, count in by_class.size().items():
        if count < per_class:
            say(f"class {label!r} is present on only {count} labelled training images; all are used")
    return np.asarray(by_class.head(per_class)["image_id"].unique())
