"""A run that has not finished: what is missing, and the command that goes on with it."""

import json
import shlex

from kindred.runtime import run_changes, runs, storage
from kindred.runtime.errors import InputError
from kindred.runtime.stages import SELF_TRAINING


def error(run: str, stage: str, made: str = "") -> InputError:
    """The error for a run, by the URI of its folder, that lacks a stage; `made` names what is wanted of that.

    >>> params = {"params": {"dataset": "digits", "seed": 7}, "defaults": {"dataset": "digits", "seed": 0}}
    >>> storage.put_json("memory://runs/self_training/half/run.json", params)
    >>> print(error("memory://runs/self_training/half", "evaluate"))
    run 'half' has not finished its stage 'evaluate'; to go on with it: make run RUN_ID=half CONF='{"seed": 7}'
    """
    makes = f", which makes {made!r}" if made else ""
    name = storage.local(run).rstrip("/").rsplit("/", 1)[-1]
    return InputError(f"run {name!r} has not finished its stage {stage!r}{makes}; to go on with it: {command(run)}")


def command(run: str) -> str:
    """The command that goes on with a run: with the values of its form that are no defaults, or with all where its
    run.json does not know the defaults.
    """
    dag_id, name = storage.local(run).rstrip("/").split("/")[-2:]
    record = runs.record_of(run) or {}
    part = record.get("part")
    words = ["make run", *([] if dag_id == SELF_TRAINING else [f"DAG={dag_id}"])]
    if part:  # it holds values that the form has no field for
        return " ".join([*words, f"RUN_ID={shlex.quote(name.removesuffix(f'-{part}'))}", "and the CONF that it had"])
    conf = run_changes.differing(record.get("params", {}), record.get("defaults", {}))
    return " ".join(
        [*words, f"RUN_ID={shlex.quote(name)}", *([f"CONF={shlex.quote(json.dumps(conf))}"] if conf else [])]
    )
