"""Airflow's LocalExecutor, whose tasks find in memory what each would spend seconds of CPU to import."""

import importlib

from airflow.executors import local_executor

# Packages of others alone: of Kindred's own modules a task reads what is on the disk when it starts.
PACKAGES = (
    "airflow.providers.apache.spark.operators.spark_submit",
    "pandas",
    "pyarrow.dataset",
    "boto3",
    "s3fs",
    "mlflow",
    "mlflow.store.tracking.sqlalchemy_store",  # of a database, as MLflow has on one machine
)


class LocalExecutor(local_executor.LocalExecutor):
    """Imports PACKAGES before it forks its workers, of which each task is a fork."""

    def start(self) -> None:
        for name in PACKAGES:
            importlib.import_module(name)
        super().start()
