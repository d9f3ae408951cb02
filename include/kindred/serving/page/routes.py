"""What the search answers over HTTP. Keeps nothing of what it is sent."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar

import numpy as np
from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import Response

from kindred.runtime.errors import InputError
from kindred.search.distances import DISTANCES
from kindred.search.shards import Images
from kindred.serving import bundle
from kindred.serving.bundle import Bundle
from kindred.serving.page import region_overlays, uploads
from kindred.serving.page.parameters import SearchParameters

MAX_LISTED = 200
PARTS = {"queries": bundle.QUERIES, "gallery": bundle.VECTORS}
Part = Annotated[Literal["queries", "gallery"], Query(description="the test images, or those that are searched")]
Class = Annotated[str | None, Query(alias="class", description="only images for which the model predicts this class")]
Offset = Annotated[int, Query(ge=0, description="how many images to skip")]
Limit = Annotated[int, Query(ge=1, le=MAX_LISTED, description="how many images to return")]
ImageId = Annotated[str, Query(description="the id of an image of the gallery, or of a test image")]
Row = dict[str, Any]
T = TypeVar("T")

router = APIRouter(prefix="/api")


def current_bundle(request: Request) -> Bundle:
    """What is searched in, for this whole request."""
    current: Bundle = request.app.state.current()
    return current


Current = Annotated[Bundle, Depends(current_bundle)]
Parameters = Annotated[SearchParameters, Depends()]


@router.get("/about")
def about(current: Current, request: Request) -> Row:
    """The run that is searched, its classes, how many images there are, and the distances."""
    return {
        "run": current.name,
        "classes": current.gallery.classes,
        "gallery": len(current.gallery),
        "queries": len(current.queries),
        "splits": current.splits,
        "datasets": current.datasets,
        "distances": {name: distance.vectors for name, distance in DISTANCES.items()},
        "extractor": current.model.extractor.name,
        "regions": current.model.has_regions,
        "trouble": request.app.state.problem(),
    }


@router.get("/images")
def listing(current: Current, part: Part = "queries", name: Class = None, offset: Offset = 0, limit: Limit = 24) -> Row:
    """Images to choose a query from, ordered by id. Ids are hashes, so the order is random, and always the same."""
    ids = current.ids(PARTS[part], name)
    page = ids[offset : offset + limit]
    index = current.queries if part == "queries" else current.gallery
    return {"total": len(ids), "images": _rows(current, index.images(page)) if page else []}


@router.get("/images/{image_id}")
def image(current: Current, image_id: str) -> Row:
    """What the final model predicts for one image."""
    return _query(current, _known(current, image_id))


@router.get("/images/{image_id}/picture", response_class=Response)
def picture(current: Current, image_id: str) -> Response:
    """Its picture, a PNG or a JPEG, at most 256 px wide and high."""
    content = _file(current, image_id)
    kind = "png" if content.startswith(b"\x89PNG") else "jpeg"
    forever = {"Cache-Control": "private, max-age=31536000, immutable"}  # the id is the hash of the pixels
    return Response(content, media_type=f"image/{kind}", headers=forever)


@router.get("/search")
async def search(current: Current, parameters: Parameters, image_id: ImageId, request: Request) -> Row:
    """The images that are most similar to a known one, the least similar ones, or both."""
    return await _answer(request, current, _known(current, image_id), parameters)


@router.post("/search", openapi_extra=uploads.BODY)
async def search_upload(current: Current, parameters: Parameters, request: Request) -> Row:
    """The same for a picture of at most 50 MB: send the file as the body, or as the field `image` of a form."""
    return await _answer(request, current, await _of_upload(request, current.model.as_query), parameters)


@router.get("/agreement")
def agreement(current: Current, image_id: ImageId, other: ImageId) -> Row:
    """An overlay for each of two known images: how much every region contributes to their cosine similarity."""
    return _overlays(current, uploads.decode(_file(current, image_id)), other)


@router.post("/agreement", openapi_extra=uploads.BODY)
async def agreement_upload(current: Current, other: ImageId, request: Request) -> Row:
    """The same for a picture, sent as for the search, and a known image."""
    return await _of_upload(request, lambda pixels: _overlays(current, pixels, other))


async def _of_upload(request: Request, work: Callable[[np.ndarray], T]) -> T:
    """What is made of the pixels of a picture that a request sends; of so few at a time that memory is bounded."""
    state = request.app.state
    async with state.uploads.received(request) as content, state.decoding:
        return await asyncio.to_thread(lambda: work(uploads.decode(content)))


def _known(current: Bundle, image_id: str) -> Images:
    try:
        return current.image(image_id)
    except InputError as error:
        raise HTTPException(404, str(error)) from None


def _file(current: Bundle, image_id: str) -> bytes:
    content = current.pictures.file(image_id)
    if content is None:
        raise HTTPException(404, f"no picture of an image {image_id[:80]!r}")
    return content


def _rows(current: Bundle, images: Images) -> list[Row]:
    """Images for the page; split and dataset are null where they are not known."""
    probabilities, unknown = images.vectors("probabilities"), [None] * len(images)
    columns: dict[str, Any] = {
        "image_id": images.ids,
        "prediction": [current.gallery.classes[number] for number in probabilities.argmax(axis=1)],
        "confidence": probabilities.max(axis=1).tolist(),
        "split": images.splits or unknown,
        "dataset": images.datasets or unknown,
    }
    return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]


def _query(current: Bundle, query: Images) -> Row:
    probabilities = query.vectors("probabilities")[0].tolist()
    by_class = dict(zip(current.gallery.classes, probabilities, strict=True))
    return {**_rows(current, query)[0], "probabilities": by_class}


async def _answer(request: Request, current: Bundle, query: Images, parameters: SearchParameters) -> Row:
    pool = request.app.state.searching
    answers = await asyncio.get_running_loop().run_in_executor(pool, parameters.search, current.gallery, query)
    sides = {side: [neighbour._asdict() for neighbour in answer.neighbours] for side, answer in answers.items()}
    exact = all(answer.exact for answer in answers.values())
    about = {"run": current.name, "distance": parameters.distance, "k": parameters.k, "exact": exact}
    return {**about, "query": _query(current, query), **sides}


def _overlays(current: Bundle, pixels: np.ndarray, other: str) -> Row:
    if not current.model.has_regions:
        raise InputError(f"the features of {current.model.extractor.name} are not of regions")
    regions = (current.model.regions(image) for image in (pixels, uploads.decode(_file(current, other))))
    first, second = region_overlays.overlays(*regions)
    return {"image": first, "other": second}
