"""What does a promotion's rule let pass? Champions and challengers on the digits, honest and sabotaged ones.

    python benchmarks/promotion.py --draws 24

Each draw deals 1,000 test images (of which smaller tests take the first) and the given labels, balanced over classes.
The champion learns from LABELS of them. Challengers: `better` learns from these and 50 more; `as_good` from as many
others; and three that something went wrong with: of the labels of `better`, `shuffled` has a share dealt out anew,
`mislabelled` has those of one class under another one's name, `few` has lost all but a fifth. JSON names,
<test images>/<case>/: promoted and must_gain, the shares of the draws that the rules no_worse and must_gain promote;
gain_mean and gain_worst, challenger minus champion in points of accuracy on all 1,000; too_few, the share of the draws
that no_worse refuses as too few test images decide; lost_class, of those that it refuses for the recall of a class.
"""

import statistics
from collections.abc import Iterator

import bench
import numpy as np
from sklearn.datasets import load_digits

from kindred.data.datasets.digits import MAX_VALUE
from kindred.evaluation import challenge
from kindred.learning import cross_validation
from kindred.learning.classifiers import logistic_regression

TESTS = (100, 300, 1000)  # images
LABELS, MORE = 100, 50
SHUFFLED = 0.2  # of the labels
CLASSES = [str(number) for number in range(10)]


def main() -> None:
    parser = bench.argument_parser(__doc__ or "")
    parser.add_argument("--draws", type=int, default=24)
    args = parser.parse_args()
    images, labels = load_digits(return_X_y=True)
    features = (images / MAX_VALUE).astype(np.float32)
    found: dict[str, list[dict[str, float]]] = {}
    for seed in range(args.draws):
        for name, outcome in draw(features, labels, seed):
            found.setdefault(name, []).append(outcome)
        print(f"draw {seed + 1} of {args.draws}", flush=True)
    shares = ("promoted", "must_gain", "too_few", "lost_class")
    shown = (*shares, "gain_mean", "gain_worst")
    figures, rows = {}, [("images/case", *shown)]
    for name, outcomes in found.items():
        values = {key: statistics.mean(one[key] for one in outcomes) for key in shares}
        gains = [one["gain"] for one in outcomes]
        values |= {"gain_mean": statistics.mean(gains), "gain_worst": min(gains)}
        figures |= {f"{name}/{key}": value for key, value in values.items()}
        rows.append((name, *(values[key] for key in shown)))
    bench.report(rows, figures, args.json)


def draw(features: np.ndarray, labels: np.ndarray, seed: int) -> Iterator[tuple[str, dict[str, float]]]:
    """For each number of test images and each case, by their name, what the rules decide."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(labels))
    tested, pool = order[: max(TESTS)], balanced(labels, order[max(TESTS) :])
    champion = fitted(features, labels, pool[:LABELS], features[tested])
    for case, (rows, given) in challengers(labels, pool, rng).items():
        other = fitted(features, given, rows, features[tested])
        right = [p.argmax(axis=1) == labels[tested] for p in (champion, other)]
        gain = 100 * (right[1].mean() - right[0].mean())
        for count in TESTS:
            own = slice(count)
            compared = challenge.of_labels(labels[tested[own]], champion[own], other[own], CLASSES)
            decisions = {rule: challenge.decide(compared, rule) for rule in (challenge.NO_WORSE, challenge.MUST_GAIN)}
            outcome = {
                "promoted": float(decisions[challenge.NO_WORSE].promoted),
                "must_gain": float(decisions[challenge.MUST_GAIN].promoted),
                "too_few": float("too few" in decisions[challenge.NO_WORSE].reason),
                "lost_class": float("recall of" in decisions[challenge.NO_WORSE].reason),
                "gain": float(gain),
            }
            yield f"{count}/{case}", outcome


def challengers(
    labels: np.ndarray, pool: np.ndarray, rng: np.random.Generator
) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """By case the rows to learn from, and the labels of all images as the challenger gets them."""
    more = pool[: LABELS + MORE]
    shuffled, mislabelled = labels.copy(), labels.copy()
    some = more[rng.random(len(more)) < SHUFFLED]
    shuffled[some] = rng.permutation(labels[some])
    one, other = rng.choice(len(CLASSES), 2, replace=False)
    mislabelled[labels == one] = other
    return {
        "better": (more, labels),
        "as_good": (pool[LABELS : 2 * LABELS], labels),
        "shuffled": (more, shuffled),
        "mislabelled": (more, mislabelled),
        "few": (pool[: (LABELS + MORE) // 5], labels),
    }


def balanced(labels: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Rows in an order in which each ten have one of each class, as long as there are."""
    turn = np.empty(len(rows), int)
    for number in range(len(CLASSES)):
        own = np.flatnonzero(labels[rows] == number)
        turn[own] = np.arange(len(own))
    return rows[np.argsort(turn, kind="stable")]


def fitted(features: np.ndarray, labels: np.ndarray, rows: np.ndarray, tested: np.ndarray) -> np.ndarray:
    """Probabilities of test images by the usual classifier, in float64."""
    setting = cross_validation.usual_setting(logistic_regression)
    weights = np.ones(len(rows))
    network = logistic_regression.fit(features[rows], labels[rows], weights, len(CLASSES), 0, setting)
    return network.probabilities(tested).astype(np.float64)


if __name__ == "__main__":
    main()
