"""Values for a DAG run that its form has no field for, or whose field does not take them."""

import os
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from kindred.data import input_check
from kindred.runtime import runs, storage
from kindred.runtime.errors import InputError
from kindred_airflow import params

SCHEMAS = {
    "threshold": {"type": ["null", "number"], "minimum": 0, "maximum": 1},
    "folds": {"type": "integer", "minimum": 2},
    "dataset": {"type": "string", "enum": ["digits", "stl10"]},
    "attacks": {"type": "array", "minItems": 1, "items": {"type": "string", "enum": ["simba_l2", "square_l2"]}},
    "budgets": {"type": "array", "items": {"type": "integer", "minimum": 2}},
    "novelty": {"type": "boolean"},
    "run_name": {"type": ["null", "string"], "pattern": "^[a-z]+$"},
}


def test_values_that_the_form_takes_pass() -> None:
    params.check({"threshold": 0.9, "folds": 5, "dataset": "digits", "attacks": ["simba_l2"]}, SCHEMAS)
    params.check({"threshold": None, "budgets": [500, 1000], "novelty": False}, SCHEMAS)
    params.check({}, SCHEMAS)


@pytest.mark.parametrize(
    ("conf", "line"),
    [
        ({"treshold": 0.9}, "unknown param 'treshold'; did you mean 'threshold'?"),
        ({"Folds": 5}, "unknown param 'Folds'; did you mean 'folds'?"),
        (
            {"zzz": 1},
            "unknown param 'zzz'; known: attacks, budgets, dataset, folds, novelty, run_name, threshold",
        ),
        ({"": 1}, "unknown param ''; known: attacks, budgets, dataset, folds, novelty, run_name, threshold"),
        ({"threshold": "0.9"}, "param 'threshold' must be null or number, not \"0.9\""),
        ({"threshold": True}, "param 'threshold' must be null or number, not true"),
        ({"threshold": float("nan")}, "param 'threshold' must be null or number, not NaN"),
        ({"threshold": 1.5}, "param 'threshold': 1.5 is greater than the maximum of 1"),
        ({"folds": 5.0}, "param 'folds' must be integer, not 5.0"),
        ({"folds": None}, "param 'folds' must be integer, not null"),
        ({"folds": 1}, "param 'folds': 1 is less than the minimum of 2"),
        ({"dataset": "digit"}, "unknown dataset 'digit'; did you mean 'digits'?"),
        ({"dataset": 7}, "param 'dataset' must be string, not 7; unknown dataset 7; known: digits, stl10"),
        ({"attacks": ["simba"]}, "unknown attacks 'simba'; did you mean 'simba_l2'?"),
        ({"attacks": "simba_l2"}, "param 'attacks' must be array, not \"simba_l2\""),
        ({"attacks": []}, "param 'attacks': [] should be non-empty"),
        ({"budgets": [500, 1]}, "param 'budgets'[1]: 1 is less than the minimum of 2"),
        ({"budgets": [500, "1000"]}, "param 'budgets'[1] must be integer, not \"1000\""),
        ({"novelty": "false"}, "param 'novelty' must be boolean, not \"false\""),
        ({"run_name": "../x"}, "param 'run_name': '../x' does not match '^[a-z]+$'"),
        (
            {"fold": 3, "folds": 1},
            "unknown param 'fold'; did you mean 'folds'?; param 'folds': 1 is less than the minimum of 2",
        ),
    ],
)
def test_a_value_that_the_form_does_not_take_is_named_in_one_line(conf: dict, line: str) -> None:
    with pytest.raises(InputError) as refused:
        params.check(conf, SCHEMAS)

    assert str(refused.value) == line


def test_a_huge_value_is_not_repeated_as_a_whole() -> None:
    with pytest.raises(InputError) as refused:
        params.check({"threshold": "x" * 100_000, "y" * 100_000: 1}, SCHEMAS)

    assert len(str(refused.value)) < 1500


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "is no JSON"),
        ("{", "is no JSON"),
        ("[1]", "must be a JSON object of params, not [1]"),
        ('"digits"', "must be a JSON object of params"),
        ('{"folds": 3, "folds": 4}', "gives 'folds' twice"),
        ('{"threshold": NaN}', "holds NaN, which is no number in JSON"),
        ('{"threshold": -Infinity}', "holds -Infinity"),
        ("[" * 100_000, "is no JSON"),
    ],
)
def test_a_conf_that_is_no_object_of_values_is_refused(text: str, reason: str) -> None:
    with pytest.raises(InputError, match="^CONF ") as refused:
        params.read_conf(text)

    assert reason in str(refused.value)


@pytest.mark.airflow
def test_make_run_refuses_a_value_before_airflow_starts(tmp_path: Path) -> None:
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "AIRFLOW_HOME": str(tmp_path)}

    with pytest.raises(InputError) as refused:
        params.check_before_start("label_propagation", {"budget": [500]}, env)

    assert str(refused.value) == "unknown param 'budget'; did you mean 'budgets'?"
    assert input_check.CHECKED not in env
    assert not list(tmp_path.glob("*.db"))


@pytest.mark.airflow
@pytest.mark.parametrize("changed", [{}, {"path": "/other"}])
def test_open_run_looks_again_only_at_images_that_make_run_has_not_looked_at(changed: dict, monkeypatch, data) -> None:
    from airflow.sdk import DAG

    from kindred.runtime import preflight, run_lifecycle
    from kindred_airflow import tasks

    looked_at: list[str] = []
    values = {"dataset": "image_folder", "path": "/photos"}
    monkeypatch.setenv(input_check.CHECKED, input_check.identity(values))
    monkeypatch.setattr(input_check, "check", lambda form: looked_at.append(form["path"]))
    monkeypatch.setattr(preflight, "check", lambda master: None)
    monkeypatch.setattr(run_lifecycle, "open_run", lambda *_: "file:///runs/one")
    monkeypatch.setattr(tasks, "spark_master", lambda: "local[*]")
    monkeypatch.setattr(tasks, "driver_is_here", lambda: True)
    dag_run = SimpleNamespace(conf={}, dag_id="tests", run_id="one", triggering_user_name=None, run_type="manual")

    tasks.open_run.function(dag_run=dag_run, params={**values, **changed}, dag=DAG("tests"))

    assert looked_at == list(changed.values())


@pytest.mark.airflow
def test_open_run_and_promote_refuse_a_value_that_airflow_let_pass(data: Path) -> None:
    from airflow.sdk import DAG, Param
    from airflow.sdk.exceptions import AirflowFailException

    from kindred_airflow import tasks

    dag = DAG("tests", params={"threshold": Param(0.5, type="number")})
    conf = {"treshold": 0.9}
    context = {"dag_run": SimpleNamespace(conf=conf, dag_id="tests", run_id="one"), "params": {**conf}, "dag": dag}

    for task in (tasks.open_run, tasks.promote):
        with pytest.raises(AirflowFailException, match="unknown param 'treshold'; did you mean 'threshold'"):
            task.function(**context)

    assert not (data / "runs").exists()


@pytest.mark.airflow
@pytest.mark.parametrize(
    ("extra", "here"), [({"deploy-mode": "client"}, True), ({}, True), ({"deploy-mode": "cluster"}, False)]
)
def test_only_where_the_driver_runs_files_are_looked_for(extra: dict, here: bool, monkeypatch) -> None:
    from kindred_airflow import stage_operator

    connection = SimpleNamespace(extra_dejson=extra)
    monkeypatch.setattr(stage_operator, "Connection", SimpleNamespace(get=lambda name: connection))

    assert stage_operator.driver_is_here() is here


@pytest.mark.airflow
def test_promote_takes_rule_and_reason_of_its_form_and_the_user_who_has_triggered_it(data: Path, monkeypatch) -> None:
    from airflow.sdk import DAG

    from kindred.evaluation import challenge
    from kindred.serving import promotion
    from kindred_airflow import tasks
    from kindred_airflow.forms.runs import PROMOTE

    asked = []
    pointer = {"name": "self_training/one", "model": "kindred", "version": "1"}
    monkeypatch.setattr(promotion, "promote", lambda run, say, *given: asked.append(given) or pointer)
    storage.put_json(f"{runs.run_folder('self_training', 'one')}/run.json", {})
    dag_run = SimpleNamespace(conf={}, dag_id="promote", run_id="now", triggering_user_name="ada")
    form = {"run": "one", "rule": "must_gain", "reason": None}

    tasks.promote.function(dag_run=dag_run, params=form, dag=DAG("promote", params=PROMOTE))

    assert asked == [("must_gain", "", "ada")]
    assert PROMOTE["rule"].schema["enum"] == list(challenge.RULES)
    assert PROMOTE["rule"].value == challenge.NO_WORSE
