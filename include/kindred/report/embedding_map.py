"""The feature space in two dimensions: which images lie together, and where the mistakes are."""

import numpy as np

from kindred.data import contact_sheets, images
from kindred.report import plots
from kindred.report.blocks import Cloud, Section

MOST = 2000  # points
PICTURED = 1000  # of them with a picture on the page
PROJECTIONS = ("pca", "tsne")
SIDE = 32  # px of a picture in the sprite


def section(
    features: np.ndarray,
    said: list[str],
    truth: list[str | None],
    test: np.ndarray,
    pictures: list[np.ndarray | None],
    classes: list[str],
    projection: str,
) -> Section:
    """From the features [n, d] of test and unlabelled images, what the final model says of each, its truth where that
    is known, whether it is a test image [n], and a picture of some.
    """
    title = "Embedding map"
    if len(features) < 3:
        return Section("embedding-map", title, "Fewer than three images have features: there is nothing to map.")
    points, kept = project(features, projection)
    right = [None if t is None else t == s for s, t in zip(said, truth, strict=True)]
    colours = plots.colours(classes)
    shown = [i for i, picture in enumerate(pictures) if picture is not None]
    numbers = {i: number for number, i in enumerate(shown)}
    sprite = contact_sheets.mosaic([images.fit(pictures[i], (SIDE, SIDE), 3) for i in shown], gap=0) if shown else None
    cloud = Cloud(
        "map",
        "Each point is an image. Left in the colour of the class that final gives it, right by whether that is right.",
        _drawn(points, said, right, test, classes),
        points,
        [colours[s] for s in said],
        right,
        [_line(s, t, bool(of)) for s, t, of in zip(said, truth, test, strict=True)],
        [numbers.get(i) for i in range(len(said))],
        sprite,
        SIDE,
    )
    text = f"{len(features):,} test and unlabelled images in the two directions of {_named(projection)}"
    text += f", which hold {kept:.0%} of the features' variance." if kept is not None else "."
    return Section("embedding-map", title, text, [cloud])


def project(features: np.ndarray, projection: str) -> tuple[np.ndarray, float | None]:
    """Points [n, 2] from 0 to 1, and the share of the variance that they hold (None where that has no meaning)."""
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    model = PCA(
        min(50, *features.shape), svd_solver="full" if min(features.shape) < 100 else "randomized", random_state=0
    )
    reduced = model.fit_transform(features)
    kept = float(model.explained_variance_ratio_[:2].sum())
    if projection == "tsne":
        perplexity = min(30, (len(features) - 1) / 3)
        reduced, kept = TSNE(perplexity=perplexity, init="pca", random_state=0).fit_transform(reduced), None
    points = np.pad(reduced, ((0, 0), (0, 1)))[:, :2]
    low, spread = points.min(axis=0), np.ptp(points, axis=0)
    return (points - low) / np.maximum(spread, 1e-12), kept


def _named(projection: str) -> str:
    return {"pca": "the largest variance (PCA)", "tsne": "t-SNE, where nearness counts and distance does not"}[
        projection
    ]


def _line(said: str, truth: str | None, test: bool) -> str:
    known = "truth not known" if truth is None else "right" if truth == said else f"wrong: it is {truth}"
    return f"{said}, {known} ({'test' if test else 'unlabelled'})"


def _drawn(points: np.ndarray, said: list[str], right: list, test: np.ndarray, classes: list[str]) -> bytes:
    colours = plots.colours(classes)
    figure, (left, other) = plots.figure(11, 5, columns=2)
    left.scatter(*points.T, s=8, c=[colours[name] for name in said], linewidths=0)
    if len(classes) <= plots.FEW:
        for name in [c for c in classes if c in set(said)]:
            left.scatter([], [], s=8, color=colours[name], label=plots.name(name), linewidths=0)
        left.legend(markerscale=2.5, fontsize=8, loc="upper left", bbox_to_anchor=(-0.25, 1))
    for value, colour, label in (
        (None, "#c8c8c8", "truth not known"),
        (True, plots.GOOD, "right"),
        (False, plots.BAD, "wrong"),
    ):
        at = [i for i, r in enumerate(right) if r is value]
        if at:
            other.scatter(*points[at].T, s=8 if value is not False else 18, color=colour, label=label, linewidths=0)
    other.legend(markerscale=2, fontsize=8)
    left.set_title("class that final gives")
    other.set_title("right or wrong")
    for axes in (left, other):
        plots.plain(axes)
    return plots.png(figure)
