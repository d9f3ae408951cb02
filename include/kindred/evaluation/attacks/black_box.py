"""Black-box attacks by random search: the model is queried with changed images, and a change that helps is kept.

An attack proposes, this loop queries the model. All images of a batch advance together, one query each at a time; each
has a random generator of its own, so an image's outcome does not depend on the others beside it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

MAX_LEVEL = 255  # the largest grey level: the whole range of a pixel's channel
ROUNDING = 1e-5  # how far a float32 may lie from the whole number that it stands for
NORMS = {"l2": 2, "linf": np.inf}  # by name: what NumPy calls them

Model = Callable[[np.ndarray], np.ndarray]  # uint8 [n, height, width, c] -> class probabilities [n, classes]


class Attack(Protocol):
    """What is tried next, on images uint8 [n, height, width, c]; `epsilon` bounds the change, in grey levels. `active`
    [m] are the rows of those images that are still attacked.
    """

    TITLE: ClassVar[str]  # as people call it
    NORM: ClassVar[str]  # of NORMS: in which the change is bounded
    KEEPS_FIRST: ClassVar[bool]  # does the search start from the first proposal, whatever the model answers to it?

    def __init__(self, images: np.ndarray, rngs: list[np.random.Generator], epsilon: float, budget: int) -> None: ...

    def losses(self, probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """What is to fall, [m], of probabilities [m, classes] and true classes [m]."""

    def propose(self, query: int, best: np.ndarray, active: np.ndarray) -> np.ndarray:
        """Images to query the model with, uint8 like `best` [m, ...]: what has been reached. `query` counts from 1."""

    def learn(self, active: np.ndarray, kept: np.ndarray) -> None:
        """Which [m] of the proposals were kept."""


@dataclass(frozen=True)
class Outcome:
    """What became of n images. `path` is the probability of the true class after each number of queries; it ends with
    the queries that an image took.
    """

    images: np.ndarray  # uint8 [n, height, width, c], as they were attacked
    before: np.ndarray  # probabilities [n, classes] of the clean images
    after: np.ndarray  # the same of the attacked ones
    queries: np.ndarray  # int [n]: until the model was fooled, or the budget; 0 where it was wrong before
    path: np.ndarray  # float32 [n, budget + 1]


def search(model: Model, attack: Attack, images: np.ndarray, labels: np.ndarray, budget: int) -> Outcome:
    """Attack images uint8 [n, height, width, c] of classes int [n] with at most `budget` queries each.

    The query with the clean image is not counted: it finds out whether there is anything to attack. An image is
    fooled, and done with, by the first query whose likeliest class is not the true one.

    A model that calls an image dark (class 0) while its mean is at most 100, attacked on one pixel of 90:

    >>> from kindred.evaluation.attacks.simba import SimBA
    >>> def model(pixels):
    ...     bright = pixels.mean(axis=(1, 2, 3)) / 200
    ...     return np.stack([1 - bright, bright], axis=1)
    >>> image = np.full((1, 1, 1, 1), 90, np.uint8)
    >>> outcome = search(model, SimBA(image, [np.random.default_rng(0)], 60, 10), image, np.array([0]), 10)
    >>> outcome.images.item(), outcome.queries.item(), [f"{p:.2f}" for p in outcome.path[0, :2]]
    (141, 1, ['0.55', '0.29'])
    """
    before = model(images)
    best, after = images.copy(), before.copy()
    losses = np.full(len(images), np.inf) if attack.KEEPS_FIRST else attack.losses(before, labels)
    queries, path = np.zeros(len(images), np.int64), np.zeros((len(images), budget + 1), np.float32)
    path[:, 0] = before[np.arange(len(images)), labels]
    active = np.flatnonzero(before.argmax(axis=1) == labels)
    for query in range(1, budget + 1):
        if not len(active):
            break
        proposed = attack.propose(query, best[active], active)
        answers = model(proposed)
        fooled, proposed_losses = answers.argmax(axis=1) != labels[active], attack.losses(answers, labels[active])
        kept = fooled | (proposed_losses < losses[active])
        better = active[kept]
        best[better], after[better], losses[better] = proposed[kept], answers[kept], proposed_losses[kept]
        attack.learn(active, kept)
        queries[active], path[active, query] = query, after[active, labels[active]]
        active = active[~fooled]
    return Outcome(best, before, after, queries, path)


def shifted(clean: np.ndarray, change: np.ndarray) -> np.ndarray:
    """uint8 images plus whole grey levels, cut off at 0 and MAX_LEVEL."""
    return np.clip(clean.astype(np.int16) + change, 0, MAX_LEVEL).astype(np.uint8)


def within_l2(clean: np.ndarray, change: np.ndarray, epsilon: float) -> np.ndarray:
    """uint8 images [m, ...] plus a change, float32, no longer than `epsilon` grey levels. What is longer is shrunk;
    then it is rounded towards the clean image, so that it is never longer.
    """
    share = np.minimum(1, epsilon / np.maximum(lengths(change), ROUNDING)).astype(np.float32)
    whole = np.fix(change * (share * np.float32(1 + ROUNDING))[:, None, None, None])
    return shifted(clean, whole.astype(np.int16))


def lengths(change: np.ndarray) -> np.ndarray:
    """The L2 norm of each of [m, ...]; [m]."""
    flat = change.reshape(len(change), -1)
    return np.sqrt(np.einsum("nd,nd->n", flat, flat))


def distances(images: np.ndarray, others: np.ndarray, norm: str) -> np.ndarray:
    """How far apart uint8 images [n, ...] are in one of NORMS, [n]; 1 is the whole range."""
    change = (others.astype(np.float64) - images).reshape(len(images), -1) / MAX_LEVEL
    return np.linalg.norm(change, NORMS[norm], axis=1)
