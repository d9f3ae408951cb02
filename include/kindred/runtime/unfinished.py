"""A run that has not finished: what is missing, and the command that goes on with it."""

import json

from kindred.runtime import make_command, run_changes, runs
from kindred.runtime.errors import InputError
from kindred.runtime.stages import SELF_TRAINING


def error(run: str, stage: str, made: str = "") -> InputError:
    """The error for a run, by the URI of its folder, that lacks a stage; `made` names what is wanted of that.

    >>> params = {"params": {"dataset": "digits", "seed": 7}, "defaults": {"dataset": "digits", "seed": 0}}
    >>> runs.put_record("memory://runs/self_training/half", params)
    >>> print(error("memory://runs/self_training/half", "evaluate"))  # doctest: +ELLIPSIS
    run 'half' has not finished its stage 'evaluate'; to go on with it: make run RUN_ID=half CONF='{"seed": 7}'...
    """
    makes = f", which makes {made!r}" if made else ""
    return InputError(
        f"run {runs.short_name(run)!r} has not finished its stage {stage!r}{makes}; to go on with it: {command(run)}"
    )


def command(run: str) -> str:
    """The command that goes on with a run: with the values of its form that are no defaults, or with all where its
    run.json does not know the defaults.
    """
    record = runs.record_of(run) or {}
    dag_id, name = runs.name_of(run).split("/")
    values = {} if dag_id == SELF_TRAINING else {"DAG": dag_id}
    if part := record.get("part"):  # it holds values that the form has no field for
        return f"{make_command.text('run', **values, RUN_ID=name.removesuffix(f'-{part}'))} and the CONF that it had"
    conf = run_changes.differing(record.get("params", {}), record.get("defaults", {}))
    return make_command.text("run", **values, RUN_ID=name, **({"CONF": json.dumps(conf)} if conf else {}))
