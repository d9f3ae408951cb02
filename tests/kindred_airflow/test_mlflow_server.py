"""Where experiments that are made through MLflow's server may place their artefacts."""

import pytest

from kindred_airflow import mlflow_server

ROOT = "file:///data/ml artifacts"


@pytest.mark.parametrize(
    "location",
    [ROOT, f"{ROOT}/", f"{ROOT}/mine", f"{ROOT}/50%25", "mlflow-artifacts:/mine", "mlflow-artifacts:/", f"{ROOT}/a..b"],
)
def test_below_the_servers_folder_is_inside(location: str) -> None:
    assert mlflow_server.is_inside(location, ROOT)


@pytest.mark.parametrize(
    "location",
    [
        "/",
        "/etc",
        "file:///etc",
        "file:/data/ml artifacts",
        "FILE:///etc",
        "relative",
        "../..",
        f"{ROOT}-other",
        f"{ROOT}/..",
        f"{ROOT}/../mlflow.db",
        f"{ROOT}/a/%2e%2E/../x",
        f"{ROOT}/%2e%2e",
        "mlflow-artifacts:/../x",
        "s3://bucket/x",
        "dbfs:/x",
        "mlflow-artifacts://elsewhere/../x",
    ],
)
def test_everything_else_is_not(location: str) -> None:
    assert not mlflow_server.is_inside(location, ROOT)
