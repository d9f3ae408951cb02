"""When training stops, and how its rate falls."""

import pytest

from kindred.learning.plateaus import Plateaus


def test_the_rate_falls_on_each_plateau_and_a_better_loss_ends_it() -> None:
    plateaus = Plateaus(rate=1.0, factor=0.5, patience=2, stop_patience=5)

    rates = []
    for loss in (9.0, 9.0, 8.0, 8.1, 8.2, 8.3, 8.4, 7.0):
        plateaus.after(loss)
        rates.append(plateaus.rate)

    assert rates == [1, 1, 1, 1, 0.5, 0.5, 0.25, 0.25]
    assert not plateaus.stops


def test_training_stops_where_no_loss_is_better() -> None:
    plateaus = Plateaus(rate=1.0, factor=0.5, patience=9, stop_patience=3)

    best = [plateaus.after(loss) for loss in (5.0, 4.0, 4.0, 4.5, 4.0)]

    assert best == [True, True, False, False, False]
    assert plateaus.stops


@pytest.mark.parametrize("losses", [(1.0, 0.99999), (0.0, 0.0), (-1.0, -1.00001), (float("nan"), float("nan"))])
def test_hardly_better_is_no_better(losses: tuple) -> None:
    plateaus = Plateaus(rate=1.0, factor=0.5, patience=9, stop_patience=1)

    assert [plateaus.after(loss) for loss in losses] == [True, False]
    assert plateaus.stops
