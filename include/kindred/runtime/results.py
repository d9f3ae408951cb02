"""A run's figures: merged from its stages' marks into one flat `metrics.json`, and told as a table."""

from kindred.runtime import file_names, runs, storage

SCORES = {"accuracy": "accuracy", "F1": "f1", "MCC": "mcc", "log loss": "log_loss", "ROC AUC": "roc_auc"}


def merge(run: str) -> dict[str, float]:
    """The figures of all finished stages of a run, by name; also put into its metrics.json and, as a table,
    summary.txt. The page that a stage has made for people is put beside them.
    """
    figures: dict[str, float] = {}
    for mark in runs.files_of_stages(run, file_names.MARK).values():
        figures |= mark["figures"]
        if page := mark.get("facts", {}).get("page"):
            storage.put_bytes(
                storage.join(run, file_names.REPORT), storage.find_bytes(storage.join(mark["folder"], page))
            )
    figures = dict(sorted(figures.items()))
    storage.put_json(storage.join(run, file_names.METRICS), figures)
    storage.put_bytes(storage.join(run, file_names.SUMMARY), table(figures).encode())
    return figures


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
    return storage.find_json(storage.join(run, file_names.METRICS)) or {}


def table(figures: dict[str, float]) -> str:
    """Base against final, and what became of the images, as lines for a console."""
    refused = bool(figures.get("pseudo/count")) and figures.get("gate/accepted") == 0
    models = ["base", "final", *(["candidate"] if refused else [])]
    lines = []
    if "base/test/accuracy" in figures:
        lines.append(f"{'':24}{'base':>10}{'final':>10}{'difference':>12}" + (f"{'refused':>10}" if refused else ""))
    for title, name in {
        **{f"test {k}": f"test/{v}" for k, v in SCORES.items()},
        "cv accuracy": "cv/accuracy_mean",
    }.items():
        values = [figures[f"{model}/{name}"] for model in models if f"{model}/{name}" in figures]
        if len(values) == len(models):
            base, final, *candidate = values
            text = f"{title:24}{base:>10.4f}{final:>10.4f}{final - base:>+12.4f}"
            lines.append(text + "".join(f"{value:>10.4f}" for value in candidate))
    if "gate/accepted" in figures and figures.get("pseudo/count"):
        low, high = figures["gate/low"], figures["gate/high"]
        said = "pseudo-labels refused" if refused else "pseudo-labels accepted"
        lines += [
            "",
            f"{'gate':24}{said}: out-of-fold accuracy {figures['gate/difference']:+.4f} ({low:+.4f} to {high:+.4f})",
        ]
    lines.append("")
    counts = {
        "rejected": "ingest/rejected",
        "leaked": "ingest/leaked",
        "repeated": "ingest/repeated",
        "given labels": "choose_labels/labels",
        "unlabelled": "pseudo/unlabelled",
        "out of distribution": "pseudo/novel",
        "pseudo-labelled": "pseudo/count",
    }
    lines += [f"{title:24}{figures[name]:>10,.0f}" for title, name in counts.items() if name in figures]
    if "pseudo/precision" in figures:
        known = f"   of {figures['pseudo/known']:,.0f} whose truth is known"
        lines.append(f"{'pseudo-labels right':24}{figures['pseudo/precision']:>10.1%}{known}")
    return "\n".join(lines)
