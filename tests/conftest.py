"""What all tests share: a place of their own for data, one Spark session, and the real data where it is there."""

import os
import secrets
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import stores
from kindred.runtime import s3, spark_session

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session", autouse=True)
def _elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Work in a temporary folder, so that nothing is written into the checkout, its ./data or a home folder."""
    place = tmp_path_factory.mktemp("session")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.setenv("KINDRED_DATA", str(place / "data"))
        patch.setenv("KERAS_HOME", str(place / "keras"))
        patch.setenv("TF_CPP_MIN_LOG_LEVEL", "3")
        patch.delenv("KINDRED_CACHE", raising=False)
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        yield


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Each test has its own KINDRED_DATA."""
    folder = tmp_path / "data"
    monkeypatch.setenv("KINDRED_DATA", str(folder))
    return folder


@pytest.fixture(scope="session")
def spark(_elsewhere: None) -> Iterator:
    """The Spark session of the whole test run, with the settings that the stages have."""
    from kindred.runtime import java

    settings = {**java.submit_settings(), "spark.driver.memory": "1g", "spark.ui.enabled": "false"}
    arguments = " ".join(f"--conf '{name}={value}'" for name, value in settings.items())
    environment = {
        **java.environment(),
        "JAVA_HOME": java.java_home(),
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
        "PYTHONPATH": os.pathsep.join([str(ROOT / "include"), str(ROOT / "tests")]),  # for the workers
        "PYSPARK_SUBMIT_ARGS": f"--master local[1] {arguments} pyspark-shell",
    }
    with pytest.MonkeyPatch.context() as patch:  # what other tests start must not find it
        for name, value in environment.items():
            patch.setenv(name, value)
        session = spark_session.session("tests")
    assert session.conf.get("spark.sql.shuffle.partitions") == "2"
    yield session
    session.stop()


@pytest.fixture(scope="session")
def object_store() -> Iterator[str]:
    """The address of an S3 server, a process of its own, for the whole test run."""
    with stores.moto() as address:
        yield address


@pytest.fixture
def bucket(object_store: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """An empty bucket's URI, where the environment says how to reach it."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in {**stores.KEY, "AWS_ENDPOINT_URL": object_store}.items():
        monkeypatch.setenv(name, value)
    name = f"kindred-{secrets.token_hex(6)}"
    s3.client().create_bucket(Bucket=name)
    return f"s3a://{name}"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data that lies beside the checkout."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("no ../shared/data beside the checkout: fashion_mnist/, stl10_dev/ and weights/ are missing")
    return folder


@pytest.fixture
def messages() -> list[str]:
    """A list whose `append` takes the lines of progress."""
    return []
