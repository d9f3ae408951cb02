"""The task of a stage: what its job is started with, and what the end of the job means."""

import json
from types import SimpleNamespace

import pytest

from kindred.runtime import outcomes, runs, tracking
from kindred.runtime.outcomes import Outcome

pytestmark = pytest.mark.airflow


@pytest.fixture
def run(data) -> str:
    return runs.run_folder("tests", "one")


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> list[tuple]:
    """What MLflow gets: stages, and failures with their lines."""
    calls: list[tuple] = []
    monkeypatch.setattr(tracking, "log_stage", lambda run, stage, started: calls.append((stage,)))
    monkeypatch.setattr(tracking, "log_failure", lambda run, stage, line, started: calls.append((stage, line)))
    return calls


@pytest.fixture
def spark_submit(monkeypatch: pytest.MonkeyPatch, logged):
    """Takes the place of spark-submit: leaves an outcome, if there is one, and fails, if it is to; the arguments that
    each job got, by name.
    """
    from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
    from airflow.sdk.exceptions import AirflowException

    from kindred_airflow import stage_operator

    monkeypatch.setattr(stage_operator, "spark_master", lambda: "local[*]")
    started: list[dict[str, str]] = []

    def replace(outcome: Outcome | None = None, fails: bool = True) -> list[dict[str, str]]:
        def execute(operator, context) -> None:
            words = operator.application_args
            arguments = dict(zip(words[::2], words[1::2], strict=True))
            started.append(arguments)
            if outcome is not None:
                try_id = outcome.try_id or arguments["--try-id"]
                outcomes.put(arguments["--run-uri"], arguments["--stage"], outcome._replace(try_id=try_id))
            if fails:
                raise AirflowException("Cannot execute: spark-submit ... Error code is: 1.")

        monkeypatch.setattr(SparkSubmitOperator, "execute", execute)
        return started

    return replace


def context(try_number: int = 1) -> dict:
    return {"ti": SimpleNamespace(id="7", try_number=try_number), "params": {}}


def ending(run: str, try_number: int = 1) -> BaseException:
    """The exception with which the task of the stage `ingest` ends."""
    from kindred_airflow.tasks import submit

    with pytest.raises(Exception, match="ingest failed") as caught:
        submit("ingest", run).execute(context(try_number))
    return caught.value


def test_a_stage_that_is_done_is_logged(run: str, spark_submit, logged) -> None:
    from kindred_airflow.tasks import submit

    started = spark_submit(Outcome(outcomes.DONE, "9 images"), fails=False)

    submit("train", run, ("folds",), "train_base", {"folds": 3, "seed": 0}).execute(context())

    assert started == [{"--run-uri": run, "--stage": "train_base", "--try-id": "7-1", "--folds": "3"}]
    assert logged == [("train_base",)]


def test_what_a_stage_took_for_auto_is_asked_for_where_it_was_given_auto(
    run: str, spark_submit, logged, monkeypatch
) -> None:
    from kindred.runtime import run_lifecycle
    from kindred_airflow.tasks import submit

    spark_submit(Outcome(outcomes.DONE, "9 images"), fails=False)
    monkeypatch.setattr(run_lifecycle, "resolve", lambda run, stage: logged.append(("resolved", stage)))

    for extractor in ("auto", "hog"):
        submit("featurize", run, ("extractor",), values={"extractor": extractor}).execute(context())

    assert logged == [("resolved", "featurize"), ("featurize",), ("featurize",)]


def test_bad_input_is_one_line_and_is_not_tried_again(run: str, spark_submit, logged) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    spark_submit(Outcome(outcomes.FAILED, "no such file: /a", retry=False))

    error = ending(run)

    assert type(error) is AirflowFailException
    assert str(error) == "ingest failed: no such file: /a"
    assert logged == [("ingest", "no such file: /a")]


def test_a_crash_is_tried_again(run: str, spark_submit) -> None:
    from airflow.sdk.exceptions import AirflowException

    spark_submit(Outcome(outcomes.FAILED, "ValueError: no (the stack is in the log)", retry=True))

    error = ending(run)

    assert type(error) is AirflowException
    assert str(error) == "ingest failed: ValueError: no (the stack is in the log)"


def test_a_job_that_was_killed_is_tried_again_and_the_console_hears_of_it(run: str, spark_submit, logged) -> None:
    from airflow.sdk.exceptions import AirflowException

    spark_submit(None)

    error = ending(run)

    assert type(error) is AirflowException
    assert str(error).startswith("ingest failed: was ended from outside")
    assert [outcome.line for outcome in outcomes.failures(run, since=0).values()] == [logged[0][1]]


def test_the_outcome_of_an_older_try_is_not_that_of_a_killed_one(run: str, spark_submit) -> None:
    from airflow.sdk.exceptions import AirflowException

    spark_submit(Outcome(outcomes.FAILED, "no such file: /a", retry=False))
    first = ending(run, try_number=1)
    spark_submit(None)

    second = ending(run, try_number=2)  # with the id of the first, as in `airflow dags test`

    assert "no such file" in str(first)
    assert type(second) is AirflowException
    assert "was ended from outside" in str(second)


def test_work_that_was_committed_counts_whatever_happens_afterwards(run: str, spark_submit, logged) -> None:
    from kindred_airflow.tasks import submit

    spark_submit(Outcome(outcomes.DONE, "9 images"), fails=True)

    submit("ingest", run).execute(context())

    assert logged == [("ingest",)]


def test_the_reason_is_shown_where_mlflow_is_away(run: str, spark_submit, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise ConnectionError("no MLflow")

    spark_submit(Outcome(outcomes.FAILED, "no such file: /a", retry=False))
    monkeypatch.setattr(tracking, "log_failure", refuse)

    assert str(ending(run)) == "ingest failed: no such file: /a"


def test_a_mapped_stage_has_its_own_name_and_arguments(run: str, spark_submit, logged) -> None:
    from airflow.sdk import DAG

    from kindred_airflow.tasks import submit_each

    started = spark_submit(None, fails=False)
    each = [{"stage": f"cluster/{k}", "arguments": {"k": str(k)}} for k in (100, 200)]
    with DAG("tests"):
        mapped = submit_each("cluster", run, each)

    for values in each:
        task = mapped.unmap(values)
        task.render_template_fields({"params": {}, "ti": SimpleNamespace(id="7")})
        task.execute(context())

    assert [(job["--stage"], job["--k"]) for job in started] == [("cluster/100", "100"), ("cluster/200", "200")]
    assert logged == [("cluster/100",), ("cluster/200",)]


def test_a_mapped_value_reaches_the_job_as_json_too(run: str, spark_submit, logged) -> None:
    from kindred_airflow.tasks import submit

    started = spark_submit(None, fails=False)
    task = submit("choose_labels", run, ("labels", "stratified"), values={"labels": 50, "stratified": True})
    task.arguments |= {"labels": 50, "stratified": True}  # as mapped values come out of XCom

    task.execute(context())

    assert (started[0]["--labels"], started[0]["--stratified"]) == ("50", "true")


def test_the_values_of_the_form_reach_the_job_as_json(run: str, spark_submit) -> None:
    from airflow.sdk import DAG

    from kindred_airflow.tasks import submit

    started = spark_submit(None, fails=False)
    with DAG("tests") as dag:
        task = submit("choose_labels", run, ("labels", "label_choice", "stratified"), values={"stratified": True})

    task.render_template_fields({"params": {"labels": None, "label_choice": "a 'b' {{ c }}"}}, dag.get_template_env())
    task.execute(context())

    values = {name: json.loads(started[0][f"--{name}"]) for name in ("labels", "label_choice", "stratified")}
    assert values == {"labels": None, "label_choice": "a 'b' {{ c }}", "stratified": True}


def test_the_links_of_a_stage_use_its_rendered_run(run: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.sdk import DAG

    from kindred.runtime import file_names, storage
    from kindred_airflow.links import SparkLink
    from kindred_airflow.tasks import submit_each

    monkeypatch.setenv("KINDRED_SPARK_HISTORY", "http://history")
    storage.put_json(storage.join(run, "cell/all", file_names.MARK), {"application": "app-1"})
    each = [{"stage": "cell/all", "arguments": {}}]
    with DAG("tests"):
        mapped = submit_each("cell", "{{ params.run }}", each)

    task = mapped.unmap(each[0])
    task.render_template_fields({"params": {"run": run}})

    assert SparkLink().get_link(task, ti_key=None) == "http://history/history/app-1"


@pytest.mark.parametrize(
    ("master", "address", "authenticates"),
    [("local[*]", "127.0.0.1", "true"), ("local", "127.0.0.1", "true"), ("spark://master:7077", None, None)],
)
def test_only_a_local_job_is_kept_on_this_machine(
    master, address, authenticates, run: str, spark_submit, logged, monkeypatch
) -> None:
    from kindred_airflow import stage_operator
    from kindred_airflow.tasks import submit

    spark_submit(Outcome(outcomes.DONE, ""), fails=False)
    monkeypatch.setattr(stage_operator, "spark_master", lambda: master)
    operator = submit("ingest", run)

    operator.execute(context())

    assert operator.env_vars.get("SPARK_LOCAL_IP") == address
    assert operator.conf.get("spark.authenticate") == authenticates
