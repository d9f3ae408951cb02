"""The whole topology for real, without Docker: one run like one on a single machine, and faults that a run survives."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from cluster import servers
from cluster.compose import ROOT
from cluster.looks import failures, figures_of, rows_of, wait_for_stage
from cluster.servers import Cluster
from kindred.runtime import marks, runs, s3, s3_objects, storage

pytestmark = [pytest.mark.spark, pytest.mark.airflow, pytest.mark.cluster]

CONF = {"dataset": "digits", "labels": 100}
SLOW_SECONDS = 30
TIMES = re.compile(r"seconds$|/reused$|per_second$")


def on_one_machine(place: Path, labels: int, *options: str) -> dict[str, float]:
    """The figures of a run in one process with `local[2]`; `options` are those of the benchmarks."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "KINDRED_", "MLFLOW_"))}
    env["KINDRED_DATA"] = str(place)
    env["PYTHONPATH"] = os.pathsep.join(str(ROOT / name) for name in ("include", "benchmarks", "tests"))
    command = [sys.executable, str(ROOT / "tests/cluster/reference.py"), str(labels), *options]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=1800, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(re.search(r"^figures (.+)$", done.stdout, re.M)[1])


@pytest.fixture(scope="module")
def first(cluster: Cluster) -> dict:
    """The first run on the empty cluster."""
    run = cluster.trigger({**CONF, "run_name": "first"})
    state = cluster.finish(run)
    return {"id": run, "state": state, "failures": failures(cluster, run)}


def scores_of(figures: dict[str, float]) -> dict[str, float]:
    """Counts and scores: what does not tell how long something took."""
    return {name: value for name, value in figures.items() if not TIMES.search(name)}


@pytest.mark.first
def test_a_run_gives_the_figures_of_a_single_machine(cluster, first, tmp_path: Path) -> None:
    assert first["state"] == "success", first["failures"]
    made = figures_of("first")

    both = scores_of(on_one_machine(tmp_path, CONF["labels"]))
    assert len(both) > 40
    assert {name: made.get(name) for name in both} == pytest.approx(both, abs=1e-6)


@pytest.mark.first
def test_all_that_a_run_wrote_lies_in_the_bucket_and_nothing_half(cluster, first) -> None:
    keys = [found.key for found in s3_objects.list_objects(storage.data_root())]

    folder = runs.run_folder("self_training", "first")
    assert {marks.mark_of(storage.join(folder, stage))["stage"] for stage in ("ingest", "featurize", "gate", "report")}
    assert any(key.startswith("data/runs/self_training/first/report.html") for key in keys)
    assert not any("__magic" in key or "_temporary" in key for key in keys)
    bucket, _ = s3.split(storage.data_root())
    assert not s3.client().list_multipart_uploads(Bucket=bucket).get("Uploads")
    assert not any(path.is_file() for path in cluster.place.rglob("*.parquet") if "objects" not in path.parts)


@pytest.mark.first
def test_mlflow_has_the_figures_and_the_model_in_the_bucket(cluster, first) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(os.environ["MLFLOW_TRACKING_URI"])
    record = storage.find_json(storage.join(runs.run_folder("self_training", "first"), "run.json"))
    run = client.get_run(record["mlflow_run_id"])

    assert run.info.status == "FINISHED"
    assert run.data.metrics == pytest.approx(figures_of("first"))
    bucket, _ = s3.split(storage.data_root())
    assert any(
        found.key.endswith("model.onnx") or "model" in found.key
        for found in s3_objects.list_objects(f"s3://{bucket}/mlflow")
    )


@pytest.mark.first
def test_no_secret_is_in_a_log_a_task_a_job_or_the_bucket(cluster, first) -> None:
    secrets = {name: value.encode() for name, value in cluster.env.items() if re.search(r"PASSWORD|SECRET|_KEY$", name)}
    known = (".env", "passwords.json")
    files = [path for path in cluster.place.rglob("*") if path.is_file() and path.name not in known]
    contents = {str(path): path.read_bytes() for path in files if "objects" not in path.parts}
    bucket, _ = s3.split(storage.data_root())
    for found in s3_objects.list_objects(f"s3://{bucket}"):
        content, _ = s3_objects.find(f"s3://{bucket}/{found.key}")
        contents[found.key] = unpacked(content) if ".zstd" in found.key else content
    tasks = cluster.call("GET", f"dags/self_training/dagRuns/{first['id']}/taskInstances")[1]
    contents["tasks"] = json.dumps(tasks).encode()

    assert len(secrets) == 10
    for seen in ("logs/airflow-scheduler.log", "/stderr", "spark-events/", "task_id=featurize", "report.html"):
        assert any(seen in place for place in contents), seen
    assert not [(name, place) for name, value in secrets.items() for place, text in contents.items() if value in text]


def unpacked(content: bytes) -> bytes:
    """An event log of Spark's."""
    import pyarrow as pa

    return pa.input_stream(pa.BufferReader(content), compression="zstd").read()


@pytest.mark.first
def test_neither_mlflow_nor_airflow_answers_strangers(cluster) -> None:
    mlflow = f"http://{cluster.address('mlflow', 5000)}/api/2.0/mlflow/experiments/search?max_results=1"
    airflow = f"{cluster.api()}/dags"

    for address in (mlflow, airflow):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(address, timeout=30)
        assert refused.value.code == 401


@pytest.mark.first
@pytest.mark.skipif(not shutil.which("versitygw"), reason="no versitygw here, and moto's server knows no passwords")
def test_the_store_answers_no_strangers(cluster) -> None:
    bucket, _ = s3.split(storage.data_root())
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"http://{cluster.address('object-store', 7070)}/{bucket}?list-type=2", timeout=30)
    assert refused.value.code in (401, 403)


@pytest.mark.first
def test_a_past_job_is_shown_where_the_link_of_its_task_leads(cluster, first) -> None:
    cluster.start("spark-history")
    application = marks.mark_of(storage.join(runs.run_folder("self_training", "first"), "featurize"))["application"]
    server = os.environ["KINDRED_SPARK_HISTORY"]

    cluster.wait("spark-history", lambda: servers.answers(f"{server}/api/v1/applications/{application}"))
    cluster.kill("spark-history")


@pytest.fixture(scope="module")
def harmed(cluster: Cluster, first: dict) -> dict:
    """A run with other features: a worker is killed in featurize, and in the training that follows the store asks for
    half a minute to slow down.
    """
    run = cluster.trigger({**CONF, "extractor": "hog", "run_name": "harmed"})
    wait_for_stage(cluster, run, "featurize")
    cluster.wait("spark-master", lambda: any(worker["coresused"] for worker in cluster.workers()), 300)
    cluster.kill("spark-worker-1")
    cluster.wait("spark-master", lambda: cluster.task_state(run, "featurize") in ("success", "failed"), 900)
    cluster.start_worker(1)
    wait_for_stage(cluster, run, "train_base")
    refused: list[str] = []
    until = time.monotonic() + SLOW_SECONDS

    def refuse(method: str, path: str) -> int | None:
        if time.monotonic() > until:
            return None
        refused.append(path)
        return 503

    cluster.store_proxy.refuse = refuse
    try:
        state = cluster.finish(run)
    finally:
        cluster.store_proxy.refuse = lambda method, path: None
    tries = cluster.call("GET", f"dags/self_training/dagRuns/{run}/taskInstances/featurize")[1]["try_number"]
    return {"id": run, "state": state, "failures": failures(cluster, run), "refused": refused, "tries": tries}


def test_a_run_whose_worker_is_killed_in_featurize_ends_well(harmed) -> None:
    made = figures_of("harmed")

    assert harmed["state"] == "success", harmed["failures"]
    assert made["featurize/reused"] == 0
    assert rows_of("harmed", "features") == made["featurize/images"] == figures_of("first")["featurize/images"]
    assert harmed["tries"] == 1  # Spark itself gave the work to the other worker


def test_a_run_ends_well_though_the_store_asks_to_slow_down_for_half_a_minute(harmed) -> None:
    assert harmed["state"] == "success", harmed["failures"]
    assert harmed["refused"]
    made = figures_of("harmed")
    # Which settings of the classifier are tried depends on the features.
    expected = {name for name in figures_of("first") if not name.startswith("attack") and "/grid/" not in name}
    assert expected <= set(made)


def test_so_does_one_on_photographs_with_a_network(cluster, shared_data: Path, tmp_path: Path) -> None:
    weights = next(shared_data.glob("weights/models/mobilenet_v2_*.h5"))
    conf = {"dataset": "stl10", "path": str(shared_data / "stl10_dev/stl10_binary.tar.gz"), "extractor": "mobilenet_v2"}
    conf |= {"weights": str(weights), "labels": 100}

    run = cluster.trigger({**conf, "run_name": "photographs"})
    state = cluster.finish(run, 3000)

    assert state == "success", failures(cluster, run)
    options = [f"--{name}={conf[name]}" for name in ("dataset", "path", "extractor", "weights")]
    both = scores_of(on_one_machine(tmp_path, conf["labels"], *options))
    assert len(both) > 40
    made = figures_of("photographs")
    assert {name: made.get(name) for name in both} == pytest.approx(both, abs=1e-6)


def test_and_one_with_a_classifier_that_is_fitted_in_spark(cluster, first, tmp_path: Path) -> None:
    conf = {**CONF, "classifier": "multilayer_perceptron"}

    run = cluster.trigger({**conf, "run_name": "perceptron"})
    state = cluster.finish(run, 3000)

    assert state == "success", failures(cluster, run)
    both = scores_of(on_one_machine(tmp_path, CONF["labels"], "--classifier=multilayer_perceptron"))
    assert len(both) > 40
    made = figures_of("perceptron")
    assert {name: made.get(name) for name in both} == pytest.approx(both, abs=1e-3)
