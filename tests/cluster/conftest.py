"""One cluster for each file of tests, and the bucket as its services see it."""

from collections.abc import Iterator

import pytest

from cluster import servers
from cluster.servers import Cluster


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    if lacking := servers.missing():
        pytest.skip(lacking)
    made = Cluster(tmp_path_factory.mktemp("cluster"))
    try:
        made.store_proxy = made.start_all()
        yield made
    finally:
        made.end()


@pytest.fixture(autouse=True)
def _places(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test reads the bucket as the cluster does."""
    if "cluster" in request.fixturenames:
        env = request.getfixturevalue("cluster").environment("airflow-scheduler")
        for name in [name for name in env if name.startswith(("AWS_", "KINDRED_", "MLFLOW_"))]:
            monkeypatch.setenv(name, env[name])
