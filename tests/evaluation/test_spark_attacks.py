"""Images and models -> rows of the tables of attacks, as a Spark worker makes them."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from kindred.data import images
from kindred.evaluation.attacks import spark_attacks
from kindred.evaluation.attacks.spark_attacks import Plan
from kindred.features.featurize import Extractor
from kindred.learning.networks import Layer, Network
from kindred.runtime import arrow, variants
from pictures import encoded, smooth

HOG = Extractor("hog", 8, 8, 1, "fingerprint", None)  # has no graph
PLAN = Plan({"simba_l2": 200.0, "square_linf": 60.0}, 40, seed=0)
CLASSES = ["cat", "dog"]
SIZES = [(8, 8), (12, 10), (8, 8), (9, 30)]


@pytest.fixture(scope="module")
def chosen() -> pd.DataFrame:
    """What a worker gets: four images of three sizes, two of which are to be shown."""
    contents = [encoded(smooth(*size, 1)) for size in SIZES]
    ids = [f"image{i}" for i in range(4)]
    shown = [True, False, False, True]
    return pd.DataFrame({"image_id": ids, "label": ["cat", "cat", "dog", "dog"], "shown": shown, "content": contents})


@pytest.fixture(scope="module")
def models() -> dict[str, bytes]:
    """Two linear models of what hog says."""
    inputs = variants.load("extractor", "hog").features(smooth(8, 8, 1)[None]).shape[1]
    chances = {name: np.random.default_rng(seed) for seed, name in enumerate(("base", "final"))}
    return {name: Network((Layer(c.normal(size=(inputs, 2)), np.zeros(2)),)).to_bytes() for name, c in chances.items()}


@pytest.fixture(scope="module")
def found(chosen: pd.DataFrame, models: dict[str, bytes]) -> pd.DataFrame:
    return attacked(iter([chosen]), models)


def attacked(frames: Iterator[pd.DataFrame], models: dict[str, bytes]) -> pd.DataFrame:
    rows = pd.concat(list(spark_attacks.worker(PLAN, HOG, models, CLASSES, 1, threads=1)(frames)))
    return rows.sort_values(["attack", "model", "image_id"], ignore_index=True)


def as_arrow(found: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(found, preserve_index=False)


def test_each_image_is_attacked_once_by_each_attack_on_each_model(found: pd.DataFrame) -> None:
    assert len(found) == 4 * 2 * 2
    assert not found.duplicated(["image_id", "model", "attack"]).any()
    right = found["before"] == found["label"]
    assert (found["success"] == right & (found["after"] != found["label"])).all()
    assert (found["queries"] == 0).equals(~right)
    assert 0 < right.sum() < len(found)


def test_the_outcome_does_not_depend_on_how_the_images_come(chosen, models, found: pd.DataFrame) -> None:
    one_by_one = attacked((chosen.iloc[[i]] for i in (2, 0, 3, 1)), models)

    pd.testing.assert_frame_equal(one_by_one, found)


def test_distances_are_those_of_the_pictures_in_the_attacks_norm(found: pd.DataFrame) -> None:
    for row in found[found["original"].notna()].itertuples():
        original, changed = (images.decode(content).astype(float) for content in (row.original, row.attacked))
        change = (changed - original).ravel() / 255
        assert original.shape[:2] == SIZES[int(row.image_id[-1])]
        assert row.distance == pytest.approx(np.linalg.norm(change, np.inf if row.attack == "square_linf" else 2))
        assert row.distance <= PLAN.epsilons[row.attack] / 255 + 1e-6


def test_a_picture_tells_how_the_confidence_fell(found: pd.DataFrame) -> None:
    shown = found[found["original"].notna()]

    assert set(shown["image_id"]) == {"image0", "image3"}
    for row in shown.itertuples():
        assert len(row.steps) == len(row.true_confidence)
        assert (row.steps[0], row.steps[-1]) == (0, row.queries)
        clean = row.before_confidence if row.before == row.label else 1 - row.before_confidence
        assert row.true_confidence[0] == pytest.approx(clean)


def test_the_tables_have_the_columns_that_they_are_declared_with(found: pd.DataFrame) -> None:
    for name, table in zip(
        ("attacks", "attack_pictures"), spark_attacks.tables(as_arrow(found), same=False), strict=True
    ):
        table.select(arrow.schema(name).names).cast(arrow.schema(name))


def test_where_final_is_base_its_rows_stand_under_both_names(found: pd.DataFrame) -> None:
    base = found[found["model"] == "base"]

    rows, pictures = spark_attacks.tables(as_arrow(base), same=True)

    by_model = {name: some.drop(columns="model") for name, some in rows.to_pandas().groupby("model")}
    pd.testing.assert_frame_equal(*(some.reset_index(drop=True) for some in by_model.values()))
    assert len(pictures) == 2 * base["original"].notna().sum()
