"""Square Attack: a square at a random place gets another change, smaller and smaller squares as queries go by.

Source: M. Andriushchenko et al., Square Attack (ECCV 2020), algorithms 1 to 3 and, for what these leave open, the
authors' program. A square lies anywhere in each image by itself. Lengths are in grey levels.
"""

import bisect
import functools

import numpy as np

from kindred.evaluation.attacks.black_box import SLACK, lengths, shifted, within_l2

SHARE = 0.8  # of the image that the first square covers
HALVED_AT = (0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8)  # of the budget: the share is halved (section 5)
SMALLEST = 1e-30
TILES = 5  # bumps along a side of the first L2 proposal
PLACES = 5  # draws that are not signs: two corners, and whether a bump lies on its side


class _Square:
    keeps_first = True

    def __init__(self, images: np.ndarray, chances: list[np.random.Generator], epsilon: float, budget: int) -> None:
        self.images, self.epsilon, self.budget = images, epsilon, budget
        _, self.height, self.width, self.channels = images.shape
        self.first = np.stack([self._first(chance) for chance in chances])
        size = (budget, PLACES + self.channels)
        self.draws = np.stack([chance.random(size, dtype=np.float32) for chance in chances])

    def losses(self, probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
        """The margin of the true class's logit over the best other one, which is that of the log probabilities."""
        logs = np.log(np.maximum(probabilities, SMALLEST))
        rows = np.arange(len(labels))
        true = logs[rows, labels]
        logs[rows, labels] = -np.inf
        return true - logs.max(axis=1)

    def learn(self, at: np.ndarray, kept: np.ndarray) -> None:
        """Nothing: the next square does not depend on the last."""

    def _side(self, query: int, least: int) -> int:
        share = SHARE / 2 ** bisect.bisect_left(HALVED_AT, (query - 2) / self.budget)
        side = max(round((share * self.height * self.width) ** 0.5), least)
        return min(side, self.height, self.width)

    def _window(self, places: np.ndarray, side: int) -> tuple[np.ndarray, ...]:
        """The index of a square in each of m images, from draws [m, 2]; images[index] is [m, side, side, c]."""
        top = (places[:, 0] * (self.height - side + 1)).astype(np.int64)[:, None, None]
        left = (places[:, 1] * (self.width - side + 1)).astype(np.int64)[:, None, None]
        return np.arange(len(places))[:, None, None], top + np.arange(side)[:, None], left + np.arange(side)

    def _signs(self, draws: np.ndarray) -> np.ndarray:
        """A sign for each channel of each image, [m, 1, 1, c]."""
        return np.where(draws[:, None, None, PLACES:] < 0.5, -1, 1)


class SquareLinf(_Square):
    """Each value goes up or down by the whole of `epsilon`: first in vertical stripes, then in squares."""

    TITLE = "Square Attack (L-infinity)"

    def _first(self, chance: np.random.Generator) -> np.ndarray:
        return chance.choice([-1, 1], (1, self.width, self.channels))

    def propose(self, query: int, best: np.ndarray, at: np.ndarray) -> np.ndarray:
        epsilon = int(self.epsilon)
        if query == 1:
            return shifted(self.images[at], self.first[at] * epsilon)
        draws = self.draws[at, query - 1]
        square = self._window(draws, self._side(query, 1))
        clean, change = self.images[at][square], self._signs(draws) * epsilon
        patch = shifted(clean, change)
        same = (patch == best[square]).all(axis=(1, 2, 3))  # no change at all: the opposite is one
        patch[same] = shifted(clean[same], -change[same])
        proposed = best.copy()
        proposed[square] = patch
        return proposed


class SquareL2(_Square):
    """A square takes the length that is left, and that of another square, into a bump and its negative."""

    TITLE = "Square Attack (L2)"

    def _first(self, chance: np.random.Generator) -> np.ndarray:
        """A tile of bumps [height, width, c]."""
        side = max(1, min(self.height, self.width) // TILES)
        change = np.zeros((self.height, self.width, self.channels), np.float32)
        for top in range(0, self.height - side + 1, side):
            for left in range(0, self.width - side + 1, side):
                bump = _bump(side) if chance.random() < 0.5 else _bump(side).T
                signs = chance.choice([-1, 1], self.channels)
                change[top : top + side, left : left + side] = bump[:, :, None] * signs
        return change

    def propose(self, query: int, best: np.ndarray, at: np.ndarray) -> np.ndarray:
        clean = self.images[at]
        if query == 1:
            return within_l2(clean, self._stretched(self.first[at]), self.epsilon)
        draws, side = self.draws[at, query - 1], self._side(query, 3)
        change = best.astype(np.float32) - clean
        here, there = self._window(draws, side), self._window(draws[:, 2:], side)
        total, old = _squares(change), change[here]
        change[here] = change[there] = 0
        spare = np.maximum(self.epsilon**2 - total.sum(axis=-1, keepdims=True), 0) / self.channels
        length = np.sqrt(spare + total - _squares(change))
        lying = draws[:, 4, None, None] < 0.5
        bump = np.where(lying, _bump(side).T, _bump(side))[:, :, :, None] * self._signs(draws)
        new = bump + old / (np.sqrt(_squares(old)) + SLACK)
        change[here] = new / (np.sqrt(_squares(new)) + SLACK) * length
        return within_l2(clean, self._stretched(change), self.epsilon)

    def _stretched(self, change: np.ndarray) -> np.ndarray:
        return change * (self.epsilon / np.maximum(lengths(change), SLACK)).astype(np.float32)[:, None, None, None]


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
    return hill / max(np.linalg.norm(hill), SLACK)
