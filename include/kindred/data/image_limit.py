"""Which images a limit takes, where files or rows are sorted by class: some of every class, always the same ones.

In each split the classes take turns (images without a label are one more), and in each class the order is that of the
names' hashes.
"""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple


class Candidate(NamedTuple):
    """An image that a limit may take; `name` does not change when the dataset is moved."""

    split: str
    label: str | None
    name: str


def taken(candidates: Sequence[Candidate], limit: int | None) -> list[bool]:
    """Which candidates [n] are among the `limit` of their split (None: all).

    >>> taken([Candidate("train", label, str(i)) for i, label in enumerate(["cat", "cat", "cat", "dog"])], 2)
    [True, False, False, True]
    """
    if limit is None:
        return [True] * len(candidates)
    by_class = defaultdict(list)
    for i, image in enumerate(candidates):
        by_class[image.split, image.label].append((hashlib.sha256(image.name.encode()).hexdigest(), i))
    turns: defaultdict[str, list[tuple[int, str, int]]] = defaultdict(list)
    for (split, _), images in by_class.items():
        turns[split] += [(turn, *image) for turn, image in enumerate(sorted(images))]
    chosen = {i for images in turns.values() for _, _, i in sorted(images)[:limit]}
    return [i in chosen for i in range(len(candidates))]
