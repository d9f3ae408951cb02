"""Square Attack: a square at a random place gets another change, smaller and smaller squares as queries go by.

Source: M. Andriushchenko et al., Square Attack (ECCV 2020), algorithms 1 to 3 and, for what these leave open, the
authors' program. A square lies anywhere in each image by itself. Lengths are in grey levels.
"""

import abc
import bisect
import functools
from typing import ClassVar

import numpy as np

from kindred.evaluation.attacks.black_box import ROUNDING, lengths, shifted, within_l2

FIRST_SHARE = 0.8  # of the image that the first square covers (the authors' p_init)
HALVED_AT = (0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)  # of the budget: the share is halved (section 5)
SMALLEST_PROBABILITY = 1e-30  # so that there is a logarithm
TILES = 5  # bumps along a side of the first L2 proposal
POSITION_DRAWS = 5  # draws that are not signs: two corners, and whether a bump lies on its side


class _Square(abc.ABC):
    KEEPS_FIRST: ClassVar[bool] = True

    def __init__(self, images: np.ndarray, rngs: list[np.random.Generator], epsilon: float, budget: int) -> None:
        self.images, self.epsilon, self.budget = images, epsilon, budget
        _, self.height, self.width, self.channels = images.shape
        self.first = np.stack([self._first(rng) for rng in rngs])
        size = (budget, POSITION_DRAWS + self.channels)
        self.draws = np.stack([rng.random(size, dtype=np.float32) for rng in rngs])

    @abc.abstractmethod
    def _first(self, rng: np.random.Generator) -> np.ndarray:
        """The first change of an image [height, width, c], or what stands for it along a side, up to its length."""

    def losses(self, probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """The margin of the true class's logit over the best other one, which is that of the log probabilities."""
        logs = np.log(np.maximum(probabilities, SMALLEST_PROBABILITY))
        rows = np.arange(len(labels))
        true = logs[rows, labels]
        logs[rows, labels] = -np.inf
        return true - logs.max(axis=1)

    def learn(self, active: np.ndarray, kept: np.ndarray) -> None:  # noqa: B027  (empty for all of them)
        """Nothing: the next square does not depend on the last."""

    def _side(self, query: int, least: int) -> int:
        share = FIRST_SHARE / 2 ** bisect.bisect_left(HALVED_AT, (query - 2) / self.budget)
        side = max(round((share * self.height * self.width) ** 0.5), least)
        return min(side, self.height, self.width)

    def _window(self, places: np.ndarray, side: int) -> tuple[np.ndarray, ...]:
        """The index of a square in each of m images, from draws [m, 2]; images[index] is [m, side, side, c]."""
        top = (places[:, 0] * (self.height - side + 1)).astype(np.int64)[:, None, None]
        left = (places[:, 1] * (self.width - side + 1)).astype(np.int64)[:, None, None]
        return np.arange(len(places))[:, None, None], top + np.arange(side)[:, None], left + np.arange(side)

    def _signs(self, draws: np.ndarray) -> np.ndarray:
        """A sign for each channel of each image, [m, 1, 1, c]."""
        return np.where(draws[:, None, None, POSITION_DRAWS:] < 0.5, -1, 1)


class SquareLinf(_Square):
    """Each value goes up or down by the whole of `epsilon`: first in vertical stripes, then in squares."""

    TITLE: ClassVar[str] = "Square Attack (L-infinity)"
    NORM: ClassVar[str] = "linf"

    def _first(self, rng: np.random.Generator) -> np.ndarray:
        return rng.choice([-1, 1], (1, self.width, self.channels))

    def propose(self, query: int, best: np.ndarray, active: np.ndarray) -> np.ndarray:
        epsilon = int(self.epsilon)
        if query == 1:
            return shifted(self.images[active], self.first[active] * epsilon)
        draws = self.draws[active, query - 1]
        square = self._window(draws, self._side(query, 1))
        clean, change = self.images[active][square], self._signs(draws) * epsilon
        patch = shifted(clean, change)
        same = (patch == best[square]).all(axis=(1, 2, 3))  # no change at all: the opposite is one
        patch[same] = shifted(clean[same], -change[same])
        proposed = best.copy()
        proposed[square] = patch
        return proposed


class SquareL2(_Square):
    """A square takes the length that is left, and that of another square, into a bump and its negative."""

    TITLE: ClassVar[str] = "Square Attack (L2)"
    NORM: ClassVar[str] = "l2"

    def _first(self, rng: np.random.Generator) -> np.ndarray:
        """A tile of bumps [height, width, c]."""
        side = max(1, min(self.height, self.width) // TILES)
        change = np.zeros((self.height, self.width, self.channels), np.float32)
        for top in range(0, self.height - side + 1, side):
            for left in range(0, self.width - side + 1, side):
                bump = _bump(side) if rng.random() < 0.5 else _bump(side).T
                signs = rng.choice([-1, 1], self.channels)
                change[top : top + side, left : left + side] = bump[:, :, None] * signs
        return change

    def propose(self, query: int, best: np.ndarray, active: np.ndarray) -> np.ndarray:
        clean = self.images[active]
        if query == 1:
            return within_l2(clean, self._stretched(self.first[active]), self.epsilon)
        draws, side = self.draws[active, query - 1], self._side(query, 3)
        change = best.astype(np.float32) - clean
        here, there = self._window(draws, side), self._window(draws[:, 2:], side)
        total, old = _squares(change), change[here]
        change[here] = change[there] = 0
        spare = np.maximum(self.epsilon**2 - total.sum(axis=-1, keepdims=True), 0) / self.channels
        length = np.sqrt(spare + total - _squares(change))
        lying = draws[:, 4, None, None] < 0.5
        bump = np.where(lying, _bump(side).T, _bump(side))[:, :, :, None] * self._signs(draws)
        new = bump + old / (np.sqrt(_squares(old)) + ROUNDING)
        change[here] = new / (np.sqrt(_squares(new)) + ROUNDING) * length
        return within_l2(clean, self._stretched(change), self.epsilon)

    def _stretched(self, change: np.ndarray) -> np.ndarray:
        return change * (self.epsilon / np.maximum(lengths(change), ROUNDING)).astype(np.float32)[:, None, None, None]


def _squares(change: np.ndarray) -> np.ndarray:
    """The squared L2 norm of each channel, [m, 1, 1, c], of [m, height, width, c]."""
    return np.einsum("nhwc,nhwc->nc", change, change)[:, None, None, :]


@functools.lru_cache
def _bump(side: int) -> np.ndarray:
    """A hill above its negative, [side, side], of L2 norm 1."""
    half = side // 2
    bump = np.concatenate([_hill(half, side), -_hill(side - half, side)])
    return (bump / np.linalg.norm(bump)).astype(np.float32)


def _hill(height: int, width: int) -> np.ndarray:
    """Rectangles on top of each other, higher and smaller towards the middle (equation 2); its L2 norm is 1."""
    hill, top, left = np.zeros((height, width)), height // 2, width // 2
    for i in range(max(height // 2, width // 2) + 1):
        hill[max(top - i, 0) : top + i + 1, max(left - i, 0) : left + i + 1] += 1 / (i + 1) ** 2
    return hill / max(float(np.linalg.norm(hill)), ROUNDING)
