"""What Spark's processes get: sizes, the object store and the event log follow from the environment."""

import pytest

from kindred.runtime import java

NAMES = ("KINDRED_JARS", "KINDRED_EVENT_LOG", "KINDRED_MAX_CORES", "KINDRED_EXECUTOR_CORES", "KINDRED_EXECUTOR_MEMORY")


@pytest.fixture(autouse=True)
def _unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*NAMES, "AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)


def test_one_machine_has_no_settings_of_a_cluster() -> None:
    settings = java.submit_settings()

    assert not [name for name in settings if name.startswith(("spark.hadoop", "spark.eventLog", "spark.cores"))]
    assert not {"spark.executor.memory", "spark.executor.extraClassPath"} & set(settings)


def test_sizes_are_those_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINDRED_EXECUTOR_MEMORY", "3g")
    monkeypatch.setenv("KINDRED_MAX_CORES", "8")

    assert java.sizes() == {"spark.executor.memory": "3g", "spark.cores.max": "8"}


def test_the_object_store_is_reached_by_its_path_unless_it_is_amazons(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINDRED_JARS", "/jars")
    amazon = java.object_store()
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://object-store:7070")

    assert amazon["spark.hadoop.fs.s3a.path.style.access"] == "false"
    assert java.object_store()["spark.hadoop.fs.s3a.path.style.access"] == "true"
    assert amazon["spark.driver.extraClassPath"] == amazon["spark.executor.extraClassPath"] == "/jars/*"


def test_java_unpacks_into_the_commands_own_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINDRED_SCRATCH", "/my disk/kindred-1")

    assert '"-Djava.io.tmpdir=/my disk/kindred-1"' in java.submit_settings()["spark.driver.extraJavaOptions"]


def test_no_secret_is_among_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINDRED_JARS", "/jars")
    for name in ("AWS_SECRET_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "_SPARK_AUTH_SECRET", "MLFLOW_TRACKING_PASSWORD"):
        monkeypatch.setenv(name, f"the {name}")

    assert not [value for value in java.submit_settings().values() if "the " in value]


def test_the_event_log_is_kept_where_the_environment_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KINDRED_EVENT_LOG", "s3a://kindred/spark-events")

    assert java.submit_settings()["spark.eventLog.dir"] == "s3a://kindred/spark-events"
