"""Who gets a pseudo-label, and which one: what is the same for every labeller. In one process, on arrays.

A *fold's* view knows the given labels of all other folds; the view of ALL knows every one. Given images whose label a
view does not know stand among its unlabelled ones: what it says of them calibrates it and tells how right it is, and
they are never handed on as pseudo-labels. A fold's own labels do not touch what it says, but for a labeller's setting
and parts, which all held-out labels choose together, and for its temperature and novelty threshold: two numbers from
other folds' held-out labels, whose views knew this fold's.
"""

from dataclasses import replace
from types import ModuleType

import numpy as np

from kindred.features import neighbours
from kindred.learning import calibration, intervals, metrics, refusal_reasons
from kindred.learning.networks import Network
from kindred.learning.pseudo_label_types import ALL, Given, Pool, Scene, Settings, Verdict
from kindred.runtime import variants
from kindred.runtime.errors import InputError

LOST = 0.03  # the share of known images that the novelty threshold gives up
WORTH = 2  # times this share must lie above the threshold, else those kept out would mostly be known after all
NEAREST = 3  # given images that a pseudo-label's row names
BLOCK = 4096  # rows
LIMIT_GIGABYTES = 8  # of features in one process


def check_size(images: int, dimensions: int) -> None:
    """Raise InputError where the features do not fit into one process."""
    gigabytes = images * dimensions * 4 / 2**30
    if gigabytes > LIMIT_GIGABYTES:
        raise InputError(
            f"the features of {images:,} images take {gigabytes:.0f} GiB; pseudo-labels are decided on in one process, "
            f"with {LIMIT_GIGABYTES} at most: take an extractor with fewer features than {dimensions:,}, or set limit"
        )


def probabilities(network: Network, features: np.ndarray) -> np.ndarray:
    """What a network says of features [n, d], block by block: it works on copies in double precision."""
    blocks = np.array_split(features, max(1, len(features) // BLOCK))
    return np.concatenate([network.probabilities(block) for block in blocks])


def decide(pool: Pool, given: Given, base: dict[int, np.ndarray], labeller: str, s: Settings) -> dict[int, Verdict]:
    """The verdict of each view, from its base model's probabilities `base` [n, classes]."""
    if not 0 <= s.percentile <= 100:
        raise InputError(f"percentile is {s.percentile:g}; it must be from 0 to 100")
    module = variants.load("labeller", labeller)
    s = replace(s, clusters=s.clusters or len(given.rows))
    scenes = {}
    for view in given.views():
        known = given.known(view)
        scenes[view] = Scene(pool, given.rows[known], given.labels[known], base[view], s)
    raw: dict[str, dict[int, list]] = {}
    for name in dict.fromkeys(["confidence", *getattr(module, "PARTS", ()), labeller]):
        raw[name] = _opinions(variants.load("labeller", name), scenes, given, raw)
    opinions = {name: _calibrated(views, given) for name, views in raw.items()}
    novelty = _novelty(scenes, given) if s.novelty else {}
    found = {}
    for view in scenes:
        by_labeller = {name: views[view] for name, views in opinions.items()}
        threshold = module.THRESHOLD if s.threshold is None else s.threshold
        found[view] = _verdict(by_labeller, labeller, threshold, s.adaptive)
        if novelty:
            known = [novelty[fold][given.rows[given.folds == fold]] for fold in _others(given, view)]
            strange = _strange(novelty[view], np.concatenate(known), scenes[view].known)
            reasons = np.where(strange, refusal_reasons.OUT_OF_DISTRIBUTION, found[view].reasons)
            found[view] = replace(found[view], reasons=reasons, novelty=novelty[view])
    return found


def precision(verdicts: dict[int, Verdict], given: Given, unlabelled: np.ndarray) -> dict[str, float]:
    """How many of ALL's pseudo-labels on the `unlabelled` rows are right, estimated from given labels that a view did
    not know: the mean confidence, corrected by how far that is off on those, with a 95 % bootstrap interval.
    """
    accepted = unlabelled[verdicts[ALL].accepted[unlabelled]]
    off = []
    for view in given.views()[:-1]:
        verdict, held = verdicts[view], given.folds == view
        rows, labels = given.rows[held], given.labels[held]
        off.append(((verdict.labels[rows] == labels) - verdict.confidence[rows])[verdict.accepted[rows]])
    off = np.concatenate(off)
    if not len(accepted) or not len(off):
        return {}
    mean = verdicts[ALL].confidence[accepted].mean()
    low, high = intervals.mean_interval(off)
    values = {"": mean + off.mean(), "_low": mean + low, "_high": mean + high}
    return {f"estimated_precision{end}": float(np.clip(value, 0, 1)) for end, value in values.items()}


def nearest_given(pool: Pool, given: Given, rows: np.ndarray) -> np.ndarray:
    """The ids of the given images nearest to each of `rows`, nearest first: [rows, up to 3]."""
    vectors = neighbours.unit_vectors(pool.features)
    k = min(NEAREST, len(given.rows))
    _, found = neighbours.nearest(vectors[given.rows], vectors[rows], k, pool.threads)
    return pool.ids[given.rows[found]]


def _opinions(module: ModuleType, scenes: dict[int, Scene], given: Given, raw: dict[str, dict]) -> dict[int, list]:
    """What a labeller says in each view, as a list of opinions to pool: its own at one of its settings; or those of
    its parts (which `raw` holds), of all or of one alone. The choice suits the labels that each fold did not know.
    """
    if hasattr(module, "PARTS"):
        choices = [module.PARTS, *((part,) for part in module.PARTS)]
        found = [{view: [part for name in names for part in raw[name][view]] for view in scenes} for names in choices]
    else:
        settings = getattr(module, "SETTINGS", (None,))
        found = [{view: [module.opinion(scene, s)] for view, scene in scenes.items()} for s in settings]
    return found[0] if len(found) == 1 else min(found, key=lambda views: _brier_score(views, given))


def _brier_score(views: dict[int, list], given: Given) -> float:
    """Of the calibrated opinions on the given labels that each fold did not know: bounded, so that few labels do not
    choose by the one that went most wrong.
    """
    calibrated = _calibrated(views, given)
    held = {fold: given.folds == fold for fold in given.views()[:-1]}
    scores = [metrics.brier_scores(given.labels[own], calibrated[f][given.rows[own]]) for f, own in held.items()]
    return float(np.concatenate(scores).mean())


def _calibrated(views: dict[int, list], given: Given) -> dict[int, np.ndarray]:
    """Each view's opinions, pooled with the weights that suit given labels which neither it nor their own view knew."""
    return {view: _pooled(opinions, *_held_out(views, given, view)) for view, opinions in views.items()}


def _pooled(opinions: list[np.ndarray], seen: list[np.ndarray], labels: np.ndarray) -> np.ndarray:
    found = np.zeros_like(opinions[0])
    says = np.all([opinion.sum(axis=1) > 0 for opinion in opinions], axis=0)
    found[says] = calibration.pool([opinion[says] for opinion in opinions], calibration.weights(seen, labels))
    return found


def _held_out(views: dict[int, list], given: Given, view: int) -> tuple[list[np.ndarray], np.ndarray]:
    """What other folds say of their own given labels, where all parts have an opinion, and those labels."""
    seen, labels = [], []
    for fold in _others(given, view):
        own = given.folds == fold
        says = np.stack([opinion[given.rows[own]] for opinion in views[fold]])
        all_say = (says.sum(axis=2) > 0).all(axis=0)
        seen.append(says[:, all_say])
        labels.append(given.labels[own][all_say])
    return list(np.concatenate(seen, axis=1)), np.concatenate(labels)


def _others(given: Given, view: int) -> list[int]:
    """The folds whose held-out labels may be looked at for a view: all but its own, unless there is no other."""
    folds = given.views()[:-1]
    return [fold for fold in folds if fold != view] or folds


def _novelty(scenes: dict[int, Scene], given: Given) -> dict[int, np.ndarray]:
    """How far each image is from every known label: minus the logarithm of the most that reaches it of one class."""
    found = {}
    for view, scene in scenes.items():
        reached = scene.reached(neighbours.LOCAL_ALPHA).max(axis=1)
        found[view] = -np.log(np.maximum(reached * len(given.rows) / len(scene.known), 1e-12))
    return found


def _verdict(
    opinions: dict[str, np.ndarray],
    labeller: str,
    threshold: float,
    adaptive: bool,
) -> Verdict:
    own = opinions[labeller]
    labels, confidence = own.argmax(axis=1), own.max(axis=1)
    bars = (
        _class_thresholds(labels, confidence, threshold, own.shape[1]) if adaptive else np.full(own.shape[1], threshold)
    )
    reasons = np.full(len(labels), "", dtype=object)
    reasons[confidence < bars[labels]] = refusal_reasons.BELOW_THRESHOLD
    reasons[own.sum(axis=1) == 0] = refusal_reasons.NO_PREDICTION
    return Verdict(labels, confidence, reasons, None, opinions)


def _strange(novelty: np.ndarray, held_out: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Which images [n] are out of distribution: those above the threshold that the novelty of `held_out` given images
    sets, if they are so many that most of them must be (an expected false discovery rate of at most 1 / WORTH).

    Source: S. Bates et al., Testing for Outliers with Conformal p-values (Annals of Statistics 2023).
    """
    strange = novelty > np.quantile(held_out, 1 - LOST)
    share = np.delete(strange, known).mean()
    return strange if share >= WORTH * LOST else np.zeros_like(strange)


def _class_thresholds(labels: np.ndarray, confidence: np.ndarray, threshold: float, classes: int) -> np.ndarray:
    """A lower threshold for classes of which few images reach it.

    Source: B. Zhang et al., FlexMatch (NeurIPS 2021), equations 5 to 11, with the convex mapping x / (2 - x).
    """
    learned = np.bincount(labels[confidence >= threshold], minlength=classes)
    left = (confidence < threshold).sum()
    share = learned / max(learned.max(), left, 1)
    return threshold * share / (2 - share)
