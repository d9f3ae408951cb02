"""The pool of images, and which given labels a view knows."""

import numpy as np

import blobs
from kindred.features import kmeans
from kindred.learning.folds import ALL
from kindred.learning.pseudo_label_types import Pool


def test_the_graph_is_kept_for_the_next_run(tmp_path) -> None:
    path = tmp_path / "graph.npz"
    ids, points = np.arange(len(blobs.LABELS)).astype(str), blobs.features()
    first = Pool(ids, points, 1, path).affinities
    again = Pool(ids, np.zeros_like(points), 1, path).affinities

    assert path.exists()
    assert (first != again).nnz == 0


def test_images_are_clustered_once_for_the_same_number_of_clusters(pool, monkeypatch) -> None:
    calls, clustered = [], kmeans.kmeans
    monkeypatch.setattr(kmeans, "kmeans", lambda *arguments: calls.append(1) or clustered(*arguments))

    one, other = pool.clusters(3, 0), pool.clusters(3, 0)
    pool.clusters(4, 0)

    assert len(calls) == 2
    np.testing.assert_array_equal(one, other)


def test_a_folds_view_knows_the_labels_of_the_others_and_that_of_all_every_one(given) -> None:
    assert given.views() == [0, 1, ALL]
    assert given.known_to(0).tolist() == [1, 3, 5, 7, 9, 11]
    assert given.known_to(ALL).tolist() == list(range(12))
