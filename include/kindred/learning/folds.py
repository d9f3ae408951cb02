"""The folds of cross-validation: how many there are, and which given label belongs to which.

A fold's models do not see its own given labels, and predict them afterwards: these predictions are *out of fold*. ALL
stands in the place of a fold for what is made with every given label. The order of images comes from hashes of their
ids, so it is the same every time.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from kindred.runtime.errors import InputError

ALL = -1


def network_file(fold: int) -> str:
    """The name of the file of a fold's network, or of the one fitted on ALL.

    >>> network_file(0), network_file(ALL)
    ('network-0.npz', 'network-all.npz')
    """
    return "network-all.npz" if fold == ALL else f"network-{fold}.npz"


def fold_count(smallest: int, folds: int, say: Callable[[str], None]) -> int:
    """The number of folds: `folds`, or fewer where the smallest class has fewer given labels. Raises InputError below
    2.

    >>> fold_count(3, 5, say=print)
    folds lowered from 5 to 3, the size of the smallest class
    3
    """
    if smallest < 2 or folds < 2:
        reason = f"the smallest class has {smallest} given label" if smallest < 2 else f"folds is {folds}"
        raise InputError(f"{reason}; cross-validation needs at least 2")
    if smallest < folds:
        say(f"folds lowered from {folds} to {smallest}, the size of the smallest class")
    return min(smallest, folds)


def held_out_folds(labels: Sequence[Any], folds: int, say: Callable[[str], None]) -> int:
    """The number of folds of these given labels: `folds`, or fewer where the smallest class of several labels has
    fewer. The only label of a class is never held out, as no model could learn the class then; where that leaves fewer
    than half of the labels there is no fold, as a few classes would decide for all.

    >>> held_out_folds(["cat", "cat", "dog"], 5, say=print)
    1 class has one given label, which is never held out: cross-validation says nothing of it
    folds lowered from 5 to 2, the size of the smallest class
    2
    >>> held_out_folds(["cat", "dog"], 5, say=print)
    too few classes have two given labels to hold one out: there is no cross-validation
    0
    """
    counts = Counter(labels)
    several = [count for count in counts.values() if count > 1]
    if sum(several) < len(labels) / 2:
        say("too few classes have two given labels to hold one out: there is no cross-validation")
        return 0
    if single := len(counts) - len(several):
        which = (
            "1 class has one given label, which is" if single == 1 else f"{single} classes have one given label, each"
        )
        say(f"{which} never held out: cross-validation says nothing of {'it' if single == 1 else 'them'}")
    return fold_count(min(several), folds, say)


def assign_folds(ids: Sequence[str], labels: Sequence[Any], folds: int) -> list[int]:
    """The fold of each given label, 0 to folds - 1: stratified by class, in the order of the id's hash. ALL for the
    only label of a class, and where there are no folds: it belongs to none.

    >>> assign_folds(["a", "b", "c", "d"], ["cat", "cat", "dog", "dog"], folds=2)
    [1, 0, 1, 0]
    """
    counts = Counter(labels)
    ranks = _ranks(ids, labels)
    return [rank % folds if folds and counts[label] > 1 else ALL for label, rank in zip(labels, ranks, strict=True)]


def balanced_order(ids: Sequence[str], labels: Sequence[Any]) -> list[int]:
    """Rows in an order of which every beginning has about the same number of each class: the first of each class, by
    the id's hash, then the second of each, and so on.

    >>> balanced_order(["a", "b", "c", "d"], ["cat", "cat", "cat", "dog"])
    [3, 2, 1, 0]
    """
    ranks = _ranks(ids, labels)
    return sorted(range(len(ids)), key=lambda i: (ranks[i], _hash(ids[i])))


def _ranks(ids: Sequence[str], labels: Sequence[Any]) -> list[int]:
    """The rank of each row among those of its class, in the order of the id's hash."""
    seen: Counter[Any] = Counter()
    ranks = [0] * len(ids)
    for i in sorted(range(len(ids)), key=lambda i: _hash(ids[i])):
        ranks[i] = seen[labels[i]]
        seen[labels[i]] += 1
    return ranks


def _hash(image_id: str) -> str:
    return hashlib.sha256(image_id.encode()).hexdigest()
