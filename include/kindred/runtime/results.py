"""A run's figures: merged from its stages' marks into one flat `metrics.json`, and shown as a table."""

import logging
from typing import Any

from kindred.runtime import file_names, log_lines, marks, runs, storage

log = logging.getLogger("kindred")

SCORES = {  # the lines of the table, and which figure each shows of a model; ↓: lower is better
    "test accuracy": "test/accuracy",
    "test F1": "test/f1",
    "test MCC": "test/mcc",
    "test log loss ↓": "test/log_loss",
    "test ROC AUC": "test/roc_auc",
    "cv accuracy": "cv/accuracy_mean",
}
COUNTS = {
    "rejected": "ingest/rejected",
    "leaked": "ingest/leaked",
    "repeated": "ingest/repeated",
    "given labels": "choose_labels/labels",
    "unlabelled": "pseudo/unlabelled",
    "out of distribution": "pseudo/novel",
    "pseudo-labelled": "pseudo/count",
}


def merge(run: str) -> dict[str, float]:
    """The figures of all finished stages of a run, by name; also put into its metrics.json and, as a table,
    summary.txt. The page that a stage has made for people is put beside them.
    """
    figures: dict[str, float] = {}
    for stage in runs.stages_with(run, file_names.MARK):
        mark = _mark(run, stage)
        figures |= mark.get("figures", {})
        if page := mark.get("facts", {}).get("page"):
            content = storage.read_bytes(storage.join(mark["folder"], page))
            storage.put_bytes(storage.join(run, file_names.REPORT), content)
    figures = dict(sorted(figures.items()))
    storage.put_json(storage.join(run, file_names.METRICS), figures)
    storage.put_bytes(storage.join(run, file_names.SUMMARY), table(figures).encode())
    return figures


def _mark(run: str, stage: str) -> dict[str, Any]:
    """The mark of a stage; of a broken one nothing, which is said: no task of the run has made it again."""
    try:
        return marks.mark_of(storage.join(run, stage)) or {}
    except storage.UnreadableError as error:
        log.warning("%s", log_lines.progress("close_run", f"the figures of {stage!r} are left out: {error}"))
        return {}


def summary(run: str) -> str:
    """The table that `merge` has put; empty where it has not."""
    return (storage.find_bytes(storage.join(run, file_names.SUMMARY)) or b"").decode()


def report(run: str) -> str:
    """Where the run's page lies; empty where it has none."""
    path = storage.join(run, file_names.REPORT)
    fs, inside = storage.filesystem(path)
    return storage.local(path) if fs.exists(inside) else ""


def read(run: str) -> dict[str, float]:
    """What `merge` has put; empty where it has not."""
    advice = "`make run` with the RUN_ID and the CONF of this run writes it again"
    return storage.find_json(storage.join(run, file_names.METRICS), advice) or {}


def table(figures: dict[str, float]) -> str:
    """Base against final, and what became of the images, as lines for a console.

    >>> print(table({"base/test/accuracy": 0.5, "final/test/accuracy": 0.75, "ingest/leaked": 40}))
                                  base     final  difference
    test accuracy               0.5000    0.7500     +0.2500
    <BLANKLINE>
    leaked                          40
    """
    return "\n".join([*_scores(figures), *_gate(figures), "", *_counts(figures)])


def _refused(figures: dict[str, float]) -> bool:
    """Whether there were pseudo-labels, and the gate refused the model that they made."""
    return bool(figures.get("pseudo/count")) and figures.get("gate/accepted") == 0


def _scores(figures: dict[str, float]) -> list[str]:
    models = ["base", "final", *(["candidate"] if _refused(figures) else [])]
    lines = []
    if "base/test/accuracy" in figures:
        heading = f"{'':24}{'base':>10}{'final':>10}{'difference':>12}"
        lines.append(heading + (f"{'refused':>10}" if _refused(figures) else ""))
    for title, name in SCORES.items():
        values = [figures[f"{model}/{name}"] for model in models if f"{model}/{name}" in figures]
        if len(values) == len(models):
            base, final, *candidate = values
            text = f"{title:24}{base:>10.4f}{final:>10.4f}{final - base:>+12.4f}"
            lines.append(text + "".join(f"{value:>10.4f}" for value in candidate))
    return lines


def _gate(figures: dict[str, float]) -> list[str]:
    if "gate/accepted" not in figures or not figures.get("pseudo/count"):
        return []
    low, high = figures["gate/low"], figures["gate/high"]
    decision = "pseudo-labels refused" if _refused(figures) else "pseudo-labels accepted"
    gain = f"out-of-fold accuracy {figures['gate/difference']:+.4f} ({low:+.4f} to {high:+.4f})"
    return ["", f"{'gate':24}{decision}: {gain}"]


def _counts(figures: dict[str, float]) -> list[str]:
    lines = [f"{title:24}{figures[name]:>10,.0f}" for title, name in COUNTS.items() if name in figures]
    if "pseudo/precision" in figures:
        known = f"   of {figures['pseudo/known']:,.0f} whose truth is known"
        lines.append(f"{'pseudo-labels right':24}{figures['pseudo/precision']:>10.1%}{known}")
    elif "pseudo/estimated_precision" in figures:
        low, high = (figures[f"pseudo/estimated_precision_{end}"] for end in ("low", "high"))
        estimate = f"{figures['pseudo/estimated_precision']:>10.1%}   by estimate ({low:.1%} to {high:.1%})"
        lines.append(f"{'pseudo-labels right':24}{estimate}")
    return lines
