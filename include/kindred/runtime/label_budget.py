"""How many labels a run is given: what its params say, or else the default of its dataset."""

from __future__ import annotations

from typing import Any, NamedTuple

from kindred.runtime import variants
from kindred.runtime.errors import InputError

ALL, RANDOM, REPRESENTATIVES = "all", "random", "representatives"
LABEL_CHOICES = (RANDOM, REPRESENTATIVES, ALL)


class Budget(NamedTuple):
    """Labels per class, or in total; neither: all that are known. `default_of`: the dataset that says so, where the
    params do not.
    """

    per_class: int | None = None
    total: int | None = None
    default_of: str = ""

    def __str__(self) -> str:
        return f"{self.per_class} per class" if self.per_class else str(self.total or ALL)


def budget(dataset: str | None, label_choice: str, labels_per_class: int | None, labels: int | None) -> Budget:
    """The budget of a run by its params. Raises InputError for numbers that do not fit together, or not the choice.

    >>> budget("digits", "random", None, None)
    Budget(per_class=10, total=None, default_of='digits')
    >>> print(budget("digits", "all", None, None), "/", budget("image_folder", "random", None, None))
    all / all
    """
    if label_choice not in LABEL_CHOICES:
        raise InputError(f"unknown label_choice {label_choice!r}; known: {', '.join(LABEL_CHOICES)}")
    if label_choice == ALL and (labels_per_class or labels):
        given = f"labels_per_class ({labels_per_class})" if labels_per_class else f"labels ({labels})"
        raise InputError(f"label_choice all takes no number of labels; remove {given}")
    if label_choice == REPRESENTATIVES and labels_per_class is not None:
        raise InputError("label_choice representatives takes labels, the number in total, not labels_per_class")
    if label_choice == REPRESENTATIVES and labels is None:
        raise InputError("label_choice representatives needs labels, the number in total: one per cluster")
    if labels_per_class is not None and labels is not None:
        raise InputError(f"give labels_per_class ({labels_per_class}) or labels ({labels}), not both")
    per_class = default(dataset) if dataset and label_choice == RANDOM and not (labels_per_class or labels) else None
    return Budget(per_class, None, dataset or "") if per_class else Budget(labels_per_class, labels)


def default(dataset: str) -> int | None:
    """The labels per class that a dataset gives where the params name no number; None: all."""
    per_class: int | None = getattr(variants.load("dataset", dataset), "LABELS_PER_CLASS", None)
    return per_class


def of_params(params: dict[str, Any]) -> Budget:
    """The budget of a run by all its params."""
    choice = params.get("label_choice", RANDOM)
    return budget(params.get("dataset"), choice, params.get("labels_per_class"), params["labels"])
