"""The files that images came from, over HTTP: what opens, and that nothing else does."""

import asyncio
import os
import shutil
import struct
import threading
import time
import urllib.request
import zlib
from pathlib import Path
from urllib.parse import unquote

import pytest
from fastapi.testclient import TestClient
from PIL import Image

import bundles
from kindred.data import images, origins
from kindred.runtime import storage
from kindred.serving import bundle, originals
from kindred.serving.bundle import Bundle
from kindred.serving.page import app, sent_originals
from pictures import HEIC, encoded, noise, smooth

GALLERY = 6
# Number of a picture, its file, and as what a browser gets it. The last one is a query.
FILES = {
    0: ("cat é #1?.png", "image/png"),
    1: ("a.webp", "image/webp"),
    2: ("b.tiff", "image/png"),
    3: ("c.jp2", "image/jpeg"),
    4: ("link.png", "image/png"),
    6: ("query.png", "image/png"),
}
KINDS = {".png": "PNG", ".webp": "WEBP", ".tiff": "TIFF", ".jp2": "JPEG2000"}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for the photos, and beside it the run's bundle; of picture 5 the run knows no file."""
    place = tmp_path_factory.mktemp("originals")
    named = {number: f"file://{place}/photos/{name}" for number, (name, _) in FILES.items()}
    bundles.make(place / "bundle", GALLERY, 1, origins=named, given=[0, 3])
    return place


@pytest.fixture
def photos(place: Path) -> Path:
    """The folder with a file of each picture, one by a link that leads out of it."""
    folder = place / "photos"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for number, (name, _) in FILES.items():
        kind = KINDS[Path(name).suffix]
        options = {"lossless": True} if kind == "WEBP" else {}
        (folder / name).write_bytes(encoded(Image.fromarray(bundles.picture(number)), kind, **options))
    (folder / "link.png").rename(place / "elsewhere.png")
    (folder / "link.png").symlink_to(place / "elsewhere.png")
    return folder


@pytest.fixture(scope="module")
def served(place: Path) -> Bundle:
    return bundle.open_folder(place / "bundle", "self_training/photos")


@pytest.fixture
def client(served: Bundle, photos: Path) -> TestClient:
    return TestClient(app.application(lambda: served))


def ask(client: TestClient, number: int, **parameters: int):
    """For the original of a picture, or a larger view of `px`."""
    what = "picture" if parameters else "original"
    return client.get(f"/api/images/{bundles.id_of(number)}/{what}", params=parameters, follow_redirects=False)


def is_refused(answer, text: str) -> bool:
    return answer.status_code == 404 and text in answer.json()["error"]


def test_each_answer_names_the_file_of_each_image(client, photos) -> None:
    found = client.get("/api/search", params={"image_id": bundles.id_of(6), "k": GALLERY}).json()
    listed = client.get("/api/images", params={"part": "gallery"}).json()["images"]

    assert {key: found["query"][key] for key in ("origin", "name", "original", "label")} == {
        "origin": f"{photos}/query.png",
        "name": "query.png",
        "original": "file",
        "label": None,
    }
    for rows in (found["nearest"], listed):
        files = {row["image_id"]: (row["origin"], row["name"], row["original"], row["label"]) for row in rows}
        assert files[bundles.id_of(0)] == (f"{photos}/cat é #1?.png", "cat é #1?.png", "file", "<b>red</b>")
        assert files[bundles.id_of(1)] == (f"{photos}/a.webp", "a.webp", "file", None)
        assert files[bundles.id_of(5)] == (None, None, None, None)
    one = client.get(f"/api/images/{bundles.id_of(3)}").json()
    assert (one["name"], one["label"]) == ("c.jp2", "<b>red</b>")


def test_images_with_a_given_label_are_counted_and_can_be_filtered(client) -> None:
    about = client.get("/api/about").json()
    found = {
        labelled: client.get("/api/search", params={"image_id": bundles.id_of(6), "k": 6, "labelled": labelled}).json()
        for labelled in (True, False)
    }

    assert (about["gallery"], about["labelled"]) == (GALLERY, 2)
    assert {row["image_id"] for row in found[True]["nearest"]} == {bundles.id_of(0), bundles.id_of(3)}
    assert {row["label"] for row in found[False]["nearest"]} == {None}
    assert len(found[False]["nearest"]) == GALLERY - 2


def test_an_uploaded_picture_of_the_run_is_named(client, photos) -> None:
    content = images.encode(bundles.picture(1))

    known = client.post("/api/search", params={"k": 1}, content=content).json()["query"]
    other = client.post("/api/search", params={"k": 1}, content=encoded(noise(12, 10))).json()["query"]

    assert (known["origin"], known["split"]) == (f"{photos}/a.webp", "unlabeled")
    assert (other["origin"], other["split"], other["label"]) == (None, None, None)


@pytest.mark.parametrize("number", FILES)
def test_an_original_opens_as_it_is_or_as_browsers_show_it(client, photos, number) -> None:
    name, kind = FILES[number]

    answer = ask(client, number)

    assert (answer.status_code, answer.headers["content-type"]) == (200, kind)
    same = images.decode(answer.content)
    assert abs(same.astype(int) - bundles.picture(number)).mean() <= (20 if kind == "image/jpeg" else 0)  # on noise
    as_it_is = answer.content == (photos / name).read_bytes()
    assert as_it_is == (kind.rsplit("/")[1] == Path(name).suffix[1:])
    disposition, encoded_name = answer.headers["content-disposition"].split("filename*=UTF-8''")
    assert disposition == "inline; "
    assert unquote(encoded_name) == (name if as_it_is else f"{name}.{'png' if kind == 'image/png' else 'jpg'}")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_a_larger_view_is_made_of_the_original() -> None:
    large = smooth(600, 900, 3)
    original = originals.Original("a.png", b"", large)

    assert images.decode(original.view(450)).shape == (300, 450, 3)
    assert images.decode(original.view(2048)).shape == large.shape
    assert images.decode(originals.Original("", b"", smooth(2, 4000, 1)).view(256)).shape == (1, 256, 1)


def test_a_larger_view_over_http_has_bounds_and_is_kept(client) -> None:
    answer = ask(client, 0, px=512)

    assert images.decode(answer.content).shape[:2] == bundles.SIZE  # what is small is not enlarged
    assert answer.headers["content-type"] == "image/jpeg"
    assert "immutable" in answer.headers["cache-control"]
    for px in (0, 255, 2049):
        assert ask(client, 0, px=px).status_code == 400


def test_what_is_not_there_any_more_says_so_and_the_small_picture_stays(client, photos) -> None:
    (photos / "a.webp").unlink()

    assert is_refused(ask(client, 1), f"{photos}/a.webp is not there any more")
    assert is_refused(ask(client, 1, px=512), f"{photos}/a.webp is not there any more")
    assert client.get(f"/api/images/{bundles.id_of(1)}/picture").status_code == 200


def another(path: Path) -> None:
    path.write_bytes(encoded(noise(12, 10)))


def text(path: Path) -> None:
    path.write_text("root:x:0:0:root:/root:/bin/bash\n")


def link_to_passwd(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/passwd")


def link_to_another(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.with_name("b.tiff"))


def bomb(path: Path) -> None:
    """A small file that says it has very many pixels."""
    header = struct.pack(">II5B", 9500, 9420, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(10**6))), (b"IEND", b"")]
    parts = [struct.pack(">I", len(c)) + kind + c + struct.pack(">I", zlib.crc32(kind + c)) for kind, c in chunks]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    with pytest.raises(images.ImageError, match="over the pixel limit"):
        images.decode(path.read_bytes())


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


def empty(path: Path) -> None:
    path.write_bytes(b"")


@pytest.mark.parametrize("change", [another, text, link_to_passwd, link_to_another, bomb, cut, empty])
def test_a_file_that_is_another_one_now_does_not_open(client, photos, change) -> None:
    change(photos / "cat é #1?.png")
    started = time.monotonic()

    answers = [ask(client, 0), ask(client, 0, px=512)]

    assert time.monotonic() - started < 1
    assert all(is_refused(answer, "has changed since the run") for answer in answers)
    assert ask(client, 1).status_code == 200


def pipe(path: Path) -> None:
    os.mkfifo(path)


def folder(path: Path) -> None:
    path.mkdir()


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def loop(path: Path) -> None:
    path.symlink_to(path)


@pytest.mark.parametrize("make", [pipe, folder, device, loop])
def test_what_is_no_file_now_is_not_waited_for(client, photos, make) -> None:
    (photos / "a.webp").unlink()
    make(photos / "a.webp")

    answer = ask(client, 1)

    assert is_refused(answer, f"{photos}/a.webp is no")


def test_a_file_over_the_limit_of_ingest_is_not_read_to_its_end(client, photos) -> None:
    with (photos / "a.webp").open("wb") as file:
        file.truncate(images.MAX_BYTES + 2**40)

    assert is_refused(ask(client, 1), "a.webp has changed since the run: it has over 256 MiB")


@pytest.mark.parametrize(
    "image_id",
    ["0" * 32, "..%2f..%2f..%2fetc%2fpasswd", "%2fetc%2fpasswd", "file:%2f%2f%2fetc%2fpasswd", "..", "%00", "é" * 500],
)
@pytest.mark.parametrize("what", ["original", "picture?px=512"])
def test_what_is_no_image_of_the_run_does_not_open(client, image_id, what) -> None:
    assert is_refused(client.get(f"/api/images/{image_id}/{what}"), "")


def test_an_image_without_a_file_of_its_own_says_so(tmp_path) -> None:
    named = {0: "digits#0000", 1: "file:///photos.parquet#000000000012", 2: "s3://bucket/p.parquet#000000000001"}
    opened = bundle.open_folder(bundles.make(tmp_path, 4, 1, origins=named), "r")
    client = TestClient(app.application(lambda: opened))

    rows = client.get("/api/images", params={"part": "gallery"}).json()["images"]

    files = {row["image_id"]: (row["origin"], row["name"], row["original"]) for row in rows}
    assert files[bundles.id_of(0)] == ("digits#0000", "digits#0000", None)
    assert files[bundles.id_of(1)] == ("/photos.parquet#000000000012", "photos.parquet#000000000012", None)
    assert is_refused(ask(client, 0), "digits#0000 is no file of its own")
    assert is_refused(ask(client, 2, px=512), "s3://bucket/p.parquet#000000000001 is no file of its own")
    assert is_refused(ask(client, 3), "the index does not say which file the image")


@pytest.mark.parametrize(
    ("content", "shown", "name"),
    [
        (encoded(smooth(16, 24, 3), "JPEG"), "image/jpeg", "a.x"),
        (encoded(smooth(16, 24, 3), "GIF"), "image/gif", "a.x"),
        (encoded(smooth(16, 24, 3), "AVIF"), "image/avif", "a.x"),
        (HEIC, "image/jpeg", "a.x.jpg"),
        (encoded(smooth(16, 24, 3), "BMP"), "image/png", "a.x.png"),
        (encoded(smooth(16, 24, 3), "PPM"), "image/png", "a.x.png"),
    ],
    ids=["JPEG", "GIF", "AVIF", "HEIC", "BMP", "PPM"],
)
def test_the_type_is_that_of_the_content_not_of_the_name(content, shown, name) -> None:
    image_id = images.image_id(images.decode(content))

    sent, sent_as, called = originals.opened("file:///a.x", content, image_id).for_browser()

    assert (sent_as, called) == (shown, name)
    assert (sent == content) == (name == "a.x")
    assert images.decode(sent).shape == (16, 24, 3)


def test_a_disk_that_hangs_keeps_nobody_else_out(client, monkeypatch) -> None:
    read, answered = originals.read, threading.Event()
    monkeypatch.setattr(sent_originals, "SECONDS", 0.2)
    monkeypatch.setattr(originals, "read", lambda origin: answered.wait(10) and read(origin))

    waiting = [ask(client, 0), ask(client, 1, px=512)]
    upload = client.post("/api/search", params={"k": 1}, content=images.encode(bundles.picture(0)))
    answered.set()

    assert [answer.status_code for answer in waiting] == [503, 503]
    assert "takes over 0.2 s to read; try again" in waiting[0].json()["error"]
    assert upload.status_code == 200
    monkeypatch.setattr(sent_originals, "SECONDS", 10)
    assert ask(client, 0).status_code == 200


def test_originals_that_are_sent_at_the_same_time_have_a_limit_in_all(client, monkeypatch) -> None:
    sent = client.app.state.sent
    totals = []

    async def send(message: dict) -> None:
        totals.append(sent.total)

    answer = sent_originals.SentOriginal(sent, b"12345", "image/png", {})
    asyncio.run(answer({"type": "http"}, None, send))
    assert (totals, sent.total) == ([5, 5], 0)

    monkeypatch.setattr(sent_originals, "MAX_TOTAL_BYTES", 10)
    refused = ask(client, 0)
    assert (refused.status_code, sent.total) == (503, 0)
    assert "too many large originals" in refused.json()["error"]


@pytest.fixture
def in_bucket(bucket: str, tmp_path: Path) -> TestClient:
    """The app of a run whose pictures 0 to 2 lie in a bucket: 0 is as it was, 1 is another one now, 2 is gone."""
    for number, picture in ((0, bundles.picture(0)), (1, noise())):
        storage.put_bytes(f"{bucket}/photos/cat é {number}.png", images.encode(picture))
    uri = bucket.replace("s3a:", "s3:")
    named = {number: f"{uri}/photos/cat é {number}.png" for number in range(3)}
    opened = bundle.open_folder(bundles.make(tmp_path, GALLERY, 1, origins=named), "r")
    return TestClient(app.application(lambda: opened))


def test_an_object_is_opened_by_a_link_if_it_is_still_the_runs(in_bucket) -> None:
    row = in_bucket.get(f"/api/images/{bundles.id_of(0)}").json()
    answer, another, gone = (ask(in_bucket, number) for number in range(3))

    assert row["origin"].startswith("s3://")
    assert (row["name"], row["original"]) == ("cat é 0.png", "link")
    assert answer.status_code == 302
    assert "X-Amz-Expires=300" in answer.headers["location"]
    assert "X-Amz-Algorithm=AWS4-HMAC-SHA256" in answer.headers["location"]
    with urllib.request.urlopen(answer.headers["location"]) as got:
        assert got.read() == images.encode(bundles.picture(0))
    assert images.decode(ask(in_bucket, 0, px=512).content).shape[:2] == bundles.SIZE
    assert is_refused(another, "cat é 1.png has changed since the run")
    assert is_refused(gone, "cat é 2.png is not there any more")
    assert is_refused(ask(in_bucket, 2, px=512), "is not there any more")


def test_where_browsers_cannot_reach_the_store_the_app_sends_the_object(in_bucket, monkeypatch) -> None:
    monkeypatch.setenv(originals.LINKS, "0")

    answer = ask(in_bucket, 0)

    assert in_bucket.get(f"/api/images/{bundles.id_of(0)}").json()["original"] == "file"
    assert (answer.status_code, answer.content) == (200, images.encode(bundles.picture(0)))
    assert is_refused(ask(in_bucket, 1), "has changed since the run")


def test_a_store_that_does_not_answer_is_named(in_bucket, monkeypatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")

    assert is_refused(ask(in_bucket, 0), "no object store answers at http://127.0.0.1:9")


def test_a_served_copy_of_a_run_still_knows_its_files(photos, place) -> None:
    copy = shutil.copytree(place / "bundle", place / "copy")

    opened = bundle.open_folder(copy, "self_training/photos")

    assert origins.path(opened.image(bundles.id_of(6)).origins[0]) == f"{photos}/query.png"
    assert ask(TestClient(app.application(lambda: opened)), 6).status_code == 200
