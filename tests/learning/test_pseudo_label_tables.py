"""Given labels from their tables, and pseudo-labels as rows of theirs."""

import numpy as np
import pyarrow as pa
import pytest

from blobs import LABELS, in_each_view, right
from kindred.learning import pseudo_label_tables, pseudo_labels
from kindred.learning.folds import ALL
from kindred.learning.pseudo_label_types import Settings
from kindred.runtime import arrow
from kindred.runtime.errors import InputError

CLASSES = ["ant", "bee", "cat"]


def test_given_labels_point_into_the_ids_in_their_order() -> None:
    labels = pa.table({"image_id": ["c", "a"], "label": ["bee", "ant"]})
    out_of_fold = pa.table({"image_id": ["a", "c"], "fold": [1, 0]})

    given = pseudo_label_tables.given_labels(labels, out_of_fold, np.array(["a", "b", "c"]), CLASSES)

    assert (given.rows.tolist(), given.labels.tolist(), given.folds.tolist()) == ([0, 2], [0, 1], [1, 0])


def test_a_given_label_without_features_is_an_error_that_names_it() -> None:
    labels = pa.table({"image_id": ["c", "a"], "label": ["bee", "ant"]})
    out_of_fold = pa.table({"image_id": ["a", "c"], "fold": [1, 0]})

    with pytest.raises(InputError, match="c has a given label, but no features or no fold"):
        pseudo_label_tables.given_labels(labels, out_of_fold, np.array(["a", "b"]), CLASSES)


def test_the_nearest_given_images_are_of_the_same_blob(pool, given) -> None:
    nearest = pseudo_label_tables.nearest_given(pool, given.rows, np.array([39, 119]))

    own = [[pool.ids[r] for r in given.rows[given.labels == c]] for c in (0, 2)]
    assert nearest.shape == (2, 3)
    assert set(nearest[0]) <= set(own[0])
    assert set(nearest[1]) <= set(own[1])


def test_each_unlabelled_image_has_one_row_accepted_or_refused(pool, given) -> None:
    assigned = pseudo_labels.assign(pool, given, in_each_view(right(), given), "clusters", Settings(percentile=50.0))
    unlabelled = np.setdiff1d(np.arange(len(LABELS)), given.rows)

    accepted = pseudo_label_tables.accepted(assigned[ALL], pool, given, unlabelled, CLASSES)
    refused = pseudo_label_tables.refused(assigned[ALL], pool, unlabelled, CLASSES)
    by_fold = pseudo_label_tables.by_fold(assigned, pool, unlabelled, CLASSES)
    figures = pseudo_label_tables.figures(assigned[ALL], unlabelled)

    assert sorted(arrow.by_id(accepted) | arrow.by_id(refused)) == pool.ids[unlabelled].tolist()
    assert len(accepted) + len(refused) == len(unlabelled) == figures["pseudo/unlabelled"]
    assert 0 < len(accepted) == figures["pseudo/count"]
    for name, rows in (("pseudo_labels", accepted), ("refused", refused), ("pseudo_labels_by_fold", by_fold)):
        names = arrow.schema(name).names
        assert arrow.completed(rows, name, names).select(names).cast(arrow.schema(name)).num_rows == len(rows)
    assert set(by_fold["fold"].to_pylist()) == {0, 1}


def test_the_summary_counts_what_was_excluded() -> None:
    figures = {"pseudo/unlabelled": 2000, "pseudo/count": 1500, "pseudo/novel": 40}

    assert pseudo_label_tables.summary(figures) == (
        "1,500 of 2,000 unlabelled images, 40 excluded as out of distribution"
    )
