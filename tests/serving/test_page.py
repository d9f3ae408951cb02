"""The search over HTTP: what it answers, what it refuses, and what it never lets out."""

import asyncio
import dataclasses
import io
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from fastapi import Depends, HTTPException, Request
from fastapi.testclient import TestClient
from PIL import Image

import bundles
import pictures as tiny
from kindred.data import images
from kindred.features import onnx_graphs
from kindred.runtime.errors import InputError
from kindred.serving import bundle
from kindred.serving.page import app, region_overlays, uploads

GALLERY, QUERIES = 60, 6
A_QUERY, IN_GALLERY = bundles.id_of(GALLERY), bundles.id_of(0)
NO_FILE = {"origin": None, "name": None, "original": None}  # of an image whose origin is not known


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    return bundle.open_folder(bundles.make(tmp_path_factory.mktemp("bundle"), GALLERY, QUERIES), "self_training/test")


@pytest.fixture(scope="module")
def client(served):
    return TestClient(app.application(lambda: served))


def fails(answer, status: int, text: str) -> bool:
    return answer.status_code == status and text in answer.json()["error"]


def test_about_says_what_there_is(client) -> None:
    about = client.get("/api/about").json()

    assert (about["run"], about["since"]) == ("self_training/test", None)
    assert (about["gallery"], about["queries"]) == (GALLERY, QUERIES)
    assert about["classes"] == bundles.CLASSES
    assert about["splits"] == ["unlabeled"]
    assert about["regions"] is True


def test_about_says_since_when_a_promoted_run_is_served(served) -> None:
    promoted = dataclasses.replace(served, since="2026-11-29T12:00:00+00:00")

    about = TestClient(app.application(lambda: promoted)).get("/api/about").json()

    assert about["since"] == "2026-11-29T12:00:00+00:00"


@pytest.mark.parametrize("distance", ["l2", "cosine", "probability_l2", "kullback_leibler"])
def test_a_search_answers_what_the_index_answers(client, served, distance) -> None:
    answer = client.get(
        "/api/search", params={"image_id": A_QUERY, "distance": distance, "k": 5, "side": "both"}
    ).json()

    query = served.queries.images([A_QUERY])
    for side, farthest in (("nearest", False), ("farthest", True)):
        (own,) = served.gallery.search(query, 5, distance, farthest)
        assert answer[side] == [neighbour._asdict() | NO_FILE for neighbour in own.neighbours]
    assert answer["exact"] is True
    assert answer["query"]["image_id"] == A_QUERY
    assert sum(answer["query"]["probabilities"].values()) == pytest.approx(1, abs=1e-5)


def test_an_answer_in_the_mode_approximate_says_its_recall_or_why_it_is_exact(tmp_path) -> None:
    quick = bundle.open_folder(bundles.make(tmp_path, GALLERY, QUERIES, mode="approximate"), "self_training/quick")
    client = TestClient(app.application(lambda: quick))

    def said(**asked) -> list:
        answer = client.get("/api/search", params={"image_id": A_QUERY, "mode": "approximate", **asked}).json()
        return [answer[name] for name in ("exact", "recall", "reason")]

    (setting, *_) = quick.gallery.about["approximate"]["cosine"]
    assert client.get("/api/about").json()["approximate"] == ["l2", "cosine"]
    assert said() == [False, setting[-1], None]
    assert said(side="both") == [False, setting[-1], "the least similar images are always exact"]
    assert said(split="unlabeled") == [True, None, "a filter would lose recall"]
    assert said(distance="kullback_leibler") == [True, None, "the distance kullback_leibler is always exact"]
    assert said(mode="exact") == [True, None, None]


def test_an_index_that_was_built_for_exact_search_refuses_the_mode_approximate(client) -> None:
    answer = client.get("/api/search", params={"image_id": A_QUERY, "mode": "approximate"})

    assert client.get("/api/about").json()["approximate"] == []
    assert fails(answer, 400, "run the 'build_index' stage with the search mode approximate")


def test_an_image_of_the_gallery_finds_itself_only_where_it_is_asked_to(client) -> None:
    ask = {"image_id": IN_GALLERY, "k": 3}

    without = client.get("/api/search", params=ask).json()["nearest"]
    itself = client.get("/api/search", params={**ask, "itself": True}).json()["nearest"]

    assert IN_GALLERY not in [image["image_id"] for image in without]
    assert (itself[0]["image_id"], itself[0]["duplicate"]) == (IN_GALLERY, True)
    assert itself[0]["distance"] == pytest.approx(0, abs=1e-6)


def test_filters_are_those_of_the_index(client) -> None:
    ask = {"image_id": A_QUERY, "k": GALLERY, "class": ["green", "blue & co"], "min_confidence": 0.5}

    nearest = client.get("/api/search", params=ask).json()["nearest"]

    assert 0 < len(nearest) < GALLERY
    assert {image["prediction"] for image in nearest} == {"green", "blue & co"}
    assert all(image["confidence"] >= 0.5 for image in nearest)


@pytest.fixture(scope="module")
def mixed(tmp_path_factory) -> TestClient:
    """A run with several labels an image: of 16 pictures each mixture of the three colours twice."""
    made = bundles.make(tmp_path_factory.mktemp("mixed"), 16, 8, given=[3, 8], several=True)
    served = bundle.open_folder(made, "self_training/mixed")
    return TestClient(app.application(lambda: served))


def found(client: TestClient, **filters) -> list[dict]:
    """What the picture of green and red finds."""
    asked = {"image_id": bundles.id_of(16 + 3, several=True), "k": 16, **filters}
    return client.get("/api/search", params=asked).json()["nearest"]


def test_of_several_labels_each_predicted_class_is_said_with_its_probability(mixed) -> None:
    red, green, blue = bundles.CLASSES

    about = mixed.get("/api/about").json()
    answer = mixed.get("/api/search", params={"image_id": bundles.id_of(19, several=True), "k": 2}).json()
    near = {image["image_id"]: image for image in answer["nearest"]}[bundles.id_of(3, several=True)]

    assert about["thresholds"] == dict.fromkeys(bundles.CLASSES, 0.5)
    assert answer["query"]["prediction"] == near["prediction"] == near["label"] == f"{red}|{green}"
    assert set(near["predicted"]) == {red, green}
    assert all(probability > 0.8 for probability in near["predicted"].values())
    everything = mixed.get(f"/api/images/{near['image_id']}").json()["probabilities"]
    assert near["confidence"] == pytest.approx(everything[red] * everything[green] * (1 - everything[blue]))
    (nothing,) = found(mixed, **{"label": "(none)"})
    assert (nothing["prediction"], nothing["predicted"], nothing["label"]) == ("(none)", {}, "(none)")


@pytest.mark.parametrize(
    ("asked", "mixtures"),
    [
        ({"class": ["green"]}, [2, 3, 6, 7] * 2),
        ({"class": ["green", "blue & co"]}, [2, 3, 4, 5, 6, 7] * 2),
        ({"class": ["green", "blue & co"], "all_classes": True}, [6, 7] * 2),
        ({"class": ["(none)"]}, [0] * 2),
        ({"label": ["green"]}, [3]),
        ({"labelled": True}, [0, 3]),
        ({"class": ["green"], "min_confidence": 1}, []),
    ],
)
def test_of_several_labels_a_filter_goes_by_each_class(mixed, asked, mixtures) -> None:
    numbers = {bundles.id_of(number, several=True): number for number in range(16)}

    assert sorted(numbers[image["image_id"]] % 8 for image in found(mixed, **asked)) == sorted(mixtures)


def test_of_several_labels_images_to_choose_from_are_listed_by_each_class(mixed) -> None:
    totals = [mixed.get("/api/images", params={"class": name}).json()["total"] for name in ("green", "(none)")]

    assert totals == [4, 1]
    refused = mixed.get("/api/images", params={"class": "moon"})
    assert fails(refused, 400, "unknown class 'moon'")


def test_with_one_label_an_image_there_are_no_sets(client) -> None:
    image = client.get(f"/api/images/{IN_GALLERY}").json()

    assert client.get("/api/about").json()["thresholds"] is None
    assert image["predicted"] is None
    assert sum(image["probabilities"].values()) == pytest.approx(1, abs=1e-5)
    ask = {"image_id": A_QUERY, "k": GALLERY, "class": ["green", "blue & co"], "all_classes": True}
    assert client.get("/api/search", params=ask).json()["nearest"] == []


def test_a_picture_is_seen_as_the_gallery_was(client) -> None:
    content = images.encode(bundles.picture(GALLERY))

    known = client.get("/api/search", params={"image_id": A_QUERY, "k": 4}).json()
    as_body = client.post("/api/search", params={"k": 4}, content=content).json()
    in_form = client.post("/api/search", params={"k": 4}, files={"image": ("../<i>.png", content)}).json()

    assert as_body == in_form
    assert as_body["query"]["image_id"] == A_QUERY
    assert [i["image_id"] for i in as_body["nearest"]] == [i["image_id"] for i in known["nearest"]]
    assert [i["distance"] for i in as_body["nearest"]] == pytest.approx(
        [i["distance"] for i in known["nearest"]], abs=1e-6
    )


def test_a_listing_goes_through_all_images_page_by_page(client, served) -> None:
    pages = [
        client.get("/api/images", params={"part": "gallery", "offset": at, "limit": 25}).json() for at in (0, 25, 50)
    ]
    green = client.get("/api/images", params={"part": "gallery", "class": "green", "limit": 60}).json()

    assert [page["total"] for page in pages] == [GALLERY] * 3
    assert [image["image_id"] for page in pages for image in page["images"]] == served.gallery.ids()
    assert {image["prediction"] for image in green["images"]} == {"green"}
    assert green["total"] == len(green["images"])


def test_a_picture_comes_as_it_is_stored_and_is_kept_by_the_browser(client) -> None:
    answer = client.get(f"/api/images/{IN_GALLERY}/picture")

    assert answer.content == images.encode(bundles.picture(0))
    assert answer.headers["content-type"] == "image/png"
    assert "immutable" in answer.headers["cache-control"]


def test_regions_show_where_two_images_are_similar(client, served) -> None:
    one, other = (served.model.regions(bundles.picture(number)) for number in (0, 3))
    shares = region_overlays.contributions(one, other.mean(axis=(0, 1)))
    features = [regions.mean(axis=(0, 1)) for regions in (one, other)]

    answer = client.get("/api/agreement", params={"image_id": IN_GALLERY, "other": bundles.id_of(3)}).json()
    sent = client.post("/api/agreement", params={"other": bundles.id_of(3)}, content=images.encode(bundles.picture(0)))

    assert shares.shape == bundles.SIZE
    cosine = np.dot(*features) / np.prod([np.linalg.norm(part) for part in features])
    assert shares.mean() == pytest.approx(cosine, abs=1e-6)
    assert answer["image"].startswith("data:image/png;base64,")
    assert sent.json() == answer


def test_an_extractor_without_regions_says_so(tmp_path) -> None:
    graph = onnx_graphs.scaled_pixels(bundles.SIZE, 3)
    assert onnx_graphs.with_regions(graph) is None
    opened = bundle.open_folder(bundles.make(tmp_path, graph=graph), "r")
    client = TestClient(app.application(lambda: opened))

    answer = client.get("/api/agreement", params={"image_id": IN_GALLERY, "other": A_QUERY})

    assert client.get("/api/about").json()["regions"] is False
    assert fails(answer, 400, "the features of pixels are not of regions")


@pytest.mark.parametrize(
    ("parameters", "status", "text"),
    [
        ({"image_id": A_QUERY, "k": 0}, 400, "k: Input should be greater than or equal to 1"),
        ({"image_id": A_QUERY, "k": GALLERY + 1}, 400, f"k is {GALLERY + 1}; the index has {GALLERY} images"),
        ({"image_id": A_QUERY, "distance": "far"}, 400, "'cosine'"),
        ({"image_id": A_QUERY, "class": "pink"}, 400, "unknown class 'pink'; known: <b>red</b>, green, blue & co"),
        ({"image_id": A_QUERY, "min_confidence": 2}, 400, "min_confidence: Input should be less than or equal to 1"),
        ({"image_id": "../../etc/passwd"}, 404, "no image '../../etc/passwd'"),
        ({}, 400, "give image_id or text: the image, or the words, to search by"),
        ({"image_id": A_QUERY, "text": "red"}, 400, "give image_id or text"),
        (
            {"text": "red"},
            400,
            "self_training/test cannot be searched by words: its extractor pixels has no text encoder; a run with",
        ),
    ],
)
def test_a_search_that_cannot_be_answered_says_why(client, parameters, status, text) -> None:
    assert fails(client.get("/api/search", params=parameters), status, text)


def test_an_empty_gallery_says_so(tmp_path) -> None:
    opened = bundle.open_folder(bundles.make(tmp_path, gallery=0), "r")
    client = TestClient(app.application(lambda: opened))

    answer = client.get("/api/search", params={"image_id": bundles.id_of(0)})

    assert fails(answer, 400, "the index is empty: there is no image to search in")
    assert client.get("/api/images", params={"part": "gallery"}).json() == {"total": 0, "images": []}


def test_nothing_served_says_what_to_do() -> None:
    def nothing():
        raise InputError("no run is served yet; `make promote RUN=name` chooses one")

    client = TestClient(app.application(nothing))

    assert fails(client.get("/api/about"), 400, "make promote")


def rotated() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    return tiny.encoded(Image.fromarray(bundles.picture(0)), "JPEG", exif=exif)


GOOD = {
    "animated GIF": tiny.encoded(
        Image.fromarray(tiny.noise(20, 20)), "GIF", save_all=True, append_images=[Image.new("RGB", (20, 20))]
    ),
    "16-bit PNG": tiny.encoded(Image.fromarray(np.full((9, 9), 40_000, np.uint16))),
    "CMYK": tiny.encoded(Image.fromarray(tiny.noise()).convert("CMYK"), "JPEG"),
    "EXIF-rotated": rotated(),
    "transparent": tiny.encoded(Image.new("RGBA", (9, 9), (255, 0, 0, 10))),
}


@pytest.mark.parametrize("name", GOOD)
def test_any_picture_is_decoded_as_ingest_decodes(client, name) -> None:
    answer = client.post("/api/search", params={"k": 1}, content=GOOD[name])

    assert answer.status_code == 200
    assert answer.json()["query"]["image_id"] == images.image_id(images.decode(GOOD[name]))


def bomb() -> bytes:
    """A small file of very many pixels."""
    buffer = io.BytesIO()
    Image.new("L", (9500, 9420)).save(buffer, "PNG")
    return buffer.getvalue()


BAD = {
    "SVG": (b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>", 400, "SVG is not read"),
    "text": (b"hello " * 50, 400, "no image of a known format"),
    "truncated JPEG": (tiny.encoded(tiny.noise(90, 90), "JPEG")[:2000], 400, "truncated"),
    "bomb": (bomb(), 400, "over the pixel limit: 9500 x 9420"),
    "too big": (bytes(uploads.MAX_BYTES + 1), 413, "over 50 MB"),
    "nothing": (b"", 400, "no picture: send the file"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_picture_is_refused_within_a_second_and_the_next_one_is_served(client, name) -> None:
    content, status, text = BAD[name]
    started = time.monotonic()

    answer = client.post("/api/search", content=content)

    assert time.monotonic() - started < 1
    assert fails(answer, status, text)
    assert client.post("/api/search", content=GOOD["CMYK"]).status_code == 200


@pytest.mark.parametrize(
    "form",
    [
        {"content": b"rubbish", "headers": {"content-type": "multipart/form-data; boundary=x"}},
        {"content": b"rubbish", "headers": {"content-type": "multipart/form-data"}},
        {"files": {"other": ("a.png", GOOD["CMYK"])}},
        {"data": {"image": "text"}, "files": {"x": b""}},
    ],
)
def test_a_form_without_a_picture_is_refused(client, form) -> None:
    answer = client.post("/api/search", **form)

    assert answer.status_code == 400
    assert answer.json()["error"]


async def uploaded(receive: Callable[[], Awaitable[dict[str, Any]]], others: uploads.UploadsInMemory) -> bytes:
    """What a request without headers sends."""
    async with others.received(Request({"type": "http", "headers": []}, receive)) as content:
        await asyncio.sleep(0.05)  # it waits to be decoded
        return content


def test_an_upload_without_a_length_is_cut_off() -> None:
    sent = []

    async def endless() -> dict:
        sent.append(2**20)
        return {"type": "http.request", "body": bytes(2**20), "more_body": True}

    with pytest.raises(HTTPException, match="over 50 MB"):
        asyncio.run(uploaded(endless, uploads.UploadsInMemory()))

    assert sum(sent) == uploads.MAX_BYTES + 2**20


def test_uploads_at_the_same_time_have_a_limit_in_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "MAX_TOTAL_BYTES", 1000)
    others = uploads.UploadsInMemory()

    async def upload(after: float) -> bytes:
        await asyncio.sleep(after)

        async def whole() -> dict:
            return {"type": "http.request", "body": bytes(600), "more_body": False}

        return await uploaded(whole, others)

    async def both() -> list:
        return await asyncio.gather(upload(0), upload(0.02), return_exceptions=True)

    first, second = asyncio.run(both())
    assert len(first) == 600
    assert isinstance(second, HTTPException)
    assert second.status_code == 503
    assert others.total == 0


def test_an_upload_that_breaks_off_is_no_fault_of_the_server() -> None:
    others = uploads.UploadsInMemory()
    parts = iter([{"type": "http.request", "body": b"half", "more_body": True}, {"type": "http.disconnect"}])

    async def broken() -> dict:
        return next(parts)

    with pytest.raises(HTTPException, match="broke off"):
        asyncio.run(uploaded(broken, others))

    assert others.total == 0


def test_a_picture_of_48_megapixels_is_searched(client) -> None:
    content = images.encode_jpeg(np.zeros((6000, 8000, 3), np.uint8), 90)

    assert client.post("/api/search", content=content).status_code == 200


def test_an_error_of_the_server_is_reported_without_details(served) -> None:
    def broken():
        raise RuntimeError("secret")

    answer = TestClient(app.application(broken), raise_server_exceptions=False).get("/api/about")

    assert fails(answer, 500, "RuntimeError in the server; see its log")
    assert "secret" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "path",
    [
        "/api/images/../../../etc/passwd/picture",
        "/api/images/..%2f..%2fetc%2fpasswd/picture",
        "/about.json",
        "/page.py",
        "/x",
    ],
)
def test_no_path_leads_outside(client, path) -> None:
    assert fails(client.get(path), 404, "")


def test_every_answer_keeps_the_page_to_itself(client) -> None:
    for path in ("/", "/page.js", "/api", "/api/about", "/api/search", "/nothing", f"/api/images/{A_QUERY}/picture"):
        headers = client.get(path).headers

        assert "default-src 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


def test_the_pages_ask_nothing_of_other_places(client) -> None:
    for path in ("/", "/page.js", "/page.css", "/api"):
        text = client.get(path).text

        assert "//" not in text.replace("// ", "").replace("http://HOST:PORT", "")


def test_the_page_of_the_api_describes_each_parameter(client) -> None:
    text = client.get("/api").text
    description = client.get("/api/openapi.json").json()

    assert set(description["paths"]) == {
        *("/api/about", "/api/images", "/api/images/{image_id}", "/api/images/{image_id}/picture"),
        *("/api/images/{image_id}/original", "/api/search", "/api/agreement", "/api/keypoints"),
    }
    for name in (
        "image_id",
        "distance",
        "rerank",
        "k",
        "side",
        "class",
        "min_confidence",
        "itself",
        "labelled",
        "origin",
        "px",
    ):
        assert f"<code>{name}</code>" in text
    assert "from 1 to 1000" in text


def test_a_guard_stands_before_every_route(served) -> None:
    def guard():
        raise HTTPException(401, "log in")

    client = TestClient(app.application(lambda: served, guards=[Depends(guard)]))

    paths = ["/", "/page.js", "/page.css", "/api", "/api/openapi.json", "/api/about", "/api/images", "/anything/else"]
    paths += [f"/api/images/{A_QUERY}{rest}" for rest in ("", "/picture", "/picture?px=512", "/original")]
    paths += ["/api/search", "/api/agreement", "/api/keypoints"]
    assert [client.get(path).status_code for path in paths] == [401] * len(paths)
    assert client.post("/api/search", content=b"x").status_code == 401
    assert client.post("/api/agreement", content=b"x").status_code == 401


@pytest.mark.slow
def test_many_at_once_each_get_their_own_answer(client, served) -> None:
    ids = [bundles.id_of(i) for i in range(GALLERY + QUERIES)] * 3

    def ask(image_id: str) -> dict:
        return client.get("/api/search", params={"image_id": image_id, "k": 3, "distance": "l2"}).json()

    with ThreadPoolExecutor(8) as clients:
        answers = list(clients.map(ask, ids))

    for image_id, answer in zip(ids, answers, strict=True):
        (own,) = served.gallery.search(served.image(image_id), 3, "l2")
        assert answer["query"]["image_id"] == image_id
        assert answer["nearest"] == [neighbour._asdict() | NO_FILE for neighbour in own.neighbours]
