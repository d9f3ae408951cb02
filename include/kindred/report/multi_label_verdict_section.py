"""Is final better than base where images have several labels, and by how much: the first section of the page."""

import pandas as pd

from kindred.report import pseudo_label_precision, verdict_section
from kindred.report.blocks import Block, Section, Table, Text
from kindred.report.score_table import (
    DIRECTIONS,
    NO_DIFFERENCE,
    SET_TITLES,
    directed,
    points,
    result,
    score_table,
    score_texts,
)
from kindred.report.scored_images import NOT_TESTED

HEADLINE = {"mean_average_precision": "mAP", "micro_f1": "micro F1"}  # the scores that the verdict goes by
CROSS_VALIDATED = ("mean_average_precision", "micro_f1", "log_loss")
MEANINGS = (
    "All scores are over pairs of image and class that are known. mAP and macro F1 are means over the classes, micro "
    "F1 is over all pairs, Hamming loss the share of pairs that are wrong. Subset accuracy (the whole set is right), "
    "LRAP (how far in front an image's own classes are) and one-error (the most probable class is absent) are over "
    "images that have one of the classes and of which all are known."
)


def section(figures: dict[str, float], reason: str) -> Section:
    """From the figures of all stages, and the gate's reason."""
    texts: list[Block] = [Text(text) for text in (gate_sentence(figures, reason), pseudo_label_sentence(figures))]
    if "base/test/images" not in figures:
        return _untested(figures, texts)
    compared = bool(figures["pseudo/count"])
    other = "final" if figures["gate/accepted"] else "refused candidate"
    table = score_table(figures, SET_TITLES)
    plot: list[Block] = [verdict_section.difference_plot(table, other)] if compared else []
    caption = (
        f"Scores on the test images. 95 % intervals: bias-corrected bootstrap over the "
        f"{figures['base/test/images']:,.0f} test images. {MEANINGS} {DIRECTIONS}"
    )
    rows = table.rename_axis("score").reset_index()
    scores = Table("scores", caption, rows, score_texts(table, other, compared), open=True)
    blocks = [*texts, *plot, scores, count_table(figures)]
    return Section("verdict", "Verdict", headline(figures), blocks)


def headline(figures: dict[str, float]) -> str:
    """The verdict in a sentence: final is better (or worse) where the interval of one of the scores of HEADLINE lies
    above (below) 0 and that of none on the other side.
    """
    on_test = f"on {figures['base/test/images']:,.0f} test images"
    names = {name: title for name, title in HEADLINE.items() if f"base/test/{name}" in figures}
    if not figures["pseudo/count"]:
        values = ", ".join(f"{title} {figures[f'base/test/{name}']:.1%}" for name, title in names.items())
        return f"Final is base: there is no pseudo-label, so no second model. On the test images: {values}."
    parts, results = [], set()
    for name, title in names.items():
        base, other = (figures[f"{model}/test/{name}"] for model in ("base", "candidate"))
        low, high = (figures[f"candidate/test/{name}_difference_{end}"] for end in ("low", "high"))
        results.add(result({"difference": other - base, "difference_low": low, "difference_high": high}, True))
        by = f"{points(other - base)} points (95 % interval {points(low)} to {points(high)})"
        parts.append(f"{title} {other:.1%} instead of {base:.1%}, {by}")
    text = "; ".join(parts)
    if not figures["gate/accepted"]:
        return f"Final is base: the gate refused the model trained with pseudo-labels, which has {on_test} {text}."
    if {"better", "worse"} <= results:
        return f"Final is better in one score and worse in the other {on_test}: {text}."
    shown = next((one for one in ("better", "worse") if one in results), NO_DIFFERENCE)
    if shown == NO_DIFFERENCE:
        return f"No difference between final and base is shown {on_test}: {text}."
    return f"Final is {shown} than base {on_test}: {text}."


def gate_sentence(figures: dict[str, float], reason: str) -> str:
    """What the gate decided, and on what."""
    decision = "accepted" if figures["gate/accepted"] else "refused"
    if not figures["pseudo/count"]:
        return f"Gate: {reason}."
    if "gate/difference" not in figures:
        return f"Gate: {decision}, {reason}."
    gain, low, high = (points(figures[f"gate/{name}"]) for name in ("difference", "low", "high"))
    return (
        f"Gate: {decision}, {reason}. On given images that neither model learned from: known classes said rightly "
        f"{gain} points (95 % bootstrap interval {low} to {high}), log loss {figures['gate/log_loss_difference']:+.3f}."
    )


def pseudo_label_sentence(figures: dict[str, float]) -> str:
    """How many pseudo-labels there are, present and absent ones, of how many images, and how many are right."""
    if not figures["pseudo/unlabelled"]:
        return "There was no unlabelled image."
    unlabelled = f"{figures['pseudo/unlabelled']:,.0f} unlabelled images"
    if not figures["pseudo/count"]:
        return f"None of {unlabelled} got a pseudo-label: no quota lowers the log loss out of fold."
    pairs, positives = figures["pseudo/pairs"], figures["pseudo/positives"]
    text = (
        f"{pairs:,.0f} pseudo-labels of {figures['pseudo/count']:,.0f} of {unlabelled}: {positives:,.0f} say that a "
        f"class is present, {pairs - positives:,.0f} that it is absent. Of each class the surest "
        f"{figures['pseudo/quota']:.0%} were taken."
    )
    text += f" {pseudo_label_precision.sentence(figures)}".rstrip()
    if "pseudo/positive_precision" in figures:
        text += f" Of those that say present {figures['pseudo/positive_precision']:.1%} are right."
    return text


def count_table(figures: dict[str, float]) -> Table:
    """How many images there were, and what became of them."""
    counts = {
        **{title: figures[f"ingest/{name}"] for name, title in verdict_section.COUNTS.items()},
        "given (with all that is known of them)": figures["choose_labels/labels"],
        "unlabelled": figures["pseudo/unlabelled"],
        "pseudo-labelled (in one class or more)": figures["pseudo/count"],
    }
    rows = pd.DataFrame({"images": list(counts), "count": [int(value) for value in counts.values()]})
    return Table("counts", "How many images there were, and what became of them.", rows, open=True)


def _untested(figures: dict[str, float], texts: list[Block]) -> Section:
    """The section where no class is known of any test image: both models by cross-validation."""
    other = "final" if figures["gate/accepted"] else "refused candidate"
    models = {"base": "base"} | ({"candidate": other} if figures["pseudo/count"] else {})
    rows = pd.DataFrame({"score": [directed(SET_TITLES[name][0]) for name in CROSS_VALIDATED]})
    for model, title in models.items():
        rows[title] = [
            "{:.4f} ± {:.4f}".format(*(figures[f"{model}/cv/{name}_{part}"] for part in ("mean", "std")))
            for name in CROSS_VALIDATED
        ]
    caption = f"Mean and standard deviation over {figures['base/cv/folds']:.0f} folds of the given images."
    by_model = " and ".join(
        f"{title} {figures[f'{model}/cv/mean_average_precision_mean']:.1%}" for model, title in models.items()
    )
    blocks = [*texts, Table("scores", caption, rows, open=True), count_table(figures)]
    return Section("verdict", "Verdict", f"{NOT_TESTED} mAP by cross-validation: {by_model}.", blocks)
