"""What the clusters are: images of each, their sizes, how many there may be, and how the ways to divide compare."""

from dataclasses import dataclass
from typing import Any

import pandas as pd

from kindred.learning import cluster_naming
from kindred.learning.prototypes import BORDER, CENTRAL
from kindred.report import plots
from kindred.report.blocks import Block, Plot, Rows, Section, Table, Text, counted
from kindred.report.pictures import Pictures

PRETRAINED = (
    "A pretrained network has seen labels: those of ImageNet, from which STL-10 is drawn too. Compare its figures with "
    "other pretrained ones only; without pretraining there are pixels, hand-crafted features, and networks that learn "
    "from the images alone."
)
HOW_TO_NAME = (
    "These clusters have numbers for names. Look at each row below, then write their names into this command, which "
    "goes on with this run; the form of the pipeline takes them too."
)
# Top-1 and top-5 accuracy on ImageNet: images and hours that are not reproduced here.
PUBLISHED = pd.DataFrame(
    [
        ("supervised, 10 % of the labels", "25.4", "48.4"),
        ("pseudo-label", "", "51.6"),
        ("VAT with entropy minimisation", "", "47.0"),
        ("InstDisc", "", "39.2"),
        ("BigBiGAN", "", "55.2"),
        ("PIRL", "", "57.2"),
        ("CPC v2", "52.7", "77.9"),
        ("SimCLR", "48.3", "75.5"),
        ("SCAN, without labels", "39.9", "60.0"),
    ],
    columns=["method", "top-1, %", "top-5, %"],
)
SCORES = {  # of a method, by figure: titles
    "accuracy": "accuracy",
    "nmi": "NMI",
    "ari": "ARI",
    "top_5": "top-5",
    "learned/accuracy": "accuracy, learned from",
    "modularity": "modularity",
    "criterion": "criterion of the choice",
}


@dataclass(frozen=True)
class Clusters:
    """Of a run without labels: `names` of the chosen clusters in their order, its `clustering` (clusterer and number of
    the try), `k` as given (None: as advised); the facts of advise_k; the `sizes` of the clusters; the tables prototypes
    and advice;
    `composition`, how many images of each known class (rows) are in each cluster (columns), may be empty.
    """

    names: list[str]
    clustering: str
    k: int | None
    advised: dict[str, Any]
    sizes: list[int]
    prototypes: pd.DataFrame
    advice: pd.DataFrame
    composition: pd.DataFrame
    command: str | None  # that names the clusters; None where all have names

    def titles(self) -> list[str]:
        """Each cluster's number, from 1, and its name where it has one."""
        numbers = cluster_naming.numbered(len(self.names))
        return [
            name if name == number else f"{place}: {name}"
            for place, (name, number) in enumerate(zip(self.names, numbers, strict=True), 1)
        ]


def section(clusters: Clusters, figures: dict[str, float], pictures: Pictures) -> Section:
    """From the clusters, the figures of the run, and pictures of the `prototypes`."""
    blocks: list[Block] = []
    if clusters.command:
        blocks += [Text(HOW_TO_NAME, strong=True), Text(clusters.command)]
    blocks += [_rows(clusters, pictures, CENTRAL), _rows(clusters, pictures, BORDER), _size_plot(clusters)]
    sizes = pd.DataFrame({"cluster": clusters.titles(), "images": clusters.sizes})
    blocks.append(Table("sizes", "Images of each cluster, of those that it was made from.", sizes))
    if not clusters.composition.empty:
        caption = "Known classes (rows) by cluster (columns). The clusters were made and chosen without them."
        rows = clusters.composition.rename_axis("class").reset_index()
        blocks.append(Table("classes", caption, rows, rows.astype(str), open=len(clusters.names) <= 12))
    blocks += _number(clusters)
    methods = method_table(figures)
    caption = (
        "Ways to divide, on test images (accuracy, NMI, ARI, top-5) and on those that they learned from: mean over "
    )
    caption += "the tries, ± standard deviation. Accuracy: each cluster stands for one class, matched to be right most "
    caption += "often; clusters that are left over count as wrong. The choice sees the last column alone."
    blocks.append(Table("methods", caption, methods, methods.fillna("").astype(str), open=True))
    if "named/accuracy" in figures:
        blocks.append(Text(_named(figures)))
    blocks.append(Text(PRETRAINED))
    caption = "Published on ImageNet with 1 % of the labels, or none (a course's table); not reproduced here."
    blocks.append(Table("published", caption, PUBLISHED))
    return Section("clusters", "Clusters", headline(clusters, figures), blocks)


def headline(clusters: Clusters, figures: dict[str, float]) -> str:
    """How many clusters there are, and how well they agree with what is known."""
    counts = clusters.sizes
    text = f"{counted(len(counts), 'cluster')} by {clusters.clustering.rsplit('-', 1)[0]}, of {min(counts):,} to "
    text += f"{counted(max(counts), 'image')}."
    for where, key in (("test images", "accuracy"), ("the images that they were made from", "learned/accuracy")):
        if (accuracy := figures.get(f"clusters/chosen/{key}")) is not None:
            nmi = figures[f"clusters/chosen/{key.replace('accuracy', 'nmi')}"]
            return f"{text} Matched with the known classes, {accuracy:.1%} of {where} are right (NMI {nmi:.3f})."
    return f"{text} No class is known to compare them with."


def pictured(clusters: Clusters) -> list[str]:
    """The ids of the images that are shown."""
    return list(dict.fromkeys(clusters.prototypes["image_id"]))


def method_table(figures: dict[str, float]) -> pd.DataFrame:
    """A row for each clusterer: SCORES as texts, empty where they are not known."""
    names = [name.split("/") for name in figures if name.startswith("clusters/")]
    methods = sorted({name[1].rsplit("-", 1)[0] for name in names} - {"chosen"})
    rows = []
    for method in methods:
        tries = [value for name, value in figures.items() if name.startswith(f"clusters/{method}-")]
        values = {f"clusters/{method}/criterion": sum(tries) / len(tries)} if tries else {}
        rows.append(
            {
                "clusterer": method,
                **{title: _score({**figures, **values}, method, key) for key, title in SCORES.items()},
            }
        )
    return pd.DataFrame(rows, columns=["clusterer", *SCORES.values()])


def _score(figures: dict[str, float], method: str, key: str) -> str:
    value, spread = (figures.get(f"clusters/{method}/{key}{end}") for end in ("", "_std"))
    if value is None:
        return ""
    return f"{value:.4f}" if spread is None else f"{value:.4f} ± {spread:.4f}"


def _rows(clusters: Clusters, pictures: Pictures, kind: str) -> Rows:
    captions = {
        CENTRAL: "The images nearest to the centre of each cluster: what it is.",
        BORDER: "The least certain images of each cluster: where it ends.",
    }
    shown = clusters.prototypes[clusters.prototypes["kind"] == kind].sort_values(["cluster", "rank"])
    rows = [
        (title, [pictures.tile(image_id, ()) for image_id in shown["image_id"][shown["cluster"] == number]])
        for number, title in enumerate(clusters.titles())
    ]
    return Rows(kind, captions[kind], "cluster", rows)


def _size_plot(clusters: Clusters) -> Plot:
    counts = clusters.sizes
    figure, (axes,) = plots.figure(plots.PANEL, 0.9 + 0.22 * len(counts))
    axes.barh([plots.short_name(name) for name in clusters.titles()], counts, color=plots.OTHER_COLOUR)
    axes.set(xlabel="images")
    axes.set_ylim(len(counts) - 0.5, -0.5)
    return Plot("sizes", "How many images each cluster has.", [plots.svg(figure)])


def _number(clusters: Clusters) -> list[Block]:
    """How many clusters there may be: a curve for each advisor."""
    said, low, high = clusters.advised["said"], clusters.advised["low"], clusters.advised["high"]
    panels = []
    for advisor, curve in clusters.advice.groupby("advisor", sort=False):
        figure, (axes,) = plots.figure(plots.PANEL, 2.4)
        axes.axvspan(low - 0.5, high + 0.5, color=plots.GRID_COLOUR)
        axes.plot(curve["k"], curve["value"], "o-", markersize=3, color=plots.OTHER_COLOUR)
        axes.axvline(said[advisor], color=plots.BAD_COLOUR, linewidth=1)
        axes.set(xlabel="clusters", title=f"{advisor}: {said[advisor]}")
        panels.append(plots.svg(figure))
    caption = (
        "What each advisor says of each number of clusters; its own choice is the line. The band is between those "
    )
    caption += "that look at the graph of neighbours."
    between = f"{low} to {high}" if low < high else str(low)
    text = f"There may be {between} clusters by the graph of neighbours; of these {clusters.advised['k']} change least "
    text += "when images are left out. "
    text += f"The param k of this run is {clusters.k}. " if clusters.k else "So many were made. "
    text += (
        "With fewer, similar classes share a cluster; with more, classes are divided, and two clusters may be given "
    )
    text += "one name."
    return [Text(text), Plot("advice", caption, panels), Table("advice", "The curves.", clusters.advice)]


def _named(figures: dict[str, float]) -> str:
    labels, accuracy = figures["named/labels"], figures["named/accuracy"]
    return f"As a classifier, its clusters named by {counted(labels, 'label')}: accuracy {accuracy:.1%} on test images."
