"""What a search by a distance needs and an index lacks that was saved before there was the distance: made of the
vectors that the index holds.
"""

import numpy as np

from kindred.runtime.errors import InputError
from kindred.search import lower_bounds
from kindred.search.distances import Distance
from kindred.search.gallery import Gallery
from kindred.search.lower_bounds import LowerBound


def make(distance: Distance, gallery: Gallery, names: list[str]) -> tuple[LowerBound, Gallery]:
    """The lower bound of a distance, and a gallery, not empty, with its side of the product as well; reads all vectors.

    `names` are the distances that the index holds. Raises InputError where it has no such vectors, or the distance is
    not defined for them.
    """
    kind = distance.vectors
    if kind not in gallery.shards[0].arrays:
        raise _refusal(distance, f"which needs {kind}", names)
    sample = gallery.column(kind, np.arange(min(gallery.starts[-1], lower_bounds.SAMPLE_SIZE)))
    with np.errstate(all="ignore"):  # what is not defined is refused below
        try:
            bound = lower_bounds.fit_one(distance, sample)
        except InputError:
            raise _refusal(distance, f"which is not defined for its {kind}", names) from None
        sides = [bound.gallery_side(shard[kind]) for shard in gallery.shards]
    if not all(np.isfinite(side).all() for side in sides):
        raise _refusal(distance, f"which is not defined for its {kind}", names)
    shards = (s.with_array(distance.name, side) for s, side in zip(gallery.shards, sides, strict=True))
    return bound, Gallery(tuple(shards), gallery.deleted)


def _refusal(distance: Distance, reason: str, names: list[str]) -> InputError:
    step = "search by one of these, or run the 'build_index' stage again"
    return InputError(f"the index cannot answer by {distance.name!r}, {reason}; it has {', '.join(names)}; {step}")
