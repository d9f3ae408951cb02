"""Whether the values for a DAG run fit its form: unknown names and wrong values are refused in one line."""

import difflib
import json
import math
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker, ValidationError, validators

from kindred.data import input_check
from kindred.runtime import label_budget
from kindred.runtime.errors import InputError
from kindred_airflow import project_dags

MAX_CHARACTERS = 300  # of a message, which repeats the value
# JSON's own types: jsonschema takes 5.0 for an integer, and NaN, which passes any minimum, for a number.
_TYPES = Draft202012Validator.TYPE_CHECKER.redefine_many(
    {
        "integer": lambda _, value: isinstance(value, int) and not isinstance(value, bool),
        "number": lambda _, value: (
            isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        ),
    }
)
_Validator = validators.extend(Draft202012Validator, type_checker=_TYPES)


def check(conf: Mapping[str, Any], schemas: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise InputError for a value that the form has no field for, or whose field does not take it; `schemas` are the
    JSON schemas of the fields by their names.

    >>> check({"treshold": 0.9}, {"threshold": {"type": "number"}})
    Traceback (most recent call last):
    kindred.runtime.errors.InputError: unknown param 'treshold'; did you mean 'threshold'?
    """
    problems = [_unknown("param", name, list(schemas)) for name in conf if name not in schemas]
    for name in conf:
        if name in schemas:
            errors = _Validator(schemas[name], format_checker=FormatChecker()).iter_errors(conf[name])
            problems += [_line(name, error) for error in errors]
    if problems:
        raise InputError("; ".join(problems))


def _unknown(kind: str, value: Any, known: Sequence[Any]) -> str:
    """That a value is none of the known ones, and which it may stand for, or all that there are."""
    texts = {str(choice): choice for choice in known}
    near = difflib.get_close_matches(str(value), texts, 1)
    advice = f"did you mean {texts[near[0]]!r}?" if near else f"known: {', '.join(sorted(texts))}"
    return f"unknown {kind} {_short(repr(value))}; {advice}"


def _line(name: str, error: ValidationError) -> str:
    """What is wrong with the value of a param."""
    if error.validator == "enum":
        return _unknown(name, error.instance, error.validator_value)
    place = "".join(f"[{part!r}]" for part in error.absolute_path)
    if error.validator == "type":
        types = error.validator_value if isinstance(error.validator_value, list) else [error.validator_value]
        return f"param '{name}'{place} must be {' or '.join(types)}, not {_short(json.dumps(error.instance))}"
    return f"param '{name}'{place}: {_short(error.message)}"


def _short(text: str) -> str:
    return text if len(text) <= MAX_CHARACTERS else f"{text[:MAX_CHARACTERS]} ..."


def read_conf(text: str) -> dict[str, Any]:
    """The values for a DAG run from their JSON. Raises InputError for anything but one JSON object of different names
    and finite numbers.
    """
    try:
        conf = json.loads(text, object_pairs_hook=_different_names, parse_constant=_no_number)
    except InputError:
        raise
    except (ValueError, RecursionError) as error:
        raise InputError(f"CONF is no JSON: {error}") from None
    if not isinstance(conf, dict):
        raise InputError(f"CONF must be a JSON object of params, not {_short(text)}")
    return conf


def _different_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if twice := [name for name in names if names.count(name) > 1]:
        raise InputError(f"CONF gives {twice[0]!r} twice")
    return dict(pairs)


def _no_number(name: str) -> Any:
    raise InputError(f"CONF holds {name}, which is no number in JSON")


def check_before_start(dag_id: str, conf: dict[str, Any], env: dict[str, str]) -> None:
    """`check` for a DAG by its file, and of the images that the values name, in a process of its own, which ends before
    Airflow starts: loading the file takes seconds and memory. `env` then says so, for the task `open_run`. Raises
    InputError also for a DAG that cannot be loaded.
    """
    command = [sys.executable, "-m", "kindred_airflow.params", dag_id]
    done = subprocess.run(command, input=json.dumps(conf), env=env, capture_output=True, text=True, check=False)
    lines = done.stdout.splitlines()
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
        raise InputError(f"the form of {dag_id!r} could not be read: {_short(last)}")
    problem, checked = json.loads(lines[-1])
    if problem:
        raise InputError(problem)
    env[input_check.CHECKED] = checked


def check_meaning(values: dict[str, Any], files: bool = True) -> None:
    """Raise InputError for values of a form that do not go together, or, with `files`, whose images a stage would
    refuse.
    """
    if "label_choice" in values:
        label_budget.of_params(values)
    if files:
        input_check.check(values)


def schemas(dag: Any) -> dict[str, dict[str, Any]]:
    """The JSON schemas of a DAG's fields."""
    return {name: dag.params.get_param(name).schema for name in dag.params}


def _main(dag_id: str) -> None:
    """Write what is wrong with the values on standard input (empty where nothing is), and which images were looked at,
    as JSON, as the last line.
    """
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(str(project_dags.dag_file(dag_id)), load_op_links=False)
    problem = checked = ""
    try:
        for error in bag.import_errors.values():
            raise InputError(f"the DAG {dag_id!r} cannot be loaded: {error.strip().splitlines()[-1]}")
        if dag_id not in bag.dags:
            raise InputError(f"{project_dags.dag_file(dag_id)} has no DAG of this name")
        conf, dag = json.load(sys.stdin), bag.dags[dag_id]
        check(conf, schemas(dag))
        values = {**dag.params.dump(), **conf}
        check_meaning(values)
        checked = input_check.identity(values)
    except InputError as error:
        problem = str(error)
    sys.stdout.write(f"\n{json.dumps([problem, checked])}\n")


if __name__ == "__main__":
    _main(sys.argv[1])
