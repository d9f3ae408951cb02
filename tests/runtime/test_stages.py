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
    main = _main(stages.JOBS.get(stage, stage))

    assert _arguments(main, required=True) <= set(stages.ARGUMENTS[stage]) <= _arguments(main)


@pytest.mark.parametrize("stage", stages.UNSUPERVISED_ORDER)
def test_a_stage_without_labels_gives_its_job_the_arguments_that_it_takes(stage: str) -> None:
    main = _main({**stages.JOBS, **stages.UNSUPERVISED_JOBS}.get(stage, stage))

    assert _arguments(main, required=True) <= set(stages.UNSUPERVISED_ARGUMENTS[stage]) <= _arguments(main)


@pytest.mark.parametrize("stage", stages.OPEN_IMAGES_ORDER)
def test_a_stage_on_open_images_gives_its_job_the_arguments_that_it_takes(stage: str) -> None:
    main = _main(stages.JOBS.get(stage, stage))

    assert _arguments(main, required=True) <= set(stages.OPEN_IMAGES_ARGUMENTS[stage]) <= _arguments(main)


def _main(job: str) -> ast.FunctionDef:
    """The function that does the work of a job."""
    tree = ast.parse((JOBS / f"{job}.py").read_text())
    (main,) = (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "main")
    return main


def _arguments(main: ast.FunctionDef, required: bool = False) -> set[str]:
    """The names of its arguments, or of those without a default."""
    pairs = zip(main.args.kwonlyargs, main.args.kw_defaults, strict=True)
    return {argument.arg for argument, default in pairs if default is None or not required}


def test_the_writers_of_tables_are_stages() -> None:
    assert {table.writer for table in tables.TABLES.values()} <= {*stages.EVERY, "predict", "search"}
