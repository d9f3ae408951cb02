"""What `auto` takes, and why."""

import re
from typing import Any

import pytest

from kindred.features import extractor_choice
from kindred.features.extractor_choice import IMAGES_PER_CORE, SMALL_PX
from kindred.runtime import variants


def facts(longer_side: int, name: str = "image_folder") -> dict[str, Any]:
    return {"median_longer_side": longer_side, "dataset": {"name": name}}


@pytest.mark.parametrize(
    ("dataset", "images", "name", "reason"),
    [
        (facts(8, "digits"), 1_797, "pixels", "which is enough for the example"),
        (facts(8), 1_797, "patch_kmeans", "is 8 px, too few for a pretrained network"),
        (facts(SMALL_PX), 70_000, "patch_kmeans", "is 32 px, too few for a pretrained network"),
        (
            facts(SMALL_PX + 1),
            5_000,
            "efficientnet_lite2",
            "the median of the longer sides is 33 px",
        ),
        (facts(4_000), 2 * IMAGES_PER_CORE, "efficientnet_lite2", "is 4,000 px"),
        (facts(4_000), 2 * IMAGES_PER_CORE + 1, "efficientnet_lite0", "twice as fast .*: 200,001 images on 2 cores"),
        (facts(28), 2 * IMAGES_PER_CORE + 1, "patch_kmeans", "is 28 px"),
    ],
)
def test_the_size_and_the_number_of_the_images_decide(
    dataset: dict[str, Any], images: int, name: str, reason: str
) -> None:
    choice = extractor_choice.choose(dataset, images, cores=lambda: 2)

    assert choice.name == name
    assert re.search(reason, choice.reason)
    assert choice.name in variants.names("extractor")


def test_cores_are_not_counted_where_one_is_enough() -> None:
    choice = extractor_choice.choose(facts(96), IMAGES_PER_CORE, cores=lambda: pytest.fail("counted"))

    assert choice.name == "efficientnet_lite2"


def test_auto_is_the_name_of_no_variant() -> None:
    assert all(variants.AUTO not in variants.names(kind) for kind in variants.KINDS)
