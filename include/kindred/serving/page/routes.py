"""What the search answers over HTTP. Keeps nothing of what it is sent."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import quote

import numpy as np
from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import RedirectResponse, Response

from kindred.data import origins
from kindred.features.text_encoder import MAX_CHARACTERS
from kindred.runtime.errors import InputError
from kindred.search.answers import Answer
from kindred.search.shards import Images
from kindred.serving import bundle, originals
from kindred.serving.bundle import Bundle
from kindred.serving.originals import Original
from kindred.serving.page import agreeing_keypoints, image_rows, region_overlays, sent_originals, uploads
from kindred.serving.page.image_rows import Row
from kindred.serving.page.parameters import Origin, SearchParameters

MAX_LISTED = 200
MIN_PX, MAX_PX = 256, 2048  # of the longer side of a larger picture
FOREVER = {"Cache-Control": "private, max-age=31536000, immutable"}  # the id is the hash of the pixels
PARTS = {"queries": bundle.QUERIES, "gallery": bundle.VECTORS}
Part = Annotated[Literal["queries", "gallery"], Query(description="the test images, or those that are searched")]
Class = Annotated[str | None, Query(alias="class", description="only images for which the model predicts this class")]
Offset = Annotated[int, Query(ge=0, description="how many images to skip")]
Limit = Annotated[int, Query(ge=1, le=MAX_LISTED, description="how many images to return")]
Px = Annotated[
    int | None,
    Query(ge=MIN_PX, le=MAX_PX, description="a larger one, of the original: its longer side in px, at most"),
]
ImageId = Annotated[str, Query(description="the id of an image of the gallery, or of a test image")]
QueryId = Annotated[str | None, Query(description="the image to search by: its id")]
Text = Annotated[
    str | None,
    Query(description=f"or words to search by, at most {MAX_CHARACTERS:,} characters; by the distance cosine alone"),
]
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
    """The run that is searched, `since` when it is served (null unless it was promoted), its classes (none of a run of
    image matching), how many images there are (`labelled`: of the gallery, with a given label), the distances, whether
    it can be searched by `words`, by which distances in the mode `approximate`, the re-rankers, the `reranker` that
    `auto` takes, and its `local_features`, if it has any. Of a run with several labels an image `thresholds` has the
    probability from which on an image has each class, else null.
    """
    classes, thresholds = current.gallery.classes, current.gallery.thresholds
    return {
        "run": current.name,
        "since": current.since,
        "classes": classes,
        "thresholds": None if thresholds is None else dict(zip(classes, thresholds, strict=True)),
        "gallery": len(current.gallery),
        "labelled": current.labelled,
        "queries": len(current.queries),
        "splits": current.splits,
        "datasets": current.datasets,
        "distances": current.gallery.distances,
        "extractor": current.model.extractor.name,
        "regions": current.model.has_regions,
        "words": current.text_encoder is not None,
        "approximate": list(current.gallery.cells),
        "rerankers": current.rerankers,
        "reranker": current.reranker,
        "local_features": None if current.local_features is None else current.local_features.name,
        "trouble": request.app.state.problem(),
    }


@router.get("/images")
def listing(
    current: Current,
    part: Part = "queries",
    name: Class = None,
    origin: Origin = None,
    offset: Offset = 0,
    limit: Limit = 24,
) -> Row:
    """Images to choose a query from, ordered by id. Ids are hashes, so the order is random, and always the same."""
    ids = current.ids(PARTS[part], name, origin)
    page = ids[offset : offset + limit]
    index = current.queries if part == "queries" else current.gallery
    return {"total": len(ids), "images": image_rows.rows(current, index.images(page)) if page else []}


@router.get("/images/{image_id}")
def image(current: Current, image_id: str) -> Row:
    """What is known of one image. As in every answer: `origin` says which file or row it is, `name` is the last part
    of that, `label` is its given label, each null where there is none; `original` is "file" or "link" where the image
    is a file of its own, on a disk or in a bucket, which `/api/images/{image_id}/original` opens. With several labels
    an image `prediction` and `label` are classes with `|` between them, or `(none)`; `predicted` (else null) has the
    probability of each predicted class, and `confidence` is the probability that the whole set is right.
    """
    return image_rows.row(current, _known(current, image_id))


@router.get("/images/{image_id}/picture", response_class=Response)
async def picture(current: Current, image_id: str, request: Request, px: Px = None) -> Response:
    """Its picture, a PNG or a JPEG, at most 256 px wide and high; with `px` a larger JPEG, made of the original. Where
    that cannot be read any more the status is 404: the small one is still there.
    """
    if px is not None:
        origin = _origin(current, image_id)
        view = await sent_originals.of_original(request, origin, image_id, lambda original: original.view(px))
        return Response(view, media_type="image/jpeg", headers=FOREVER)
    content = await asyncio.to_thread(_file, current, image_id)
    kind = "png" if content.startswith(b"\x89PNG") else "jpeg"
    return Response(content, media_type=f"image/{kind}", headers=FOREVER)


@router.get("/images/{image_id}/original", response_class=Response)
async def original(current: Current, image_id: str, request: Request) -> Response:
    """The image's own file, if it still holds the picture that the run saw: as it is, or as a PNG or JPEG where
    browsers do not show its format. One in a bucket is answered by a link to it, which is good for some minutes. Where
    it is gone or has changed, or the image is no file of its own, the status is 404.
    """
    origin = _origin(current, image_id)
    if originals.access(origin) == originals.LINK:
        await sent_originals.of_original(request, origin, image_id, lambda original: None)
        return RedirectResponse(originals.link(origin), 302, {"Cache-Control": "no-store"})
    content, kind, name = await sent_originals.of_original(request, origin, image_id, Original.for_browser)
    headers = {"Content-Disposition": f"inline; filename*=UTF-8''{quote(name, safe='')}", "Cache-Control": "no-cache"}
    return sent_originals.SentOriginal(request.app.state.sent, content, kind, headers)


@router.get("/search")
async def search(
    current: Current, parameters: Parameters, request: Request, image_id: QueryId = None, text: Text = None
) -> Row:
    """The images that are most similar to a known one, or to words, the least similar ones, or both. Of words, `query`
    says how many tokens they are, and what was `read`: all, or as much as the text encoder takes. Where not all is
    `exact`, `recall` is the measured share of the most similar images that such answers have; `reason` says why an
    answer is exact though the mode is approximate. `reranker` is the one that the order is by. Where keypoints were
    compared, an image has `inliers`, and is the `same` thing or only looks alike; `match` says whether any is the same.
    """
    if (image_id is None) == (text is None):
        raise InputError("give image_id or text: the image, or the words, to search by")
    if text is None:
        return await _answer(request, current, _known(current, str(image_id)), parameters)
    words = await _searching(request, current.words, text, parameters.distance)
    answers = await _answers(request, current, Images(words.features), parameters)
    return {**answers, "query": {"text": text, "read": words.read, "tokens": words.tokens}}


@router.post("/search", openapi_extra=uploads.BODY)
async def search_upload(current: Current, parameters: Parameters, request: Request) -> Row:
    """The same for a picture of at most 50 MB: send the file as the body, or as the field `image` of a form."""
    query, pixels = await _of_upload(request, lambda pixels: (current.query(pixels), pixels))
    return await _answer(request, current, query, parameters, pixels)


@router.get("/agreement")
def agreement(current: Current, image_id: ImageId, other: ImageId) -> Row:
    """An overlay for each of two known images: how much every region contributes to their cosine similarity."""
    return _overlays(current, uploads.decode(_file(current, image_id)), other)


@router.post("/agreement", openapi_extra=uploads.BODY)
async def agreement_upload(current: Current, other: ImageId, request: Request) -> Row:
    """The same for a picture, sent as for the search, and a known image."""
    return await _of_upload(request, lambda pixels: _overlays(current, pixels, other))


@router.get("/keypoints")
def keypoints(current: Current, image_id: ImageId, other: ImageId) -> Row:
    """The keypoints of two known images that fit one homography: how many there are, whether these are enough to show
    the same thing, and where the first ones lie in both: x and y over the longer side of the picture.
    """
    known = agreeing_keypoints.local_features(current)
    one, beside = (known.of(_known(current, name).names("ids")[0]) for name in (image_id, other))
    return agreeing_keypoints.between(current, one, beside)


@router.post("/keypoints", openapi_extra=uploads.BODY)
async def keypoints_upload(current: Current, other: ImageId, request: Request) -> Row:
    """The same for a picture, sent as for the search, and a known image."""
    beside = agreeing_keypoints.local_features(current).of(_known(current, other).names("ids")[0])
    return await _of_upload(request, lambda p: agreeing_keypoints.between(current, current.keypoints(p), beside))


async def _of_upload(request: Request, work: Callable[[np.ndarray], T]) -> T:
    """What is made of the pixels of a picture that a request sends; of so few at a time that memory is bounded."""
    state = request.app.state
    async with state.uploads.received(request) as content, state.decoding:
        return await asyncio.to_thread(lambda: work(uploads.decode(content)))


def _origin(current: Bundle, image_id: str) -> str:
    """Where the file of an image lies. Raises HTTPException with status 404 where it has none of its own."""
    (origin,) = _known(current, image_id).known("origins")
    if origin is None:
        raise HTTPException(404, f"the index does not say which file the image {image_id} is; build it again")
    if originals.access(origin) is None:
        raise HTTPException(404, f"{origins.path(origin)} is no file of its own, so there is no original to open")
    return origin


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


async def _answer(
    request: Request, current: Bundle, query: Images, parameters: SearchParameters, pixels: np.ndarray | None = None
) -> Row:
    """What is found by an image."""
    return {**await _answers(request, current, query, parameters, pixels), "query": image_rows.row(current, query)}


async def _searching(request: Request, work: Callable[..., T], *arguments: Any) -> T:
    """What work returns that is done by one of the threads that search."""
    return await asyncio.get_running_loop().run_in_executor(request.app.state.searching, work, *arguments)


async def _answers(
    request: Request, current: Bundle, query: Images, parameters: SearchParameters, pixels: np.ndarray | None = None
) -> Row:
    """What is found, without the query."""
    answers = await _searching(request, parameters.search, current, query, pixels)
    sides = {side: [image_rows.neighbour(found) for found in answer.neighbours] for side, answer in answers.items()}
    about = {"run": current.name, "distance": parameters.distance, "k": parameters.k}
    return {**about, **_said(answers), **sides}


def _said(answers: dict[str, Answer]) -> Row:
    """What the answers say of themselves: are all exact, else the recall, or why one is, though it need not be."""
    recalls = [answer.recall for answer in answers.values() if answer.recall is not None]
    reasons = [answer.reason for answer in answers.values() if answer.reason is not None]
    nearest = answers.get("nearest")
    return {
        "exact": not recalls,
        "recall": min(recalls, default=None),
        "reason": "; ".join(reasons) or None,
        "reranker": nearest.reranker if nearest else None,
        "match": nearest.has_match if nearest else None,
    }


def _overlays(current: Bundle, pixels: np.ndarray, other: str) -> Row:
    if not current.model.has_regions:
        raise InputError(f"the features of {current.model.extractor.name} are not of regions")
    regions = (current.model.regions(image) for image in (pixels, uploads.decode(_file(current, other))))
    first, second = region_overlays.overlays(*regions)
    return {"image": first, "other": second}
