"""The task of unsupervised classification that no other DAG has: which clusterings there are."""

import json
from typing import Any

from airflow.sdk import task


@task
def clusterings(**context: Any) -> list[dict[str, Any]]:
    """The stage and arguments of each clustering: each clusterer with as many seeds as the form says."""
    params = context["params"]
    found = [
        (f"cluster/{clusterer}-{number}", {"clusterer": clusterer, "k": params["k"], "seed": params["seed"] + number})
        for clusterer in dict.fromkeys(params["clusterers"])
        for number in range(params["cluster_seeds"])
    ]
    return [
        {
            "stage": stage,
            "arguments": {name: json.dumps(value) for name, value in {**values, "carry_over": True}.items()},
            "position": f"{number:,} of {len(found):,}",
        }
        for number, (stage, values) in enumerate(found, 1)
    ]
