"""How much memory is taken by what is done in one process: pseudo-labels (logistic regression takes less), and matching
with a gallery.
"""

from collections.abc import Mapping

from kindred.runtime import memory, tables
from kindred.runtime.errors import InputError

USUAL_DIMENSIONS = 1280  # features of an image: what the default extractors for photographs have, or a little less
FEATURE_BYTES = 4.2  # single precision, and what is read of the table meanwhile
IMAGE_BYTES = 3700  # ids, the graph of neighbours, the features on 128 axes, tables: what is left of what is measured
CLASS_BYTES = 560  # of each image and class: what each of six views and five opinions says
MATCHED_BYTES = 4.2 + 4 + 4.2 + 4  # for each feature of an image of the gallery: as read and as unit vector, the
# features' and those of the embedding, which has at most as many numbers
PROCESS_BYTES = 0.6e9  # Python and its libraries


def gigabytes(images: int, dimensions: int, classes: int) -> float:
    """For so many images to learn from, given and unlabelled, at the highest. Their sum is measured for 1,280
    features and ten classes, at 50,000 to 200,000 images (`benchmarks/scale.py`; within 5 %); the share of features and
    classes is counted, from the arrays that are held, and more images are extrapolated.

    >>> round(gigabytes(1_000_000, dimensions=1280, classes=10))
    15
    """
    bytes_of_image = FEATURE_BYTES * dimensions + IMAGE_BYTES + CLASS_BYTES * classes
    return (images * bytes_of_image + PROCESS_BYTES) / 1e9


def shortage(images: int, dimensions: int, classes: int) -> str | None:
    """What lacks on this machine, in one line; None where it has enough."""
    what = f"pseudo-labels of {images:,} images with {dimensions:,} features and {classes:,} classes take"
    return _lacking(what, gigabytes(images, dimensions, classes))


def matching_shortage(images: int, dimensions: int) -> str | None:
    """The same for a gallery of so many images, counted from the arrays that are held."""
    what = f"matching with {images:,} images of {dimensions:,} features takes"
    return _lacking(what, (images * dimensions * MATCHED_BYTES + PROCESS_BYTES) / 1e9)


def _lacking(what: str, needed: float) -> str | None:
    there = memory.total() / 1e9
    if needed <= there:
        return None
    return (
        f"{what} about {needed:,.0f} GB of memory in one process, and there are {there:,.0f}: take a larger machine, "
        "an extractor with fewer features, or set limit"
    )


def check(ingested: Mapping[str, float], featurized: Mapping[str, float], classes: int) -> None:
    """Raise InputError where the memory is too small for the images of these figures of ingest and featurize."""
    images = int(sum(ingested[f"ingest/{split}"] for split in tables.LEARNED_FROM))
    if lacking := shortage(images, int(featurized["featurize/dimensions"]), classes):
        raise InputError(lacking)
