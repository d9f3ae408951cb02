"""From a task of Airflow to its run in MLflow, to the report, and to its job in Spark's history server.

Airflow asks for links after each task, also a skipped one, and ends a process that takes longer than 20 s for that: so
nothing heavy is imported here, and nothing asked but small files.
"""

import os
from typing import Any

from airflow.sdk import BaseOperatorLink

from kindred.runtime import file_names, marks, mlflow_pages, storage


class MlflowLink(BaseOperatorLink):
    """The run in MLflow that a stage belongs to."""

    name = "MLflow run"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        return mlflow_pages.page_of(operator.run)


class ReportLink(MlflowLink):
    """The report of that run."""

    name = "Report"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        return f"{super().get_link(operator, ti_key=ti_key)}/artifacts/{file_names.REPORT}"


class SparkLink(BaseOperatorLink):
    """The Spark job that did the stage's work, in the history server; none where the stage needed no Spark, and where
    KINDRED_SPARK_HISTORY names no server.
    """

    name = "Spark job"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        server = os.environ.get("KINDRED_SPARK_HISTORY")
        if not server:
            return ""
        application = (marks.mark_of(storage.join(operator.run, operator.stage)) or {}).get("application")
        return f"{server}/history/{application}" if application else ""
