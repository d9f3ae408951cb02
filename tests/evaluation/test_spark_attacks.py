"""Images and models -> rows of the tables of attacks, as a Spark worker makes them."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from kindred.data import images
from kindred.evaluation.attacks import spark_attacks
from kindred.evaluation.attacks.attack_plan import AttackPlan
from kindred.features.featurize import Extractor
from kindred.learning.networks import Layer, Network
from kindred.runtime import arrow, variants
from pictures import encoded, smooth

HOG = Extractor("hog", 8, 8, 1, "fingerprint", None)  # has no graph
PLAN = AttackPlan({"simba_l2": 200.0, "square_linf": 60.0}, 40, seed=0)
CLASSES = ["cat", "dog"]
SIZES = [(8, 8), (12, 10), (8, 8), (9, 30)]


@pytest.fixture(scope="module")
def chosen() -> pd.DataFrame:
    """What a worker gets: four images of three sizes, of two of which pictures are kept."""
    contents = [encoded(smooth(*size, 1)) for size in SIZES]
    ids = [f"image{i}" for i in range(4)]
    pictured = [True, False, False, True]
    return pd.DataFrame(
        {"image_id": ids, "label": ["cat", "cat", "dog", "dog"], "pictured": pictured, "content": contents}
    )


@pytest.fixture(scope="module")
def models() -> dict[str, bytes]:
    """Two linear models of the features that hog gives."""
    inputs = variants.load("extractor", "hog").features(smooth(8, 8, 1)[None]).shape[1]
    rngs = {name: np.random.default_rng(seed) for seed, name in enumerate(("base", "final"))}
    return {name: Network((Layer(rng.normal(size=(inputs, 2)), np.zeros(2)),)).to_bytes() for name, rng in rngs.items()}


@pytest.fixture(scope="module")
def attacked(chosen: pd.DataFrame, models: dict[str, bytes]) -> pd.DataFrame:
    return attack_all(iter([chosen]), models)


def attack_all(frames: Iterator[pd.DataFrame], models: dict[str, bytes]) -> pd.DataFrame:
    rows = pd.concat(list(spark_attacks.worker(PLAN, HOG, models, CLASSES, 1, threads=1)(frames)))
    return rows.sort_values(["attack", "model", "image_id"], ignore_index=True)


def as_arrow(attacked: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(attacked, preserve_index=False)


def test_each_image_is_attacked_once_by_each_attack_on_each_model(attacked: pd.DataFrame) -> None:
    assert len(attacked) == 4 * 2 * 2
    assert not attacked.duplicated(["image_id", "model", "attack"]).any()
    right = attacked["before"] == attacked["label"]
    assert (attacked["success"] == right & (attacked["after"] != attacked["label"])).all()
    assert (attacked["queries"] == 0).equals(~right)
    assert 0 < right.sum() < len(attacked)


def test_the_outcome_does_not_depend_on_how_the_images_come(chosen, models, attacked: pd.DataFrame) -> None:
    one_by_one = attack_all((chosen.iloc[[i]] for i in (2, 0, 3, 1)), models)

    pd.testing.assert_frame_equal(one_by_one, attacked)


def test_distances_are_those_of_the_pictures_in_the_attacks_norm(attacked: pd.DataFrame) -> None:
    for row in attacked[attacked["original"].notna()].itertuples():
        original, changed = (images.decode(content).astype(float) for content in (row.original, row.attacked))
        change = (changed - original).ravel() / 255
        assert original.shape[:2] == SIZES[int(row.image_id[-1])]
        assert row.distance == pytest.approx(np.linalg.norm(change, np.inf if row.attack == "square_linf" else 2))
        assert row.distance <= PLAN.epsilons[row.attack] / 255 + 1e-6


def test_a_picture_tells_how_the_confidence_fell(attacked: pd.DataFrame) -> None:
    pictured = attacked[attacked["original"].notna()]

    assert set(pictured["image_id"]) == {"image0", "image3"}
    for row in pictured.itertuples():
        assert len(row.steps) == len(row.true_confidence)
        assert (row.steps[0], row.steps[-1]) == (0, row.queries)
        clean = row.before_confidence if row.before == row.label else 1 - row.before_confidence
        assert row.true_confidence[0] == pytest.approx(clean)


def test_the_tables_have_the_columns_that_they_are_declared_with(attacked: pd.DataFrame) -> None:
    for name, table in zip(
        ("attacks", "attack_pictures"), spark_attacks.tables(as_arrow(attacked), same=False), strict=True
    ):
        table.select(arrow.schema(name).names).cast(arrow.schema(name))


def test_where_final_is_base_its_rows_stand_under_both_names(attacked: pd.DataFrame) -> None:
    base = attacked[attacked["model"] == "base"]

    rows, pictures = spark_attacks.tables(as_arrow(base), same=True)

    by_model = {name: part.drop(columns="model") for name, part in rows.to_pandas().groupby("model")}
    pd.testing.assert_frame_equal(*(part.reset_index(drop=True) for part in by_model.values()))
    assert len(pictures) == 2 * base["original"].notna().sum()
