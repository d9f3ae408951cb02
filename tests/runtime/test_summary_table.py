"""The table at the end of a run says what each figure is, also where truth is not known."""

import pytest

from kindred.runtime.summary_table import table

ACCEPTED = {"gate/accepted": 1, "gate/difference": 0.05, "gate/low": 0.0, "gate/high": 0.1, "pseudo/count": 1338}
ESTIMATE = {
    "pseudo/estimated_precision": 0.931,
    "pseudo/estimated_precision_low": 0.9,
    "pseudo/estimated_precision_high": 0.955,
}


def line(figures: dict[str, float], title: str, params: dict | None = None) -> str:
    """The line that begins with `title`, without the spaces that align it."""
    found = [" ".join(row.split()) for row in table(figures, params).splitlines() if row.startswith(title)]
    return found[0] if found else ""


def test_pseudo_labels_whose_truth_is_known_are_counted() -> None:
    figures = {"pseudo/count": 1338, "pseudo/known": 1338, "pseudo/precision": 0.954, **ESTIMATE}

    assert line(figures, "pseudo-labels right") == "pseudo-labels right 95.4% of 1,338 whose truth is known"
    assert "estimate" not in table(figures)


def test_pseudo_labels_whose_truth_is_not_known_are_estimated() -> None:
    figures = {"pseudo/count": 1338, "pseudo/known": 0, **ESTIMATE}

    assert line(figures, "pseudo-labels right") == ("pseudo-labels right 93.1% by estimate (90.0% to 95.5%)")


def test_where_the_truth_of_some_is_known_both_are_shown() -> None:
    text = table({"pseudo/count": 1000, "pseudo/known": 12, "pseudo/precision": 0.75, **ESTIMATE})

    assert "75.0%   of 12 whose truth is known" in text
    assert "93.1%   by estimate" in text


@pytest.mark.parametrize(
    ("figures", "final"),
    [
        (ACCEPTED, "final learned from these and 1,338 pseudo-labels"),
        (
            {**ACCEPTED, "gate/accepted": 0},
            "final is base: the gate refused what learned from these and 1,338 pseudo-labels",
        ),
        ({**ACCEPTED, "gate/accepted": 0, "pseudo/count": 0}, "final is base: there is no pseudo-label to learn from"),
    ],
)
def test_what_final_learned_from_is_said(figures: dict[str, float], final: str) -> None:
    assert line(figures, "base") == "base learned from the given labels"
    assert line(figures, "final") == final


@pytest.mark.parametrize(
    ("params", "how"),
    [
        ({"labels_per_class": 10}, "10 per class, at random"),
        ({"dataset": "digits"}, "10 per class, at random"),
        ({"labels": 100, "label_choice": "representatives"}, "in all, of the images nearest to cluster centres"),
        ({}, "all labels of training images that are known"),
        ({"label_choice": "all"}, "all labels of training images that are known"),
    ],
)
def test_how_the_given_labels_were_chosen_is_said(params: dict, how: str) -> None:
    form = {"dataset": "image_folder", "labels_per_class": None, "labels": None, "label_choice": "random", **params}

    assert line({"choose_labels/labels": 100}, "given labels", form) == f"given labels 100 {how}"
    assert line({"choose_labels/labels": 100}, "given labels", {"seed": 0}) == "given labels 100"


def test_what_unlabelled_means_is_said_also_where_nothing_is() -> None:
    some, none = {"pseudo/unlabelled": 1338, "pseudo/count": 9}, {"pseudo/unlabelled": 0, "pseudo/count": 0}

    assert line(some, "unlabelled") == "unlabelled 1,338 images without a given label: they learn by pseudo-labels"
    assert line(none, "unlabelled") == "unlabelled 0 all have their label: there is nothing to pseudo-label"
    assert line(none, "pseudo-labelled") == ""


def test_images_that_were_left_out_are_shown_where_there_are_any() -> None:
    assert line({"ingest/rejected": 2}, "rejected") == "rejected 2 files that could not be used; the report names them"
    assert line({"ingest/rejected": 0}, "rejected") == ""


def test_of_several_labels_an_image_both_models_are_shown_with_the_interval_of_the_difference() -> None:
    figures = {
        **{"base/test/images": 40, "base/test/micro_f1": 0.5, "final/test/micro_f1": 0.75},
        **{"base/test/mean_average_precision": 0.5, "final/test/mean_average_precision": 0.625},
        **{"final/test/micro_f1_difference_low": 0.125, "final/test/micro_f1_difference_high": 0.375},
        **{"base/test/log_loss": 0.5, "final/test/log_loss": 0.25},
    }

    assert table(figures).splitlines()[0].split() == ["base", "final", "difference"]
    assert line(figures, "test mAP") == "test mAP 0.5000 0.6250 +0.1250 mean over the classes, 40 test images"
    assert line(figures, "test micro F1").startswith("test micro F1 0.5000 0.7500 +0.2500 (+0.1250 to +0.3750)")
    assert line(figures, "test log loss") == "test log loss 0.5000 0.2500 -0.2500 lower is better"


def test_of_several_labels_an_image_pseudo_labels_are_pairs_of_image_and_class() -> None:
    figures = {
        **{**ACCEPTED, "pseudo/pairs": 5000, "base/cv/micro_f1_mean": 0.5, "pseudo/known": 3000},
        **{"pseudo/precision": 0.95, "pseudo/positive_precision": 0.875},
    }

    assert line(figures, "final") == "final learned from these and 5,000 pseudo-labels of 1,338 images"
    assert line(figures, "gate") == (
        "gate pseudo-labels accepted: out-of-fold share of known classes said rightly +0.0500 (+0.0000 to +0.1000)"
    )
    assert "95.0%   of 3,000 whose truth is known" in table(figures)
    assert "87.5%   of those among them that say present" in table(figures)
