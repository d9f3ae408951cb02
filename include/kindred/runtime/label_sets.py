"""Images with several labels: which classes probabilities mean, and how a set of classes is written.

With one label an image the prediction is the most probable class, and `thresholds` is None. With several it is each
class from its own threshold on. All that predicts, in tables, the index and served models, decides here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # forms and listings of files import this module
    import numpy as np
    import pyarrow as pa

SINGLE_LABEL, MULTI_LABEL = TASKS = ("single_label", "multi_label")  # how many labels an image may have
SEPARATOR = "|"  # between the labels of an image, which no class name may hold then
NONE = "(none)"  # the set without a class

Thresholds = Sequence[float] | None


def joined(labels: Iterable[str]) -> str:
    """The labels of an image as one text, sorted.

    >>> joined(["sunset", "sea"]), joined([])
    ('sea|sunset', '(none)')
    """
    return SEPARATOR.join(sorted(labels)) or NONE


def split(text: str) -> list[str]:
    """The labels that `joined` wrote.

    >>> split("sea|sunset"), split("(none)")
    (['sea', 'sunset'], [])
    """
    return [] if text == NONE else text.split(SEPARATOR)


def by_id(rows: pa.Table, classes: Iterable[str]) -> dict[str, str]:
    """The present ones of some classes, of each image of a table of labels (image_id, label, present) in which one of
    them is known.

    >>> import pyarrow as pa
    >>> rows = pa.table({"image_id": ["a", "a", "b"], "label": ["sea", "trees", "sea"], "present": [True, True, False]})
    >>> by_id(rows, ["sea", "trees"])
    {'a': 'sea|trees', 'b': '(none)'}
    """
    wanted = set(classes)
    present: dict[str, list[str]] = defaultdict(list)
    for row in rows.select(["image_id", "label", "present"]).to_pylist():
        if row["label"] in wanted:
            present[row["image_id"]] += [row["label"]] if row["present"] else []
    return {image_id: joined(labels) for image_id, labels in present.items()}


def chosen(probabilities: np.ndarray, thresholds: Sequence[float]) -> np.ndarray:
    """Which classes an image has, [n, classes], by probabilities of several labels an image [n, classes].

    >>> import numpy as np
    >>> chosen(np.array([[0.7, 0.3]]), [0.5, 0.5]).tolist()
    [[True, False]]
    """
    import numpy as np

    return np.asarray(probabilities >= np.asarray(thresholds, np.float64))


def predictions(probabilities: np.ndarray, classes: Sequence[str], thresholds: Thresholds = None) -> list[str]:
    """What each row of probabilities [n, classes] predicts: a class, or with thresholds [classes] a set of them.

    >>> import numpy as np
    >>> predictions(np.array([[0.7, 0.3]]), ["cat", "dog"]), predictions(np.array([[0.7, 0.6]]), "ab", [0.5, 0.5])
    (['cat'], ['a|b'])
    """
    import numpy as np

    if thresholds is None:
        return [classes[number] for number in probabilities.argmax(axis=1).tolist()]
    rows = chosen(probabilities, thresholds)
    return [joined(classes[number] for number in np.flatnonzero(row).tolist()) for row in rows]


def confidences(probabilities: np.ndarray, thresholds: Thresholds = None) -> np.ndarray:
    """The probability [n] that a prediction is right: of the class, or that the whole set is, as if the classes did not
    depend on each other.

    >>> import numpy as np
    >>> confidences(np.array([[0.7, 0.3]])).tolist(), confidences(np.array([[0.9, 0.5]]), [0.5, 0.6]).tolist()
    ([0.7], [0.45])
    """
    import numpy as np

    if thresholds is None:
        return np.asarray(probabilities.max(axis=1))
    return np.asarray(np.where(chosen(probabilities, thresholds), probabilities, 1 - probabilities).prod(axis=1))
