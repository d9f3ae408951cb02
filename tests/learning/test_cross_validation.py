"""Who learns from what, and the fits: in single processes and in Spark."""

import math
from types import ModuleType

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyspark.testing import assertDataFrameEqual

from kindred.learning import cross_validation
from kindred.learning.networks import Layer, Network
from kindred.runtime import arrow, tables, variants

CLASSES = ["cat", "dog"]
FOLDS = 3
PSEUDO = "image_id string, label string, weight double"


def clouds(classes: int = 2, each: int = 30, apart: float = 2.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Ids [n], features [n, 3] of classes that overlap a little, and labels [n]."""
    random = np.random.default_rng(0)
    labels = np.tile(np.arange(classes), each)
    features = (apart * np.eye(3)[labels] + random.normal(size=(len(labels), 3))).astype(np.float32)
    return np.array([f"{i:03d}" for i in range(len(labels))], dtype=object), features, labels


def plan_of(ids: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    """A plan of given labels."""
    fold = (np.arange(len(ids)) // 2 % FOLDS).astype(np.int32)
    return pd.DataFrame({"image_id": ids, "label": labels, "weight": 1.0, "given": True, "fold": fold})


def frame_of(spark, ids: np.ndarray, features: np.ndarray, labels: np.ndarray, weights: np.ndarray | None = None):
    """What `fit_frame` takes."""
    weights = np.ones(len(ids)) if weights is None else weights
    rows = [
        (i, f.tolist(), int(label), float(w)) for i, f, label, w in zip(ids, features, labels, weights, strict=True)
    ]
    frame = spark.createDataFrame(rows, "image_id string, features array<float>, label int, weight double")
    return frame.coalesce(1)


def in_spark() -> list:
    """The classifiers with `fit_frame`."""
    modules = [variants.load("classifier", name) for name in variants.names("classifier")]
    return [pytest.param(m, id=m.__name__.split(".")[-1]) for m in modules if hasattr(m, "fit_frame")]


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """MLlib's network has few units here."""
    monkeypatch.setattr(variants.load("classifier", "multilayer_perceptron"), "HIDDEN", (5, 4))


IDS = np.array(list("zyxabcdef"), dtype=object)
LEARNED = {0: "abdey", 1: "acdfz", 2: "bcef", cross_validation.ALL: "abcdefxz"}  # of mixed_plan(), by fold
HELD_OUT = {0: "cf", 1: "be", 2: "ad"}


def mixed_plan() -> pd.DataFrame:
    """Given labels a to f in folds 0, 1, 2; pseudo-labels x for the fit on all, y for fold 0, z for fold 1 and all."""
    rows = [(name, i % 2, 1.0, True, i % FOLDS) for i, name in enumerate("fedcba")]
    rows += [
        ("x", 0, 1.0, False, cross_validation.ALL),
        ("y", 0, 1.0, False, 0),
        ("z", 1, 1.0, False, 1),
        ("z", 1, 1.0, False, -1),
    ]
    return pd.DataFrame(rows, columns=["image_id", "label", "weight", "given", "fold"])


@pytest.fixture
def examples() -> cross_validation.Examples:
    """The mixed plan's examples; an image's feature is its name."""
    return cross_validation.examples(mixed_plan(), IDS, np.array([[ord(i)] for i in IDS], np.float32))


def names(found: cross_validation.Examples, rows: np.ndarray) -> str:
    """The images of a plan's rows."""
    return "".join(chr(int(found.features[i, 0])) for i in found.at[rows])


def test_a_fold_learns_neither_from_itself_nor_from_other_folds_pseudo_labels(
    examples: cross_validation.Examples,
) -> None:
    learned = {fold: "".join(sorted(names(examples, examples.learned(fold)))) for fold in LEARNED}

    assert learned == LEARNED


def test_only_given_labels_are_held_out_each_once(examples: cross_validation.Examples) -> None:
    held_out = {fold: "".join(sorted(names(examples, examples.held_out(fold)))) for fold in range(FOLDS)}

    assert held_out == HELD_OUT
    assert not len(examples.held_out(cross_validation.ALL))


def test_rows_come_sorted_by_id_given_labels_first(examples: cross_validation.Examples) -> None:
    assert names(examples, examples.learned(cross_validation.ALL)) == "abcdefxz"
    assert names(examples, examples.learned(0)) == "abdey"


def test_a_row_keeps_its_own_label(examples: cross_validation.Examples) -> None:
    rows = examples.learned(cross_validation.ALL)

    found = dict(zip(names(examples, rows), examples.labels[rows], strict=True))

    assert found == {"f": 0, "e": 1, "d": 0, "c": 1, "b": 0, "a": 1, "x": 0, "z": 1}


def test_scores_are_by_fold_and_figures_their_means() -> None:
    right, wrong = np.array([[1.0, 0.0]] * 2), np.array([[1.0, 0.0], [0.0, 1.0]])
    ids, labels = np.array(["a", "b"]), np.array([0, 0])
    fitted = cross_validation.Fitted(out_of_fold={0: (ids, labels, right), 1: (ids, labels, wrong)})

    figures = fitted.figures("base")

    assert {fold: s["accuracy"] for fold, s in fitted.scores().items()} == {0: 1.0, 1: 0.5}
    assert figures["base/cv/folds"] == 2
    assert figures["base/cv/accuracy_mean"] == 0.75
    assert figures["base/cv/accuracy_std"] == 0.25


GIVEN = pa.table({"image_id": ["1", "2", "3", "4"], "label": ["dog", "cat", "dog", "cat"]})


def test_the_plan_of_the_base_model_is_the_given_labels_in_folds() -> None:
    plan = cross_validation.plan(GIVEN, CLASSES, 2, [])

    assert plan["image_id"].to_list() == ["1", "2", "3", "4"]
    assert plan["label"].to_list() == [1, 0, 1, 0]
    assert plan["given"].all()
    assert (plan["weight"] == 1).all()
    assert {tuple(group["fold"].sort_values()) for _, group in plan.groupby("label")} == {(0, 1)}


def test_the_plan_of_the_candidate_adds_both_tables_of_pseudo_labels() -> None:
    pseudo = pa.table({"image_id": ["5"], "label": ["cat"], "weight": [0.5], "round": [1]})
    by_fold = pa.table({"image_id": ["5"], "label": ["dog"], "weight": [0.7], "fold": [0]})

    made = cross_validation.plan(GIVEN, CLASSES, 2, [pseudo, by_fold])[4:]

    assert made.to_numpy().tolist() == [["5", 0, 0.5, False, cross_validation.ALL], ["5", 1, 0.7, False, 0]]


@pytest.mark.spark
def test_fitting_in_processes_gives_each_fold_what_it_may_see(spark, messages: list[str]) -> None:
    ids, features, labels = clouds()
    module = variants.load("classifier", "logistic_regression")
    plan = plan_of(ids, labels)

    fitted = cross_validation.fit_examples(
        spark, cross_validation.examples(plan, ids, features), ids, module, 2, FOLDS, 0, messages.append
    )

    assert sorted(fitted.networks) == [cross_validation.ALL, 0, 1, 2]
    assert fitted.setting in module.SETTINGS
    for fold, (held_out, true, probabilities) in fitted.out_of_fold.items():
        seen = (plan["fold"] != fold).to_numpy()
        alone = module.fit(features[seen], labels[seen], np.ones(seen.sum()), 2, 0, fitted.setting)
        assert held_out.tolist() == ids[~seen].tolist()
        assert true.tolist() == labels[~seen].tolist()
        np.testing.assert_allclose(probabilities, alone.probabilities(features[~seen]), atol=1e-9)


@pytest.mark.spark
def test_the_setting_with_the_least_log_loss_is_taken(spark, messages: list[str]) -> None:
    ids, features, labels = clouds()
    module = variants.load("classifier", "logistic_regression")

    found = cross_validation.examples(plan_of(ids, labels), ids, features)
    fitted = cross_validation.fit_examples(spark, found, ids, module, 2, FOLDS, 0, messages.append)

    losses = [float(line.rsplit(" ", 1)[1]) for line in messages]
    assert f"setting {fitted.setting:g}:" in messages[int(np.argmin(losses))]
    assert fitted.log_loss() == pytest.approx(min(losses), abs=1e-4)
    assert all(one > other for one, other in zip(losses[:-1], losses[1:-1], strict=False))  # it stops at the first rise


@pytest.mark.spark
@pytest.mark.parametrize("module", in_spark())
def test_a_classifier_in_spark_tells_three_classes_apart_and_repeats_itself(spark, module: ModuleType) -> None:
    ids, features, labels = clouds(3, apart=12)
    frame = frame_of(spark, ids, features, labels)

    one, other = (module.fit_frame(frame, 3, seed=3) for _ in range(2))

    probabilities = one.probabilities(features)
    assert probabilities.shape == (90, 3)
    assert (probabilities.argmax(axis=1) == labels).mean() > 0.95
    assert one.to_bytes() == other.to_bytes()


@pytest.mark.spark
@pytest.mark.parametrize("module", in_spark())
def test_a_classifier_in_spark_honours_weights_where_it_says_so(spark, module: ModuleType) -> None:
    ids, features, labels = clouds(apart=0)
    frame = frame_of(spark, ids, features, labels, np.where(labels == 0, 1.0, 0.01))

    share = module.fit_frame(frame, 2, seed=0).probabilities(features)[:, 0].mean()

    assert (share > 0.9) == module.TAKES_WEIGHTS


@pytest.mark.spark
def test_the_multilayer_perceptron_says_what_mllib_says(spark) -> None:
    from pyspark.ml.classification import MultilayerPerceptronClassifier
    from pyspark.ml.functions import array_to_vector

    ids, features, labels = clouds(3)
    frame, module = frame_of(spark, ids, features, labels), variants.load("classifier", "multilayer_perceptron")
    vectors = frame.select("image_id", array_to_vector("features").alias("features"), frame.label.cast("double"))
    sizes = [3, *module.HIDDEN, 3]
    mllib = MultilayerPerceptronClassifier(layers=sizes, solver="l-bfgs", maxIter=module.ITERATIONS, seed=5).fit(
        vectors
    )

    network = module.fit_frame(frame, 3, seed=5)

    rows = mllib.transform(vectors).orderBy("image_id").collect()
    assert np.std([row.probability[0] for row in rows]) > 0.1
    assert network.losses["loss"][-1] < network.losses["loss"][0]
    np.testing.assert_allclose(network.probabilities(features), [row.probability.toArray() for row in rows], atol=1e-6)


@pytest.mark.spark
@pytest.mark.parametrize("classes", [2, 3])
def test_logistic_regression_says_the_same_in_spark_and_in_one_process(spark, classes: int) -> None:
    ids, features, labels = clouds(classes)
    module = variants.load("classifier", "logistic_regression")

    there = module.fit_frame(frame_of(spark, ids, features, labels), classes, 0)
    here = module.fit(features, labels, np.ones(len(ids)), classes, 0, 1e4)

    np.testing.assert_allclose(there.probabilities(features), here.probabilities(features), atol=0.02)


@pytest.mark.spark
def test_fitting_in_spark_gives_each_fold_what_it_may_see(spark, messages: list[str]) -> None:
    learned, network = [], Network((Layer(np.array([[1.0, -1.0]]), np.zeros(2)),))
    classifier = ModuleType("classifier")
    classifier.fit_frame = lambda frame, classes, seed: learned.append(frame.toPandas()) or network
    features = [(i, [float(ord(i))]) for i in IDS]
    frame = spark.createDataFrame(features, "image_id string, features array<float>")

    fitted = cross_validation.fit_frames(mixed_plan(), frame, classifier, 2, FOLDS, 0, messages.append)

    assert sorted("".join(sorted(rows["image_id"])) for rows in learned) == sorted(LEARNED.values())
    assert {fold: "".join(ids) for fold, (ids, _, _) in fitted.out_of_fold.items()} == HELD_OUT
    assert sorted(fitted.networks) == [cross_validation.ALL, 0, 1, 2]


@pytest.mark.spark
def test_predictions_are_rows_of_their_table(spark) -> None:
    network = Network((Layer(np.array([[1.0, -1.0]]), np.zeros(2)),))
    rows = [("1", "train", [2.0]), ("2", "test", [-2.0])]
    features = spark.createDataFrame(rows, "image_id string, split string, features array<float>")

    found = cross_validation.predictions(features, network, CLASSES)

    sure = 1 / (1 + math.exp(-4))
    wanted = [("1", "train", "cat", sure, [sure, 1 - sure]), ("2", "test", "dog", sure, [1 - sure, sure])]
    assertDataFrameEqual(found, spark.createDataFrame(wanted, tables.table("predictions_base").columns), rtol=1e-5)


def test_out_of_fold_rows_are_rows_of_their_table() -> None:
    probabilities = np.array([[0.25, 0.75]])
    fitted = cross_validation.Fitted(out_of_fold={2: (np.array(["1"]), np.array([0]), probabilities)})

    found = cross_validation.out_of_fold(fitted, CLASSES, "base").cast(arrow.schema("out_of_fold"))

    assert found.to_pylist() == [
        {"image_id": "1", "fold": 2, "model": "base", "prediction": "dog", "probabilities": [0.25, 0.75]}
    ]
