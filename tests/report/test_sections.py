"""What the report says of models whose figures one knows, and what it does with odd runs."""

import numpy as np
import pandas as pd
import pytest

from kindred.data import fonts
from kindred.evaluation.attacks import attack_figures
from kindred.evaluation.attacks.attack_plan import AttackPlan
from kindred.learning import metrics
from kindred.report import curves, data, embedding_map, mistakes, page, pseudo_labels, robustness, verdict
from kindred.report.blocks import Table, count
from pictures import encoded
from report_run import few, figures_of, found_twins, scored, sections, text_of

CLASSES = ["cat", "dog", "eel"]
LABELS = [0, 0, 1, 1, 1, 2]
SAID = [0, 1, 1, 1, 2, 2]  # one cat for a dog, one dog for an eel


def render(parts: list) -> str:
    return page.render("Kindred: test", {"dataset": "digits"}, parts).decode()


def test_a_hand_made_confusion_matrix_is_counted_and_its_pairs_are_named() -> None:
    test = scored(LABELS, {"base": SAID, "final": LABELS}, CLASSES)

    counts = {model: mistakes.confusion(test, model) for model in test.models}
    pairs = mistakes.confused_pairs(test, counts)

    assert counts["base"].tolist() == [[1, 1, 0], [0, 2, 1], [0, 0, 1]]
    assert counts["final"].tolist() == [[2, 0, 0], [0, 3, 0], [0, 0, 1]]
    assert pairs.to_numpy().tolist() == [["cat", "dog", 1, 0], ["dog", "eel", 1, 0]]
    assert mistakes.says(test, pairs) == (
        "Of 6 test images base errs on 2, final errs on 0. Most often cat is taken for dog."
    )


def test_of_many_classes_the_most_confused_are_shown() -> None:
    labels = list(range(40)) * 2
    said = [*range(40), 39, *range(1, 38), 39, 38]  # 0 is taken for 39, and 38 and 39 for each other

    test = scored(labels, {"base": said}, few(40))

    shown = mistakes.most_confused({"base": mistakes.confusion(test, "base")})
    assert len(shown) == mistakes.MOST
    assert {0, 38, 39} <= set(shown)


def test_the_surest_mistakes_come_first() -> None:
    probabilities = np.array([[0.6, 0.4], [0.9, 0.1], [0.2, 0.8], [0.7, 0.3]])
    test = scored([1, 1, 1, 0], {"final": [0, 0, 1, 0]}, ["cat", "dog"])
    test.models["final"] = probabilities

    assert mistakes.sure(test) == [1, 0]


def test_a_perfect_model_ranks_every_class_perfectly_and_is_never_wrong() -> None:
    test = scored(LABELS, {"base": LABELS}, CLASSES, sure=1.0)

    areas = curves.by_class(test)
    coverage, risk = curves.risk_coverage(test.right("base"), np.ones(6))

    assert areas[["ROC AUC base", "average precision base"]].to_numpy().tolist() == [[1, 1]] * 3
    assert not risk.any()
    assert coverage[-1] == 1
    assert "Base is about as often right as it says" in curves.says(test)


def test_a_constant_model_ranks_nothing() -> None:
    test = scored(LABELS, {"base": [0] * 6}, CLASSES)

    areas = curves.by_class(test)

    assert areas["ROC AUC base"].tolist() == [0.5, 0.5, 0.5]
    assert areas["average precision base"].tolist() == pytest.approx([2 / 6, 3 / 6, 1 / 6])
    assert "too sure" in curves.says(test)


def test_risk_is_the_share_of_errors_among_the_surest() -> None:
    coverage, risk = curves.risk_coverage(np.array([True, False, True, True]), np.array([0.9, 0.5, 0.8, 0.7]))

    assert coverage.tolist() == [0.25, 0.5, 0.75, 1]
    assert risk.tolist() == [0, 0, 0, 0.25]


def test_a_simulator_that_is_as_often_right_as_it_says_has_hardly_a_calibration_error() -> None:
    chance = np.random.default_rng(0)
    confidence = chance.uniform(0.5, 1, 100_000)
    labels = (chance.uniform(size=100_000) > confidence).astype(int)

    assert metrics.calibration_error(labels, np.stack([confidence, 1 - confidence], axis=1)) < 0.01


@pytest.mark.parametrize(
    ("low", "high", "p", "said"),
    [
        (0.01, 0.03, 0.001, "Final is better than base: 92.0% instead of 90.0% of 100 test images right, +2.0 points"),
        (-0.03, -0.01, 0.001, "Final is worse than base"),
        (-0.01, 0.03, 0.2, "No difference between final and base is shown with 100 test images"),
        (0.001, 0.03, 0.08, "No difference between final and base is shown"),
    ],
)
def test_the_verdict_is_worded_by_the_interval(low: float, high: float, p: float, said: str) -> None:
    figures = {
        **{"base/test/accuracy": 0.9, "candidate/test/accuracy": 0.92, "base/test/images": 100, "pseudo/count": 5},
        **{"candidate/test/accuracy_difference_low": low, "candidate/test/accuracy_difference_high": high},
        **{"candidate/test/mcnemar_p": p, "gate/accepted": 1},
    }

    assert said in verdict.headline(figures)
    assert verdict.headline({**figures, "gate/accepted": 0}).startswith("Final is base: the gate refused")
    assert verdict.headline({**figures, "pseudo/count": 0}).startswith("Final is base: there is no pseudo-label")


def test_the_scores_of_a_better_model_are_marked_as_better_also_where_less_is() -> None:
    labels = [0, 1] * 50
    test = scored(labels, {"base": [1, 0] * 25 + [0, 1] * 25, "final": labels}, ["cat", "dog"])

    section = verdict.section(
        figures_of(test, True, 3), "neither accuracy nor log loss is worse", ["SimBA (L2): final is harder to fool."]
    )
    table = next(b for b in section.blocks if isinstance(b, Table) and b.name == "scores").shown

    assert set(table["so"]) == {"better"}
    assert "SimBA" in text_of(section)
    assert "log loss -0.100" in text_of(section)


def test_where_there_is_no_pseudo_label_nothing_is_compared() -> None:
    test = scored(LABELS, {"final (base)": SAID}, CLASSES)

    section = verdict.section(figures_of(test, False, 0), "there is no pseudo-label, so final is base", [])

    assert section.says == (
        "Final is base: there is no pseudo-label, so no second model. 66.7% of 6 test images right."
    )
    assert [block.name for block in section.blocks if hasattr(block, "name")] == ["scores", "counts"]


def test_pseudo_labels_are_counted_by_confidence() -> None:
    accepted = pd.DataFrame(
        {
            "image_id": list("abc"),
            "label": ["cat", "cat", "dog"],
            "confidence": [0.95, 1.0, 0.65],
            "truth": ["cat", "dog", None],
        }
    )
    refused = accepted.head(1).assign(confidence=0.2, reason="below the threshold")

    found = pseudo_labels.by_confidence(accepted, refused).set_index("from")

    assert found.loc[0.9, ["accepted", "known", "precision"]].tolist() == [2, 2, 0.5]
    assert found.loc[0.6, ["accepted", "known"]].tolist() == [1, 0]
    assert np.isnan(found.loc[0.6, "precision"])
    assert found.loc[0.2, "refused"] == 1
    assert pseudo_labels.says(accepted, refused) == (
        "3 of 4 unlabelled images (75.0%) got a pseudo-label; 50.0% of the 2 whose truth is known are right."
    )
    assert pseudo_labels.doubted(accepted)["image_id"].tolist() == ["c", "a", "b"]


def test_a_reason_from_a_saved_run_is_shown_in_the_words_of_today() -> None:
    rows = pd.DataFrame({"image_id": ["a", "b"], "label": "cat", "confidence": 0.5, "truth": None})
    refused = rows.assign(reason=["of no known class", "out of distribution"])
    by_class = pd.DataFrame({"accepted": [0], "refused": [2], "coverage": 0.0, "precision": np.nan, "confidence": 0.5})
    pictures = dict.fromkeys("ab", np.zeros((4, 4, 3), np.uint8))

    section = pseudo_labels.section(rows.head(0), refused, by_class.set_axis(["cat"]).rename_axis("class"), pictures)

    reasons = next(block for block in section.blocks if isinstance(block, Table) and block.name == "reasons")
    assert reasons.rows.to_numpy().tolist() == [["out of distribution", 2]]


def test_the_map_keeps_the_variance_that_there_is() -> None:
    features = np.outer(np.arange(10.0), [3, 4])

    points, kept = embedding_map.project(features, "pca")

    assert kept == pytest.approx(1)
    assert np.ptp(points[:, 0]) == pytest.approx(1)
    assert np.ptp(points[:, 1]) < 1


def test_another_projection_puts_two_clusters_apart() -> None:
    features = np.concatenate([np.random.default_rng(0).normal(at, 0.1, (12, 4)) for at in (0, 10)])

    points, kept = embedding_map.project(features, "tsne")

    assert kept is None
    first, second = points[:12].mean(axis=0), points[12:].mean(axis=0)
    assert np.linalg.norm(first - second) > 0.3


def test_things_are_counted_in_words() -> None:
    assert (count(1, "pair"), count(2000, "pair"), count(1, "class", "classes")) == ("1 pair", "2,000 pairs", "1 class")


@pytest.mark.usefixtures("undrawn")
def test_near_duplicates_are_shown_as_pairs_beside_the_count_of_exact_ones() -> None:
    test = scored(LABELS, {"base": SAID}, CLASSES)

    section = sections(test, twins=[("0000", "test", "0001", "train", 0.003)])[1]

    assert "Near duplicates across splits: 1 pair in 1 group" in text_of(section)
    assert section.files()["data-twins.csv"].decode().splitlines()[1] == "test: cat,train: cat,distance 0.0030"
    assert data.wanted({}, found_twins([("a", "test", "b", "train", 0.1)])) == ["a", "b"]


@pytest.mark.usefixtures("undrawn")
def test_characters_that_no_font_has_are_named_once_on_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "hint", lambda texts: f"no font here has {''.join(texts)}")

    section = sections(scored([0, 1], {"base": [0, 1]}, ["猫", "dog"]))[1]

    assert text_of(section).count("Plots show boxes in class names: no font here has 猫dog.") == 1


@pytest.mark.usefixtures("undrawn")
def test_a_class_absent_from_the_test_split_is_named() -> None:
    parts = sections(scored([0, 0, 1, 1], {"base": [0, 1, 1, 1], "final": [0, 0, 1, 1]}, CLASSES))

    assert "No test image is of eel" in text_of(parts[2])
    assert "Split test has no image of eel." in text_of(parts[1])
    assert "No test image is of eel" in render(parts)


@pytest.mark.usefixtures("undrawn")
def test_with_a_single_class_in_the_test_split_nothing_is_ranked() -> None:
    parts = sections(scored([0, 0, 0, 0], {"base": [0, 1, 0, 0], "final": [0, 0, 0, 0]}, ["cat", "dog"]))

    assert "All test images are of one class" in render(parts)


@pytest.mark.usefixtures("undrawn")
def test_without_an_unlabelled_image_the_page_says_so() -> None:
    parts = sections(scored(LABELS, {"final (base)": SAID}, CLASSES), accepted=False, pseudo=0)

    assert "There was no unlabelled image" in render(parts)


@pytest.mark.slow
def test_six_hundred_classes_make_a_page_that_can_be_read() -> None:
    labels = list(range(600))
    said = [*range(1, 600), 0]

    content = render(sections(scored(labels, {"base": labels, "final": said}, few(600))))

    assert len(content) < 5e6
    assert "Of 600 classes the 30 that are most often confused are shown." in content
    assert "The first 40 of 600 rows" in content


@pytest.mark.slow
def test_markup_in_names_is_shown_and_not_obeyed() -> None:
    names = ["<script>alert(1)</script>", '"><img src=http://example.org/x.png>', "$a_b$"]

    content = render(sections(scored(LABELS, {"base": SAID, "final": LABELS}, names)))

    assert "<script>alert" not in content
    assert "<img src=http" not in content
    assert "&lt;script&gt;alert(1)" in content


@pytest.mark.slow
def test_every_plot_is_a_png_and_every_table_a_csv() -> None:
    files = {
        n: c
        for part in sections(scored(LABELS, {"base": SAID, "final": LABELS}, CLASSES))
        for n, c in part.files().items()
    }

    assert {name.rsplit(".")[1] for name in files} == {"png", "csv"}
    assert all(content.startswith(b"\x89PNG") for name, content in files.items() if name.endswith("png"))
    assert files["mistakes-pairs.csv"].decode().splitlines()[0] == "truth,predicted,base,final"


def attacked() -> tuple[dict, pd.DataFrame, pd.DataFrame]:
    """Two images under one attack: base is fooled on both, after 10 and 30 queries, final on none."""
    rows = [
        ("a", "base", "simba_l2", "cat", "cat", "dog", 0.6, True, 10, 0.1),
        ("b", "base", "simba_l2", "dog", "dog", "cat", 0.6, True, 30, 0.2),
        ("a", "final", "simba_l2", "cat", "cat", "cat", 0.6, False, 100, 0.3),
        ("b", "final", "simba_l2", "dog", "cat", "cat", 0.9, False, 0, 0.0),
    ]
    columns = "image_id model attack label before after confidence success queries distance".split()
    picture = encoded(np.zeros((4, 4, 1), np.uint8))
    shown = {"original": picture, "attacked": picture, "before": "cat", "before_confidence": 0.9, "after": "dog"}
    shown |= {"after_confidence": 0.6, "queries": [0, 5, 10], "true_confidence": [0.9, 0.5, 0.3]}
    pictures = pd.DataFrame([{"image_id": "a", "model": m, "attack": "simba_l2", **shown} for m in ("base", "final")])
    table = pd.DataFrame(rows, columns=columns)
    return attack_figures.figures(table, AttackPlan({"simba_l2": 100.0}, 100, 0)), table, pictures


def test_success_grows_with_the_queries_among_the_images_that_were_right() -> None:
    _, rows, _ = attacked()

    base, final = (robustness.success_by_queries(rows[rows["model"] == m]) for m in ("base", "final"))

    assert base[["queries", "share"]].T.to_numpy().tolist() == [[0, 10, 30, 30], [0, 0.5, 1, 1]]
    assert final[["queries", "share"]].T.to_numpy().tolist() == [[0, 100], [0, 0]]
    assert (base["low"] < base["share"]).iloc[1:].all()
    assert base["low"].iloc[1] == pytest.approx(0.5 - (base["high"].iloc[1] - 0.5))  # one of two


def test_the_curve_of_success_ends_at_the_rate_and_the_interval_that_the_figures_have() -> None:
    figures, rows, _ = attacked()

    for model in ("base", "final"):
        last = robustness.success_by_queries(rows[rows["model"] == model]).iloc[-1]
        ends = [figures[f"attack/simba_l2/{model}/{name}"] for name in ("success_rate", "success_low", "success_high")]
        assert last[["share", "low", "high"]].tolist() == ends


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [(-0.9, -0.1, "final is harder to fool"), (0.1, 0.9, "easier"), (-0.1, 0.1, "no difference shown with 40 images")],
)
def test_robustness_is_worded_by_the_interval(low: float, high: float, said: str) -> None:
    found = {"low": low, "high": high, "paired": 40}
    figures = {**attacked()[0], **{f"attack/simba_l2/{key}": value for key, value in found.items()}}

    assert said in robustness.statements(figures)[0]


def test_where_final_is_base_no_difference_is_told() -> None:
    assert "Final is base" in robustness.statements({**attacked()[0], "attack/same_model": 1})[0]


def test_an_attack_is_shown_with_its_pictures_and_without_one_the_page_says_so() -> None:
    section = robustness.section(*attacked())

    assert "2 test images were attacked" in section.says
    assert {"robustness-success.png", "robustness-pictures-simba_l2.png"} <= set(section.files())
    assert robustness.section({}, pd.DataFrame(), pd.DataFrame()).says == robustness.NONE
