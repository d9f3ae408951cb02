"""The tasks of the study of label propagation that no other DAG has: which cells there are, and its table."""

from __future__ import annotations

import logging
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from airflow.sdk import task

from kindred.runtime import file_names
from kindred_airflow.tasks import fail_on_bad_input, mapped

if TYPE_CHECKING:
    from kindred.studies.label_propagation.cell_grid import Cell

KMEANS = "kmeans"  # what the study clusters by
FOLDS = 2  # choose a cell's penalty, within a factor of 5 in which accuracy is flat: 60,000 images take minutes a fold

log = logging.getLogger("kindred")


@task
def clusterings(**context: Any) -> list[dict[str, Any]]:
    """The stage and arguments of each clustering that the cells need."""
    from kindred.studies.label_propagation import cell_grid

    with fail_on_bad_input("clusterings"):
        counts = cell_grid.cluster_counts(_grid(context["params"]))
    seed = context["params"]["seed"]
    return mapped({f"cluster/{k}": {"clusterer": KMEANS, "k": k, "seed": seed, "carry_over": False} for k in counts})


@task
def cells(**context: Any) -> list[dict[str, Any]]:
    """The stage and arguments of each cell."""
    with fail_on_bad_input("cells"):
        grid = _grid(context["params"])
    shared = {"folds": FOLDS, "seed": context["params"]["seed"]}
    return mapped({f"cell/{cell.name}": {**asdict(cell), **shared} for cell in grid})


@task
def budgets(**context: Any) -> list[dict[str, Any]]:
    """This pipeline's own runs: their parts of the DAG run, and how many labels each is given."""
    return [{"part": f"ours-{n}", "labels": n} for n in sorted(set(context["params"]["budgets"]))]


@task
def table(run: str, **context: Any) -> None:
    """Published, reproduced and ours, as a table and a plot: in the run's folder and on its MLflow run."""
    from kindred.runtime import results, storage, tracking
    from kindred.studies.label_propagation import accuracy_plot, accuracy_table, published

    params = context["params"]
    grid = _grid(params)
    figures = results.read(run)
    ours = {n: results.read(f"{run}-ours-{n}")["final/test/accuracy"] for n in params["budgets"]}
    study = published.TEST_ACCURACY if params["dataset"] == published.DATASET else {}
    rows = accuracy_table.compare(grid, figures, ours, study)
    text = accuracy_table.text(grid, rows)
    if study and params["limit"]:
        text += f"\npublished: with 60,000 training images; here limit is {params['limit']:,}"
    files = {
        file_names.TABLE: rows.to_csv(index=False).encode(),
        file_names.SUMMARY: text.encode(),
        "accuracy.png": accuracy_plot.plot(grid, rows),
    }
    for name, content in files.items():
        storage.put_bytes(storage.join(run, name), content)
    added = {f"ours/{n}/accuracy": value for n, value in ours.items()}
    added |= {f"published/{name}/accuracy": value for name, value in study.items()}
    storage.put_json(storage.join(run, file_names.METRICS), {**figures, **added})
    tracking.log_files(run, files, added)
    for line in text.splitlines():
        log.info("%s", line)


def _grid(params: dict[str, Any]) -> list[Cell]:
    from kindred.studies.label_propagation import cell_grid

    return cell_grid.grid(params["budgets"], params["centroids"], params["percentiles"], params["network"])
