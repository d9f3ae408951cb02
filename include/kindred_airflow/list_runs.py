"""`make runs`: which runs there are, what the disk holds, and what `make prune` would free."""

import json
import os
import textwrap
import time
from collections.abc import Mapping
from typing import Any

from kindred.runtime import durations, file_sizes, pruning_plan, run_list, storage
from kindred.runtime.errors import InputError
from kindred.runtime.pruning_plan import Plan
from kindred.runtime.run_list import Run
from kindred_airflow import command, disk_use, managed_runs, prune, sizes

WIDTH = 100
MAX_NAME = 32  # characters of a name that has its place in the line
FORMATS = ("", "text", "json")


def main() -> int:
    """List the runs of all DAGs, or of DAG."""
    kind = os.environ.get("FORMAT") or ""
    if kind not in FORMATS:
        raise InputError(f"unknown FORMAT {kind!r}; known: text, json")
    files = file_sizes.of(storage.data_root())
    listed = run_list.of(files, managed_runs.alive, os.environ.get("DAG") or "")
    use, plan = disk_use.by_kind(files), pruning_plan.plan(files)
    print(as_json(listed, use, plan) if kind == "json" else "\n".join(as_text(listed, use, plan)))
    return 0


def as_text(listed: list[Run], use: Mapping[str, int], plan: Plan) -> list[str]:
    """The lines for a console of WIDTH columns: one or more for a run, then the disk."""
    width = min(max((len(run.name) for run in listed), default=0), MAX_NAME)
    lines = [f"{'run':{width}}  {'opened':16}  {'state':12}  {'time':>11}  {'accuracy':>8}  {'size':>9}"]
    for run in listed:
        lines += _rows(run, width)
    if not listed:
        lines = [f"no run in {storage.local(storage.data_root())}; `make run` makes one"]
    lines += ["", *(f"{kind:24} {sizes.text(size):>9}" for kind, size in use.items())]
    lines.append(f"{'together':24} {sizes.text(sum(use.values())):>9}")
    if freed := plan.sizes():
        lines += ["", f"`make prune` would free {sizes.text(sum(freed.values()))}:"]
        lines += [f"  {kind:22} {sizes.text(size):>9}" for kind, size in freed.items()]
    return lines + prune.remarks(plan)


def _rows(run: Run, width: int) -> list[str]:
    """The line of a run, below it why it is kept and which params differ; a long name has a line of its own."""
    opened = time.strftime("%Y-%m-%d %H:%M", time.localtime(run.opened)) if run.opened else "-"
    seconds = "-" if run.seconds is None else durations.text(run.seconds)
    accuracy = score(run.accuracy, run.mean_average_precision)
    name, above = (run.name, []) if len(run.name) <= width else ("", [run.name])
    row = f"{name:{width}}  {opened:16}  {run.state:12}  {seconds:>11}  {accuracy:>8}  {sizes.text(run.size):>9}"
    kept = [f"    {', '.join(run.kept)}"] if run.kept else []
    params = ", ".join(f"{name}={json.dumps(value, ensure_ascii=False)}" for name, value in run.params.items())
    return [*above, row, *kept, *textwrap.wrap(params, WIDTH, initial_indent="    ", subsequent_indent="    ")]


def score(accuracy: float | None, mean_average_precision: float | None) -> str:
    """How good a run is on its test images, in eight characters.

    >>> score(0.91, None), score(None, 0.8), score(None, None)
    ('0.9100', 'mAP .800', '-')
    """
    if mean_average_precision is not None:
        return f"mAP {mean_average_precision:.3f}".replace("0.", ".")[:8]  # the column is so wide
    return "-" if accuracy is None else f"{accuracy:.4f}"


def as_json(listed: list[Run], use: Mapping[str, int], plan: Plan) -> str:
    """The same as one JSON object; times in seconds since the epoch, sizes in bytes."""
    runs: list[dict[str, Any]] = [run._asdict() for run in listed]
    freed = {"free": plan.sizes(), "young": plan.young, "notes": plan.notes}
    return json.dumps({"runs": runs, "disk": use, "prune": freed}, indent=1, ensure_ascii=False)


if __name__ == "__main__":
    command.exit_with(main)
