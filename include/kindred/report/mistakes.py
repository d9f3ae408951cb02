"""Where each model is wrong: which classes it takes for which, and the mistakes that it is most sure of."""

import numpy as np
import pandas as pd
import seaborn as sns
from sklearn.metrics import confusion_matrix

from kindred.report import plots
from kindred.report.blocks import Plot, Scored, Section, Sheet, Table, Text, Tile

MOST = 30  # classes of a heatmap
ANNOTATED = 15  # classes up to which its numbers can be read
PAIRS = 15
TILES = 24


def section(test: Scored, thumbnails: dict[str, np.ndarray]) -> Section:
    """From the scored test images, and pictures of those in `sure(test)`."""
    counts = {model: confusion(test, model) for model in test.models}
    pairs = confused_pairs(test, counts)
    shown = most_confused(counts)
    kept = [test.classes[i] for i in shown]
    blocks = []
    if len(shown) < len(test.classes):
        blocks.append(Text(f"Of {len(test.classes)} classes the {len(shown)} that are most often confused are shown."))
    absent = [name for i, name in enumerate(test.classes) if not (test.labels == i).any()]
    if absent:
        blocks.append(Text(f"No test image is of {_listed(absent)}: nothing is known of how well these are found."))
    for normalised, name in ((False, "confusion-counts"), (True, "confusion-rows")):
        blocks.append(_heatmaps(name, {m: c[np.ix_(shown, shown)] for m, c in counts.items()}, kept, normalised))
    table = Table("pairs", "The most frequent confusions, by model.", pairs)
    if len(pairs):
        blocks += [_pairs(pairs, list(test.models)), table]
    blocks.append(_distribution(test, shown))
    tiles = [_tile(test, i, thumbnails) for i in sure(test)]
    if tiles:
        said = f"The mistakes that {test.final} is most sure of, and what each model says (its probability)."
        blocks.append(Sheet("surest", said, tiles, ("truth", *test.models)))
    return Section("mistakes", "Mistakes", says(test, pairs), blocks)


def says(test: Scored, pairs: pd.DataFrame) -> str:
    """How many mistakes, and which is the most frequent."""
    wrong = {model: int((~test.right(model)).sum()) for model in test.models}
    told = ", ".join(f"{model} errs on {count:,}" for model, count in wrong.items())
    text = f"Of {len(test.labels):,} test images {told}."
    if len(pairs):
        worst = pairs.iloc[0]
        text += f" Most often {worst['truth']} is taken for {worst['predicted']}."
    return text


def confusion(test: Scored, model: str) -> np.ndarray:
    """Counts [classes, classes]: rows are the truth, columns what the model says."""
    return confusion_matrix(test.labels, test.predicted(model), labels=np.arange(len(test.classes)))


def most_confused(counts: dict[str, np.ndarray]) -> np.ndarray:
    """The classes, at most MOST and in their order, that are in the most confusions of all models."""
    total = sum(counts.values())
    off = total - np.diag(np.diag(total))
    return np.sort(np.argsort(-(off.sum(axis=0) + off.sum(axis=1)), kind="stable")[:MOST])


def confused_pairs(test: Scored, counts: dict[str, np.ndarray]) -> pd.DataFrame:
    """The PAIRS of classes most often confused: truth, predicted, and a count for each model, most frequent first."""
    total = sum(counts.values())
    off = total - np.diag(np.diag(total))
    first = np.argsort(-off, axis=None, kind="stable")[:PAIRS]
    truth, said = np.unravel_index(first[off.ravel()[first] > 0], off.shape)
    names = np.array(test.classes, dtype=object)
    return pd.DataFrame(
        {"truth": names[truth], "predicted": names[said], **{m: c[truth, said] for m, c in counts.items()}}
    )


def sure(test: Scored) -> list[int]:
    """The rows of the final model's mistakes, those it is most sure of first; at most TILES."""
    wrong = np.flatnonzero(~test.right(test.final))
    return wrong[np.argsort(-test.models[test.final][wrong].max(axis=1), kind="stable")][:TILES].tolist()


def _tile(test: Scored, i: int, thumbnails: dict[str, np.ndarray]) -> Tile:
    lines = [f"truth: {test.classes[test.labels[i]]}"]
    for model, probabilities in test.models.items():
        lines.append(f"{model}: {test.classes[probabilities[i].argmax()]} {probabilities[i].max():.2f}")
    return Tile(thumbnails[test.ids[i]], tuple(lines))


def _listed(names: list[str], most: int = 10) -> str:
    text = ", ".join(names[:most])
    return text if len(names) <= most else f"{text} and {len(names) - most} other classes"


def _heatmaps(name: str, counts: dict[str, np.ndarray], classes: list[str], normalised: bool) -> Plot:
    labels = [plots.name(c) for c in classes]
    few = len(classes) <= ANNOTATED
    size = 2.2 + 0.22 * max(len(classes), 8)
    figure, axes = plots.figure(1 + size * len(counts), size, columns=len(counts), sharey=True)
    shares = {m: c / np.maximum(c.sum(axis=1, keepdims=True), 1) for m, c in counts.items()}
    values = shares if normalised else counts
    top = max(v.max() for v in values.values()) or 1
    form = ".0%" if normalised else "d"
    for axis, (model, matrix) in zip(axes, values.items(), strict=True):
        sns.heatmap(
            *(matrix,),
            ax=axis,
            cmap="Blues",
            vmin=0,
            vmax=top,
            square=True,
            annot=few,
            fmt=form,
            linewidths=0.5,
            xticklabels=labels,
            yticklabels=labels,
            cbar=not few,
            annot_kws={"size": 7},
        )
        axis.set(title=model, xlabel="predicted", ylabel="truth" if axis is axes[0] else "")
        axis.tick_params(labelsize=8, rotation=0)
        axis.tick_params(axis="x", rotation=90)
    said = (
        "Confusions as a share of each true class: a row adds up to 100 %."
        if normalised
        else "Confusions, counted: rows are the truth, columns what the model says; on the diagonal it is right."
    )
    return Plot(name, said, plots.png(figure))


def _pairs(pairs: pd.DataFrame, models: list[str]) -> Plot:
    names = [f"{plots.name(t)} → {plots.name(p)}" for t, p in zip(pairs["truth"], pairs["predicted"], strict=True)]
    long = pairs[models].assign(pair=names).melt("pair", var_name="model", value_name="images")
    figure, (axes,) = plots.figure(8, 1 + 0.3 * len(pairs))
    sns.barplot(long, y="pair", x="images", hue="model", palette=plots.model_colours(models), ax=axes)
    axes.set(xlabel="test images", ylabel="")
    axes.legend(title=None)
    return Plot("pairs", "The most frequent confusions: truth → what the model says.", plots.png(figure))


def _distribution(test: Scored, shown: np.ndarray) -> Plot:
    """How many test images are of each class, and of how many each model says so."""
    sizes = {"truth": test.labels, **{model: test.predicted(model) for model in test.models}}
    names = [plots.name(test.classes[i]) for i in shown]
    rows = [
        {"class": names[at], "of": of, "images": int((values == i).sum())}
        for at, i in enumerate(shown)
        for of, values in sizes.items()
    ]
    palette = {"truth": "#000000", **plots.model_colours(list(test.models))}
    figure, (axes,) = plots.figure(max(6, 2 + 0.45 * len(shown)), 3.4)
    sns.barplot(pd.DataFrame(rows), x="class", y="images", hue="of", palette=palette, ax=axes)
    axes.set(xlabel="", ylabel="test images")
    axes.tick_params(axis="x", rotation=90 if len(shown) > 6 else 0)
    axes.legend(title=None, ncols=3, loc="lower center", bbox_to_anchor=(0.5, 1))
    return Plot(
        "distribution", "True labels beside predicted ones: which classes are said too often.", plots.png(figure)
    )
