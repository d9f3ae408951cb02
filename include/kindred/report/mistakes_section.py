"""Where each model is wrong: which classes it confuses, and the wrong predictions of the highest confidence."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from sklearn.metrics import confusion_matrix

from kindred.report import heatmaps, plots
from kindred.report.blocks import Block, Plot, Section, Sheet, Table, Text, Tile
from kindred.report.pictures import Pictures
from kindred.report.scored_images import NOT_TESTED, ScoredImages
from kindred.runtime import label_sets

MAX_CLASSES = 30  # of a heatmap
MAX_PAIRS = 15
MAX_TILES = 24
MAX_NAMES = 10  # classes that a sentence names


def section(test: ScoredImages, pictures: Pictures, several: Mapping[str, str]) -> Section:
    """From the scored test images, and pictures of those in `pictured`. `several`: the images that show several of the
    classes, with which, though they are labelled as the first.
    """
    if not len(test.labels):
        return Section("mistakes", "Mistakes", NOT_TESTED)
    counts = {model: confusion(test, model) for model in test.models}
    pairs = confused_pairs(test, counts)
    drawn = most_confused(counts)
    names = [test.classes[i] for i in drawn]
    blocks: list[Block] = []
    if len(drawn) < len(test.classes):
        text = f"Of {len(test.classes)} classes the {len(drawn)} that are most often confused are shown."
        blocks.append(Text(text))
    absent = [name for i, name in enumerate(test.classes) if not (test.labels == i).any()]
    if absent:
        blocks.append(Text(f"No test image is of {_listed(absent)}: the models are not tested on these classes."))
    for name, normalised in (("confusion-counts", False), ("confusion-rows", True)):
        blocks.append(_heatmaps(name, {m: c[np.ix_(drawn, drawn)] for m, c in counts.items()}, names, normalised))
    if len(pairs):
        blocks += [
            _pair_plot(pairs, list(test.models)),
            Table("pairs", "The most frequent confusions, by model.", pairs),
        ]
    blocks.append(_distribution_plot(test, drawn))
    wrong, arguable = confident_mistakes(test, several)
    if wrong:
        caption = f"The wrong predictions of {test.final} with the highest confidence, and what each model predicts."
        tiles = [_tile(test, i, pictures) for i in wrong]
        blocks.append(Sheet("surest", caption, tiles, ("truth", *test.models)))
    if arguable:
        blocks.append(Text(_arguable_in_words(test, several)))
        caption = "Wrong predictions on images that show several of the classes, those of the highest confidence."
        tiles = [_tile(test, i, pictures, several) for i in arguable]
        blocks.append(Sheet("several", caption, tiles, ("shows", "truth", *test.models)))
    return Section("mistakes", "Mistakes", headline(test, pairs), blocks)


def pictured(test: ScoredImages, several: Mapping[str, str]) -> list[str]:
    """The ids of the images that are shown."""
    return [str(test.ids[i]) for rows in confident_mistakes(test, several) for i in rows]


def headline(test: ScoredImages, pairs: pd.DataFrame) -> str:
    """How many mistakes, and which is the most frequent."""
    wrong = {model: int((~test.correct(model)).sum()) for model in test.models}
    counts = ", ".join(f"{model} {count:,}" for model, count in wrong.items())
    text = f"Wrong predictions on {len(test.labels):,} test images: {counts}."
    if len(pairs):
        first = pairs.iloc[0]
        text += f" The most frequent confusion: {first['truth']} predicted as {first['predicted']}."
    return text


def confusion(test: ScoredImages, model: str) -> np.ndarray:
    """Counts [classes, classes]: rows are the truth, columns the predictions."""
    return confusion_matrix(test.labels, test.predictions(model), labels=np.arange(len(test.classes)))


def most_confused(counts: Mapping[str, np.ndarray]) -> np.ndarray:
    """The classes, at most MAX_CLASSES and in their order, that are in the most confusions of all models."""
    off = _off_diagonal(counts)
    return np.sort(np.argsort(-(off.sum(axis=0) + off.sum(axis=1)), kind="stable")[:MAX_CLASSES])


def confused_pairs(test: ScoredImages, counts: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """The MAX_PAIRS pairs of classes most often confused: truth, predicted, and a count for each model, most frequent
    first.
    """
    off = _off_diagonal(counts)
    first = np.argsort(-off, axis=None, kind="stable")[:MAX_PAIRS]
    truth, predicted = np.unravel_index(first[off.ravel()[first] > 0], off.shape)
    names = np.array(test.classes, dtype=object)
    by_model = {model: of_model[truth, predicted] for model, of_model in counts.items()}
    return pd.DataFrame({"truth": names[truth], "predicted": names[predicted], **by_model})


def confident_mistakes(test: ScoredImages, several: Mapping[str, str]) -> tuple[list[int], list[int]]:
    """The rows of the final model's mistakes, those of the highest confidence first, at most MAX_TILES: on images of
    one class, and on those that show several.
    """
    wrong = np.flatnonzero(~test.correct(test.final))
    confidence = test.models[test.final][wrong].max(axis=1)
    ordered = wrong[np.argsort(-confidence, kind="stable")].tolist()
    parts = [[i for i in ordered if (test.ids[i] in several) == arguable] for arguable in (False, True)]
    return parts[0][:MAX_TILES], parts[1][:MAX_TILES]


def _off_diagonal(counts: Mapping[str, np.ndarray]) -> np.ndarray:
    """The confusions of all models together, without the correct predictions."""
    total = np.sum(list(counts.values()), axis=0)
    return total - np.diag(np.diag(total))


def _arguable_in_words(test: ScoredImages, several: Mapping[str, str]) -> str:
    """How many mistakes are on images of several classes, and the accuracy with and without these images."""
    right, shows = test.correct(test.final), np.isin(test.ids, list(several))
    others = f", {right[~shows].mean():.1%} without them" if not shows.all() else ""
    return (
        f"{(~right & shows).sum():,} of {(~right).sum():,} wrong predictions of {test.final} are on images that show "
        f"several of the classes and are labelled as the first: the label is at fault there. Accuracy "
        f"{right.mean():.1%}{others}."
    )


def _tile(test: ScoredImages, i: int, pictures: Pictures, several: Mapping[str, str] | None = None) -> Tile:
    lines = [f"shows: {', '.join(label_sets.split(several[test.ids[i]]))}"] if several else []
    lines.append(f"truth: {test.classes[test.labels[i]]}")
    for model, probabilities in test.models.items():
        lines.append(f"{model}: {test.classes[probabilities[i].argmax()]} {probabilities[i].max():.2f}")
    return pictures.tile(test.ids[i], lines)


def _listed(names: list[str]) -> str:
    text = ", ".join(names[:MAX_NAMES])
    return text if len(names) <= MAX_NAMES else f"{text} and {len(names) - MAX_NAMES} other classes"


def _heatmaps(name: str, counts: Mapping[str, np.ndarray], classes: list[str], normalised: bool) -> Plot:
    caption = (
        "Confusions as a share of each true class: a row adds up to 100 %."
        if normalised
        else "Confusions, counted: rows are the truth, columns the predictions; on the diagonal they are correct."
    )
    panels = heatmaps.panels(counts, classes, "truth", "predicted", normalised)
    return Plot(name, f"{caption} {heatmaps.CAPTION}", panels)


def _pair_plot(pairs: pd.DataFrame, models: list[str]) -> Plot:
    columns = (map(plots.short_name, pairs[name]) for name in ("truth", "predicted"))
    names = [f"{truth} → {predicted}" for truth, predicted in zip(*columns, strict=True)]
    figure, (axes,) = plots.figure(plots.PANEL, 1 + 0.26 * len(pairs))
    plots.grouped_bars(axes, pairs[models].set_axis(names), plots.model_colours(models))
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set(xlabel="test images")
    plots.legend_above(axes)
    return Plot("pairs", "The most frequent confusions: truth → prediction.", [plots.svg(figure)])


def _distribution_plot(test: ScoredImages, drawn: np.ndarray) -> Plot:
    """How many test images are of each class, and for how many each model predicts it."""
    labels = {"truth": test.labels, **{model: test.predictions(model) for model in test.models}}
    counts = {of: np.bincount(values, minlength=len(test.classes))[drawn] for of, values in labels.items()}
    palette = {"truth": plots.TRUTH_COLOUR, **plots.model_colours(list(test.models))}
    figure, (axes,) = plots.figure(plots.PANEL, 0.9 + 0.3 * len(drawn))
    plots.grouped_bars(axes, pd.DataFrame(counts, index=[test.classes[i] for i in drawn]), palette)
    axes.set(xlabel="test images")
    plots.legend_above(axes)
    caption = "True labels beside predicted ones: which classes are predicted too often."
    return Plot("distribution", caption, [plots.svg(figure)])
