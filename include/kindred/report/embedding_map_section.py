"""The feature space in two dimensions: which images lie together, and where the mistakes are."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from kindred.data import contact_sheets, images
from kindred.report import plots
from kindred.report.blocks import Cloud, Section

MAX_POINTS = 2000
MAX_PICTURES = 1000  # of the points with a picture on the page
PROJECTIONS = ("pca", "tsne")
DIRECTIONS = {"pca": "the largest variance (PCA)", "tsne": "t-SNE, where nearness counts and distance does not"}
PICTURE_PX = 32
UNKNOWN_COLOUR = "#a6a6a6"


@dataclass(frozen=True)
class MappedImages:
    """Test and unlabelled images: features [n, d], what the final model predicts for each, its truth where that is
    known, whether it is a test image, the address of its file, and a picture of some, uint8 [h, w, 3].
    """

    features: np.ndarray
    predictions: list[str]
    truth: list[str | None]
    test: list[bool]
    origins: list[str]
    pictures: Sequence[np.ndarray | None]

    def correct(self) -> list[bool | None]:
        """Whether each prediction is the truth; None where that is not known."""
        return [None if t is None else t == p for p, t in zip(self.predictions, self.truth, strict=True)]

    def coloured(self) -> list[str]:
        """The class whose colour each image has."""
        return self.predictions


@dataclass(frozen=True)
class MappedSets(MappedImages):
    """The same where predictions and truth are joined sets: `right`, whether what is known of an image is predicted
    rightly, and its most probable class.
    """

    right: list[bool | None]
    likeliest: list[str]

    def correct(self) -> list[bool | None]:
        return self.right

    def coloured(self) -> list[str]:
        return self.likeliest


def section(mapped: MappedImages, classes: Sequence[str], projection: str) -> Section:
    """From the images, all classes (for their colours), and one of PROJECTIONS."""
    title = "Embedding map"
    if len(mapped.features) < 3:
        return Section("embedding-map", title, "Fewer than three images have features: there is nothing to map.")
    points, variance = project(mapped.features, projection)
    colours = plots.class_colours(classes)
    pictures = [(i, picture) for i, picture in enumerate(mapped.pictures) if picture is not None]
    numbers = {i: number for number, (i, _) in enumerate(pictures)}
    small = [images.fit(picture, (PICTURE_PX, PICTURE_PX), 3) for _, picture in pictures]
    cloud = Cloud(
        "map",
        _caption(mapped),
        _plots(points, mapped, classes),
        points,
        [colours[name] for name in mapped.coloured()],
        mapped.correct(),
        _lines(mapped),
        mapped.origins,
        [numbers.get(i) for i in range(len(points))],
        contact_sheets.mosaic(small, gap=0) if small else None,
        PICTURE_PX,
    )
    text = f"{len(points):,} test and unlabelled images in the two directions of {DIRECTIONS[projection]}"
    text += f", which hold {variance:.0%} of the features' variance." if variance is not None else "."
    return Section("embedding-map", title, text, [cloud])


def project(features: np.ndarray, projection: str) -> tuple[np.ndarray, float | None]:
    """Points [n, 2] from 0 to 1, and the share of the variance that they hold (None where that has no meaning).

    >>> points, variance = project(np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0]]), "pca")
    >>> points[:, 0].round(3).tolist(), round(variance, 3)
    ([0.0, 0.5, 1.0], 1.0)
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    solver = "full" if min(features.shape) < 100 else "randomized"
    model = PCA(min(50, *features.shape), svd_solver=solver, random_state=0)
    reduced = model.fit_transform(features)
    variance: float | None = float(model.explained_variance_ratio_[:2].sum())
    if projection == "tsne":
        perplexity = min(30, (len(features) - 1) / 3)
        reduced, variance = TSNE(perplexity=perplexity, init="pca", random_state=0).fit_transform(reduced), None
    points = np.pad(reduced, ((0, 0), (0, 1)))[:, :2]
    low, spread = points.min(axis=0), np.ptp(points, axis=0)
    return (points - low) / np.maximum(spread, 1e-12), variance


def _caption(mapped: MappedImages) -> str:
    if isinstance(mapped, MappedSets):
        return (
            "Each point is an image: in the colour of the class that final holds for most probable, and by whether all "
            "that is known of it is predicted rightly."
        )
    return "Each point is an image: in the colour of the class that final predicts, and by whether that is correct."


def _lines(mapped: MappedImages) -> list[str]:
    lines = []
    for prediction, truth, right, test in zip(
        mapped.predictions, mapped.truth, mapped.correct(), mapped.test, strict=True
    ):
        judgement = "truth not known" if right is None else "correct" if right else f"wrong: it is {truth}"
        lines.append(f"{prediction}, {judgement} ({'test' if test else 'unlabelled'})")
    return lines


def _plots(points: np.ndarray, mapped: MappedImages, classes: Sequence[str]) -> list[bytes]:
    """The map by predicted class, and by correct and wrong."""
    colours = plots.class_colours(classes)
    by_class, (left,) = plots.figure(plots.PANEL, plots.PANEL)
    left.scatter(points[:, 0], points[:, 1], s=8, c=[colours[name] for name in mapped.coloured()], linewidths=0)
    if len(classes) <= plots.DISTINCT_COLOURS:
        for name in [c for c in classes if c in set(mapped.coloured())]:
            left.scatter([], [], s=8, color=colours[name], label=plots.short_name(name), linewidths=0)
        plots.legend_below(left, markerscale=2.5)
    by_correctness, (right,) = plots.figure(plots.PANEL, plots.PANEL)
    correct = mapped.correct()
    for value, colour, label, size in (
        (None, UNKNOWN_COLOUR, "truth not known", 8),
        (True, plots.GOOD_COLOUR, "correct", 8),
        (False, plots.BAD_COLOUR, "wrong", 18),
    ):
        rows = [i for i, of_image in enumerate(correct) if of_image is value]
        if rows:
            right.scatter(points[rows, 0], points[rows, 1], s=size, color=colour, label=label, linewidths=0)
    plots.legend_below(right, markerscale=2)
    left.set_title("most probable class" if isinstance(mapped, MappedSets) else "predicted class")
    right.set_title("correct or wrong")
    for axes in (left, right):
        plots.without_ticks(axes)
    return [plots.svg(by_class), plots.svg(by_correctness)]
