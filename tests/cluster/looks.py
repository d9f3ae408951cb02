"""What the tests look at of a DAG run of self_training."""

from cluster.servers import Cluster
from kindred.runtime import marks, results, runs, storage


def failures(cluster: Cluster, run: str) -> str:
    """The ends of the logs of the tasks that failed."""
    tasks = cluster.call("GET", f"dags/self_training/dagRuns/{run}/taskInstances")[1]["task_instances"]
    failed = [task["task_id"] for task in tasks if task["state"] == "failed"]
    return "\n".join(f"{name}:\n{cluster.task_log(run, name)[-3000:]}" for name in failed)


def figures_of(name: str) -> dict[str, float]:
    return results.read(runs.run_folder("self_training", name))


def wait_for_stage(cluster: Cluster, run: str, stage: str) -> None:
    cluster.wait("airflow-scheduler", lambda: cluster.task_state(run, stage) in ("running", "success"), 900)


def rows_of(name: str, table: str) -> int:
    """How many rows a committed table has."""
    import pyarrow.dataset as ds

    mark = marks.mark_of(storage.join(runs.run_folder("self_training", name), "featurize"))
    fs, inside = storage.filesystem(mark["tables"][table])
    return ds.dataset(inside, filesystem=fs, format="parquet").count_rows()
