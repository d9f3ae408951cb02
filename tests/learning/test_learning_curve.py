"""What more labels would bring, on curves whose law is known."""

import numpy as np
import pandas as pd
import pytest

from kindred.learning import learning_curve


def curve_of(law: learning_curve.InversePowerLaw, sizes: tuple[int, ...] = (10, 20, 40, 80, 160)) -> pd.DataFrame:
    return pd.DataFrame({"labels": sizes, "accuracy": law.accuracy_at(np.array(sizes)), "error": 0.0})


def test_the_law_of_a_curve_is_found_again() -> None:
    law = learning_curve.InversePowerLaw(ceiling=0.95, drop=1.0, rate=0.5)

    fitted = learning_curve.extrapolate(curve_of(law))

    assert fitted.accuracy_at(1000) == pytest.approx(law.accuracy_at(1000), abs=1e-3)


def test_how_many_more_labels_one_point_takes() -> None:
    law = learning_curve.InversePowerLaw(ceiling=1.0, drop=1.0, rate=1.0)  # 99 % at 100 labels, 98 % at 50

    assert law.labels_for(0.99) == pytest.approx(100)
    assert law.labels_for(1.0) is None
    points = curve_of(law, (10, 25, 50))
    assert "about 50 more labels would bring one point more" in learning_curve.summary(points, law)


def test_a_curve_that_has_levelled_off_says_that_more_labels_show_no_gain() -> None:
    points = pd.DataFrame({"labels": [10, 20, 40, 80], "accuracy": [0.5, 0.9, 0.9, 0.9], "error": 0.0})

    summary = learning_curve.summary(points, learning_curve.extrapolate(points))

    assert summary.startswith("More labels show no gain")


def test_two_points_are_too_few() -> None:
    points = pd.DataFrame({"labels": [10, 20], "accuracy": [0.5, 0.6], "error": 0.0})

    assert learning_curve.extrapolate(points) is None
    assert "too few points" in learning_curve.summary(points, None)


def test_a_fit_that_does_not_converge_gives_no_law(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning_curve, "MAX_EVALUATIONS", 100)
    points = pd.DataFrame({"labels": [3000, 50_000, 80_000], "accuracy": [0.0, 1.0, 0.0], "error": 0.0})

    law = learning_curve.extrapolate(points)

    assert law is None
    assert "follows no inverse power law" in learning_curve.summary(points, law)


def test_the_fits_learn_from_halves_but_of_two_labels_a_class_at_least() -> None:
    assert learning_curve.sizes(80, 10) == [20, 40]
    assert learning_curve.sizes(1600, 10) == [100, 200, 400, 800]
    assert learning_curve.sizes(80_000, 10) == [500, 1000, 2000, 4000]
    assert learning_curve.sizes(30, 10) == []


def test_a_curve_is_the_mean_over_folds_with_its_standard_error() -> None:
    points = pd.DataFrame({"labels": [20, 20, 10], "fold": [0, 1, 0], "accuracy": [0.8, 0.6, 0.5]})

    curve = learning_curve.curve(points)

    assert curve["labels"].to_list() == [10, 20]
    assert curve["accuracy"].to_list() == pytest.approx([0.5, 0.7])
    assert curve["error"].to_list() == pytest.approx([0, 0.1])
