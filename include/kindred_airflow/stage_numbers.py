"""Where a stage stands among those of its DAG, in words: `stage 3 of 10`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from kindred.runtime import stages

if TYPE_CHECKING:
    from airflow.sdk import DAG


def line(task_id: str, planned: Sequence[str], work: str, position: str = "") -> str:
    """What the console says when a stage begins; `planned` are the ids of the tasks that are stages, in their order,
    `position` is that among the many tasks of one id.

    >>> line("cell", ["ingest", "cell"], "trains one model", "7 of 20")
    'stage 2 of 2 (7 of 20): trains one model'
    >>> line("attack", ["ingest"], "")  # of a DAG that skips it, or without a DAG
    'started'
    """
    if task_id not in planned:
        return work or "started"
    place = f"stage {planned.index(task_id) + 1} of {len(planned)}{f' ({position})' if position else ''}"
    return f"{place}: {work}" if work else place


def planned(dag: DAG, params: dict[str, Any]) -> list[str]:
    """The ids of the tasks of a DAG that are stages, in their order, without an attack that the form does not ask for.
    A task that is mapped counts once.
    """
    from kindred_airflow.stage_operator import StageOperator

    ordered: tuple[Any, ...] = dag.topological_sort()  # type: ignore[no-untyped-call]
    tasks = [task for task in ordered if issubclass(operator_class(task), StageOperator)]
    asked = params.get("attack", True)
    return [task.task_id for task in tasks if asked or task.task_id != stages.ATTACK]


def operator_class(task: Any) -> type:
    """The class of a task's operator, also where the task is mapped."""
    return task.operator_class if task.is_mapped else type(task)
