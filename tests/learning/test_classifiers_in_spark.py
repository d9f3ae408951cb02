"""What every classifier with `fit_frame` promises."""

from types import ModuleType

import numpy as np
import pytest
from pyspark.sql import DataFrame, SparkSession

from kindred.runtime import variants
from plans import clouds

pytestmark = pytest.mark.spark


def frame_of(
    spark: SparkSession, ids: np.ndarray, features: np.ndarray, labels: np.ndarray, weights: np.ndarray | None = None
) -> DataFrame:
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


@pytest.mark.parametrize("module", in_spark())
def test_it_separates_three_classes_and_repeats_itself(spark, module: ModuleType) -> None:
    ids, features, labels = clouds(3, apart=12)
    frame = frame_of(spark, ids, features, labels)

    one, other = (module.fit_frame(frame, 3, seed=3) for _ in range(2))

    probabilities = one.probabilities(features)
    assert probabilities.shape == (90, 3)
    assert (probabilities.argmax(axis=1) == labels).mean() > 0.95
    assert one.to_bytes() == other.to_bytes()


@pytest.mark.parametrize("module", in_spark())
def test_it_honours_weights_where_it_says_so(spark, module: ModuleType) -> None:
    ids, features, labels = clouds(apart=0)
    frame = frame_of(spark, ids, features, labels, np.where(labels == 0, 1.0, 0.01))

    share = module.fit_frame(frame, 2, seed=0).probabilities(features)[:, 0].mean()

    assert (share > 0.9) == module.TAKES_WEIGHTS


def test_the_multilayer_perceptron_predicts_what_mllib_predicts(spark) -> None:
    from pyspark.ml.classification import MultilayerPerceptronClassifier
    from pyspark.ml.functions import array_to_vector

    ids, features, labels = clouds(3)
    frame, module = frame_of(spark, ids, features, labels), variants.load("classifier", "multilayer_perceptron")
    vectors = frame.select("image_id", array_to_vector("features").alias("features"), frame.label.cast("double"))
    sizes = [3, *module.HIDDEN, 3]
    mllib = MultilayerPerceptronClassifier(layers=sizes, solver="l-bfgs", maxIter=module.MAX_ITERATIONS, seed=5).fit(
        vectors
    )

    network = module.fit_frame(frame, 3, seed=5)

    rows = mllib.transform(vectors).orderBy("image_id").collect()
    assert np.std([row.probability[0] for row in rows]) > 0.1
    assert network.losses["loss"][-1] < network.losses["loss"][0]
    np.testing.assert_allclose(network.probabilities(features), [row.probability.toArray() for row in rows], atol=1e-6)
