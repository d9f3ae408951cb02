"""Airflow's bundle of the projects' DAG files. Its DAG processor asks for new ones; nothing else asks KINDRED_DATA."""

from pathlib import Path
from typing import Any

from airflow.dag_processing.bundles.local import LocalDagBundle

from kindred_airflow import project_dags

REFRESH_SECONDS = 30


class ProjectBundle(LocalDagBundle):
    """The DAG files of the projects, below KINDRED_CACHE."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{"refresh_interval": REFRESH_SECONDS, **settings})

    @property
    def path(self) -> Path:
        return project_dags.folder()

    def refresh(self) -> None:
        """Take over what was written. Where KINDRED_DATA cannot be read, Airflow logs why, and the last files live."""
        project_dags.refresh()
