"""Names of clusters, by people, labels and numbers."""

import numpy as np
import pytest

from kindred.learning import cluster_naming
from kindred.runtime.errors import InputError

NEAREST = [np.array([4, 0, 1]), np.array([2, 5, 3])]  # rows of two clusters
CLUSTERS = np.array([0, 0, 1, 1, 0, 1])


def test_a_cluster_gets_the_most_frequent_of_its_labels_and_a_mixed_one_is_noticed() -> None:
    named = cluster_naming.by_labels({0: "cat", 1: "cat", 4: "dog", 2: "eel"}, NEAREST, 3)

    assert named.names == ["cat", "eel"]
    assert list(zip(named.rows.tolist(), named.labels, strict=True)) == [(4, "dog"), (0, "cat"), (1, "cat"), (2, "eel")]
    assert named.mixed(CLUSTERS) == {0: ["cat", "dog"]}


def test_one_label_is_that_of_the_nearest_image_whose_label_is_known() -> None:
    named = cluster_naming.by_labels({1: "cat", 5: "dog", 3: "eel"}, NEAREST, 1)

    assert named.names == ["cat", "dog"]
    assert named.rows.tolist() == [1, 5]
    assert named.mixed(CLUSTERS) == {}


def test_a_cluster_without_a_known_label_keeps_its_number() -> None:
    named = cluster_naming.by_labels({4: "cat"}, NEAREST, 1)

    assert named.names == named.labels == ["cat", "cluster 2"]
    assert named.rows.tolist() == [4, 2]


def test_people_name_some_clusters_and_the_others_keep_their_numbers() -> None:
    named = cluster_naming.by_people({1: "cat"}, NEAREST)

    assert named.names == ["cluster 1", "cat"]
    assert named.rows.tolist() == [4, 2]


@pytest.mark.parametrize("number", ["0", "3", "-1", "one", "1.0", ""])
def test_a_number_that_no_cluster_has_is_refused(number: str) -> None:
    with pytest.raises(InputError, match="there are clusters 1 to 2"):
        cluster_naming.parse({number: "cat"}, 2)


def test_an_empty_name_is_refused() -> None:
    with pytest.raises(InputError, match="gives cluster '1' an empty name"):
        cluster_naming.parse({"1": " "}, 2)
