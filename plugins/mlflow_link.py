"""MLflow's list of experiments in Airflow's navigation. (A file named mlflow.py would hide the package.)"""

from airflow.plugins_manager import AirflowPlugin

from kindred.runtime import mlflow_pages


class MlflowLink(AirflowPlugin):
    """A link, which opens in a tab of its own: MLflow does not let itself be framed."""

    name = "kindred_mlflow_link"
    external_views = [{"name": "MLflow", "href": mlflow_pages.experiments(), "destination": "nav"}]
