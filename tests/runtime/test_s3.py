"""S3: lists, reads that survive a bad store, puts under a condition, and errors that say what to fix."""

import os
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

import stores
from kindred.data import decoding, image_files, images
from kindred.data.raw_images import COLUMNS
from kindred.runtime import s3, s3_objects, storage, variants
from kindred.runtime.errors import InputError, Refused
from pictures import encoded, noise

NAMES = ["train/cat/1.png", "train/cat/2.png", "train/dog/3.png", "test/cat/4.png", "unlabeled/5.png"]
NAMES += ["train/dog/a::b #1?%20.png", "train/cat/tab\tname.png", "train/dog/\u65e5 [1].png", "train/cat/-x .png"]


@pytest.fixture
def fault(bucket: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[stores.Proxy]:
    """The proxy between the client and the bucket; a pause takes no time."""
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with stores.proxy(os.environ["AWS_ENDPOINT_URL"]) as (address, here):
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        yield here


def put(uri: str, content: bytes = b"x", **more: str) -> None:
    bucket, key = s3.split(uri)
    s3.client().put_object(Bucket=bucket, Key=key, Body=content, **more)


def put_pictures(uri: str, **more: str) -> None:
    for seed, name in enumerate(NAMES):
        put(f"{uri}/{name}", encoded(noise(seed=seed)), **more)


def refused(uri: str) -> str:
    with pytest.raises(InputError) as caught:
        s3_objects.check(uri)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_objects_are_listed_through_folders_and_pages(bucket: str, fault: stores.Proxy, monkeypatch) -> None:
    monkeypatch.setattr(s3_objects, "PAGE", 10)
    names = [f"{folder}/{i:02}" for folder in ("a", "b/c") for i in range(15)]
    for name in names:
        put(f"{bucket}/in/{name}", b"xy")
    put(f"{bucket}/in/empty/", b"")
    put(f"{bucket}/inside", b"")
    fault.requests.clear()

    objects = s3_objects.list_objects(f"{bucket}/in")

    assert [o.key for o in objects] == [f"in/{name}" for name in names]
    assert {o.size for o in objects} == {2}
    assert len({o.etag for o in objects}) == 1
    assert fault.count("GET", "continuation-token") == 2


def test_a_bucket_without_a_prefix_is_listed_whole(bucket: str) -> None:
    put(f"{bucket}/1")
    put(f"{bucket}/a/2")

    assert [o.key for o in s3_objects.list_objects(bucket)] == ["1", "a/2"]


def test_a_put_under_a_condition_happens_once(bucket: str) -> None:
    uri = f"{bucket}/file"

    first, again = (s3_objects.put_unless_changed(uri, text, None) for text in (b"one", b"two"))
    content, version = s3_objects.find(uri)
    changed, stale = (s3_objects.put_unless_changed(uri, text, version) for text in (b"three", b"four"))

    assert (first, again, content) == (True, False, b"one")
    assert (changed, stale, s3_objects.find(uri)[0]) == (True, False, b"three")


def test_a_put_whose_version_was_deleted_does_not_happen(bucket: str) -> None:
    uri = f"{bucket}/file"
    s3_objects.put_unless_changed(uri, b"one", None)
    version = s3_objects.find(uri)[1]
    storage.delete(uri)

    assert not s3_objects.put_unless_changed(uri, b"two", version)
    assert s3_objects.find(uri) is None


def test_a_store_that_asks_to_slow_down_is_asked_again(bucket: str, fault: stores.Proxy) -> None:
    put(f"{bucket}/file", b"content")
    fault.refuse = lambda method, path: 503 if fault.count("GET", "/file") < 5 else None

    assert s3_objects.find(f"{bucket}/file")[0] == b"content"
    assert fault.count("GET", "/file") == 5


def test_a_body_that_breaks_off_is_fetched_again(bucket: str, fault: stores.Proxy) -> None:
    put(f"{bucket}/file", b"content")
    fault.cut = lambda method, path: 3 if fault.count("GET", "/file") < 3 else None

    assert s3_objects.find(f"{bucket}/file")[0] == b"content"
    assert fault.count("GET", "/file") == 3


def test_a_store_that_stays_away_ends_the_task_and_rejects_no_image(bucket: str, fault: stores.Proxy) -> None:
    from botocore.exceptions import ClientError

    put(f"{bucket}/file", encoded(noise()))
    fault.refuse = lambda method, path: 503

    with pytest.raises(ClientError, match="503"):
        image_files.read_file(f"{bucket}/file")
    assert fault.count("GET", "/file") == s3.ATTEMPTS


def test_an_image_that_is_gone_or_too_big_is_the_images_fault(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MAX_BYTES", 2**20)
    put(f"{bucket}/big", bytes(2**20 + 1))

    with pytest.raises(images.ImageError, match="over 1 MiB"):
        image_files.read_file(f"{bucket}/big")
    with pytest.raises(images.ImageError, match="it is gone from the bucket"):
        image_files.read_file(f"{bucket}/gone")


FORBIDDEN = (403, "<Error><Code>AccessDenied</Code></Error>")


def test_a_refused_object_is_taken_for_missing_where_the_bucket_may_not_be_listed(
    bucket: str, fault: stores.Proxy
) -> None:
    put(f"{bucket}/there", b"content")
    fault.refuse = lambda method, path: FORBIDDEN if "prefix=" in path or path.endswith("gone") else None

    uris = [f"{bucket}/gone", f"{bucket}/there"]
    gone, there = image_files.read_ahead(uris)

    image_files.check_not_all_refused(uris)
    assert there() == b"content"
    with pytest.raises(images.ImageError, match=r"the bucket refuses it \(403\), as it does what is missing"):
        gone()


def test_a_refused_object_of_a_bucket_that_may_be_listed_ends_the_task(bucket: str, fault: stores.Proxy) -> None:
    fault.refuse = lambda method, path: FORBIDDEN if path.endswith("refused") else None

    (read,) = image_files.read_ahead([f"{bucket}/refused"])

    with pytest.raises(Refused, match="the key of AWS_ACCESS_KEY_ID may not do this with"):
        read()


def test_a_bucket_that_refuses_all_objects_is_named(bucket: str, fault: stores.Proxy, monkeypatch) -> None:
    monkeypatch.setattr(image_files, "SAMPLE", 10)
    fault.refuse = lambda method, path: FORBIDDEN

    with pytest.raises(Refused, match="the key of AWS_ACCESS_KEY_ID may not do this with"):
        image_files.check_not_all_refused([f"{bucket}/{number}" for number in range(95)])

    assert fault.count("HEAD", bucket.rsplit("/", 1)[1]) == 10


def test_files_that_are_read_ahead_come_in_their_order(bucket: str) -> None:
    for i in range(40):
        put(f"{bucket}/{i}", str(i).encode())
    uris = [f"{bucket}/{i}" for i in range(40)]

    contents = [read() for read in image_files.read_ahead(uris)]

    assert contents == [str(i).encode() for i in range(40)]


def test_a_folder_of_images_is_the_same_in_a_bucket_and_on_disk(bucket: str, tmp_path: Path) -> None:
    module = variants.load("dataset", "image_folder")
    put_pictures(f"{bucket}/photos")
    put(f"{bucket}/photos/.hidden/6.png")
    for seed, name in enumerate(NAMES):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(encoded(noise(seed=seed)))

    there, here = (module.sources(path, lambda line: None) for path in (f"{bucket}/photos/", str(tmp_path)))
    before = module.sources(f"{bucket}/photos", lambda line: None)
    put(f"{bucket}/photos/{NAMES[0]}", encoded(noise(seed=9)))
    after = module.sources(f"{bucket}/photos", lambda line: None)

    below = [[file.uri.removeprefix(f"{sources[0].uri}/") for file in sources[1:]] for sources in (there, here)]
    assert below[0] == below[1] == sorted(NAMES)
    assert there[0].uri == f"{bucket.replace('s3a', 's3')}/photos"
    assert before == there
    assert [one.uri for one, other in zip(before, after, strict=True) if one != other] == [f"{there[0].uri}/{NAMES[0]}"]


@pytest.mark.spark
def test_images_of_a_bucket_have_the_ids_and_labels_of_the_same_on_disk(spark, bucket: str, tmp_path: Path) -> None:
    module = variants.load("dataset", "image_folder")
    content = {name: encoded(noise(seed=seed)) for seed, name in enumerate(NAMES)} | {
        "train/cat/broken.png": b"no image"
    }
    for name, data in content.items():
        put(f"{bucket}/photos/{name}", data)
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)

    def rows(path: str) -> list[tuple]:
        # Decoded here: the session's workers began before this test's store.
        raw = module.read(spark, module.sources(path, lambda line: None), None).collect()
        batches = [pd.DataFrame([tuple(row) for row in raw], columns=COLUMNS)]
        decoded = pd.concat(decoding.decode_batches(2**20, batches))
        return sorted((r.split, r.label or "", r.image_id or "", r.reason or "") for r in decoded.itertuples())

    assert rows(f"{bucket}/photos") == rows(str(tmp_path))


@pytest.mark.spark
def test_labels_csv_is_read_from_a_bucket(spark, bucket: str) -> None:
    module = variants.load("dataset", "image_folder")
    for seed, name in enumerate("abcde"):
        put(f"{bucket}/{name}.png", encoded(noise(seed=seed)))
    table = f"file,label\na.png,cat\n./b.png,dog\nd.png, cat\n{bucket}/e.png,dog\n"
    put(f"{bucket}/labels.csv", table.encode())

    rows = module.read(spark, module.sources(bucket, lambda line: None), None).collect()

    assert sorted((r.origin[-5:], r.split, r.label) for r in rows) == [
        ("a.png", "train", "cat"),
        ("b.png", "train", "dog"),
        ("c.png", "unlabeled", None),
        ("d.png", "train", "cat"),
        ("e.png", "train", "dog"),
    ]


def test_a_public_bucket_is_read_without_a_key(bucket: str, fault: stores.Proxy, monkeypatch, tmp_path: Path) -> None:
    put_pictures(f"{bucket}/photos", ACL="public-read")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):  # none of the person's who tests
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    fault.requests.clear()
    monkeypatch.setattr(s3, "_has_key", s3._has_key.__wrapped__)

    sources = variants.load("dataset", "image_folder").sources(f"{bucket}/photos", lambda line: None)
    content = image_files.read_file(sources[1].uri)

    assert len(sources) == 1 + len(NAMES)
    assert content == encoded(noise(seed=3))
    assert not any("Authorization" in headers for _, _, headers in fault.requests)


def test_a_store_that_does_what_is_needed_passes(bucket: str) -> None:
    s3_objects.check(f"{bucket}/data")

    assert s3_objects.list_objects(bucket) == []


def test_a_store_that_ignores_conditions_is_refused(bucket: str, fault: stores.Proxy) -> None:
    fault.ignore = ("If-None-Match", "If-Match")

    assert refused(bucket) == f"{s3.endpoint()} ignores conditional puts (If-None-Match); use a store that knows them"


def test_a_missing_bucket_is_named(bucket: str) -> None:
    assert refused("s3a://no-such-bucket/data").startswith("no bucket 'no-such-bucket' at http://127.0.0.1:")


def test_a_bucket_that_cannot_be_is_named(bucket: str) -> None:
    assert refused("s3a:///data") == "'s3a:///data' names no bucket; write s3://bucket/prefix"


def test_an_address_where_nothing_answers_names_its_variable(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{stores.free_port()}")

    assert refused(bucket).endswith("; fix AWS_ENDPOINT_URL")


def test_what_is_no_address_names_its_variable(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "object-store:9000")

    assert refused(bucket) == "'object-store:9000' is no address; fix AWS_ENDPOINT_URL"


def test_another_server_at_the_address_names_its_variable(bucket: str, fault: stores.Proxy) -> None:
    fault.refuse = lambda method, path: 404

    assert refused(bucket).endswith("is no object store (status 404); fix AWS_ENDPOINT_URL")


@pytest.mark.parametrize(
    ("code", "variable"), [("InvalidAccessKeyId", "AWS_SECRET_ACCESS_KEY"), ("AccessDenied", "AWS_ACCESS_KEY_ID")]
)
def test_a_refused_key_names_its_variable(bucket: str, fault: stores.Proxy, code: str, variable: str) -> None:
    fault.refuse = lambda method, path: (403, f"<Error><Code>{code}</Code></Error>")

    assert variable in refused(bucket)
