"""Is final better than base, by how much, and what was in the data: the first thing that one sees."""

import pandas as pd
from matplotlib.ticker import MaxNLocator

from kindred.report import plots
from kindred.report.blocks import Plot, Section, Table, Text

TITLES = {  # name of the score: how it is called, and whether more is better
    "accuracy": ("Accuracy", True),
    "f1": ("F1", True),
    "mcc": ("MCC", True),
    "precision": ("Precision", True),
    "recall": ("Recall", True),
    "true_positive_rate": ("True positive rate", True),
    "false_positive_rate": ("False positive rate", False),
    "log_loss": ("Log loss", False),
    "roc_auc": ("ROC AUC", True),
    "expected_calibration_error": ("Expected calibration error", False),
}
COUNTS = {
    "train": "training images",
    "unlabeled": "images of the unlabelled part",
    "test": "test images",
    "rejected": "rejected (do not decode, or contradict each other)",
    "leaked": "leaked (copies of test images elsewhere)",
    "repeated": "repeated",
}
SIGNIFICANT = 0.05


def section(figures: dict[str, float], reason: str, robustness: list[str]) -> Section:
    """From the figures of all stages, the gate's reason, and what an attack said, if there was one."""
    accepted = bool(figures["gate/accepted"])
    blocks = [Text(gate_says(figures, reason))]
    blocks += [Text(line) for line in (pseudo_labels_say(figures), *robustness) if line]
    table = scores(figures)
    other = "final" if accepted else "refused candidate"
    if figures["pseudo/count"]:
        blocks.append(_differences(table, other))
    shown = shown_scores(table, other, bool(figures["pseudo/count"]))
    interval = f"95 % intervals: bias-corrected bootstrap over the {figures['base/test/images']:,.0f} test images."
    averages = "Precision, recall, F1 and rates are means over classes, weighted by their size."
    blocks += [
        Table(
            "scores",
            f"Scores on the test images. {interval} {averages}",
            table.rename_axis("score").reset_index(),
            shown,
            open=True,
        ),
        counts(figures),
    ]
    return Section("verdict", "Verdict", headline(figures), blocks)


def headline(figures: dict[str, float]) -> str:
    """The verdict in a sentence. A difference counts as shown where its interval leaves out 0 and McNemar's exact test,
    which is stricter with few test images, says so too.
    """
    base, images = figures["base/test/accuracy"], figures["base/test/images"]
    of = f"of {images:,.0f} test images right"
    if not figures["pseudo/count"]:
        return f"Final is base: there is no pseudo-label, so no second model. {base:.1%} {of}."
    other = figures["candidate/test/accuracy"]
    low, high = (figures[f"candidate/test/accuracy_difference_{end}"] for end in ("low", "high"))
    shown = figures["candidate/test/mcnemar_p"] < SIGNIFICANT
    by = f"{points(other - base)} points (95 % interval {points(low)} to {points(high)})"
    if not figures["gate/accepted"]:
        return (
            f"Final is base: the gate refused the model trained with pseudo-labels. Base has {base:.1%} {of}; "
            f"the refused one has {other:.1%}, {by}."
        )
    if low > 0 and shown:
        return f"Final is better than base: {other:.1%} instead of {base:.1%} {of}, {by}."
    if high < 0 and shown:
        return f"Final is worse than base: {other:.1%} instead of {base:.1%} {of}, {by}."
    return (
        f"No difference between final and base is shown with {images:,.0f} test images: {other:.1%} and {base:.1%} "
        f"right, {by}."
    )


def points(difference: float) -> str:
    """A difference of shares in points, with its sign."""
    return f"{100 * difference:+.1f}"


def gate_says(figures: dict[str, float], reason: str) -> str:
    """What the gate decided, and on what."""
    said = "accepted" if figures["gate/accepted"] else "refused"
    if not figures["pseudo/count"]:
        return f"Gate: {reason}."
    gain, low, high = (points(figures[f"gate/{name}"]) for name in ("difference", "low", "high"))
    loss, p = figures["gate/log_loss_difference"], figures["candidate/test/mcnemar_p"]
    return (
        f"Gate: {said}, {reason}. On given labels that neither model had seen: accuracy {gain} points (95 % bootstrap "
        f"interval {low} to {high}), log loss {loss:+.3f}. On the test images McNemar's p of equal accuracy is {p:.3g}."
    )


def pseudo_labels_say(figures: dict[str, float]) -> str:
    if not figures["pseudo/unlabelled"]:
        return "There was no unlabelled image."
    text = (
        f"Of {figures['pseudo/unlabelled']:,.0f} unlabelled images {figures['pseudo/count']:,.0f} got a pseudo-label, "
        f"{figures['pseudo/novel']:,.0f} were excluded as out of distribution."
    )
    if "pseudo/precision" in figures:
        known = f"{figures['pseudo/known']:,.0f} whose truth is known"
        text += f" {figures['pseudo/precision']:.1%} of the pseudo-labels are right (of {known})."
    return text


def scores(figures: dict[str, float]) -> pd.DataFrame:
    """A row for each score: base, other (the candidate), difference, each with low and high."""
    rows = {}
    for name, (title, _) in TITLES.items():
        if f"base/test/{name}" not in figures:
            continue
        row = {}
        for model, key in (("base", "base"), ("candidate", "other")):
            for end in ("", "_low", "_high"):
                row[f"{key}{end}"] = figures[f"{model}/test/{name}{end}"]
        row["difference"] = row["other"] - row["base"]
        for end in ("low", "high"):
            row[f"difference_{end}"] = figures[f"candidate/test/{name}_difference_{end}"]
        rows[title] = row
    return pd.DataFrame(rows).T


def shown_scores(table: pd.DataFrame, other: str, compared: bool) -> pd.DataFrame:
    """The table as a person reads it: a value and its interval; the difference is marked where it is shown."""
    columns = {"base": "base" if other == "final" else "base = final"}
    if compared:
        columns |= {"other": other, "difference": f"{other} minus base"}
    shown = pd.DataFrame({"": table.index})
    for key, title in columns.items():
        sign = "+" if key == "difference" else ""
        shown[title] = [
            f"{row[key]:{sign}.4f} ({row[f'{key}_low']:{sign}.4f} to {row[f'{key}_high']:{sign}.4f})"
            for _, row in table.iterrows()
        ]
    if compared:
        shown["so"] = [
            _judge(row, better) for (_, row), (_, better) in zip(table.iterrows(), _known(table), strict=True)
        ]
    return shown


def counts(figures: dict[str, float]) -> Table:
    """What was in the data, and what became of it."""
    named = {
        **{title: figures[f"ingest/{name}"] for name, title in COUNTS.items()},
        "given labels": figures["choose_labels/labels"],
        "unlabelled": figures["pseudo/unlabelled"],
        "out of distribution": figures["pseudo/novel"],
        "pseudo-labelled": figures["pseudo/count"],
    }
    rows = pd.DataFrame({"images": list(named), "count": [int(value) for value in named.values()]})
    return Table("counts", "What was in the data, and what became of it.", rows, open=True)


def _known(table: pd.DataFrame) -> list[tuple[str, bool]]:
    by_title = dict(TITLES.values())
    return [(title, by_title[title]) for title in table.index]


def _judge(row: pd.Series, more_is_better: bool) -> str:
    if row["difference_low"] <= 0 <= row["difference_high"]:
        return "no difference shown"
    return "better" if (row["difference"] > 0) == more_is_better else "worse"


def _differences(table: pd.DataFrame, other: str) -> Plot:
    """Both models' scores with their intervals, on one scale."""
    rows = table.drop(index="Log loss", errors="ignore")
    figure, (left, right) = plots.figure(9, 3.6, columns=2)
    for axes, keys, at in ((left, ("base", "other"), (0.15, -0.15)), (right, ("difference",), (0,))):
        for key, shift in zip(keys, at, strict=True):
            colour, title = (plots.BASE, "base") if key == "base" else (plots.OTHER, other)
            errors = [rows[key] - rows[f"{key}_low"], rows[f"{key}_high"] - rows[key]]
            places = [i - shift for i in range(len(rows))]
            axes.errorbar(rows[key], places, xerr=errors, fmt="o", color=colour, label=title, capsize=3)
        axes.set_yticks(range(len(rows)), rows.index if axes is left else [""] * len(rows))
        axes.invert_yaxis()
    left.legend()
    left.set_title("scores")
    right.set_title(f"{other} minus base")
    right.xaxis.set_major_locator(MaxNLocator(5))
    right.axvline(0, color="black", linewidth=1)
    said = "Each score with its 95 % interval; left of the line in the right part means lower, right of it higher."
    return Plot("differences", said, plots.png(figure))
