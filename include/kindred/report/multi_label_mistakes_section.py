"""Which classes each model misses, and which it invents, where images have several labels."""

import numpy as np
import pandas as pd

from kindred.report import heatmaps, plots
from kindred.report.blocks import Block, Plot, Section, Sheet, Table, Text, Tile, counted
from kindred.report.mistakes_section import MAX_CLASSES, MAX_PAIRS, MAX_TILES, most_confused
from kindred.report.pictures import Pictures
from kindred.report.scored_images import NOT_TESTED
from kindred.report.scored_sets import ScoredSets


def section(test: ScoredSets, pictures: Pictures) -> Section:
    """From the scored test images, and pictures of those in `pictured(test)`."""
    if not len(test.ids):
        return Section("mistakes", "Mistakes", NOT_TESTED)
    table = by_class(test)
    caption = "On how many test images each class is present and missed, and on how many it is absent and invented."
    blocks: list[Block] = [_class_plot(table, test), Table("classes", caption, table.reset_index())]
    if len(test.classes) > 1:
        blocks += _together(test)
    for name, pairs, caption in (
        ("missed", surest_missed(test), f"Classes that {test.final} misses, the least probable of them first."),
        ("invented", surest_invented(test), f"Classes that {test.final} invents, the most probable of them first."),
    ):
        if pairs:
            tiles = [_tile(test, name, *pair, pictures) for pair in pairs]
            blocks.append(Sheet(name, caption, tiles, (name, "truth", test.final)))
    return Section("mistakes", "Mistakes", headline(test, table), blocks)


def headline(test: ScoredSets, table: pd.DataFrame) -> str:
    """How many classes are missed and invented, of how many that are known, and which most often."""
    known = int(test.labels.known.sum())
    present, absent = int(table["present"].sum()), int(table["absent"].sum())
    missed, invented = (
        ", ".join(f"{model} {table[f'{kind} {model}'].sum():,}" for model in test.models)
        for kind in ("missed", "invented")
    )
    text = (
        f"Of {counted(known, 'known pair')} of a test image and a class {present:,} are present; of these are missed: "
        f"{missed}. {absent:,} are absent; of these are invented: {invented}."
    )
    worst = table[[f"missed {test.final}", f"invented {test.final}"]].sum(axis=1)
    return f"{text} Most mistakes of {test.final}: {worst.idxmax()}." if worst.any() else text


def by_class(test: ScoredSets) -> pd.DataFrame:
    """For each class on how many images it is present and absent, and how many of these each model misses and
    invents.
    """
    present = (test.labels.present & test.labels.known).sum(axis=0)
    columns = {"present": present}
    columns |= {f"missed {model}": test.missed(model).sum(axis=0) for model in test.models}
    columns["absent"] = test.labels.known.sum(axis=0) - present
    columns |= {f"invented {model}": test.invented(model).sum(axis=0) for model in test.models}
    return pd.DataFrame(columns, index=pd.Index(test.classes, name="class"))


def instead(test: ScoredSets, model: str) -> np.ndarray:
    """On how many images a class (row) is missed and another one (column) is invented, [k, k]."""
    return np.asarray(test.missed(model).T.astype(int) @ test.invented(model).astype(int))


def surest_missed(test: ScoredSets) -> list[tuple[int, int]]:
    """The numbers of image and class that final misses, the least probable first; an image once, at most MAX_TILES."""
    return _first(test, test.missed(test.final), test.models[test.final])


def surest_invented(test: ScoredSets) -> list[tuple[int, int]]:
    """The same of those that final invents, the most probable first."""
    return _first(test, test.invented(test.final), -test.models[test.final])


def pictured(test: ScoredSets) -> list[str]:
    """The ids of the images that are shown."""
    return [test.ids[image] for image, _ in (*surest_missed(test), *surest_invented(test))]


def _first(test: ScoredSets, mistakes: np.ndarray, values: np.ndarray) -> list[tuple[int, int]]:
    """The pairs that are mistakes [n, k] by their values [n, k], the smallest first."""
    images, classes = np.nonzero(mistakes)
    order = np.argsort(values[images, classes], kind="stable")
    first: dict[int, int] = {}
    for image, number in zip(images[order].tolist(), classes[order].tolist(), strict=True):
        first.setdefault(image, number)
        if len(first) == MAX_TILES:
            break
    return list(first.items())


def _class_plot(table: pd.DataFrame, test: ScoredSets) -> Plot:
    mistakes = table[[f"{kind} {model}" for kind in ("missed", "invented") for model in test.models]]
    drawn = sorted(mistakes.sum(axis=1).nlargest(MAX_CLASSES).index)
    panels = []
    for kind, of in (("missed", "present"), ("invented", "absent")):
        values = pd.DataFrame({model: table.loc[drawn, f"{kind} {model}"] for model in test.models})
        figure, (axes,) = plots.figure(plots.PANEL, max(1.8, 0.9 + 0.3 * len(drawn)))
        plots.grouped_bars(axes, values, plots.model_colours(list(test.models)))
        axes.set(xlabel=f"test images on which the class is {of} and {kind}")
        plots.legend_above(axes)
        panels.append(plots.svg(figure))
    part = f" The {MAX_CLASSES} classes of most mistakes." if len(table) > len(drawn) else ""
    return Plot("classes", f"How often each class is missed, and how often it is invented.{part}", panels)


def _together(test: ScoredSets) -> list[Block]:
    """Which class is invented where another is missed."""
    counts = {model: instead(test, model) for model in test.models}
    if not any(matrix.any() for matrix in counts.values()):
        return [Text("On no test image a class is missed and another one invented.")]
    drawn = most_confused(counts)
    names = [test.classes[i] for i in drawn]
    panels = heatmaps.panels(
        {model: matrix[np.ix_(drawn, drawn)] for model, matrix in counts.items()}, names, "missed", "invented"
    )
    part = f" The {len(drawn)} classes of most such images." if len(drawn) < len(test.classes) else ""
    caption = (
        "One class instead of another: on how many test images the class of the row is missed and that of the column "
        f"is invented.{part} {heatmaps.CAPTION}"
    )
    total = np.sum(list(counts.values()), axis=0)
    first = np.argsort(-total, axis=None, kind="stable")[:MAX_PAIRS]
    missed, invented = np.unravel_index(first[total.ravel()[first] > 0], total.shape)
    all_names = np.array(test.classes, dtype=object)
    by_model = {model: matrix[missed, invented] for model, matrix in counts.items()}
    pairs = pd.DataFrame({"missed": all_names[missed], "invented": all_names[invented], **by_model})
    table = Table("pairs", "The pairs of a missed and an invented class on most test images, by model.", pairs)
    return [Plot("instead", caption, panels), table]


def _tile(test: ScoredSets, kind: str, image: int, number: int, pictures: Pictures) -> Tile:
    probability = test.models[test.final][image, number]
    known, present = test.labels.known[image], test.labels.present[image]
    lines = [
        f"{kind}: {test.classes[number]} {probability:.2f}",
        f"truth: {_listed(test, known & present)}{'' if known.all() else f' (not known: {_listed(test, ~known)})'}",
        f"{test.final}: {_listed(test, test.chosen(test.final)[image])}",
    ]
    return pictures.tile(test.ids[image], lines)


def _listed(test: ScoredSets, of: np.ndarray) -> str:
    """The names of some classes, bool [k]."""
    return ", ".join(test.classes[i] for i in np.flatnonzero(of)) or "none"
