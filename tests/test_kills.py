"""What `benchmarks/kills.py` counts, and a few of its kills."""

import pytest


def test_values_are_compared_bit_for_bit_then_within_the_tolerance() -> None:
    import kills

    row = {"label": "cat", "probabilities": [0.25, 0.75]}
    near = {"label": "cat", "probabilities": [0.25, 0.75 + 1e-12]}

    assert kills.compared({"table a": [row], "b": 1.0}, {"table a": [row], "b": 1.0}) == ("equal", [])
    assert kills.compared({"table a": [near]}, {"table a": [row]}) == ("close", ["table a"])
    assert kills.compared({"table a": [row, row]}, {"table a": [row]}) == ("different", ["table a"])
    assert kills.compared({"a": 1.0}, {"a": 1.1}) == ("different", ["a"])
    assert kills.compared({}, {"a": 1.0}) == ("different", ["a"])
    assert kills.compared({"a": float("nan")}, {"a": float("nan")}) == ("equal", [])


@pytest.mark.long
@pytest.mark.spark
@pytest.mark.airflow
@pytest.mark.parametrize("dag", ["self_training", "unsupervised_classification"])
def test_a_run_that_is_killed_again_and_again_gives_what_an_undisturbed_one_gives(seed: int, dag: str) -> None:
    import kills

    figures = kills.campaign(2, 3, seed, dag=dag)

    repeat = f"KINDRED_TEST_SEED={seed} kills it then again: {figures}"
    assert figures["kills/runs"] == figures["kills/equal"] + figures["kills/close"] == 2, repeat
    assert figures["kills/kills"] > 0, repeat
    assert [figures[f"kills/{kind}_left"] for kind in ("processes", "attempts", "temporary")] == [0, 0, 0], repeat
