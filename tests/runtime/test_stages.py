"""The one list of stages, and the jobs that do their work."""

import ast
from pathlib import Path

import pytest

from kindred.runtime import stages, tables

JOBS = Path(__file__).parents[2] / "spark_jobs"


def test_the_order_is_that_of_the_pipeline() -> None:
    assert " ".join(stages.ORDER) == (
        "ingest featurize choose_labels train_base pseudo_label train_final gate build_index evaluate attack report"
    )
    assert set(stages.ARGUMENTS) == set(stages.ORDER)


@pytest.mark.parametrize("stage", stages.ORDER)
def test_a_stage_gives_its_job_the_arguments_that_it_takes(stage: str) -> None:
    tree = ast.parse((JOBS / f"{stages.JOBS.get(stage, stage)}.py").read_text())

    (main,) = (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "main")

    assert sorted(argument.arg for argument in main.args.kwonlyargs) == sorted(stages.ARGUMENTS[stage])


def test_the_writers_of_tables_are_stages() -> None:
    assert {table.writer for table in tables.TABLES.values()} <= {*stages.ORDER, "predict", "search"}
