"""The verdict: worded by the intervals, and the scores with what is better marked."""

import pytest

from kindred.report import verdict_section
from kindred.report.blocks import Table
from report_run import PREDICTIONS, figures_of, scored, text_of

CROSS_VALIDATED = ("accuracy_mean", "accuracy_std", "log_loss_mean", "log_loss_std")
pytestmark = pytest.mark.usefixtures("undrawn")


@pytest.mark.parametrize(
    ("low", "high", "p", "sentence"),
    [
        (
            *(0.01, 0.03, 0.001),
            "Final is better than base: accuracy 92.0% instead of 90.0% on 100 test images: +2.0 points (95 % interval "
            "+1.0 to +3.0).",
        ),
        (-0.03, -0.01, 0.001, "Final is worse than base"),
        (-0.01, 0.03, 0.2, "No difference between final and base is shown on 100 test images"),
        (0.001, 0.03, 0.08, "No difference between final and base is shown"),
    ],
)
def test_the_verdict_is_worded_by_the_interval(low: float, high: float, p: float, sentence: str) -> None:
    figures = {
        **{"base/test/accuracy": 0.9, "candidate/test/accuracy": 0.92, "base/test/images": 100, "pseudo/count": 5},
        **{"candidate/test/accuracy_difference_low": low, "candidate/test/accuracy_difference_high": high},
        **{"candidate/test/mcnemar_p": p, "gate/accepted": 1},
    }

    assert sentence in verdict_section.headline(figures)
    assert verdict_section.headline({**figures, "gate/accepted": 0}).startswith("Final is base: the gate refused")
    assert verdict_section.headline({**figures, "pseudo/count": 0}).startswith(
        "Final is base: there is no pseudo-label"
    )


def test_the_scores_of_a_better_model_are_marked_as_better_also_where_less_is() -> None:
    labels = [0, 1] * 50
    test = scored(labels, {"base": [1, 0] * 25 + [0, 1] * 25, "final": labels}, ["cat", "dog"])

    section = verdict_section.section(
        figures_of(test), "neither accuracy nor log loss is worse", ["SimBA (L2): final is harder to fool."]
    )
    table = next(block for block in section.blocks if isinstance(block, Table) and block.name == "scores").display

    assert set(table["result"]) == {"better"}
    assert "SimBA" in text_of(section)
    assert "log loss -0.100" in text_of(section)


def test_where_there_is_no_pseudo_label_nothing_is_compared() -> None:
    test = scored(models={"final (base)": PREDICTIONS})

    section = verdict_section.section(figures_of(test, False, 0), "there is no pseudo-label, so final is base", [])

    assert section.headline == (
        "Final is base: there is no pseudo-label, so no second model. Accuracy 66.7% on 6 test images."
    )
    assert [block.name for block in section.blocks if hasattr(block, "name")] == ["scores", "counts"]


def test_without_test_images_the_verdict_is_that_of_cross_validation() -> None:
    tested = figures_of(scored())
    figures = {name: value for name, value in tested.items() if "/test/" not in name}
    figures |= {f"{model}/cv/{name}": 0.5 for model in ("base", "candidate") for name in CROSS_VALIDATED}

    section = verdict_section.section({**figures, "base/cv/folds": 2}, "not worse", [])

    assert section.headline.endswith("Accuracy by cross-validation: base 50.0% and final 50.0%.")
    assert "McNemar" not in text_of(section)
    assert "0.5000 ± 0.5000" in section.files()["verdict-scores.csv"].decode()


def test_where_nothing_is_held_out_the_gates_word_stands_without_figures() -> None:
    figures = {"gate/accepted": 1, "pseudo/count": 5}

    assert verdict_section.gate_sentence(figures, "untested, as ...") == "Gate: accepted, untested, as ...."


def test_without_test_images_and_folds_no_model_is_scored() -> None:
    tested = figures_of(scored())
    figures = {name: v for name, v in tested.items() if "/test/" not in name and not name.startswith("gate/")}

    section = verdict_section.section({**figures, "gate/accepted": 1, "base/cv/folds": 0}, "untested", [])

    assert section.headline.endswith("Too few classes have two given labels to hold one out, so no model is scored.")
    assert "scores" not in [block.name for block in section.blocks if hasattr(block, "name")]
