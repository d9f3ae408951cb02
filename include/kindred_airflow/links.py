"""From a task of Airflow to its run in MLflow, and to the report."""

from typing import Any

from airflow.sdk import BaseOperatorLink


class MlflowLink(BaseOperatorLink):
    """The run in MLflow that a stage belongs to."""

    name = "MLflow run"
    path = ""  # below the run's page

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        from kindred import tracking

        _, run, *_ = operator.application_args
        return tracking.address(run, self.path)


class ReportLink(MlflowLink):
    """The report of that run."""

    name = "Report"
    path = "/artifacts/report.html"
