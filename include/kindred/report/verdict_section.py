"""Is final better than base, by how much, and what was in the data: the first section of the page."""

import pandas as pd
from matplotlib.ticker import MaxNLocator

from kindred.evaluation.paired_tests import SIGNIFICANT
from kindred.report import plots
from kindred.report.blocks import Block, Plot, Section, Table, Text
from kindred.report.score_table import points, score_table, score_texts
from kindred.report.scored_images import NOT_TESTED

COUNTS = {
    "train": "training images",
    "unlabeled": "images of the unlabelled part",
    "test": "test images",
    "rejected": "rejected (not decodable, or with contradicting labels)",
    "leaked": "leaked (copies of test images elsewhere)",
    "repeated": "repeated",
}


def section(figures: dict[str, float], reason: str, robustness: list[str]) -> Section:
    """From the figures of all stages, the gate's reason, and the sentences on robustness, if an attack was run."""
    if "base/test/accuracy" not in figures:
        return _untested(figures, reason, robustness)
    compared = bool(figures["pseudo/count"])
    other = "final" if figures["gate/accepted"] else "refused candidate"
    table = score_table(figures)
    sentences = [gate_sentence(figures, reason), pseudo_label_sentence(figures), *robustness]
    blocks: list[Block] = [Text(sentence) for sentence in sentences]
    if compared:
        blocks.append(_difference_plot(table, other))
    caption = (
        f"Scores on the test images. 95 % intervals: bias-corrected bootstrap over the "
        f"{figures['base/test/images']:,.0f} test images. Precision, recall, F1 and rates are means over classes, "
        "weighted by their size."
    )
    rows = table.rename_axis("score").reset_index()
    blocks += [
        Table("scores", caption, rows, score_texts(table, other, compared), open=True),
        count_table(figures),
    ]
    return Section("verdict", "Verdict", headline(figures), blocks)


def headline(figures: dict[str, float]) -> str:
    """The verdict in a sentence. A difference counts as shown where its interval excludes 0 and McNemar's exact test,
    which is stricter with few test images, is significant too.
    """
    base, images = figures["base/test/accuracy"], figures["base/test/images"]
    on_test = f"on {images:,.0f} test images"
    if not figures["pseudo/count"]:
        return f"Final is base: there is no pseudo-label, so no second model. Accuracy {base:.1%} {on_test}."
    other = figures["candidate/test/accuracy"]
    low, high = (figures[f"candidate/test/accuracy_difference_{end}"] for end in ("low", "high"))
    significant = figures["candidate/test/mcnemar_p"] < SIGNIFICANT
    by = f"{points(other - base)} points (95 % interval {points(low)} to {points(high)})"
    if not figures["gate/accepted"]:
        return (
            f"Final is base: the gate refused the model trained with pseudo-labels. Accuracy of base {base:.1%}, of "
            f"the refused model {other:.1%} {on_test}: {by}."
        )
    accuracies = f"accuracy {other:.1%} instead of {base:.1%} {on_test}: {by}"
    if low > 0 and significant:
        return f"Final is better than base: {accuracies}."
    if high < 0 and significant:
        return f"Final is worse than base: {accuracies}."
    return f"No difference between final and base is shown {on_test}: accuracy {other:.1%} and {base:.1%}, {by}."


def _untested(figures: dict[str, float], reason: str, robustness: list[str]) -> Section:
    """The section where no test image has a known label: both models by cross-validation."""
    other = "final" if figures["gate/accepted"] else "refused candidate"
    models = {"base": "base"} | ({"candidate": other} if figures["pseudo/count"] else {})
    titles = {"accuracy": "Accuracy", "log_loss": "Log loss"}
    rows = pd.DataFrame({"score": list(titles.values())})
    for model, title in models.items():
        rows[title] = [
            "{:.4f} ± {:.4f}".format(*(figures[f"{model}/cv/{name}_{part}"] for part in ("mean", "std")))
            for name in titles
        ]
    accuracies = " and ".join(f"{title} {figures[f'{model}/cv/accuracy_mean']:.1%}" for model, title in models.items())
    blocks: list[Block] = [Text(text) for text in (gate_sentence(figures, reason), pseudo_label_sentence(figures))]
    caption = f"Mean and standard deviation over {figures['base/cv/folds']:.0f} folds of the given labels."
    blocks += [*map(Text, robustness), Table("scores", caption, rows, open=True), count_table(figures)]
    return Section("verdict", "Verdict", f"{NOT_TESTED} Accuracy out of fold: {accuracies}.", blocks)


def gate_sentence(figures: dict[str, float], reason: str) -> str:
    """What the gate decided, and on what."""
    decision = "accepted" if figures["gate/accepted"] else "refused"
    if not figures["pseudo/count"]:
        return f"Gate: {reason}."
    gain, low, high = (points(figures[f"gate/{name}"]) for name in ("difference", "low", "high"))
    text = (
        f"Gate: {decision}, {reason}. On given labels that neither model learned from: accuracy {gain} points (95 % "
        f"bootstrap interval {low} to {high}), log loss {figures['gate/log_loss_difference']:+.3f}."
    )
    if "candidate/test/mcnemar_p" not in figures:
        return text
    return f"{text} McNemar's p of equal accuracy on the test images: {figures['candidate/test/mcnemar_p']:.3g}."


def pseudo_label_sentence(figures: dict[str, float]) -> str:
    """How many images got a pseudo-label, and how many of these are right."""
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


def count_table(figures: dict[str, float]) -> Table:
    """How many images there were, and what became of them."""
    counts = {
        **{title: figures[f"ingest/{name}"] for name, title in COUNTS.items()},
        "given labels": figures["choose_labels/labels"],
        "unlabelled": figures["pseudo/unlabelled"],
        "out of distribution": figures["pseudo/novel"],
        "pseudo-labelled": figures["pseudo/count"],
    }
    rows = pd.DataFrame({"images": list(counts), "count": [int(value) for value in counts.values()]})
    return Table("counts", "How many images there were, and what became of them.", rows, open=True)


def _difference_plot(table: pd.DataFrame, other: str) -> Plot:
    """Both models' scores with their intervals, on one scale."""
    rows = table.drop(index="Log loss", errors="ignore")
    figure, (left, right) = plots.figure(9, 3.6, columns=2)
    for axes, keys, shifts in ((left, ("base", "other"), (0.15, -0.15)), (right, ("difference",), (0.0,))):
        for key, shift in zip(keys, shifts, strict=True):
            colour, title = (plots.BASE_COLOUR, "base") if key == "base" else (plots.OTHER_COLOUR, other)
            errors = [rows[key] - rows[f"{key}_low"], rows[f"{key}_high"] - rows[key]]
            places = [i - shift for i in range(len(rows))]
            axes.errorbar(rows[key], places, xerr=errors, fmt="o", color=colour, label=title, capsize=3)
        axes.set_yticks(range(len(rows)), list(rows.index) if axes is left else [""] * len(rows))
        axes.invert_yaxis()
    left.legend()
    left.set_title("scores")
    right.set_title(f"{other} minus base")
    right.xaxis.set_major_locator(MaxNLocator(5))
    right.axvline(0, color="black", linewidth=1)
    caption = "Each score with its 95 % interval; in the right part, left of the line means lower than base."
    return Plot("differences", caption, plots.png(figure))
