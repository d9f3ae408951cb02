"""What the operator of a stage gives to spark-submit."""

from types import SimpleNamespace

import pytest

pytestmark = pytest.mark.airflow


def test_every_argument_is_a_text_also_a_number_that_was_mapped(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator

    from kindred.runtime import tracking
    from kindred_airflow.tasks import submit

    monkeypatch.setattr(SparkSubmitOperator, "execute", lambda self, context: None)
    monkeypatch.setattr(tracking, "log_stage", lambda *_: None)
    operator = submit("choose_labels", "file:///run", ("labels", "seed"), values={"labels": 50})
    operator.arguments["labels"] = 50  # as a mapped value comes out of XCom

    operator.execute({"ti": SimpleNamespace(id="one")})

    assert operator.application_args[-4:] == ["--labels", "50", "--seed", "{{ params.seed | tojson }}"]
    assert all(isinstance(text, str) for text in operator.application_args)
