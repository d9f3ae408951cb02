"""A challenger against the champion: what each rule decides, and on which images."""

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

import multi_label_run
from kindred.evaluation import challenge, challenged_runs
from kindred.evaluation.challenge import Challenge, decide, decide_without
from kindred.evaluation.challenged_runs import LEARNED, UNKNOWN, UNSEEN
from kindred.learning.multi_label import Labels
from kindred.runtime import runs, storage
from kindred.runtime.errors import InputError

CLASSES = ["cat", "dog"]


def predicted(labels: np.ndarray, wrong: np.ndarray) -> np.ndarray:
    """Probabilities of a model that is wrong on some images, sure by 0.8."""
    said = np.where(wrong, 1 - labels, labels)
    return np.where(np.eye(2)[said] == 1, 0.8, 0.2)


def challenged(n: int, champion_wrong: slice, challenger_wrong: slice) -> Challenge:
    """Of n images, every second a dog, the models are wrong on these."""
    labels = np.tile([0, 1], n // 2)
    wrong = np.zeros((2, n), bool)
    wrong[0, champion_wrong] = wrong[1, challenger_wrong] = True
    return challenge.of_labels(labels, predicted(labels, wrong[0]), predicted(labels, wrong[1]), CLASSES)


NONE = slice(0)


def test_differences_are_challenger_minus_champion() -> None:
    found = challenged(400, slice(0, 40), slice(0, 20))

    assert (found.images, found.scores["accuracy"].champion, found.scores["accuracy"].challenger) == (400, 0.9, 0.95)
    assert found.scores["accuracy"].difference == pytest.approx(0.05)
    assert found.scores["log_loss"].difference == pytest.approx(-0.05 * np.log(4))
    assert {name: round(score.difference, 3) for name, score in found.recalls.items()} == {"cat": 0.05, "dog": 0.05}
    assert found.mcnemar_p == pytest.approx(2 * 0.5**20)
    low, high = found.scores["accuracy"].low, found.scores["accuracy"].high
    assert 0.02 < low < 0.04 < 0.06 < high < 0.09


def test_who_is_better_is_promoted_by_both_rules_and_never_by_never() -> None:
    better = challenged(400, slice(0, 40), slice(0, 20))

    assert [decide(better, rule).promoted for rule in challenge.RULES] == [True, True, False, True]
    assert decide(better, "no_worse").reason.startswith("accuracy +0.0500 (")
    assert decide(better, "no_worse").reason.endswith("on 400 test images")


def test_who_is_as_good_is_promoted_as_no_worse_but_has_no_gain() -> None:
    same = challenged(2000, slice(0, 10), slice(10, 20))

    assert decide(same, "no_worse").promoted
    refused = decide(same, "must_gain")
    assert not refused.promoted
    assert "it seems no gain" in refused.reason


def test_who_is_worse_is_refused_with_the_figures() -> None:
    refused = decide(challenged(400, NONE, slice(0, 40)), "no_worse")

    assert not refused.promoted
    assert refused.reason.startswith("accuracy -0.1000 (")
    assert ": worse; recall of 'cat' -0.1000 (" in refused.reason


def test_a_class_that_is_lost_refuses_whoever_gains_elsewhere() -> None:
    labels = np.repeat([0, 1], [900, 100])
    wrong = np.zeros((2, 1000), bool)
    wrong[0, :100] = True  # cats
    wrong[1, 900:920] = True  # a fifth of the dogs
    found = challenge.of_labels(labels, predicted(labels, wrong[0]), predicted(labels, wrong[1]), CLASSES)

    refused = decide(found, "no_worse")

    assert found.scores["accuracy"].difference == pytest.approx(0.08)
    assert not refused.promoted
    assert refused.reason.startswith("recall of 'dog' -0.2000 (")


def test_too_few_images_decide_nothing_and_it_says_how_many_more_would() -> None:
    refused = decide(challenged(100, slice(0, 3), slice(3, 6)), "no_worse")

    assert not refused.promoted
    assert "too few test images to tell, about" in refused.reason
    assert 2000 < int(refused.reason.split("about ")[1].split(" ")[0].replace(",", "")) < 4000  # 1.96² x 0.06 / 0.01²


def test_images_on_which_both_agree_show_little_where_they_are_few() -> None:
    assert not decide(challenged(100, NONE, NONE), "no_worse").promoted
    assert decide(challenged(200, NONE, NONE), "no_worse").promoted
    assert not decide(challenged(100, slice(0, 4), NONE), "must_gain").promoted  # McNemar's p is 1/8


def test_several_labels_are_decided_by_micro_f1_and_mean_average_precision() -> None:
    present = np.tile([[True, False], [False, True]], (200, 1))
    labels, limits = Labels(np.ones((400, 2), bool), present), np.array([0.5, 0.5])
    good = np.where(present, 0.8, 0.2)
    bad = good.copy()
    bad[:80] = 0.5  # says both of the first 80 images, which have one

    pairs = [(bad, good), (good, bad)]
    better, worse = (challenge.of_label_sets(labels, (one, limits), (other, limits), CLASSES) for one, other in pairs)

    assert better.scores["micro_f1"].champion == pytest.approx(2 * 400 / (480 + 400))
    assert better.scores["micro_f1"].challenger == 1
    assert better.deciding == ("micro_f1", "mean_average_precision")
    assert [decide(better, rule).promoted for rule in ("no_worse", "must_gain")] == [True, True]
    assert not decide(worse, "no_worse").promoted
    assert "micro F1 -0.0909" in decide(worse, "no_worse").reason
    assert {score.difference for score in worse.recalls.values()} == {0}


def test_where_nothing_can_be_compared_only_a_gain_is_asked_for() -> None:
    assert {rule: decide_without(rule, "no run").promoted for rule in challenge.RULES} == {
        **{"no_worse": True, "must_gain": False},
        **{"never": False, "always": True},
    }
    with pytest.raises(InputError, match="unknown RULE 'maybe'; known: no_worse, must_gain, never, always"):
        decide_without("maybe", "")


@pytest.fixture
def made(data) -> Callable[..., str]:
    """Makes runs of hand-made tables: of each image its split, truth and the probability of cat; the ids of given
    labels.
    """

    def make(name: str, images: dict[str, tuple[str, str | None, float]], given: str = "", **of: object) -> str:
        run = runs.run_folder("self_training", name)
        storage.put_json(f"{run}/run.json", {"opened": of.get("opened", ""), "params": {}})
        known = {image_id: label for image_id, (_, label, _) in images.items() if label}
        truth = pa.table({"image_id": list(known), "label": list(known.values())})
        rows = {"image_id": list(given), "label": [known[image_id] for image_id in given]}
        labels = pa.table({**rows, "confidence": [1.0] * len(given), "source": ["given"] * len(given)})
        predictions = {
            **{"image_id": list(images), "split": [split for split, *_ in images.values()]},
            **{"prediction": ["cat"] * len(images), "confidence": [1.0] * len(images)},
            "probabilities": [[p, 1 - p] for *_, p in images.values()],
        }
        classes = of.get("classes", CLASSES)
        multi_label_run.commit(run, "ingest", {}, {"classes": classes}, truth=truth)
        multi_label_run.commit(run, "choose_labels", {}, {}, labels=labels)
        multi_label_run.commit(run, "pseudo_label", {"pseudo/count": of.get("pseudo", 0)}, {})
        chosen = {"chosen": of.get("chosen", "candidate")}
        multi_label_run.commit(run, "gate", {}, chosen, predictions_final=pa.table(predictions))
        multi_label_run.commit(run, "evaluate", {}, {})
        return run

    return make


def test_images_that_one_has_learned_from_are_left_out_and_counted(made) -> None:
    one = made(
        "one",
        {
            **{"a": ("test", "cat", 0.9), "b": ("test", "dog", 0.9), "c": ("train", "cat", 0.9)},
            **{"d": ("unlabeled", "dog", 0.2), "e": ("test", "cat", 0.9)},
        },
        given="c",
    )
    two = made(
        "two",
        {
            **{"a": ("test", "cat", 0.9), "b": ("test", "dog", 0.1), "c": ("test", "cat", 0.9)},
            **{"d": ("test", "dog", 0.2), "e": ("train", "cat", 0.9), "f": ("test", "cat", 0.9)},
        },
        given="e",
    )

    found = challenged_runs.compare(one, two).challenge

    assert found is not None
    assert (found.images, found.new) == (3, 1)  # a, b, and d, which was unlabelled
    assert found.scores["accuracy"].champion == pytest.approx(2 / 3)
    assert found.scores["accuracy"].challenger == 1
    assert found.excluded == {LEARNED: 2, UNSEEN: 1, UNKNOWN: 0}


def test_unlabelled_images_are_learned_from_where_pseudo_labels_are(made) -> None:
    images = {"a": ("test", "cat", 0.9), "d": ("unlabeled", "dog", 0.2)}
    newer = made("newer", {"a": ("test", "cat", 0.9), "d": ("test", "dog", 0.2)})

    counts = {}
    for name, of in {"with": {"pseudo": 5}, "refused": {"pseudo": 5, "chosen": "base"}, "without": {}}.items():
        found = challenged_runs.compare(made(name, images, **of), newer).challenge
        counts[name] = found and found.images

    assert counts == {"with": 1, "refused": 2, "without": 2}


def test_the_truth_is_that_of_the_newer_run(made) -> None:
    old = made("old", {"a": ("test", "cat", 0.9), "b": ("test", None, 0.9)}, opened="2026-01-01T00:00:00Z")
    new = made("new", {"a": ("test", "dog", 0.1), "b": ("test", "dog", 0.1)}, opened="2026-01-02T00:00:00Z")

    forth, back = challenged_runs.compare(old, new).challenge, challenged_runs.compare(new, old).challenge

    assert forth is not None
    assert back is not None
    assert (forth.images, forth.scores["accuracy"].difference) == (2, 1)
    assert (back.images, back.scores["accuracy"].difference) == (2, -1)


def test_a_class_that_only_one_knows_is_compared_by_its_name(made) -> None:
    old = made("old", {"a": ("test", "cat", 0.9), "b": ("test", "dog", 0.1)})
    new = made("new", {"a": ("test", "cat", 0.1), "b": ("test", "fox", 0.9)}, classes=["fox", "cat"])

    found = challenged_runs.compare(old, new).challenge

    assert found is not None
    assert list(found.scores) == ["accuracy"]
    assert {name: (score.champion, score.challenger) for name, score in found.recalls.items()} == {
        **{"cat": (1, 1), "fox": (0, 1)}
    }


def test_where_no_image_is_left_it_says_why(made, data) -> None:
    one = made("one", {"a": ("test", "cat", 0.9), "b": ("test", None, 0.5)})
    other = made("other", {"a": ("train", "cat", 0.9), "b": ("test", None, 0.5)}, given="a")
    alone = made("alone", {"z": ("test", "cat", 0.9)})
    several = multi_label_run.make(runs.run_folder("self_training", "several"))
    multi_label_run.commit(several, "evaluate", {}, {})

    reasons = [challenged_runs.compare(one, run).why_not for run in (other, alone, several)]

    assert reasons == [
        f"no test image in common that neither has learned from (1 {LEARNED}, 1 {UNKNOWN})",
        f"no test image in common that neither has learned from (3 {UNSEEN})",
        "one run has several labels an image, the other one",
    ]
    storage.delete(f"{one}/evaluate")
    assert challenged_runs.compare(one, other).why_not == "the tables of self_training/one are not here"


def test_runs_with_several_labels_an_image_are_compared_by_the_classes_that_are_known(data) -> None:
    run, again = (multi_label_run.make(runs.run_folder("self_training", name)) for name in ("one", "again"))
    for folder in (run, again):
        multi_label_run.commit(folder, "evaluate", {}, {})

    found = challenged_runs.compare(run, again).challenge

    assert found is not None
    assert found.images == multi_label_run.COUNTS["test"]
    assert {score.difference for score in found.scores.values()} == {0}
    assert list(found.recalls) == multi_label_run.CLASSES
