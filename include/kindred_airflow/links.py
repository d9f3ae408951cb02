"""From a task of Airflow to its run in MLflow, and to the report."""

from typing import Any

from airflow.sdk import BaseOperatorLink


class MlflowLink(BaseOperatorLink):
    """The run in MLflow that a stage belongs to."""

    name = "MLflow run"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        from kindred import tracking

        _, run, *_ = operator.application_args
        return tracking.address(run)


class ReportLink(MlflowLink):
    """The report of that run."""

    name = "Report"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        from kindred import results

        return f"{super().get_link(operator, ti_key=ti_key)}/artifacts/{results.REPORT}"
