"""Is final better than base, by how much, and what was in the data: the first section of the page."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from kindred.evaluation.paired_tests import SIGNIFICANT
from kindred.report import plots, pseudo_label_precision
from kindred.report.blocks import Block, Plot, Section, Table, Text
from kindred.report.score_table import (
    DIRECTIONS,
    MORE_IS_BETTER,
    NO_DIFFERENCE,
    TITLES,
    directed,
    points,
    result,
    score_table,
    score_texts,
)
from kindred.report.scored_images import NOT_TESTED

PANEL, HEIGHT = 4.9, 3.8  # inches; wider than usual, for the names of the scores
RESULT_COLOURS = {"better": plots.GOOD_COLOUR, NO_DIFFERENCE: plots.BASE_COLOUR, "worse": plots.BAD_COLOUR}
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
        blocks.append(difference_plot(table, other))
    caption = (
        f"Scores on the test images. 95 % intervals: bias-corrected bootstrap over the "
        f"{figures['base/test/images']:,.0f} test images. Precision, recall, F1 and rates are means over classes, "
        f"weighted by their size; recall is also called true positive rate. {DIRECTIONS}"
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
    texts: list[Block] = [Text(text) for text in (gate_sentence(figures, reason), pseudo_label_sentence(figures))]
    if not figures["base/cv/folds"]:
        unknown = f"{NOT_TESTED} Too few classes have two given labels to hold one out, so no model is scored."
        return Section("verdict", "Verdict", unknown, [*texts, *map(Text, robustness), count_table(figures)])
    models = {"base": "base"} | ({"candidate": other} if figures["pseudo/count"] else {})
    titles = {name: TITLES[name][0] for name in ("accuracy", "log_loss")}
    rows = pd.DataFrame({"score": [directed(title) for title in titles.values()]})
    for model, title in models.items():
        rows[title] = [
            "{:.4f} ± {:.4f}".format(*(figures[f"{model}/cv/{name}_{part}"] for part in ("mean", "std")))
            for name in titles
        ]
    accuracies = " and ".join(f"{title} {figures[f'{model}/cv/accuracy_mean']:.1%}" for model, title in models.items())
    caption = f"Mean and standard deviation over {figures['base/cv/folds']:.0f} folds of the given labels."
    blocks = [*texts, *map(Text, robustness), Table("scores", caption, rows, open=True), count_table(figures)]
    return Section("verdict", "Verdict", f"{NOT_TESTED} Accuracy by cross-validation: {accuracies}.", blocks)


def gate_sentence(figures: dict[str, float], reason: str) -> str:
    """What the gate decided, and on what."""
    decision = "accepted" if figures["gate/accepted"] else "refused"
    if not figures["pseudo/count"]:
        return f"Gate: {reason}."
    if "gate/difference" not in figures:
        return f"Gate: {decision}, {reason}."
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
    return f"{text} {pseudo_label_precision.sentence(figures)}".strip()


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


def difference_plot(table: pd.DataFrame, other: str) -> Plot:
    """Both models' scores with their intervals, and the differences, coloured by what they show."""
    rows = table.rename(index=directed)
    scores, (left,) = plots.figure(PANEL, HEIGHT)
    for key, shift, colour, title in (
        ("base", -0.15, plots.BASE_COLOUR, "base"),
        ("other", 0.15, plots.OTHER_COLOUR, other),
    ):
        _intervals(left, rows, key, shift, colour, title)
    plots.legend_above(left)
    differences, (right,) = plots.figure(PANEL, HEIGHT)
    judged = zip(table.to_dict("records"), table.index, strict=True)
    results = np.array([result(row, MORE_IS_BETTER[title]) for row, title in judged])
    for title, colour in RESULT_COLOURS.items():
        _intervals(right, rows[results == title].reindex(rows.index), "difference", 0.0, colour, title)
    right.xaxis.set_major_locator(MaxNLocator(4))
    right.axvline(0, color="black", linewidth=1)
    right.set_xlabel(f"{other} minus base")
    plots.legend_above(right)
    for axes in (left, right):
        axes.set_yticks(range(len(rows)), list(rows.index), fontsize=9)
        axes.set_ylim(len(rows) - 0.5, -0.5)
    caption = f"Each score with its 95 % interval, and the differences; at the line there is none. {DIRECTIONS}"
    return Plot("differences", caption, [plots.svg(scores), plots.svg(differences)])


def _intervals(axes: Axes, rows: pd.DataFrame, key: str, shift: float, colour: str, title: str) -> None:
    """A dot with its interval for each row; none where the value is not known."""
    places = np.arange(len(rows)) + shift
    axes.hlines(places, rows[f"{key}_low"], rows[f"{key}_high"], color=colour)
    axes.plot(rows[key], places, "o", markersize=5, color=colour, label=title)
