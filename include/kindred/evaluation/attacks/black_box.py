"""Black-box attacks by random search: a model is asked about changed images, and a change that helps is kept.

An attack proposes, this loop asks. All images of a batch advance together, one query each at a time; each has a source
of chance of its own, so an image's outcome does not depend on the others beside it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

TOP = 255  # grey levels
SLACK = 1e-5  # of a float32 that stands for a whole number

Model = Callable[[np.ndarray], np.ndarray]  # uint8 [n, height, width, c] -> class probabilities [n, classes]


class Attack(Protocol):
    """What is tried next, on the images [n, ...] that it was made for; `at` [m] are the rows that are asked for."""

    TITLE: str  # as people call it
    keeps_first: bool  # does the search start from the first proposal, whatever the model says of it?

    def losses(self, probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """What is to fall, [m], of probabilities [m, classes] and true classes [m]."""

    def propose(self, query: int, best: np.ndarray, at: np.ndarray) -> np.ndarray:
        """Images to ask the model about, uint8 like `best` [m, ...]: what has been reached. `query` counts from 1."""

    def learn(self, at: np.ndarray, kept: np.ndarray) -> None:
        """Which [m] of the proposals were kept."""


@dataclass(frozen=True)
class Attacked:
    """What became of n images. `path` is the probability of the true class after so many queries; it ends with the
    queries that an image took.
    """

    images: np.ndarray  # uint8 [n, height, width, c]
    before: np.ndarray  # probabilities [n, classes] of the clean images
    after: np.ndarray  # the same of the attacked ones
    queries: np.ndarray  # int [n]: until the model was fooled, or the budget; 0 where it was wrong before
    path: np.ndarray  # float32 [n, budget + 1]


def search(model: Model, attack: Attack, images: np.ndarray, labels: np.ndarray, budget: int) -> Attacked:
    """Attack images [n, height, width, c] of classes [n] with at most `budget` queries each.

    The query about the clean image is not counted: it finds out whether there is anything to attack. An image is
    fooled, and done with, by the first query whose likeliest class is not the true one.
    """
    before = model(images)
    best, after = images.copy(), before.copy()
    losses = np.full(len(images), np.inf) if attack.keeps_first else attack.losses(before, labels)
    queries, path = np.zeros(len(images), np.int64), np.zeros((len(images), budget + 1), np.float32)
    path[:, 0] = before[np.arange(len(images)), labels]
    at = np.flatnonzero(before.argmax(axis=1) == labels)
    for query in range(1, budget + 1):
        if not len(at):
            break
        proposed = attack.propose(query, best[at], at)
        answers = model(proposed)
        fooled, now = answers.argmax(axis=1) != labels[at], attack.losses(answers, labels[at])
        kept = fooled | (now < losses[at])
        better = at[kept]
        best[better], after[better], losses[better] = proposed[kept], answers[kept], now[kept]
        attack.learn(at, kept)
        queries[at], path[at, query] = query, after[at, labels[at]]
        at = at[~fooled]
    return Attacked(best, before, after, queries, path)


def shifted(clean: np.ndarray, change: np.ndarray) -> np.ndarray:
    """uint8 images plus whole grey levels, cut off at 0 and 255."""
    return np.clip(clean.astype(np.int16) + change, 0, TOP).astype(np.uint8)


def within_l2(clean: np.ndarray, change: np.ndarray, epsilon: float) -> np.ndarray:
    """uint8 images [m, ...] plus a change, float32, no longer than `epsilon` grey levels. What is longer is shrunk;
    then it is rounded towards the clean image, so that it is never longer.
    """
    length = lengths(change)
    share = np.minimum(1, epsilon / np.maximum(length, SLACK)).astype(np.float32)
    whole = np.fix(change * (share * np.float32(1 + SLACK))[:, None, None, None])
    return shifted(clean, whole.astype(np.int16))


def lengths(change: np.ndarray) -> np.ndarray:
    """The L2 norm of each of [m, ...]; [m]."""
    flat = change.reshape(len(change), -1)
    return np.sqrt(np.einsum("nd,nd->n", flat, flat))
