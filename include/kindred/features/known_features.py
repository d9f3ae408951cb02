"""Features that an earlier version of a dataset has: an image's id is a hash of its pixels, so they are the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class Divided(NamedTuple):
    """Rows of image_id, split, features of the images whose features are known, the other images, and how many these
    are.
    """

    known: DataFrame
    others: DataFrame
    lacking: int


def divided(images: DataFrame, features: DataFrame) -> Divided:
    """Images (image_id, split, content), and features of any, by what is known of them; the split is that of now."""
    ids = images.select("image_id", "split")
    new = ids.join(features.select("image_id"), "image_id", how="left_anti").persist()
    lacking = new.count()  # Spark then knows how small it is, and joins without moving the images between tasks
    once = features.select("image_id", "features").dropDuplicates(["image_id"])  # a leak that was kept has two rows
    known = ids.join(once, "image_id", how="inner").select("image_id", "split", "features")
    return Divided(known, images.join(new, ["image_id", "split"], how="left_semi").select(images.columns), lacking)
