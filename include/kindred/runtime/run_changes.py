"""What other values of the form mean for a run: which of its finished stages are made again."""

import json
from typing import Any

from kindred.runtime import file_names, marks, runs, stages, storage

MAX_CHARACTERS = 60  # of a value


def differing(params: dict[str, Any], defaults: dict[str, Any]) -> dict[str, Any]:
    """The params that are not the defaults of their form, or not on it.

    >>> differing({"seed": 1, "folds": 5, "part": "a"}, {"seed": 0, "folds": 5})
    {'seed': 1, 'part': 'a'}
    """
    return {name: value for name, value in params.items() if name not in defaults or value != defaults[name]}


def summary(run: str, before: dict[str, Any], now: dict[str, Any]) -> str:
    """One line: each param that differs, and the finished stages that use it, or the work of such a stage.

    >>> summary("memory://runs/self_training/new", {"threshold": 0.9}, {"threshold": 0.8})
    'threshold 0.9 -> 0.8: makes no finished stage again'
    """
    differing = [name for name in sorted(before.keys() | now.keys()) if before.get(name) != now.get(name)]
    changes = [f"{name} {_text(before, name)} -> {_text(now, name)}" for name in differing]
    again = made_again(_marks(run), set(differing))
    made = f"makes again {', '.join(again)}" if again else "makes no finished stage again"
    return f"{', '.join(changes)}: {made}"


def made_again(finished: dict[str, dict[str, Any]], params: set[str]) -> list[str]:
    """The stages, of those with these marks, that take one of the params, or read what such a stage makes; in their
    order.

    >>> base = {"arguments": {"folds": 5}, "inputs": {"ingest": "1"}}
    >>> made_again({"gate": {"arguments": {}, "inputs": {"train_base": "2"}}, "train_base": base}, {"folds"})
    ['train_base', 'gate']
    """
    again = {stage for stage, mark in finished.items() if params & mark.get("arguments", {}).keys()}
    while more := {s for s, mark in finished.items() if s not in again and again & mark.get("inputs", {}).keys()}:
        again |= more
    order = {stage: number for number, stage in enumerate(stages.ORDER)}
    return sorted(again, key=lambda stage: (order.get(stage, len(order)), stage))


def _marks(run: str) -> dict[str, dict[str, Any]]:
    """The marks of the finished stages; a broken one is made again in any case."""
    finished = {}
    for stage in runs.stages_with(run, file_names.MARK):
        try:
            finished[stage] = marks.mark_of(storage.join(run, stage)) or {}
        except storage.UnreadableError:
            continue
    return finished


def _text(params: dict[str, Any], name: str) -> str:
    text = json.dumps(params[name]) if name in params else "(none)"
    return text if len(text) <= MAX_CHARACTERS else f"{text[:MAX_CHARACTERS]} ..."
