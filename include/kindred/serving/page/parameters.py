"""The parameters of a search in an address."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from fastapi import Query

from kindred.runtime import variants
from kindred.runtime.variants import AUTO, EXACT, SEARCH_MODES
from kindred.search.answers import Answer
from kindred.search.distances import DISTANCES
from kindred.search.gallery import Filter
from kindred.search.shards import Images
from kindred.serving.bundle import Asked, Bundle

MAX_RESULTS = 1000  # on a side
MAX_NAMES = 1000  # of one filter
SIDES = ("nearest", "farthest")

if TYPE_CHECKING:
    DistanceName = str
    Mode = str
    Reranker = str
else:
    DistanceName = Literal[tuple(DISTANCES)]  # so that the API's description lists them
    Mode = Literal[SEARCH_MODES]
    Reranker = Literal[(AUTO, *variants.names("reranker"))]
Names = list[str] | None
Origin = Annotated[
    str | None, Query(min_length=1, max_length=1000, description="only images with this in their file's name or path")
]


def names(text: str, alias: str) -> Any:
    """The description of a parameter that may stand in an address more than once."""
    return Query(description=text, max_length=MAX_NAMES, alias=alias)


@dataclass(frozen=True)
class SearchParameters:
    """The parameters that all searches have."""

    distance: Annotated[DistanceName, Query(description="smaller is nearer, for every distance")] = "cosine"
    mode: Annotated[
        Mode, Query(description="approximate: quicker, may miss some; where the index was built for it")
    ] = EXACT
    rerank: Annotated[
        Reranker, Query(description="puts the nearest by cosine into a better order; auto: as the index advises")
    ] = AUTO
    k: Annotated[int, Query(ge=1, le=MAX_RESULTS, description="number of images on each side")] = 8
    side: Annotated[Literal["nearest", "farthest", "both"], Query(description="which images to return")] = "nearest"
    itself: Annotated[bool, Query(description="may an image of the gallery be among its own results?")] = False
    classes: Annotated[Names, names("only images for which the model predicts one of these", alias="class")] = None
    all_classes: Annotated[bool, Query(description="with several labels an image: all of these, not one")] = False
    labels: Annotated[Names, names("only images with one of these given labels", alias="label")] = None
    splits: Annotated[Names, names("only images of one of these splits", alias="split")] = None
    datasets: Annotated[Names, names("only images of one of these datasets", alias="dataset")] = None
    ids: Annotated[Names, names("only images with one of these ids", alias="id")] = None
    labelled: Annotated[bool | None, Query(description="only images with a given label (true), or without (false)")] = (
        None
    )
    origin: Origin = None
    min_confidence: Annotated[
        float,
        Query(
            ge=0,
            le=1,
            description="least confidence of the model in its class; with several labels an image its probability of "
            "the `class`, or without one that of the whole set",
        ),
    ] = 0
    max_confidence: Annotated[float, Query(ge=0, le=1, description="greatest confidence")] = 1

    @property
    def sides(self) -> tuple[str, ...]:
        """The sides that are asked for."""
        return SIDES if self.side == "both" else (self.side,)

    def search(self, current: Bundle, query: Images, pixels: np.ndarray | None = None) -> dict[str, Answer]:
        """What a bundle answers to one query, of which the pixels may be known, by side. Raises InputError where it
        cannot.
        """
        confidence = None if (self.min_confidence, self.max_confidence) == (0, 1) else self.confidence
        where = Filter(
            *(self.classes, self.splits, self.datasets, confidence, self.ids, self.labelled, self.origin),
            self.all_classes and self.classes is not None,
            self.labels,
        )
        asked = Asked(self.k, self.distance, self.itself, self.mode, self.rerank)
        return {side: current.search(query, asked, side == "farthest", where, pixels) for side in self.sides}

    @property
    def confidence(self) -> tuple[float, float]:
        """From and to, both included."""
        return self.min_confidence, self.max_confidence
