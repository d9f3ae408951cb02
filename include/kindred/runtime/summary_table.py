"""A run's figures as a table for a person: base against final or step by step, and what became of the images."""

from typing import Any

from kindred.runtime import label_budget
from kindred.runtime.stages import MATCHING_STEPS

SCORES = {  # the lines of the table: which figure each shows of a model, and what it means
    "test accuracy": ("test/accuracy", ""),
    "test F1": ("test/f1", "mean over the classes"),
    "test MCC": ("test/mcc", "1: all right, 0: as by chance"),
    "test log loss": ("test/log_loss", "lower is better"),
    "test ROC AUC": ("test/roc_auc", "mean over the classes"),
    "cv accuracy": ("cv/accuracy_mean", "cross-validation on the given labels"),
}
SET_SCORES = {  # the same of images with several labels
    "test mAP": ("test/mean_average_precision", "mean over the classes"),
    "test micro F1": ("test/micro_f1", "over all pairs of image and class that are known"),
    "test macro F1": ("test/macro_f1", "mean over the classes"),
    "test subset accuracy": ("test/subset_accuracy", "images whose whole set is right"),
    "test LRAP": ("test/ranking_average_precision", "how far in front an image's own classes are"),
    "test Hamming loss": ("test/hamming_loss", "share of the pairs that are wrong"),
    "test one-error": ("test/one_error", "images that do not have their most probable class"),
    "test log loss": SCORES["test log loss"],
    "cv mAP": ("cv/mean_average_precision_mean", "cross-validation on the given labels"),
    "cv micro F1": ("cv/micro_f1_mean", ""),
}
TESTED = "base/test/images"
COUNTS = {  # a count of images, and what it means
    "given labels": ("choose_labels/labels", ""),
    "unlabelled": ("pseudo/unlabelled", "images without a given label: they learn by pseudo-labels"),
    "pseudo-labelled": ("pseudo/count", "unlabelled images whose pseudo-label was accepted"),
}
MATCHES = {  # scores of matches, and what they mean
    "top-1 accuracy": ("top_1_accuracy", "the first match has the query's label"),
    "top-3 accuracy": ("top_3_accuracy", "one of the first three has"),
    "top-10 accuracy": ("top_10_accuracy", "one of the first ten has"),
    "mean average precision": ("mean_average_precision", "how early all images of the label come"),
}
LEFT_OUT = {  # shown where there are any
    "rejected": ("ingest/rejected", "files that could not be used; the report names them"),
    "leaked": ("ingest/leaked", "copies of test images among the others"),
    "repeated": ("ingest/repeated", "repeats of another image"),
    "out of distribution": ("pseudo/novel", "unlike all images with a given label: no pseudo-label"),
}


def table(figures: dict[str, float], params: dict[str, Any] | None = None) -> str:
    """Base against final, what made final, and what became of the images, as lines for a console; `params` are those of
    the run, as far as they are known.

    >>> print(table({"base/test/accuracy": 0.5, "final/test/accuracy": 0.75, "base/test/images": 90}))
                                  base     final  difference
    test accuracy               0.5000    0.7500     +0.2500   share of 90 test images
    <BLANKLINE>
    >>> print(table({"pseudo/unlabelled": 0, "pseudo/count": 0}))
    <BLANKLINE>
    unlabelled                       0   all have their label: there is nothing to pseudo-label
    """
    scores = [*_scores(figures), *_gate(figures), *_matches(figures)]
    return "\n".join([*scores, "", *_counts(figures, params or {})])


def _refused(figures: dict[str, float]) -> bool:
    """Whether there were pseudo-labels, and the gate refused the model that they made."""
    return bool(figures.get("pseudo/count")) and figures.get("gate/accepted") == 0


def _of_sets(figures: dict[str, float]) -> bool:
    """Whether an image may have several labels."""
    return "base/test/micro_f1" in figures or "base/cv/micro_f1_mean" in figures


def _scores(figures: dict[str, float]) -> list[str]:
    models = ["base", "final", *(["candidate"] if _refused(figures) else [])]
    lines = []
    of_sets = _of_sets(figures)
    if "base/test/accuracy" in figures or (of_sets and TESTED in figures):
        heading = f"{'':24}{'base':>10}{'final':>10}{'difference':>12}"
        lines.append(heading + (f"{'refused':>10}" if _refused(figures) else ""))
    for title, (name, meaning) in (SET_SCORES if of_sets else SCORES).items():
        values = [figures[f"{model}/{name}"] for model in models if f"{model}/{name}" in figures]
        if len(values) == len(models):
            base, final, *candidate = values
            text = f"{title:24}{base:>10.4f}{final:>10.4f}{final - base:>+12.4f}"
            text += "".join(f"{value:>10.4f}" for value in candidate)
            if name == "test/accuracy" and TESTED in figures:
                meaning = f"share of {figures[TESTED]:,.0f} test images"
            elif name == "test/mean_average_precision":
                meaning = f"{meaning}, {figures[TESTED]:,.0f} test images"
            if of_sets and f"final/{name}_difference_low" in figures:
                low, high = (figures[f"final/{name}_difference_{end}"] for end in ("low", "high"))
                text += f" ({low:+.4f} to {high:+.4f})"
            lines.append(_explained(text, meaning))
    return lines


def _matches(figures: dict[str, float]) -> list[str]:
    """The scores of matches after each step."""
    lines = []
    for title, (name, meaning) in MATCHES.items():
        values = [figures.get(f"matching/{step}/{name}") for step in MATCHING_STEPS]
        if None not in values:
            lines.append(_explained(f"{title:24}{''.join(f'{value:>10.4f}' for value in values)}", meaning))
    if not lines:
        return []
    counts = [figures[f"matching/{MATCHING_STEPS[-1]}/{name}"] for name in ("queries", "groups")]
    of = f"{counts[0]:,.0f} queries of {counts[1]:,.0f} labels; intervals are in the report"
    return [_explained(f"{'':24}{''.join(f'{step:>10}' for step in MATCHING_STEPS)}", of), *lines]


def _gate(figures: dict[str, float]) -> list[str]:
    """What final is, and why."""
    if "gate/accepted" not in figures:
        return []
    count = figures.get("pseudo/count", 0)
    pairs = f"{figures['pseudo/pairs']:,.0f} pseudo-labels of {count:,.0f} images" if "pseudo/pairs" in figures else ""
    base = f"{'base':24}learned from the given labels"
    if not count:
        return ["", base, f"{'final':24}is base: there is no pseudo-label to learn from"]
    refused = _refused(figures)
    gain = "no given label could be held out to test them"
    if "gate/difference" in figures:
        low, high = figures["gate/low"], figures["gate/high"]
        of = "out-of-fold share of known classes said rightly" if pairs else "out-of-fold accuracy"
        gain = f"{of} {figures['gate/difference']:+.4f} ({low:+.4f} to {high:+.4f})"
    final = "is base: the gate refused what" if refused else "learned"
    return [
        "",
        base,
        f"{'final':24}{final}{' learned' if refused else ''} from these and {pairs or f'{count:,.0f} pseudo-labels'}",
        f"{'gate':24}pseudo-labels {'refused' if refused else 'accepted'}: {gain}",
    ]


def _counts(figures: dict[str, float], params: dict[str, Any]) -> list[str]:
    meanings = {
        "given labels": _budget(params),
        **({"unlabelled": "all have their label: there is nothing to pseudo-label"} if _all_given(figures) else {}),
    }
    shown = {title: value for title, value in COUNTS.items() if title != "pseudo-labelled" or not _all_given(figures)}
    shown |= {title: value for title, value in LEFT_OUT.items() if figures.get(value[0])}
    lines = [
        _explained(f"{title:24}{figures[name]:>10,.0f}", meanings.get(title, meaning))
        for title, (name, meaning) in shown.items()
        if name in figures
    ]
    return lines + _right(figures)


def _all_given(figures: dict[str, float]) -> bool:
    """Whether every image that is learned from has a given label."""
    return figures.get("pseudo/unlabelled") == 0


def _budget(params: dict[str, Any]) -> str:
    """How the given labels were chosen, by the params; empty where these do not say."""
    if not {"dataset", "labels_per_class", "labels", "label_choice"} <= params.keys():
        return ""
    budget = label_budget.of_params(params)
    if not (budget.per_class or budget.total):
        return "all labels of training images that are known"
    drawn = params["label_choice"] == label_budget.RANDOM
    how = "at random" if drawn else "of the images nearest to cluster centres"
    return f"{budget.per_class:,} per class, {how}" if budget.per_class else f"in all, {how}"


def _right(figures: dict[str, float]) -> list[str]:
    """The share of pseudo-labels that are right: counted where truth is known, estimated where it is not, of all."""
    shares = []
    if "pseudo/precision" in figures:
        shares.append((figures["pseudo/precision"], f"of {figures['pseudo/known']:,.0f} whose truth is known"))
    if "pseudo/positive_precision" in figures:
        shares.append((figures["pseudo/positive_precision"], "of those among them that say present"))
    all_known = shares and figures["pseudo/known"] >= figures.get("pseudo/count", 0)
    if "pseudo/estimated_precision" in figures and not all_known:
        low, high = (figures[f"pseudo/estimated_precision_{end}"] for end in ("low", "high"))
        shares.append((figures["pseudo/estimated_precision"], f"by estimate ({low:.1%} to {high:.1%})"))
    return [_explained(f"{'pseudo-labels right':24}{value:>10.1%}", meaning) for value, meaning in shares]


def _explained(text: str, meaning: str) -> str:
    return f"{text}   {meaning}" if meaning else text
