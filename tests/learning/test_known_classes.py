"""Which new images are of none of the known classes."""

import numpy as np

from kindred.learning import known_classes
from kindred.learning.known_classes import MAX_REFERENCES
from kindred.learning.novelty import FALSE_ALARM_RATE


def clusters(count: int, axes: tuple[int, ...], seed: int) -> np.ndarray:
    """Vectors [n, 16] about some axes in turn."""
    rng = np.random.default_rng(seed)
    return rng.normal(np.eye(16)[np.resize(axes, count)] * 3, 0.3).astype(np.float32)


def test_images_of_another_class_are_told_and_few_of_the_known_ones() -> None:
    learned = clusters(600, (0, 1, 2), seed=0)

    known = known_classes.learn(learned, np.arange(200))

    assert known is not None
    assert known.none_of_these(clusters(300, (5,), seed=1)).mean() > 0.95
    assert known.none_of_these(clusters(3000, (0, 1, 2), seed=2)).mean() < 2 * FALSE_ALARM_RATE


def test_it_is_the_same_after_it_was_stored() -> None:
    known = known_classes.learn(clusters(100, (0, 1), seed=0), np.arange(60))
    new = clusters(50, (0, 7), seed=1)

    again = known_classes.from_bytes(known.to_bytes())

    np.testing.assert_array_equal(again.distances(new), known.distances(new))
    assert again.threshold == known.threshold


def test_with_too_few_given_labels_nothing_is_learned() -> None:
    images = clusters(100, (0, 1), seed=0)

    assert known_classes.learn(images, np.arange(32)) is None
    assert known_classes.learn(images, np.arange(33)) is not None


def test_of_many_images_a_bounded_number_is_kept() -> None:
    images = clusters(MAX_REFERENCES + 500, (0, 1), seed=0)

    many = known_classes.learn(images, np.arange(len(images)))

    assert many.references.shape == (MAX_REFERENCES, 16)
