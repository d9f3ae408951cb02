"""What every labeller promises, and the opinions that it decides on."""

import numpy as np
import pytest

from kindred import pseudo, schemas, variants
from kindred.networks import Layer, Network

pytestmark = pytest.mark.spark

NAMES = variants.names("labeller")


@pytest.fixture
def scores(spark):
    """The opinions of the model fitted on all (-1) and of fold 0 on five images."""
    rows = [
        (fold, f"{image}{fold}" if fold else image, "cat" if p > 0.5 else "dog", max(p, 1 - p), [p, 1 - p])
        for fold in (-1, 0)
        for image, p in (("a", 1.0), ("b", 0.9), ("c", 0.6), ("d", 0.2), ("e", 0.01))
    ]
    return spark.createDataFrame(rows, pseudo.SCORES)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("threshold", [0.0, 0.9, 1.0])
def test_pseudo_labels_are_rows_of_their_table(spark, scores, name: str, threshold: float) -> None:
    accepted = variants.load("labeller", name).accept(scores, threshold)

    wanted = spark.createDataFrame([], schemas.table("pseudo_labels_by_fold").columns).schema
    assert [(f.name, f.dataType) for f in accepted.schema] == [(f.name, f.dataType) for f in wanted]
    for row in accepted.collect():
        assert row.source == "pseudo"
        assert row.label in ("cat", "dog")
        assert 0 < row.weight <= 1
        assert None not in row


@pytest.mark.parametrize("name", NAMES)
def test_an_image_gets_one_pseudo_label_from_each_model_at_most(scores, name: str) -> None:
    accepted = variants.load("labeller", name).accept(scores, 0.0).select("fold", "image_id").collect()

    known = {(row.fold, row.image_id) for row in scores.select("fold", "image_id").collect()}
    assert len(set(accepted)) == len(accepted)
    assert {tuple(row) for row in accepted} <= known


@pytest.mark.parametrize("name", NAMES)
def test_a_higher_threshold_lets_fewer_in(scores, name: str) -> None:
    module = variants.load("labeller", name)

    found = [{(r.fold, r.image_id) for r in module.accept(scores, t).collect()} for t in (0.0, 0.7, 0.95)]

    assert found[0] >= found[1] >= found[2]
    assert len(found[0]) > len(found[2])


def test_confidence_lets_in_who_reaches_the_threshold_under_the_predicted_label(scores) -> None:
    accepted = variants.load("labeller", "confidence").accept(scores, 0.9).where("fold = -1")

    found = {row.image_id: (row.label, row.confidence, row.weight) for row in accepted.collect()}
    assert found == {"a-1": ("cat", 1.0, 1.0), "b-1": ("cat", 0.9, 1.0), "e-1": ("dog", 0.99, 1.0)}


def test_confidence_at_threshold_0_lets_all_in(scores) -> None:
    assert variants.load("labeller", "confidence").accept(scores, 0.0).count() == scores.count()


def test_each_model_says_its_own_of_each_image(spark) -> None:
    models = {fold: Network((Layer(np.array([[sign, -sign]]), np.zeros(2)),)) for fold, sign in ((-1, 1.0), (0, -1.0))}
    features = spark.createDataFrame([("a", [2.0]), ("b", [0.5])], "image_id string, features array<float>")

    rows = pseudo.scores(features, models, ["cat", "dog"]).collect()

    found = {(row.fold, row.image_id): row.prediction for row in rows}
    assert found == {(-1, "a"): "cat", (-1, "b"): "cat", (0, "a"): "dog", (0, "b"): "dog"}
    assert all(row.confidence == pytest.approx(max(row.probabilities)) for row in rows)
    assert {row.image_id: round(row.confidence, 4) for row in rows} == {"a": 0.982, "b": 0.7311}
