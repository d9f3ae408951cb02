"""The DAGs of projects: they load, one by one, without a network, and are due when their project says."""

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml

from kindred.runtime import projects, stages, storage

pytestmark = pytest.mark.airflow

ROOT = Path(__file__).parents[2]
SINCE = datetime(2026, 11, 29, 12, tzinfo=UTC)
FILE_SECONDS, OWN_SECONDS = 0.1, 0.05  # of CPU: of one file, all in all; of 20 files, without what Airflow does


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> None:
    os.environ.setdefault("AIRFLOW_HOME", str(tmp_path_factory.mktemp("airflow")))


def bag_of(*names: str):
    """The DAGs of all projects, or of some, as Airflow loads them."""
    from airflow.dag_processing.dagbag import DagBag

    from kindred_airflow import project_dags

    project_dags.refresh()
    folder = project_dags.folder()
    return DagBag(str(folder / f"{names[0]}.py" if names else folder))


def put(name: str, schedule: str | None = "@weekly", zone: str = "UTC", **params: object) -> None:
    projects.put(name, params, schedule, zone, SINCE)


def due(dag, now: datetime, last: datetime | None, monkeypatch) -> str:
    """When the scheduler starts the next run at `now`, after one that was due at `last`."""
    from airflow._shared.timezones import timezone
    from airflow.serialization.encoders import coerce_to_core_timetable
    from airflow.timetables import trigger
    from airflow.timetables.base import DataInterval, TimeRestriction

    monkeypatch.setattr(trigger, "utcnow", lambda: timezone.coerce_datetime(now))
    restriction = TimeRestriction(timezone.coerce_datetime(dag.start_date), None, dag.catchup)
    before = None if last is None else DataInterval.exact(timezone.coerce_datetime(last))
    info = coerce_to_core_timetable(dag.timetable).next_dagrun_info(
        last_automated_data_interval=before, restriction=restriction
    )
    return info.logical_date.strftime("%d %H:%M")


def test_a_project_is_a_dag_of_the_stages_of_self_training_with_its_params(home) -> None:
    put("digits", "0 6 * * 1", "Europe/Berlin", seed=3, labels=50, attack=True)

    bag = bag_of()

    dag = bag.dags["retrain_digits"]
    assert not bag.import_errors
    assert [task.task_id for task in dag.topological_sort()] == ["open_run", *stages.ORDER, "close_run"]
    assert (dag.catchup, dag.max_active_runs, dag.is_paused_upon_creation) == (False, 1, False)
    assert (dag.timetable.expression, str(dag.timetable.timezone)) == ("0 6 * * 1", "Europe/Berlin")
    given = {name: dag.params[name] for name in ("seed", "labels", "attack", "folds", "run_name")}
    assert given == {"seed": 3, "labels": 50, "attack": True, "folds": 5, "run_name": None}
    assert dag.params.get_param("seed").schema["title"]
    assert dag.get_task("ingest").arguments["dataset"] == "{{ params.dataset | tojson }}"


def test_the_form_of_a_project_is_what_its_tasks_work_with_and_leaves_other_forms_alone(home) -> None:
    from airflow.sdk.definitions.param import process_params

    from kindred_airflow.forms.self_training import SELF_TRAINING

    put("digits", seed=3)
    dag = bag_of().dags["retrain_digits"]

    values = process_params(dag, dag.get_task("gate"), {"folds": 7}, suppress_exception=False)

    assert (values["seed"], values["folds"], values["gate"]) == (3, 7, "no_harm")
    assert SELF_TRAINING["seed"].value == 0


def test_a_project_without_a_schedule_waits_for_people(home) -> None:
    put("by_hand", None)

    assert bag_of().dags["retrain_by_hand"].schedule is None


def test_a_broken_project_is_one_import_error_that_names_its_file(home, data: Path) -> None:
    put("good")
    storage.put_bytes(projects.path("cut"), b'{"params": ')
    put("later")
    content = json.loads(storage.read_bytes(projects.path("later")))
    storage.put_json(projects.path("later"), {**content, "params": {"folds": 1}})

    bag = bag_of()

    errors = {Path(file).name: text.strip().splitlines()[-1] for file, text in bag.import_errors.items()}
    assert list(bag.dags) == ["retrain_good"]
    assert sorted(errors) == ["cut.py", "later.py"]
    assert f"{data}/projects/cut.json cannot be read, it is cut or no JSON" in errors["cut.py"]
    assert f"{data}/projects/later.json: param 'folds': 1 is less than the minimum of 2" in errors["later.py"]


def test_of_missed_runs_only_the_last_is_made_and_a_new_schedule_is_not_due_at_once(home, monkeypatch) -> None:
    put("daily", "0 6 * * *")
    dag = bag_of().dags["retrain_daily"]
    days = [datetime(2026, 11, day, 6, tzinfo=UTC) for day in range(20, 31)]

    assert due(dag, SINCE, None, monkeypatch) == "30 06:00"  # made at noon: not at once
    assert due(dag, days[10] + timedelta(seconds=2), None, monkeypatch) == "30 06:00"  # read again when it is due
    assert due(dag, SINCE, days[0], monkeypatch) == "30 06:00"  # with another schedule before
    assert due(dag, days[10] + timedelta(days=9, hours=1), days[10], monkeypatch) == "09 06:00"


def test_a_file_asks_nothing_but_itself(home, tmp_path: Path) -> None:
    put("digits")
    bag_of()
    from kindred_airflow import project_dags

    program = (
        "import runpy, socket, sys\n"
        "socket.socket.connect = None\n"
        "runpy.run_path(sys.argv[1])\n"
        "heavy = {'boto3', 's3fs', 'pyspark', 'tensorflow', 'keras', 'mlflow', 'numpy', 'pandas', 'sklearn'}\n"
        "print(*sorted(heavy & set(sys.modules)))"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT / "include"), "KINDRED_DATA": "s3a://nowhere/data"}
    env |= {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "KINDRED_CACHE": str(tmp_path / "cache")}
    file = str(project_dags.dag_file("retrain_digits"))

    done = subprocess.run([sys.executable, "-c", program, file], env=env, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == ""


def cpu_of(work) -> float:
    """The least of five tries, in seconds of this process."""
    tries = []
    for _ in range(5):
        start = time.process_time()
        work()
        tries.append(time.process_time() - start)
    return min(tries)


def test_twenty_projects_are_read_in_no_time(home) -> None:
    from kindred_airflow import retraining

    for number in range(20):
        put(f"p{number}", seed=number)
    contents = {name: storage.read_bytes(projects.path(name)) for name in projects.names()}
    bag_of("p0")

    def own() -> None:
        for name, content in contents.items():
            retraining.form(name, projects.parse(name, content))

    assert len(bag_of().dags) == 20
    assert cpu_of(lambda: bag_of("p0")) < FILE_SECONDS
    assert cpu_of(own) < OWN_SECONDS


def test_airflow_finds_the_projects_by_a_bundle_and_refreshes_it_twice_a_minute(home, monkeypatch) -> None:
    from airflow.dag_processing.bundles.manager import DagBundlesManager

    from kindred_airflow import machine, project_dags

    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST", json.dumps(machine.BUNDLES))
    monkeypatch.setenv("AIRFLOW__CORE__LOAD_EXAMPLES", "False")
    put("digits")

    first, second = DagBundlesManager().get_all_dag_bundles()
    second.initialize()
    second.refresh()

    assert (first.name, second.name) == ("dags-folder", "projects")
    assert (second.path, second.refresh_interval) == (project_dags.folder(), 30)
    assert [path.name for path in second.path.iterdir()] == ["digits.py"]


def test_the_cluster_has_the_same_bundles() -> None:
    from kindred_airflow import machine

    compose = yaml.safe_load((ROOT / "docker-compose.yaml").read_text())
    variables = compose["x-airflow-environment"]

    assert json.loads(variables["AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST"]) == machine.BUNDLES


def test_the_form_writes_a_project_with_the_values_that_are_no_defaults(home, monkeypatch) -> None:
    from types import SimpleNamespace

    from airflow.dag_processing.dagbag import DagBag
    from airflow.sdk.exceptions import AirflowFailException

    from kindred_airflow import tasks

    monkeypatch.setattr(tasks, "driver_is_here", lambda: True)
    dag = DagBag(str(ROOT / "dags" / "project.py")).dags["project"]

    def write(**values: object) -> None:
        context = {"dag": dag, "params": {**dag.params.dump(), **values}, "dag_run": SimpleNamespace(conf=values)}
        tasks.write_project.function(**context)

    write(name="digits", schedule="0 6 * * 1", time_zone="Europe/Berlin", seed=3, folds=5)

    assert projects.get("digits")[:3] == ({"seed": 3}, "0 6 * * 1", "Europe/Berlin")
    for values in ({"schedule": "x"}, {"name": "../x"}, {"labels": 50, "labels_per_class": 5}, {"dataset": "parquet"}):
        with pytest.raises(AirflowFailException):
            write(**{"name": "birds", **values})
    assert projects.names() == ["digits"]
