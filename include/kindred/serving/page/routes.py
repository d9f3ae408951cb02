"""What the search answers over HTTP. Keeps nothing of what it is sent."""

import asyncio
from typing import Annotated, Literal

import numpy as np
from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import Response

from kindred.runtime.errors import InputError
from kindred.search.distances import DISTANCES
from kindred.search.shards import Images
from kindred.serving import bundle
from kindred.serving.bundle import Bundle
from kindred.serving.page import region_overlays, uploads
from kindred.serving.page.parameters import Asked

MOST_LISTED = 200
PARTS = {"queries": bundle.QUERIES, "gallery": bundle.VECTORS}
Part = Annotated[Literal[tuple(PARTS)], Query(description="the test images, or those that are searched in")]
Class = Annotated[str | None, Query(alias="class", description="only images that the model gives this class")]
Offset = Annotated[int, Query(ge=0)]
Limit = Annotated[int, Query(ge=1, le=MOST_LISTED)]
Known = Annotated[str, Query(description="the id of an image of the gallery, or of a test image")]

router = APIRouter(prefix="/api")


def served(request: Request) -> Bundle:
    """What is searched in, for this whole request."""
    return request.app.state.current()


Served = Annotated[Bundle, Depends(served)]
Shared = Annotated[Asked, Depends()]


@router.get("/about")
def about(served: Served, request: Request) -> dict:
    """What there is to search in: the run, its classes, how many images, and the distances."""
    return {
        "run": served.name,
        "classes": served.gallery.classes,
        "gallery": len(served.gallery),
        "queries": len(served.queries),
        "splits": served.splits,
        "datasets": served.datasets,
        "distances": {name: distance.vectors for name, distance in DISTANCES.items()},
        "extractor": served.model.extractor.name,
        "regions": served.model.has_regions,
        "trouble": request.app.state.problem(),
    }


@router.get("/images")
def listing(served: Served, part: Part = "queries", name: Class = None, offset: Offset = 0, limit: Limit = 24) -> dict:
    """Images to choose a query from, by their ids: these are hashes, so the order is as good as chance."""
    ids = served.listed(PARTS[part], name)
    some = ids[offset : offset + limit]
    index = served.queries if part == "queries" else served.gallery
    return {"total": len(ids), "images": _told(served, index.images(some)) if some else []}


@router.get("/images/{image_id}")
def image(served: Served, image_id: str) -> dict:
    """What the final model says of one image."""
    return _query(served, _known(served, image_id))


@router.get("/images/{image_id}/picture", response_class=Response)
def picture(served: Served, image_id: str) -> Response:
    """Its picture, a PNG or a JPEG, at most 256 px wide and high."""
    content = _file(served, image_id)
    kind = "png" if content.startswith(b"\x89PNG") else "jpeg"
    forever = {"Cache-Control": "private, max-age=31536000, immutable"}  # the id is the hash of the pixels
    return Response(content, media_type=f"image/{kind}", headers=forever)


@router.get("/search")
async def search(served: Served, asked: Shared, image_id: Known, request: Request) -> dict:
    """The most similar images to a known one, the least similar, or both."""
    return await _answer(request, served, _known(served, image_id), asked)


@router.post("/search", openapi_extra=uploads.BODY)
async def search_upload(served: Served, asked: Shared, request: Request) -> dict:
    """The same for a picture, at most 10 MB: the file itself as the body, or as the field `image` of a form."""
    pixels = await _uploaded(request)
    return await _answer(request, served, await asyncio.to_thread(served.model.as_query, pixels), asked)


@router.get("/agreement")
def agree(served: Served, image_id: Known, other: Known) -> dict:
    """For two known images an overlay each: how much every region has of their cosine similarity."""
    return _overlays(served, uploads.decode(_file(served, image_id)), other)


@router.post("/agreement", openapi_extra=uploads.BODY)
async def agree_upload(served: Served, other: Known, request: Request) -> dict:
    """The same for a picture, sent as for the search, and a known image."""
    return await asyncio.to_thread(_overlays, served, await _uploaded(request), other)


async def _uploaded(request: Request) -> np.ndarray:
    content = await uploads.read(request)
    async with request.app.state.seeing:
        return await asyncio.to_thread(uploads.decode, content)


def _known(served: Bundle, image_id: str) -> Images:
    try:
        return served.image(image_id)
    except InputError as error:
        raise HTTPException(404, str(error)) from None


def _file(served: Bundle, image_id: str) -> bytes:
    content = served.pictures.file(image_id)
    if content is None:
        raise HTTPException(404, f"no picture of an image {image_id[:80]!r}")
    return content


def _told(served: Bundle, found: Images) -> list[dict]:
    """Images for the page; split and dataset are null where they are not known."""
    columns = (
        found.ids,
        [served.gallery.classes[i] for i in found.probabilities.argmax(axis=1)],
        found.probabilities.max(axis=1).tolist(),
        found.splits or [None] * len(found),
        found.datasets or [None] * len(found),
    )
    names = ("image_id", "prediction", "confidence", "split", "dataset")
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def _query(served: Bundle, query: Images) -> dict:
    shares = dict(zip(served.gallery.classes, query.probabilities[0].tolist(), strict=True))
    return {**_told(served, query)[0], "probabilities": shares}


async def _answer(request: Request, served: Bundle, query: Images, asked: Asked) -> dict:
    pool = request.app.state.searching
    found = await asyncio.get_running_loop().run_in_executor(pool, asked.search, served.gallery, query)
    sides = {side: [neighbour._asdict() for neighbour in answer.neighbours] for side, answer in found.items()}
    exact = all(answer.exact for answer in found.values())
    about = {"run": served.name, "distance": asked.distance, "k": asked.k, "exact": exact}
    return {**about, "query": _query(served, query), **sides}


def _overlays(served: Bundle, pixels: np.ndarray, other: str) -> dict:
    if not served.model.has_regions:
        raise InputError(f"the features of {served.model.extractor.name} are not of regions")
    regions = (served.model.regions(p) for p in (pixels, uploads.decode(_file(served, other))))
    first, second = region_overlays.overlays(*regions)
    return {"image": first, "other": second}
