"""The cells of the study."""

import pytest

from kindred.runtime.errors import InputError
from kindred.studies.label_propagation import cell_grid, published


def test_the_grid_has_each_cell_once_and_whole_clusters_among_the_percentiles() -> None:
    names = [cell.name for cell in cell_grid.grid([20, 10, 10], [5], [50, 12.5, 100])]

    assert names == [
        *("all", "distances-5", "random-10", "random-20", "representatives-10", "representatives-20"),
        *("clusters-10-100", "clusters-20-100", "clusters-10-50", "clusters-20-50"),
        *("clusters-10-12.5", "clusters-20-12.5"),
    ]


def test_the_default_grid_holds_every_published_cell() -> None:
    form = [500, 1000, 2000], [100, 200, 300], [20, 25, 30, 50, 75]
    cells, both = cell_grid.grid(*form), cell_grid.grid(*form, network=True)

    assert len(cells) == 28
    assert {name for name in published.TEST_ACCURACY if not name.startswith("network")} <= {cell.name for cell in cells}
    assert both[:28] == cells
    assert len(both) == 28 + 25
    assert set(published.TEST_ACCURACY) <= {cell.name for cell in both}


def test_one_clustering_serves_every_cell_with_as_many_clusters() -> None:
    assert cell_grid.cluster_counts(cell_grid.grid([20, 10], [20, 5], [50])) == [5, 10, 20]


@pytest.mark.parametrize(
    ("budgets", "centroids", "percentiles", "line"),
    [
        ([1], [], [], "labels is 1; it must be 2 or more"),
        ([], [0], [], "centroids is 0; it must be 2 or more"),
        ([10], [], [101], "percentile is 101; it must be from 0 to 100"),
        ([10], [], [-1], "percentile is -1; it must be from 0 to 100"),
    ],
)
def test_numbers_out_of_range_are_refused_in_one_line(budgets, centroids, percentiles, line) -> None:
    with pytest.raises(InputError, match=line):
        cell_grid.grid(budgets, centroids, percentiles)


def test_an_unknown_kind_is_an_error_that_names_the_known() -> None:
    with pytest.raises(InputError, match="unknown kind 'pixels'; known: all, distances, random"):
        cell_grid.Cell("pixels")
