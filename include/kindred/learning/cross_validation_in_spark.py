"""Cross-validation of what is too big for one process: each fit is a Spark job of its own over all features."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import ModuleType

import numpy as np
import pandas as pd
from pyspark import inheritable_thread_target
from pyspark.sql import DataFrame

from kindred.learning.cross_validation import Fitted, OutOfFold
from kindred.learning.folds import ALL
from kindred.learning.networks import Network
from kindred.learning.training_plan import COLUMNS

PARTITIONS = 4  # fixed: the order in which Spark adds up must not depend on the number of cores


def fit(
    plan: pd.DataFrame,
    features: DataFrame,
    classifier: ModuleType,
    classes: int,
    folds: int,
    seed: int,
    say: Callable[[str], None],
) -> Fitted:
    """All fits, as many folds at a time as Spark runs tasks. `features`: image_id, features, each image once."""
    spark = features.sparkSession
    frame = _joined(plan, features).persist()
    frame.count()  # otherwise each of the first jobs would compute it

    @inheritable_thread_target(spark)
    def fit_fold(fold: int) -> tuple[int, Network, OutOfFold | None]:
        network: Network = classifier.fit_frame(frame.where(_learned_by(fold)), classes, seed)
        if fold == ALL:
            return fold, network, None
        held_out = frame.where(f"given and fold = {fold}").select("image_id", "label", "features").toPandas()
        held_out = held_out.sort_values("image_id")
        probabilities = network.probabilities(np.stack(held_out["features"].to_list()))
        say(f"... fold {fold + 1} of {folds}")
        return fold, network, OutOfFold(held_out["image_id"].to_numpy(), held_out["label"].to_numpy(), probabilities)

    fitted = Fitted()
    with ThreadPoolExecutor(max_workers=min(folds + 1, spark.sparkContext.defaultParallelism)) as threads:
        for fold, network, out_of_fold in threads.map(fit_fold, [*range(folds), ALL]):
            fitted.networks[fold] = network
            if out_of_fold is not None:
                fitted.out_of_fold[fold] = out_of_fold
    frame.unpersist()
    return fitted


def _joined(plan: pd.DataFrame, features: DataFrame) -> DataFrame:
    """The plan's rows with their features, in a fixed order."""
    frame = features.sparkSession.createDataFrame(plan, COLUMNS).join(features, "image_id", how="inner")
    frame = frame.select("image_id", "features", "label", "weight", "given", "fold")
    return frame.repartition(PARTITIONS, "image_id").sortWithinPartitions("image_id", "fold")


def _learned_by(fold: int) -> str:
    """The condition on the plan's rows that the fit for a fold (or ALL) learns from."""
    if fold == ALL:
        return "given or fold = -1"
    return f"(given and fold != {fold}) or (not given and fold = {fold})"
