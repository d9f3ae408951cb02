"""The tasks of the study of label propagation that no other DAG has: which cells there are, and its table."""

import json
import logging
from dataclasses import asdict

from airflow.sdk import task

from kindred_airflow.tasks import application_args, in_one_line

FOLDS = 2  # choose a cell's penalty, within a factor of 5 in which accuracy is flat: 60,000 images take minutes a fold

log = logging.getLogger("kindred")


@task(retries=0)
def clusterings(run: str, **context) -> list[list[str]]:
    """The command line of each clustering that the cells need."""
    from kindred import propagation

    with in_one_line("clusterings"):
        wanted = propagation.clusterings(_grid(context["params"]))
    return [_command(run, f"cluster/{k}", {"k": k, "seed": context["params"]["seed"]}) for k in wanted]


@task(retries=0)
def cells(run: str, **context) -> list[list[str]]:
    """The command line of each cell."""
    with in_one_line("cells"):
        found = _grid(context["params"])
    both = {"folds": FOLDS, "seed": context["params"]["seed"]}
    return [_command(run, f"cell/{cell.name}", {**asdict(cell), **both}) for cell in found]


@task(retries=0)
def budgets(**context) -> list[dict]:
    """This pipeline's own runs: their parts of the DAG run, and how many labels each is given."""
    return [{"part": f"ours-{n}", "labels": n} for n in sorted(set(context["params"]["budgets"]))]


@task(retries=0)
def table(run: str, **context) -> None:
    """Published, reproduced and ours, as a table and a plot: in the run's folder and on its MLflow run."""
    from kindred import propagation_table, results, runs, tracking

    params = context["params"]
    found = _grid(params)
    figures = results.read(run)
    final = {n: results.read(f"{run}-ours-{n}")["final/test/accuracy"] for n in params["budgets"]}
    study = propagation_table.STUDY if params["dataset"] == propagation_table.DATASET else {}
    rows = propagation_table.compare(found, figures, final, study)
    text = propagation_table.text(found, rows)
    if study and params["limit"]:
        text += f"\npublished: with 60,000 training images; here limit is {params['limit']:,}"
    files = {
        "table.csv": rows.to_csv(index=False).encode(),
        results.SUMMARY: text.encode(),
        "accuracy.png": propagation_table.plot(found, rows),
    }
    for name, content in files.items():
        runs.put_bytes(runs.join(run, name), content)
    added = {f"ours/{n}/accuracy": value for n, value in final.items()}
    added |= {f"published/{name}/accuracy": value for name, value in study.items()}
    runs.put_json(runs.join(run, results.FILE), {**figures, **added})
    tracking.log_files(run, files, added)
    for line in text.splitlines():
        log.info("%s", line)


def _grid(params: dict) -> list:
    from kindred import propagation

    return propagation.grid(params["budgets"], params["centroids"], params["percentiles"], params["network"])


def _command(run: str, stage: str, values: dict) -> list[str]:
    return application_args(run, stage, {name: json.dumps(value) for name, value in values.items()})
