"""Which extractor `auto` takes for a dataset, by the size and the number of its images, and why."""

from collections.abc import Callable
from typing import Any, NamedTuple

EXAMPLE = "digits"  # the included example stays as simple as can be: its pixels, though patch_kmeans finds more
SMALL_PX = 32  # the longer side up to which a network trained on photographs of 200 px and more sees mostly blur
IMAGES_PER_CORE = 100_000  # that take efficientnet_lite2 about an hour; efficientnet_lite0 takes half of that


class Choice(NamedTuple):
    """An extractor's name, and why it was taken, for the console."""

    name: str
    reason: str


def choose(dataset: dict[str, Any], images: int, cores: Callable[[], int]) -> Choice:
    """The extractor for a dataset, by the facts of its ingest stage and the number of its images. `cores`, those that
    featurize works on, are only asked for where their number may decide.

    >>> facts = {"median_longer_side": 28, "dataset": {"name": "fashion_mnist"}}
    >>> choose(facts, images=70_000, cores=lambda: 2).name
    'patch_kmeans'
    >>> choose({**facts, "median_longer_side": 96}, images=5_000, cores=lambda: 2).reason
    'a pretrained network: the median of the longer sides is 96 px'
    """
    if dataset["dataset"]["name"] == EXAMPLE:
        return Choice("pixels", "which is enough for the example")
    side = dataset["median_longer_side"]
    median = f"the median of the longer sides is {side:,} px"
    if side <= SMALL_PX:
        return Choice("patch_kmeans", f"which learns from the images: {median}, too few for a pretrained network")
    if images > IMAGES_PER_CORE and images > IMAGES_PER_CORE * (count := cores()):
        many = f"{images:,} images on {count} {'core' if count == 1 else 'cores'}"
        return Choice("efficientnet_lite0", f"a pretrained network, twice as fast as efficientnet_lite2: {many}")
    return Choice("efficientnet_lite2", f"a pretrained network: {median}")
