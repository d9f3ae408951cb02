"""The fits in Spark."""

from types import ModuleType

import numpy as np
import pytest

from kindred.learning import cross_validation_in_spark
from kindred.learning.folds import ALL
from kindred.learning.networks import Layer, Network
from plans import FOLDS, HELD_OUT, IDS, LEARNED, mixed_plan

pytestmark = pytest.mark.spark


def test_fitting_in_spark_gives_each_fold_what_it_may_see(spark, messages: list[str]) -> None:
    learned, network = [], Network((Layer(np.array([[1.0, -1.0]]), np.zeros(2)),))
    classifier = ModuleType("classifier")
    classifier.fit_frame = lambda frame, classes, seed: learned.append(frame.toPandas()) or network
    features = [(i, [float(ord(i))]) for i in IDS]
    frame = spark.createDataFrame(features, "image_id string, features array<float>")

    fitted = cross_validation_in_spark.fit(mixed_plan(), frame, classifier, 2, FOLDS, 0, messages.append)

    assert sorted("".join(sorted(rows["image_id"])) for rows in learned) == sorted(LEARNED.values())
    assert {fold: "".join(ids) for fold, (ids, _, _) in fitted.out_of_fold.items()} == HELD_OUT
    assert sorted(fitted.networks) == [ALL, 0, 1, 2]
