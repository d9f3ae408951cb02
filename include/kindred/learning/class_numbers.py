"""Class names as the numbers that classifiers and metrics take."""

from collections.abc import Sequence


def class_numbers(classes: Sequence[str]) -> dict[str, int]:
    """The number of each class, 0 to len(classes) - 1: its column in an array of probabilities [n, classes].

    >>> class_numbers(["cat", "dog"])
    {'cat': 0, 'dog': 1}
    """
    return {name: number for number, name in enumerate(classes)}
