"""One run, and everything around it fails once: it ends well, and its tables and figures are whole."""

import os
import signal
import time

import pytest

from cluster.looks import failures, figures_of, rows_of, wait_for_stage
from cluster.servers import Cluster
from kindred.runtime import marks, runs, s3_objects, stages, storage

pytestmark = [pytest.mark.spark, pytest.mark.airflow, pytest.mark.cluster]

CONF = {"dataset": "digits", "labels": 100}
STAGES = [stage for stage in stages.ORDER if stage != stages.ATTACK]
DOWN_SECONDS = 30


@pytest.fixture(scope="module")
def battered(cluster: Cluster) -> dict:
    """A run in which, stage by stage, the scheduler, MLflow, Spark's master, a worker and PostgreSQL go and come."""
    run = cluster.trigger({**CONF, "run_name": "battered"})

    wait_for_stage(cluster, run, "ingest")
    cluster.wait("spark-master", lambda: any(worker["coresused"] for worker in cluster.workers()), 300)
    cluster.kill("airflow-scheduler", alone=True)  # what it had started goes on, and a second copy may start beside it
    time.sleep(5)
    cluster.start("airflow-scheduler")

    wait_for_stage(cluster, run, "featurize")
    cluster.kill("mlflow")
    time.sleep(DOWN_SECONDS)
    cluster.start("mlflow")

    wait_for_stage(cluster, run, "choose_labels")
    cluster.kill("spark-master")
    cluster.start("spark-master")
    cluster.wait("spark-master", lambda: len(cluster.workers()) == 2)

    wait_for_stage(cluster, run, "train_base")
    cluster.wait("spark-master", lambda: any(worker["coresused"] for worker in cluster.workers()), 300)
    cluster.kill("spark-worker-2")

    wait_for_stage(cluster, run, "pseudo_label")
    cluster.start_worker(2)
    cluster.kill("postgres", signal.SIGINT)
    cluster.start_postgres()

    state = cluster.finish(run)
    return {"id": run, "state": state, "failures": failures(cluster, run)}


def test_a_run_around_which_everything_fails_once_ends_well(battered) -> None:
    assert battered["state"] == "success", battered["failures"]


def test_each_stage_has_one_committed_attempt_and_its_tables_are_whole(battered) -> None:
    folder = runs.run_folder("self_training", "battered")
    made = figures_of("battered")

    stage_marks = [marks.mark_of(storage.join(folder, stage)) for stage in STAGES]
    assert all(stage_marks)
    assert made["ingest/train"] + made["ingest/test"] == 1797
    assert rows_of("battered", "features") == made["featurize/images"] == 1797
    for mark in stage_marks:
        for uri in mark["tables"].values():
            assert s3_objects.list_objects(uri)
    for reader in stage_marks:
        for stage, attempt in reader["inputs"].items():
            if attempt is not None:
                assert marks.mark_of(storage.join(folder, stage))["attempt"] == attempt


def test_mlflow_lost_no_figure(battered) -> None:
    from mlflow import MlflowClient

    record = storage.find_json(storage.join(runs.run_folder("self_training", "battered"), "run.json"))
    run = MlflowClient(os.environ["MLFLOW_TRACKING_URI"]).get_run(record["mlflow_run_id"])

    assert run.info.status == "FINISHED"
    assert run.data.metrics == pytest.approx(figures_of("battered"))


def test_three_runs_at_once_on_one_dataset_share_its_work_and_all_end_well(cluster: Cluster, battered) -> None:
    """The pool lets one Spark job run at a time, so three runs take turns stage by stage."""
    ids = [cluster.trigger({**CONF, "extractor": "hog", "seed": seed, "run_name": f"one-{seed}"}) for seed in range(3)]

    states = [cluster.finish(run, 3600) for run in ids]

    assert states == ["success"] * 3, "\n".join(failures(cluster, run) for run in ids)
    stage_marks = [
        marks.mark_of(storage.join(runs.run_folder("self_training", f"one-{seed}"), "featurize")) for seed in range(3)
    ]
    assert len({mark["attempt"] for mark in marks}) == 1
    assert sorted(mark["figures"]["featurize/reused"] for mark in stage_marks) == [0, 1, 1]
