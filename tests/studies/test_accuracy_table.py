"""The table and the plot of published, reproduced and ours."""

import math

from kindred.studies.label_propagation import accuracy_plot, accuracy_table, cell_grid


def test_the_table_and_the_plot_show_published_reproduced_and_ours() -> None:
    cells = cell_grid.grid([10, 20], [5], [25])
    figures = {f"cell/{cell.name}/accuracy": 0.5 for cell in cells}

    table = accuracy_table.compare(cells, figures, {10: 0.75, 20: 0.875}, {"random-10": 0.625})
    text = accuracy_table.text(cells, table)
    rows = table.set_index("cell")

    assert rows.loc["random-10", ["published", "reproduced", "ours"]].to_list() == [0.625, 0.5, 0.75]
    assert math.isnan(rows.loc["representatives-10", "ours"])
    assert len(text.splitlines()) == 1 + len(cells)
    assert "0.6250     0.5000   0.7500" in text
    assert accuracy_plot.plot(cells, table).startswith(b"\x89PNG")


def test_the_networks_cells_have_rows_and_a_panel_of_their_own() -> None:
    cells = cell_grid.grid([10, 20], [5], [25], network=True)
    figures = {f"cell/{cell.name}/accuracy": 0.5 for cell in cells}

    table = accuracy_table.compare(cells, figures, {10: 0.75}, {"network-random-10": 0.625})

    assert table.set_index("cell").loc["network-random-10", "published"] == 0.625
    assert table["ours"].notna().sum() == 1
    assert "network, labels on representatives" in accuracy_table.text(cells, table)
    assert accuracy_plot.plot(cells, table).startswith(b"\x89PNG")
