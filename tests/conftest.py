"""What all tests share: their markers, a place of their own for data, one Spark session, and the real data where it is
there.
"""

import logging
import os
import resource
import secrets
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import stores
from kindred.runtime import s3, spark_session

ROOT = Path(__file__).parents[1]
# A test that uses one of these fixtures, also by way of another, has the marker.
MARKERS = {"spark": "spark", "object_store": "slow", "server": "slow", "drawn": "slow"}
# A test with none of these is fast: `pytest --fast` runs those alone.
NOT_FAST = ("spark", "airflow", "tensorflow", "cluster", "slow", "long")
FAST_CPU_SECONDS = 2  # what such a test may take then, set-up apart: twice what it should, for a busy machine
HEAVY = {"airflow", "art", "keras", "mlflow", "tensorflow", "tf2onnx"}
# Of several processes each takes the next file: these begin first, so that none is left with one at the end.
LONGEST = ["test_end_to_end.py", "test_cluster.py", "test_kept_driver.py", "test_processes.py", "test_jobs.py"]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fast", action="store_true", help=f"only tests that are not {', '.join(NOT_FAST)}")


def pytest_configure(config: pytest.Config) -> None:
    if config.option.fast:
        config.option.markexpr = f"not ({' or '.join(NOT_FAST)})"
        os.environ.setdefault("OMP_NUM_THREADS", "1")  # of small arrays, threads cost more than they save


@pytest.hookimpl(tryfirst=True)  # before `-m` chooses
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for fixture in MARKERS.keys() & set(getattr(item, "fixturenames", ())):
            item.add_marker(MARKERS[fixture])
    items.sort(key=lambda item: LONGEST.index(item.path.name) if item.path.name in LONGEST else len(LONGEST))


def pytest_collection_finish() -> None:
    if loaded := HEAVY & sys.modules.keys():
        raise pytest.UsageError(
            f"{', '.join(loaded)} is imported by the collection: import it inside a test or fixture"
        )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    terminalreporter.write_line(f"{cpu_seconds():.0f} s of CPU")


def cpu_seconds() -> float:
    """Of this process and those of its children that have ended."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


@pytest.fixture(autouse=True)
def _fast(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A test without a marker must be fast, serve nothing and load nothing heavy: see NOT_FAST."""
    if any(mark.name in NOT_FAST for mark in request.node.iter_markers()):
        yield
        return

    def listen(*_: object) -> None:
        raise AssertionError("this test starts a server: mark it slow")

    monkeypatch.setattr(socket.socket, "listen", listen)
    before, loaded = cpu_seconds(), HEAVY & sys.modules.keys()
    yield
    seconds, heavy = cpu_seconds() - before, (HEAVY & sys.modules.keys()) - loaded
    if heavy:
        pytest.fail(f"this test imports {', '.join(heavy)}: mark it airflow, tensorflow or slow")
    if request.config.option.fast and seconds > FAST_CPU_SECONDS:
        pytest.fail(f"this test took {seconds:.1f} s of CPU: make it smaller, or mark it slow")


@pytest.fixture(scope="session", autouse=True)
def _elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Work in a temporary folder, so that nothing is written into the checkout, its ./data or a home folder."""
    place = tmp_path_factory.mktemp("session")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.setenv("KINDRED_DATA", str(place / "data"))
        patch.setenv("AIRFLOW_HOME", str(place / "airflow"))
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


@pytest.fixture(scope="session", autouse=True)
def _one_thread_of_tensorflow(request: pytest.FixtureRequest, _elsewhere: None) -> None:
    """TensorFlow cannot change its number of threads later: whichever of its tests comes first, it is one."""
    if any(item.get_closest_marker("tensorflow") for item in request.session.items):
        from kindred.features import keras_setup

        keras_setup.keras()


@pytest.fixture(scope="session")
def spark(_elsewhere: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator:
    """The Spark session of the whole test run, with the settings that the stages have, on a machine whose own name does
    not resolve.
    """
    from kindred.runtime import java

    master = "local[1]"
    secured = java.local_settings(master)
    settings = {**java.submit_settings(), **secured, "spark.driver.memory": "1g", "spark.ui.enabled": "false"}
    hosts = tmp_path_factory.mktemp("java") / "hosts"
    hosts.write_text("127.0.0.1 localhost\n")
    settings["spark.driver.extraJavaOptions"] += f" -Djdk.net.hosts.file={hosts}"
    if os.environ.get("COVERAGE"):
        settings["spark.python.daemon.module"] = "measured_daemon"
    arguments = " ".join(f"--conf '{name}={value}'" for name, value in settings.items())
    environment = {
        **java.environment(),
        **java.local_addresses(master),
        "JAVA_HOME": java.java_home(),
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
        "PYTHONPATH": os.pathsep.join([str(ROOT / "include"), str(ROOT / "tests")]),  # for the workers
        "PYSPARK_SUBMIT_ARGS": f"--master {master} {arguments} pyspark-shell",
    }
    with pytest.MonkeyPatch.context() as patch:  # what other tests start must not find it
        for name, value in environment.items():
            patch.setenv(name, value)
        session = spark_session.session("tests")
    logging.getLogger("py4j").setLevel(logging.WARNING)  # Airflow, where a test loads it, logs more, to closed files
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


@pytest.fixture(scope="session")
def seed() -> int:
    """Decides what a test does at random, such as when it kills a process. KINDRED_TEST_SEED repeats what failed."""
    return int(os.environ.get("KINDRED_TEST_SEED") or secrets.randbelow(2**32))


@pytest.fixture
def messages() -> list[str]:
    """A list whose `append` takes the lines of progress."""
    return []
