"""Which labels stand on the same images: counts of pairs, phi, and a tree of labels.

Phi is the correlation of two labels over the images where both are known. Where nothing is verified absent, as in the
labels of a machine, every known label is present and phi is not defined. The tree therefore goes by Ochiai's
coefficient, both / sqrt(one x other), which needs presences alone; it is what phi tends to where most images have
neither label. Sources: G. U. Yule, On the Methods of Measuring Association between Two Attributes (Journal of the Royal
Statistical Society, 1912); A. Ochiai, Zoogeographical Studies on the Soleoid Fishes (1957).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy.cluster import hierarchy
from scipy.spatial.distance import squareform

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

LABELS = 48  # that are compared with each other, the most frequent: a bit of a whole number for each
COUNTS = ("known", "both", "label_present", "other_present")
COUNTED = f"a int, b int, {', '.join(f'{name} bigint' for name in COUNTS)}"  # of two labels by their places


def pairs(verdicts: DataFrame, labels: Sequence[str]) -> DataFrame:
    """The table `label_pairs`, of `label_counts.verdicts` and at most LABELS labels, the most frequent first: a row for
    each pair that is known on any image.
    """
    from pyspark.sql import functions as F

    bits = F.create_map(*(F.lit(part) for i, label in enumerate(labels) for part in (label, 2**i)))
    known = verdicts.select("image_id", "present", F.try_element_at(bits, "label").cast("bigint").alias("bit"))
    masks = known.where("present is not null and bit is not null").groupBy("image_id")
    by_image = masks.agg(F.sum("bit").alias("known"), F.sum(F.expr("if(present, bit, 0L)")).alias("present"))
    counted = by_image.groupBy("present", "known").count().mapInArrow(_counter(len(labels)), COUNTED)
    sums = [F.sum(name).cast("int").alias(name) for name in COUNTS]
    name = F.array(*map(F.lit, labels))
    return (
        counted.groupBy("a", "b")
        .agg(*sums)
        .where("known > 0")
        .orderBy("a", "b")
        .select(F.get(name, "a").alias("label"), F.get(name, "b").alias("other"), *COUNTS, F.expr(PHI).alias("phi"))
    )


# Null where one of the labels is present on all of the images, or on none.
PHI = """
try_divide(
    cast(known as double) * both - cast(label_present as double) * other_present,
    sqrt(cast(label_present as double) * (known - label_present))
        * sqrt(cast(other_present as double) * (known - other_present))
)
"""


def _counter(labels: int) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """What adds up the counts of all pairs of so many labels in a worker: from the masks of images (which labels are
    present, which are known) and how many images have both masks, to COUNTED.
    """

    def count(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        import pyarrow as pa

        sums = np.zeros((len(COUNTS), labels, labels))  # exact, as all are whole numbers below 2^53
        for batch in batches:
            masks = [batch.column(name).to_numpy() for name in ("present", "known")]
            present, known = ((mask[:, None] >> np.arange(labels) & 1).astype(np.float64) for mask in masks)
            weighted = [bits.T * batch.column("count").to_numpy() for bits in (known, present)]
            sums += [weighted[0] @ known, weighted[1] @ present, weighted[1] @ known, weighted[0] @ present]
        a, b = np.triu_indices(labels, 1)
        values = {name: of_all[a, b].astype(np.int64) for name, of_all in zip(COUNTS, sums, strict=True)}
        yield pa.RecordBatch.from_pydict({"a": a.astype(np.int32), "b": b.astype(np.int32), **values})

    return count


def similarity(present: np.ndarray, both: np.ndarray) -> np.ndarray:
    """Ochiai's coefficients [n, n], of the numbers of images where each label is present [n] and where both are [n, n].

    >>> similarity(np.array([4, 1]), np.array([[4, 1], [1, 1]])).tolist()
    [[1.0, 0.5], [0.5, 1.0]]
    """
    scale = np.sqrt(np.maximum(present, 1))
    return np.where(np.eye(len(present)) > 0, 1.0, both / scale[:, None] / scale[None, :])


def tree(similarities: np.ndarray) -> np.ndarray:
    """The dendrogram of labels as scipy's linkage [n - 1, 4], from Ochiai's coefficients [n, n], n > 1: average linkage
    of 1 - the coefficient. Source: R. R. Sokal, C. D. Michener, A Statistical Method for Evaluating Systematic
    Relationships (1958).

    >>> tree(np.array([[1, 0.75, 0], [0.75, 1, 0], [0, 0, 1]]))[:, 2:].tolist()  # distance and number of labels
    [[0.25, 2.0], [1.0, 3.0]]
    """
    distances = squareform(np.clip(1 - similarities, 0, 1), checks=False)
    return hierarchy.linkage(distances, "average", optimal_ordering=True)
