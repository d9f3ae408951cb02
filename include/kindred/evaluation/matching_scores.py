"""How good matches are: for each query the places of the gallery images of its label.

A query counts where its label is known and an image of the gallery has it. Copies of the query in the gallery, and
junk (images of which a person has said so), are neither right nor wrong: they are left out of its order.

Source of junk: J. Philbin et al., Object Retrieval with Large Vocabularies and Fast Spatial Matching (CVPR 2007,
section 2).
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from kindred.learning.intervals import RESAMPLES, percentile_interval
from kindred.runtime import stages
from kindred.runtime.run_reader import RunReader

TOP = (1, 3, 10)
AVERAGE_PRECISION = "mean_average_precision"
SCORES = (*(f"top_{k}_accuracy" for k in TOP), AVERAGE_PRECISION)
COLUMNS = ("query_id", "group", "relevant", *SCORES)
MIN_GROUPS = 10  # of queries: an interval over fewer would say little


def by_query(
    orders: Mapping[str, Sequence[str]],
    truth: Mapping[str, str],
    gallery: Iterable[str],
    left_out: Mapping[str, Collection[str]],
) -> pd.DataFrame:
    """The scores of each query that counts, from the order of the gallery's ids by the query's id, nearest first; of
    `truth`, the known labels of queries and gallery by id; the ids of the gallery; and the ids of those that are copies
    of a query, or junk for it, by the query's. Columns: query_id, group (its label), relevant (how many images of the
    gallery have it) and SCORES.

    The average precision is the mean of the precisions at the places of the relevant images (C. Manning et al.,
    Introduction to Information Retrieval, section 8.4); an image that is not in the order adds 0.

    >>> labels = {"q": "abbey", "a": "abbey", "b": "bridge", "c": "abbey"}
    >>> scored = by_query({"q": ["d", "a", "b", "c"]}, {**labels, "d": "abbey"}, ["a", "b", "c", "d"], {"q": {"d"}})
    >>> scored[["relevant", *SCORES]].round(3).values.tolist()
    [[2.0, 1.0, 1.0, 1.0, 0.833]]
    """
    count = Counter(truth[image_id] for image_id in set(gallery) if image_id in truth)
    rows = []
    for query_id, order in orders.items():
        label, own = truth.get(query_id), set(left_out.get(query_id, ()))
        relevant = count[label] - sum(truth.get(one) == label for one in own) if label is not None else 0
        if relevant:
            right = np.array([truth.get(image_id) == label for image_id in order if image_id not in own], dtype=bool)
            rows.append((query_id, label, relevant, *(float(right[:k].any()) for k in TOP), _average(right, relevant)))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def junk(reader: RunReader) -> dict[str, set[str]]:
    """The ids of the gallery's images that are junk for a query, by the query's, where a run's data name any."""
    by_query: dict[str, set[str]] = {}
    if "ingest/junk" in reader.figures_of(stages.INGEST):
        for row in reader.rows("junk").to_pylist():
            by_query.setdefault(row["query_id"], set()).add(row["image_id"])
    return by_query


def _average(right: np.ndarray, relevant: int) -> float:
    """The average precision of an order, right or wrong [n], of so many relevant images."""
    places = np.flatnonzero(right)
    return float((np.arange(1, len(places) + 1) / (places + 1)).sum() / relevant)


def figures(scored: pd.DataFrame) -> dict[str, float]:
    """The means over the queries of `by_query`, with 95 % intervals over resamples of the groups (`_low`, `_high`)
    where there are MIN_GROUPS of them: pictures of one thing are no independent queries. Also the mean over the groups
    of the average precision, and how many queries and groups there are.

    >>> rows = [("q", "abbey", 1, 1.0, 1.0, 1.0, 1.0), ("r", "bridge", 1, 0.0, 0.0, 1.0, 0.25)]
    >>> values = figures(pd.DataFrame(rows, columns=list(COLUMNS)))
    >>> values["top_1_accuracy"], values["mean_average_precision"], values["groups"], "top_1_accuracy_low" in values
    (0.5, 0.625, 2.0, False)
    """
    grouped = scored.groupby("group")
    values = {name: float(scored[name].mean()) for name in SCORES} if len(scored) else {}
    values |= {"queries": float(len(scored)), "groups": float(grouped.ngroups)}
    if len(scored):
        values[f"{AVERAGE_PRECISION}_by_group"] = float(grouped[AVERAGE_PRECISION].mean().mean())
    if grouped.ngroups >= MIN_GROUPS:
        for name, (low, high) in _intervals(grouped[list(SCORES)].sum(), grouped.size()).items():
            values |= {f"{name}_low": low, f"{name}_high": high}
    return values


def _intervals(sums: pd.DataFrame, sizes: pd.Series) -> dict[str, tuple[float, float]]:
    """The interval of each mean over queries, from the sums [groups, scores] and sizes [groups] of the groups.

    Source: B. Efron, R. Tibshirani, An Introduction to the Bootstrap (1993, chapter 13), of clusters.
    """
    drawn = np.random.default_rng(0).integers(0, len(sums), (RESAMPLES, len(sums)))
    queries = sizes.to_numpy()[drawn].sum(axis=1)
    return {name: percentile_interval(sums[name].to_numpy()[drawn].sum(axis=1) / queries) for name in SCORES}


def by_group(scored: pd.DataFrame) -> pd.DataFrame:
    """A row for each group: group, queries, and the means of SCORES."""
    grouped = scored.groupby("group")
    return grouped[list(SCORES)].mean().assign(queries=grouped.size()).reset_index()[["group", "queries", *SCORES]]
