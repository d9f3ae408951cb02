"""What a wrong variable is told, in one line and soon."""

import base64
import os
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest

import stores
from kindred.runtime import preflight, s3_objects
from kindred.runtime.errors import InputError

USER = "Basic " + base64.b64encode(b"admin:right").decode()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server that asks for the password `right`, as MLflow's does."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.headers.get("Authorization") == USER else 401)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nothing."""

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{running.server_address[1]}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "admin")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "right")
    yield address
    running.shutdown()
    running.server_close()


@pytest.fixture
def master() -> Iterator[str]:
    """The address of something that listens."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield f"spark://127.0.0.1:{listening.getsockname()[1]}"


@pytest.fixture
def cluster(server: str, master: str, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An environment where all is as it should be; the master's address."""
    monkeypatch.setenv("KINDRED_DATA", f"{bucket}/data")
    monkeypatch.setenv("KINDRED_CACHE", str(tmp_path))
    return master


def test_where_all_is_there_nothing_is_said(cluster: str) -> None:
    preflight.check(cluster)


def test_one_machine_needs_no_server(data: Path) -> None:
    preflight.check("local[2]")


@pytest.mark.parametrize(
    ("variable", "value", "line"),
    [
        ("KINDRED_DATA", "s3a://no-such-bucket/data", "no bucket 'no-such-bucket' at http.*; make it, or fix s3a:.*"),
        (
            "AWS_ENDPOINT_URL",
            "http://127.0.0.1:9",
            "no object store answers at http://127.0.0.1:9; fix AWS_ENDPOINT_URL",
        ),
        ("MLFLOW_TRACKING_URI", "http://127.0.0.1:9", "no MLflow server answers .*; fix MLFLOW_TRACKING_URI"),
        ("MLFLOW_TRACKING_URI", "http://a b", "no MLflow server answers .*; fix MLFLOW_TRACKING_URI"),
        ("MLFLOW_TRACKING_PASSWORD", "wrong", "MLflow at .* does not know the user; fix .*MLFLOW_TRACKING_PASSWORD"),
        ("KINDRED_CACHE", "s3a://kindred/cache", "the cache must be a local folder, .*; set KINDRED_CACHE"),
    ],
)
def test_a_wrong_variable_is_named_in_one_line(cluster: str, monkeypatch, variable: str, value: str, line: str) -> None:
    monkeypatch.setenv(variable, value)

    with pytest.raises(InputError, match=f"^{line}$"):
        preflight.check(cluster)


def test_a_master_that_does_not_answer_is_named(cluster: str) -> None:
    gone = f"spark://127.0.0.1:{stores.free_port()}"

    with pytest.raises(InputError, match=f"no Spark master answers at {gone} .*; fix AIRFLOW_CONN_SPARK_DEFAULT"):
        preflight.check(gone)


def test_one_of_several_masters_is_enough(cluster: str) -> None:
    preflight.check(f"spark://127.0.0.1:{stores.free_port()},{cluster.removeprefix('spark://')}")


@pytest.mark.parametrize("master", ["spark://", "spark://host", "spark://host:port"])
def test_what_is_no_address_of_a_master_is_said(cluster: str, master: str) -> None:
    with pytest.raises(InputError, match="is no address of Spark's master; fix AIRFLOW_CONN_SPARK_DEFAULT"):
        preflight.check(master)


def test_a_full_disk_is_said(cluster: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight.shutil, "disk_usage", lambda path: SimpleNamespace(free=9 * 2**20))

    with pytest.raises(InputError, match="has 9 MiB left, too little; make room, or fix KINDRED_CACHE"):
        preflight.check(cluster)


def test_checking_leaves_nothing_in_the_bucket(cluster: str) -> None:
    preflight.check(cluster)

    assert s3_objects.list_objects(os.environ["KINDRED_DATA"]) == []
