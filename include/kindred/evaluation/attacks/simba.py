"""SimBA: one pixel at a time, a step up or else a step down, kept where the true class gets less likely.

Source: C. Guo et al., Simple Black-box Adversarial Attacks (ICML 2019), algorithm 1, in the pixel basis.
"""

from typing import ClassVar

import numpy as np

from kindred.evaluation.attacks.black_box import MAX_LEVEL, within_l2

STEP = 51  # grey levels: the paper's 0.2 of the range


class SimBA:
    """The attack within an L2 ball of `epsilon` grey levels around images [n, height, width, c].

    The paper bounds the norm by the number of steps alone; here a step that leads out of the ball is drawn back into
    it. Values (a pixel's channel) are tried in random order; when all have been, in another.
    """

    TITLE: ClassVar[str] = "SimBA (L2)"
    NORM: ClassVar[str] = "l2"
    KEEPS_FIRST: ClassVar[bool] = False

    def __init__(self, images: np.ndarray, rngs: list[np.random.Generator], epsilon: float, budget: int) -> None:
        self.images, self.epsilon = images, epsilon
        self.order = np.stack([_order(rng, images[0].size, budget) for rng in rngs])
        self.step = np.zeros(len(images), np.int64)
        self.sign = np.ones(len(images), np.int64)

    def losses(self, probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
        return probabilities[np.arange(len(labels)), labels]

    def propose(self, query: int, best: np.ndarray, active: np.ndarray) -> np.ndarray:
        stepped = best.reshape(len(active), -1).astype(np.float32)
        stepped[np.arange(len(active)), self.order[active, self.step[active]]] += self.sign[active] * STEP
        change = np.clip(stepped, 0, MAX_LEVEL).reshape(best.shape) - self.images[active]
        return within_l2(self.images[active], change, self.epsilon)

    def learn(self, active: np.ndarray, kept: np.ndarray) -> None:
        done = kept | (self.sign[active] < 0)
        self.step[active] += done
        self.sign[active] = np.where(done, 1, -1)


def _order(rng: np.random.Generator, values: int, count: int) -> np.ndarray:
    """`count` of the numbers below `values`: all of them in random order, again and again."""
    rounds = [rng.choice(values, min(values, count), replace=False) for _ in range(-(-count // values))]
    return np.concatenate(rounds)[:count]
