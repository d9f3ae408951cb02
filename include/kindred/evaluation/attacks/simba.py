"""SimBA: one pixel at a time, a step up or else a step down, kept where the true class gets less likely.

Source: C. Guo et al., Simple Black-box Adversarial Attacks (ICML 2019), algorithm 1, in the pixel basis.
"""

import numpy as np

from kindred.evaluation.attacks.black_box import within_l2

STEP = 51  # grey levels: the paper's 0.2 of the range


class SimBA:
    """The attack within an L2 ball of `epsilon` grey levels around images [n, height, width, c].

    The paper bounds the norm by the number of steps alone; here a step that leads out of the ball is drawn back into
    it. Values (a pixel's channel) are tried in random order; when all have been, in another.
    """

    TITLE = "SimBA (L2)"
    keeps_first = False

    def __init__(self, images: np.ndarray, chances: list[np.random.Generator], epsilon: float, budget: int) -> None:
        self.images, self.epsilon = images, epsilon
        self.order = np.stack([_order(chance, images[0].size, budget) for chance in chances])
        self.step = np.zeros(len(images), np.int64)
        self.sign = np.ones(len(images), np.int64)

    def losses(self, probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
        return probabilities[np.arange(len(labels)), labels]

    def propose(self, query: int, best: np.ndarray, at: np.ndarray) -> np.ndarray:
        wanted = best.reshape(len(at), -1).astype(np.float32)
        wanted[np.arange(len(at)), self.order[at, self.step[at]]] += self.sign[at] * STEP
        change = np.clip(wanted, 0, 255).reshape(best.shape) - self.images[at]
        return within_l2(self.images[at], change, self.epsilon)

    def learn(self, at: np.ndarray, kept: np.ndarray) -> None:
        done = kept | (self.sign[at] < 0)
        self.step[at] += done
        self.sign[at] = np.where(done, 1, -1)


def _order(chance: np.random.Generator, values: int, count: int) -> np.ndarray:
    """`count` of the numbers below `values`: all of them in random order, again and again."""
    rounds = [chance.choice(values, min(values, count), replace=False) for _ in range(-(-count // values))]
    return np.concatenate(rounds)[:count]
