"""Black-box attacks on models whose margins are known, and against a toolbox."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from kindred.evaluation.attacks import black_box, simba, spark_attacks, square
from kindred.evaluation.attacks.attack_plan import ATTACKS, AttackPlan
from kindred.evaluation.attacks.black_box import Model, Outcome
from kindred.features import onnx_graphs
from kindred.learning import intervals, onnx_model
from kindred.learning.networks import Layer, Network
from pictures import noise

TOOLBOX = "adversarial-robustness-toolbox is not there: `make setup` installs it"


def attacked(
    name: str, model: Model, images: np.ndarray, labels: np.ndarray, epsilon: float, budget: int = 300, first: int = 0
) -> Outcome:
    """The outcome of an attack within so many grey levels; an image's id is its number, counted from `first`."""
    plan = AttackPlan({name: epsilon}, budget, seed=0)
    return spark_attacks.attack(plan, name, model, [str(first + i) for i in range(len(images))], labels, images)


def nearest(*centroids: np.ndarray) -> Model:
    """The class of the nearest centroid; the first one where two are as near."""

    def probabilities(images: np.ndarray) -> np.ndarray:
        near = [np.exp(-((images.astype(float) - c) ** 2).sum(axis=(1, 2, 3)) / 1000) for c in centroids]
        return np.stack(near, axis=1) / np.sum(near, axis=0)[:, None]

    return probabilities


def constant(images: np.ndarray) -> np.ndarray:
    return np.tile([0.5, 0.3, 0.2], (len(images), 1))


def plain(value: int) -> np.ndarray:
    """One image of 4 x 4 equal pixels."""
    return np.full((1, 4, 4, 1), value, np.uint8)


def spot(value: int) -> np.ndarray:
    """The same with another value in one place."""
    image = plain(100)
    image[0, 1, 2, 0] = value
    return image


def is_fooled(name: str, model: Model, image: np.ndarray, epsilon: float) -> bool:
    outcome = attacked(name, model, image, np.array([0]), epsilon, 2000)
    return bool(outcome.after[0].argmax() != 0)


def length(change: np.ndarray, name: str) -> float:
    flat = change.astype(float).ravel()
    return np.abs(flat).max() if ATTACKS[name].NORM == "linf" else float(np.linalg.norm(flat))


@pytest.fixture(scope="module")
def digits() -> tuple[Model, np.ndarray, np.ndarray]:
    return linear(lambda digits: np.round(digits * (255 / 16)), 100)


@pytest.mark.parametrize("name", ATTACKS)
def test_a_model_of_constant_output_is_never_fooled(name: str) -> None:
    images = np.stack([noise(seed=seed) for seed in range(5)])

    outcome = attacked(name, constant, images, np.zeros(5, int), epsilon=200)

    assert (outcome.after.argmax(axis=1) == 0).all()
    assert outcome.queries.tolist() == [300] * 5


@pytest.mark.parametrize("name", ATTACKS)
def test_an_image_that_the_model_has_wrong_is_left_alone(name: str) -> None:
    images = np.stack([noise(seed=seed) for seed in range(3)])

    outcome = attacked(name, constant, images, np.array([1, 0, 2]), epsilon=50)

    assert outcome.queries.tolist() == [0, 300, 0]
    np.testing.assert_array_equal(outcome.images[[0, 2]], images[[0, 2]])


def test_simba_fools_at_the_margin_of_one_pixel_and_not_below() -> None:
    model = nearest(spot(100), spot(180))  # half way: 40 grey levels

    assert not is_fooled("simba_l2", model, plain(100), 40)
    assert is_fooled("simba_l2", model, plain(100), 41)


def test_square_linf_fools_at_the_margin_of_all_pixels_and_not_below() -> None:
    model = nearest(plain(100), plain(140))  # half way: 20 grey levels in every pixel

    assert not is_fooled("square_linf", model, plain(100), 20)
    assert is_fooled("square_linf", model, plain(100), 21)


@pytest.mark.parametrize(("name", "enough"), [("simba_l2", 100), ("square_l2", 150)])  # a bump is not plain
def test_an_l2_attack_fools_above_the_margin_of_all_pixels_and_not_below(name: str, enough: float) -> None:
    model = nearest(plain(100), plain(140))  # half way: 20 grey levels in 16 pixels, of length 80

    assert not is_fooled(name, model, plain(100), 80)
    assert is_fooled(name, model, plain(100), enough)


def test_simba_steps_down_where_the_step_up_does_not_help() -> None:
    model = nearest(np.full((1, 1, 1), 200), np.full((1, 1, 1), 100))  # half way: 150

    outcome = attacked("simba_l2", model, np.full((1, 1, 1, 1), 200, np.uint8), np.array([0]), epsilon=60)

    assert outcome.queries.tolist() == [2]
    assert outcome.images.ravel().tolist() == [149]
    assert outcome.path[0, 1] == outcome.path[0, 0] > 0.5 > outcome.path[0, 2]


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.parametrize("shape", [(8, 6, 3), (1, 9, 1), (3, 3, 1), (17, 17, 3)], ids=str)
def test_each_query_is_a_valid_image_within_the_bound(name: str, shape: tuple[int, ...]) -> None:
    images = np.stack([noise(*shape, seed=seed) // 128 * 255 for seed in range(4)])  # black and white
    queried = []

    def model(pixels: np.ndarray) -> np.ndarray:
        queried.append(pixels)
        share = pixels.mean(axis=(1, 2, 3)) / 255
        return np.stack([share / 3 + 0.5, 0.5 - share / 3], axis=1)  # always the first

    attacked(name, model, images, np.zeros(4, int), epsilon=30)

    assert len(queried) == 301
    assert {(pixels.dtype, pixels.shape) for pixels in queried} == {(np.dtype(np.uint8), images.shape)}
    lengths = [length(p.astype(int) - c, name) for pixels in queried for p, c in zip(pixels, images, strict=True)]
    assert 20 < max(lengths) < 30.001


@pytest.mark.parametrize("name", ATTACKS)
def test_an_image_has_the_same_outcome_whatever_the_batch(name: str, digits) -> None:
    model, images, labels = digits

    together = attacked(name, model, images[:5], labels[:5], epsilon=100)
    alone = [attacked(name, model, images[i : i + 1], labels[i : i + 1], 100, first=i) for i in range(5)]

    np.testing.assert_array_equal(together.images, np.concatenate([one.images for one in alone]))
    np.testing.assert_array_equal(together.queries, np.concatenate([one.queries for one in alone]))
    np.testing.assert_array_equal(together.path, np.concatenate([one.path for one in alone]))


@pytest.mark.parametrize("name", ATTACKS)
def test_the_outcome_is_what_the_model_says_of_the_attacked_image(name: str, digits) -> None:
    model, images, labels = digits

    outcome = attacked(name, model, images, labels, epsilon=27 if name == "square_linf" else 180)

    after = model(outcome.images)
    fooled = (outcome.before.argmax(axis=1) == labels) & (after.argmax(axis=1) != labels)
    ends = outcome.path[np.arange(len(labels)), outcome.queries]
    np.testing.assert_array_equal(outcome.after, after)
    np.testing.assert_array_equal(ends, after[np.arange(len(labels)), labels])
    assert 0 < fooled.sum() < len(labels)
    assert (outcome.queries[fooled] <= 300).all()
    assert (outcome.queries[(outcome.before.argmax(axis=1) == labels) & ~fooled] == 300).all()


@pytest.mark.slow
def test_simba_fools_as_many_digits_in_as_many_steps_as_the_toolbox_does(pale: tuple) -> None:
    evasion = pytest.importorskip("art.attacks.evasion", reason=TOOLBOX)
    model, images, labels, classifier = pale
    steps = 60
    rngs = [np.random.default_rng(i) for i in range(len(images))]
    method = simba.SimBA(images, rngs, epsilon=1e6, budget=2 * steps)  # the toolbox's knows no bound

    outcome = black_box.search(model, method, images, labels, 2 * steps)
    ours = (outcome.after.argmax(axis=1) != labels) & (method.step <= steps)
    theirs = evasion.SimBA(classifier, "px", steps, epsilon=simba.STEP / 255, verbose=False)

    low, high = difference(ours, theirs, pale)
    assert 0.2 < ours.mean() < 0.8
    assert low <= 0 <= high


@pytest.mark.slow
def test_square_linf_fools_as_many_digits_as_the_toolbox_does(pale: tuple) -> None:
    evasion = pytest.importorskip("art.attacks.evasion", reason=TOOLBOX)
    model, images, labels, classifier = pale

    ours = attacked("square_linf", model, images, labels, 12, 100).after.argmax(axis=1) != labels
    options = {"norm": np.inf, "eps": 12 / 255, "max_iter": 99, "p_init": square.FIRST_SHARE, "verbose": False}

    low, high = difference(ours, evasion.SquareAttack(classifier, **options), pale)
    assert 0.1 < ours.mean() < 0.9
    assert low <= 0 <= high


@pytest.mark.slow
def test_square_l2_fools_no_fewer_digits_than_the_toolbox_does(pale: tuple) -> None:
    """The toolbox's divides by a length by which algorithm 3 multiplies, so that it finds fewer where it goes on."""
    evasion = pytest.importorskip("art.attacks.evasion", reason=TOOLBOX)
    model, images, labels, classifier = pale
    options = {"norm": 2, "p_init": square.FIRST_SHARE, "verbose": False}

    early, late = (
        attacked("square_l2", model, images, labels, 200, n).after.argmax(axis=1) != labels for n in (25, 200)
    )
    low, high = difference(early, evasion.SquareAttack(classifier, eps=200 / 255, max_iter=24, **options), pale)
    later, _ = difference(late, evasion.SquareAttack(classifier, eps=200 / 255, max_iter=199, **options), pale)

    assert 0.05 < early.mean() < late.mean() < 0.9
    assert low <= 0 <= high
    assert later > -0.01


@pytest.fixture(scope="module")
def pale() -> tuple:
    """A linear model, those of 200 digits that it has right, of 16 x 16 greys far from black and white (there the
    toolbox's Square Attack divides 0 by 0), their labels, and the model as the toolbox wants it.
    """
    estimators = pytest.importorskip("art.estimators.classification", reason=TOOLBOX)
    model, images, labels = linear(lambda digits: np.round(64 + digits * (127 / 16)).repeat(2, 1).repeat(2, 2), 200)
    right = model(images).argmax(axis=1) == labels

    def predict(x: np.ndarray) -> np.ndarray:
        answers = model(np.round(np.nan_to_num(x) * 255).astype(np.uint8))
        answers[np.isnan(x).any(axis=(1, 2, 3))] = np.nan  # which no search keeps
        return answers

    options = {"channels_first": False, "clip_values": (0, 1)}
    classifier = estimators.BlackBoxClassifierNeuralNetwork(predict, images.shape[1:], 10, **options)
    return model, images[right], labels[right], classifier


def difference(ours: np.ndarray, attack: Any, pale: tuple) -> tuple[float, float]:
    """The interval of the difference in success, ours minus the toolbox's."""
    model, images, labels, _ = pale
    np.random.seed(0)
    theirs = attack.generate(images.astype(np.float32) / 255, np.eye(10)[labels])
    fooled = model(np.round(theirs * 255).astype(np.uint8)).argmax(axis=1) != labels
    return intervals.mean_interval(ours.astype(float) - fooled)


def linear(picture: Callable[[np.ndarray], np.ndarray], count: int) -> tuple[Model, np.ndarray, np.ndarray]:
    """A model of 200 digits in ONNX, and `count` others as pictures with their labels."""
    from sklearn.datasets import load_digits
    from sklearn.linear_model import LogisticRegression

    data = load_digits()
    images, labels = picture(data.images[: 200 + count]).astype(np.uint8)[..., None], data.target[: 200 + count]
    fitted = LogisticRegression().fit(images[:200].reshape(200, -1) / 255, labels[:200])
    network = Network((Layer(fitted.coef_.T, fitted.intercept_),))
    session = onnx_graphs.session(onnx_model.whole_model(onnx_graphs.scaled_pixels(images.shape[1:3], 1), network, 1))
    return lambda pixels: session.run(None, {"pixels": pixels})[0], images[200:], labels[200:]
