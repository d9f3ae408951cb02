"""What a search is asked for, as parameters of an address."""

from dataclasses import dataclass
from typing import Annotated, Literal

from fastapi import Query

from kindred.search.answers import Answer
from kindred.search.distances import DISTANCES
from kindred.search.gallery import Filter
from kindred.search.image_index import Index
from kindred.search.shards import Images

MOST = 1000  # results on a side
MOST_NAMES = 1000  # of a filter
SIDES = ("nearest", "farthest")

Names = list[str] | None


def names(text: str, **more: str) -> object:
    return Query(description=text, max_length=MOST_NAMES, **more)


@dataclass(frozen=True)
class Asked:
    """The parameters that all searches have."""

    distance: Annotated[Literal[tuple(DISTANCES)], Query(description="smaller is nearer, for all of them")] = "cosine"
    k: Annotated[int, Query(ge=1, le=MOST, description="how many images on each side")] = 8
    side: Annotated[Literal["nearest", "farthest", "both"], Query(description="which images to find")] = "nearest"
    itself: Annotated[bool, Query(description="may a query of the gallery find itself?")] = False
    classes: Annotated[Names, names("only images that the model gives one of these", alias="class")] = None
    splits: Annotated[Names, names("only images of one of these splits", alias="split")] = None
    datasets: Annotated[Names, names("only images of one of these datasets", alias="dataset")] = None
    ids: Annotated[Names, names("only images with one of these ids", alias="id")] = None
    min_confidence: Annotated[float, Query(ge=0, le=1, description="of the model, in its class")] = 0
    max_confidence: Annotated[float, Query(ge=0, le=1)] = 1

    @property
    def sides(self) -> tuple[str, ...]:
        return SIDES if self.side == "both" else (self.side,)

    def search(self, index: Index, query: Images) -> dict[str, Answer]:
        """What an index answers to one query, by side. Raises InputError where it cannot."""
        confidence = (self.min_confidence, self.max_confidence)
        where = Filter(self.classes, self.splits, self.datasets, None if confidence == (0, 1) else confidence, self.ids)
        sides = {side: (side == "farthest", where, self.itself) for side in self.sides}
        return {side: index.search(query, self.k, self.distance, *how)[0] for side, how in sides.items()}
