"""L-BFGS for several independent problems of one shape, in step: what they have in common (here: the features) is read
once for all of them. No problem's course depends on another's.

Sources: D. Liu, J. Nocedal, On the Limited Memory BFGS Method (Mathematical Programming 1989); the slack in the line
search after W. Hager, H. Zhang, A New Conjugate Gradient Method (SIAM Journal on Optimization 2005, section 1): near
the minimum a decrease is smaller than what single precision tells apart.
"""

from collections import deque
from collections.abc import Callable

import numpy as np

HISTORY = 10  # steps that the curvature is estimated from
DECREASE = 1e-4  # of the value, as a share of what the slope promises
SLACK = 1e-6  # of the value: rounding in single precision
MAX_HALVINGS = 15  # of a step: then rounding leaves nothing to gain

# Values [a] and gradients [a, m] at the points [a, m] of the problems whose numbers [a] are given.
Evaluate = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


def minimise(evaluate: Evaluate, start: np.ndarray, tolerance: float, max_iterations: int) -> np.ndarray:
    """The minima [p, m] of p smooth, convex problems from `start` [p, m]; each ends where no part of its gradient is
    above the tolerance.

    >>> targets = np.array([[1.0, 2.0], [3.0, -4.0]])
    >>> def evaluate(points, numbers):
    ...     off = points - targets[numbers]
    ...     return (off**2).sum(axis=1) / 2, off
    >>> minimise(evaluate, np.zeros((2, 2)), 1e-9, 20).round(6).tolist()
    [[1.0, 2.0], [3.0, -4.0]]
    """
    points, active = start.astype(np.float64), np.arange(len(start))
    values, gradients = evaluate(points, active)
    steps: deque[tuple[np.ndarray, np.ndarray]] = deque(maxlen=HISTORY)
    for _ in range(max_iterations):
        active = active[np.abs(gradients[active]).max(axis=1) > tolerance]
        if not len(active):
            break
        directions = -_scaled(gradients[active], [(s[active], y[active]) for s, y in steps])
        moved, before = np.zeros_like(points), gradients.copy()
        stuck = _search(evaluate, points, values, gradients, active, directions, moved)
        steps.append((moved, gradients - before))
        active = active[~stuck]
    return points


def _search(
    evaluate: Evaluate,
    points: np.ndarray,
    values: np.ndarray,
    gradients: np.ndarray,
    active: np.ndarray,
    directions: np.ndarray,
    moved: np.ndarray,
) -> np.ndarray:
    """Move the active problems' points, values and gradients along their directions [a, m], halving steps that are too
    long; which of them could not move, [a].
    """
    slopes = (gradients[active] * directions).sum(axis=1)
    pending, lengths = np.arange(len(active)), np.ones(len(active))
    for _ in range(MAX_HALVINGS):
        own = active[pending]
        step = lengths[pending, None] * directions[pending]
        value, gradient = evaluate(points[own] + step, own)
        bound = values[own] + DECREASE * lengths[pending] * slopes[pending] + SLACK * np.abs(values[own])
        good = value <= bound
        done = own[good]
        points[done] += step[good]
        moved[done], values[done], gradients[done] = step[good], value[good], gradient[good]
        pending = pending[~good]
        if not len(pending):
            break
        lengths[pending] /= 2
    stuck = np.zeros(len(active), dtype=bool)
    stuck[pending] = True
    return stuck


def _scaled(gradients: np.ndarray, steps: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    """The inverse of the estimated curvature times the gradients [a, m], from earlier steps and what they changed in
    the gradient, [a, m] each. Without a step: a length of at most 1.
    """
    if not steps:
        return gradients / np.maximum(np.linalg.norm(gradients, axis=1, keepdims=True), 1)
    result, shares = gradients.copy(), []
    curvatures = [np.maximum((s * y).sum(axis=1, keepdims=True), 1e-300) for s, y in steps]
    for (s, y), curvature in zip(reversed(steps), reversed(curvatures), strict=True):
        shares.append((s * result).sum(axis=1, keepdims=True) / curvature)
        result -= shares[-1] * y
    _, last = steps[-1]
    result *= curvatures[-1] / np.maximum((last * last).sum(axis=1, keepdims=True), 1e-300)
    for (s, y), curvature, share in zip(steps, curvatures, reversed(shares), strict=True):
        result += s * (share - (y * result).sum(axis=1, keepdims=True) / curvature)
    return result
