"""The task of unsupervised classification that no other DAG has: which clusterings there are."""

from typing import Any

from airflow.sdk import task

from kindred.runtime import stages
from kindred_airflow.tasks import mapped


@task
def clusterings(**context: Any) -> list[dict[str, Any]]:
    """The stage and arguments of each clustering: each clusterer with as many seeds as the form says."""
    params = context["params"]
    values = {}
    for name in stages.clusterings(params["clusterers"], params["cluster_seeds"]):
        clusterer, number = stages.clusterer_and_try(name)
        seed = params["seed"] + number
        values[f"{stages.CLUSTER}/{name}"] = {
            "clusterer": clusterer,
            "k": params["k"],
            "seed": seed,
            "carry_over": True,
        }
    return mapped(values)
