"""What `make run` says at the end of a run that has succeeded: its times, and what can be done with it."""

import textwrap
from collections.abc import Mapping

from kindred.runtime import durations, file_names, make_command, projects, results, runs, stages, storage

WIDTH = 112  # characters of a line


def times(figures: Mapping[str, float], total: float) -> str:
    """How long the run took in all, and each of its stages; `total` is in seconds.

    >>> print(times({"ingest/seconds": 4, "ingest/reused": 1, "gate/seconds": 20, "gate/reused": 0}, 75))
      time                 75 s: gate 20 s, starts of Airflow and Spark 55 s; reused: ingest
    """
    done: dict[str, list[float]] = {}
    reused: list[str] = []
    for stage in _in_order(_stages(figures)):
        group = stage.split("/")[0]  # cells of a study are many
        if not figures[f"{stage}/reused"]:
            done.setdefault(group, []).append(figures[f"{stage}/seconds"])
        elif group not in reused:
            reused.append(group)
    parts = [
        f"{group}{f' ({len(seconds):,})' if len(seconds) > 1 else ''} {durations.text(sum(seconds))}"
        for group, seconds in done.items()
    ]
    rest = total - sum(map(sum, done.values()))
    if parts and rest > 0:
        parts.append(f"starts of Airflow and Spark {durations.text(rest)}")
    text = f"{durations.text(total)}{': ' if parts else ''}{', '.join(parts)}"
    return _wrapped("time", text + (f"; reused: {', '.join(reused)}" if reused else ""))


def next_steps(dag_id: str, folder: str) -> str:
    """Where the results of a run lie, and the commands that use it."""
    name = runs.short_name(folder)
    steps = []
    if report := results.report(folder):
        steps.append(("open the report", report))
    trained = (stages.SELF_TRAINING, stages.UNSUPERVISED, stages.OPEN_IMAGES)
    classify = dag_id in trained or bool(projects.of_dag(dag_id))
    if classify or dag_id == stages.MATCHING:
        steps.append(("search the images", make_command.text("search", RUN=name)))
    if classify:
        steps.append(("label other images", make_command.text("predict", RUN=name, IMAGES="folder")))
    if dag_id == stages.MATCHING:
        steps.append(("matches", f"{storage.local(folder)}/{file_names.MATCHES}"))
        steps.append(("match other images", make_command.text("match", RUN=name.rpartition("/")[2], IMAGES="folder")))
    steps.append(("compare runs", f"{make_command.text('up')}   (serves MLflow and Airflow)"))
    steps.append(("all figures", f"{storage.local(folder)}/{file_names.METRICS}"))
    return "\n".join(f"  {title:20} {what}" for title, what in steps)


def _stages(figures: Mapping[str, float]) -> list[str]:
    """The stages whose time is among the figures."""
    timed = [name.removesuffix("/seconds") for name in figures if name.endswith("/seconds")]
    return [stage for stage in timed if f"{stage}/reused" in figures]


def _in_order(names: list[str]) -> list[str]:
    """The stages as they stand in their DAG; those that are there many times (clusterings, cells) before the labels."""
    once = {name for name in names if "/" not in name}
    orders = (stages.ORDER, stages.UNSUPERVISED_ORDER, stages.MATCHING_ORDER, stages.OPEN_IMAGES_ORDER)
    order = next((one for one in orders if once <= set(one)), stages.EVERY)
    many = order.index(stages.CHOOSE_LABELS) - 0.5
    return sorted(names, key=lambda name: order.index(name) if name in order else many)


def _wrapped(title: str, text: str) -> str:
    """The text in lines of WIDTH characters, which break after commas only."""
    kept = text.replace(" ", "\0").replace(",\0", ", ").replace(":\0", ": ")
    lines = textwrap.wrap(f"  {title:20} {kept}", WIDTH, subsequent_indent=" " * 23, break_on_hyphens=False)
    return "\n".join(lines).replace("\0", " ")
