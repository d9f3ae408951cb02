"""Which unlabelled images get a pseudo-label, and which one: what is the same for every labeller. In one process, on
arrays.

A *fold's* view knows the given labels of all other folds; the view of ALL knows every one. Given images whose label a
view does not know are among its unlabelled ones: its probabilities for them calibrate it and estimate its precision,
and they are never passed on as pseudo-labels.
"""

from dataclasses import replace

import numpy as np
from threadpoolctl import threadpool_limits

from kindred.learning import intervals, refusal_reasons
from kindred.learning.folds import ALL
from kindred.learning.held_out_calibration import labeller_probabilities, other_folds
from kindred.learning.networks import Network
from kindred.learning.novelty import novelty_scores, out_of_distribution
from kindred.learning.pseudo_label_types import GivenLabels, Pool, PseudoLabels, Settings, View
from kindred.runtime import variants
from kindred.runtime.errors import InputError

BLOCK_ROWS = 4096


def base_probabilities(network: Network, features: np.ndarray) -> np.ndarray:
    """A network's probabilities [n, classes] of features [n, d], block by block: it works on copies in double
    precision.
    """
    blocks = np.array_split(features, max(1, len(features) // BLOCK_ROWS))
    return np.concatenate([network.probabilities(block) for block in blocks])


def assign(
    pool: Pool, given: GivenLabels, base: dict[int, np.ndarray], labeller: str, settings: Settings
) -> dict[int, PseudoLabels]:
    """The pseudo-labels of each view, by fold and ALL, from its base model's probabilities `base` [n, classes]."""
    if not 0 <= settings.percentile <= 100:
        raise InputError(f"percentile is {settings.percentile:g}; it must be from 0 to 100")
    module = variants.load("labeller", labeller)
    threshold = module.THRESHOLD if settings.threshold is None else settings.threshold
    settings = replace(settings, clusters=settings.clusters or len(given.rows))
    views = {}
    for fold in given.views():
        known = given.known_to(fold)
        views[fold] = View(pool, given.rows[known], given.labels[known], base[fold], settings)
    with threadpool_limits(1, "blas"):  # sums are added up in one order, and small products cost half as much
        probabilities = labeller_probabilities(labeller, views, given)
    novelty = novelty_scores(views, given) if settings.novelty else {}
    assigned = {}
    for fold, view in views.items():
        by_labeller = {name: by_view[fold] for name, by_view in probabilities.items()}
        assigned[fold] = _above_threshold(by_labeller, labeller, threshold, settings.adaptive)
        if novelty:
            held_out = [novelty[other][given.rows[given.folds == other]] for other in other_folds(given, fold)]
            excluded = out_of_distribution(novelty[fold], np.concatenate([[], *held_out]), view.known)
            reasons = np.where(excluded, refusal_reasons.OUT_OF_DISTRIBUTION, assigned[fold].reasons)
            assigned[fold] = replace(assigned[fold], reasons=reasons, novelty=novelty[fold])
    return assigned


def estimated_precision(
    assigned: dict[int, PseudoLabels], given: GivenLabels, unlabelled: np.ndarray
) -> dict[str, float]:
    """How many of ALL's pseudo-labels on the `unlabelled` rows are right, estimated from given labels that a view did
    not know: the mean confidence, corrected by its mean error on those, with a 95 % interval. Figures by name; none
    where nothing is accepted.

    The interval is that of a share of independent trials, which is not empty where all are right. The folds' errors
    depend on each other, as their views share labels, so n labels in k folds count as n (k - 1) / (2 k - 1) trials (C.
    Nadeau, Y. Bengio, Inference for the Generalization Error, Machine Learning 2003, section 3).
    """
    accepted = unlabelled[assigned[ALL].accepted[unlabelled]]
    by_fold = []
    for fold in given.fold_numbers():
        own, held_out = assigned[fold], given.folds == fold
        rows, labels = given.rows[held_out], given.labels[held_out]
        by_fold.append(((own.labels[rows] == labels) - own.confidence[rows])[own.accepted[rows]])
    errors = np.concatenate([[], *by_fold])
    if not len(accepted) or not len(errors):
        return {}
    estimate = float(np.clip(assigned[ALL].confidence[accepted].mean() + errors.mean(), 0, 1))
    trials = len(errors) * (len(by_fold) - 1) / (2 * len(by_fold) - 1)
    low, high = intervals.share_interval(estimate * trials, trials)
    return {"estimated_precision": estimate, "estimated_precision_low": low, "estimated_precision_high": high}


def _above_threshold(
    probabilities: dict[str, np.ndarray], labeller: str, threshold: float, adaptive: bool
) -> PseudoLabels:
    """Each image's likeliest class, accepted where its probability reaches the threshold (of its class)."""
    own = probabilities[labeller]
    labels, confidence = own.argmax(axis=1), own.max(axis=1)
    classes = own.shape[1]
    thresholds = np.full(classes, threshold)
    if adaptive:
        thresholds = class_thresholds(labels, confidence, threshold, classes)
    reasons = np.full(len(labels), "", dtype=object)
    reasons[confidence < thresholds[labels]] = refusal_reasons.BELOW_THRESHOLD
    reasons[own.sum(axis=1) == 0] = refusal_reasons.NO_PREDICTION
    return PseudoLabels(labels, confidence, reasons, None, probabilities)


def class_thresholds(labels: np.ndarray, confidence: np.ndarray, threshold: float, classes: int) -> np.ndarray:
    """A threshold [classes] of its own for each class, lower for those in which few images reach `threshold`. From the
    likeliest class of each image [n] and its probability [n].

    Source: B. Zhang et al., FlexMatch (NeurIPS 2021), equations 5 to 11, with the convex mapping x / (2 - x).

    >>> labels, confidence = np.repeat([0, 1], 10), np.array([0.9] * 15 + [0.5] * 5)
    >>> class_thresholds(labels, confidence, 0.8, classes=2).round(3).tolist()
    [0.8, 0.267]
    """
    learned = np.bincount(labels[confidence >= threshold], minlength=classes)
    left = (confidence < threshold).sum()
    share = learned / max(learned.max(), left, 1)
    return np.asarray(threshold * share / (2 - share))
