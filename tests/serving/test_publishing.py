"""A run to a bucket and back: whole, checked, and resumed after a kill."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import bundles
import stores
from kindred.data import images
from kindred.runtime import file_names, marks, runs, s3_objects, s3_transfer, storage
from kindred.runtime.errors import InputError
from kindred.serving import bundle, champion, publishing

PART = 5 * 2**20  # the smallest that S3 takes
BIG = bytes(range(256)) * (3 * 2**20 // 64)  # 12 MiB: three parts
ORIGIN = "file:///photos/cat é.jpg"
PROGRAM = f"""
import sys
from kindred.runtime import s3_transfer
from kindred.serving import publishing
s3_transfer.PART_BYTES = {PART}
getattr(publishing, sys.argv[1])(*sys.argv[2:], print)
"""


@pytest.fixture
def run(data: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """What transfers look at of a finished run, with an index, and one big file."""
    monkeypatch.setattr(s3_transfer, "PART_BYTES", PART)
    folder = runs.run_folder("self_training", "one")
    contents = {
        "ingest": {"images/part-0.parquet": b"not needed"},
        "featurize": {"extractor.onnx": b"graph", "features/part-0.parquet": b"not needed"},
        "gate": {"network.npz": b"network", "description.json": b"{}", "model.onnx": BIG, "example": b"png"},
        "build_index": {},
        "report": {"report.html": b"<html>"},
    }
    for number, (stage, files) in enumerate(contents.items()):
        attempt = f"{number:020d}-00000000"
        home = storage.join(folder, stage, attempt)
        for name, content in files.items():
            storage.put_bytes(storage.join(home, name), content)
        mark = {"attempt": attempt, "folder": home, "arguments": {}, "inputs": {}, "tables": {}, "facts": {}}
        if stage == "ingest":
            mark["tables"] = {"images": f"{home}/images"}
        if stage == "build_index":
            bundles.make(Path(storage.local(home)), origins={0: ORIGIN}, given=[0], words=True)
            mark |= {"facts": {"folder": f"{home}/vectors"}, "inputs": {"featurize": f"{1:020d}-00000000"}}
        storage.put_json(storage.join(folder, stage, file_names.MARK), mark)
    for name in publishing.OF_THE_RUN:
        storage.put_json(storage.join(folder, name), {"name": name})
    return folder


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """Another place for data."""
    return tmp_path / "elsewhere"


def neighbours(opened: bundle.Bundle) -> list:
    """The neighbours in a bundle of one of its pictures, as an upload."""
    query = opened.model.as_query(images.decode(opened.pictures.file(bundles.id_of(0))))
    return [[n.image_id for n in answer.neighbours] for answer in opened.gallery.search(query, 5, "l2")]


def test_a_run_is_served_from_the_bucket_and_from_where_it_is_fetched(
    run, bucket, elsewhere, monkeypatch, messages
) -> None:
    there = publishing.publish(run, f"{bucket}/served", messages.append)
    monkeypatch.setenv("KINDRED_DATA", str(elsewhere))
    here = publishing.fetch("one", f"{bucket}/served", messages.append)

    assert there == f"{bucket}/served/self_training/one"
    assert here == f"file://{elsewhere}/runs/self_training/one"
    assert (
        neighbours(champion.bundle_of_run(there))
        == neighbours(champion.bundle_of_run(here))
        == neighbours(champion.bundle_of_run(run))
    )
    for place in (there, here):
        image = champion.bundle_of_run(place).image(bundles.id_of(0))
        assert (image.origins, image.labels) == ([ORIGIN], [bundles.CLASSES[0]])
        assert champion.bundle_of_run(place).words("red", "cosine").features[0].argmax() == 0
    gate = marks.mark_of(f"{here}/gate")
    assert gate["folder"].startswith(f"{here}/gate/")
    assert storage.find_bytes(f"{gate['folder']}/model.onnx") == BIG
    assert runs.find_run("one", "self_training") == here
    assert storage.find_bytes(f"{here}/report.html") == storage.find_bytes(f"{run}/report.html")
    assert not any("not needed" in path.read_text("latin-1") for path in elsewhere.rglob("*.parquet"))


def test_what_was_not_copied_keeps_its_address(run, bucket, messages) -> None:
    there = publishing.publish(run, bucket, messages.append)

    assert marks.mark_of(f"{there}/ingest")["tables"] == marks.mark_of(f"{run}/ingest")["tables"]


def test_a_second_publishing_sends_no_file_again(run, bucket, monkeypatch, messages) -> None:
    with stores.proxy(os.environ["AWS_ENDPOINT_URL"]) as (address, proxy):
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        publishing.publish(run, bucket, messages.append)
        first = proxy.count("PUT", "/build_index/0") + proxy.count("PUT", "partNumber")
        proxy.requests.clear()
        publishing.publish(run, bucket, messages.append)

    assert first > 5
    assert proxy.count("PUT", "/build_index/0") + proxy.count("PUT", "partNumber") == 0


def test_a_publishing_that_was_killed_resumes_with_the_next_part(run, bucket, data, monkeypatch, messages) -> None:
    with stores.proxy(os.environ["AWS_ENDPOINT_URL"]) as (address, proxy):
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        proxy.hold = lambda method, path: method == "PUT" and "partNumber=3" in path
        process = subprocess.Popen([sys.executable, "-c", PROGRAM, "publish", run, bucket], env=environment())
        until = time.monotonic() + 60
        while not proxy.count("PUT", "partNumber=3") and time.monotonic() < until:
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.wait()
        before = s3_objects.find(f"{bucket}/self_training/one/{file_names.PUBLISHED}")
        proxy.hold = lambda method, path: False
        proxy.requests.clear()

        there = publishing.publish(run, bucket, messages.append)

    assert before is None
    assert [proxy.count("PUT", f"partNumber={number}") for number in (1, 2, 3)] == [0, 0, 1]
    assert s3_objects.find(f"{marks.mark_of(f'{there}/gate')['folder']}/model.onnx")[0] == BIG


def test_a_fetch_that_was_killed_resumes_with_the_next_range(run, bucket, elsewhere, monkeypatch, messages) -> None:
    publishing.publish(run, bucket, messages.append)
    monkeypatch.setenv("KINDRED_DATA", str(elsewhere))
    with stores.proxy(os.environ["AWS_ENDPOINT_URL"]) as (address, proxy):
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        proxy.hold = lambda method, path: (
            method == "GET" and "model.onnx" in path and proxy.count("GET", "model.onnx") > 2
        )
        process = subprocess.Popen([sys.executable, "-c", PROGRAM, "fetch", "one", bucket], env=environment())
        until = time.monotonic() + 60
        while proxy.count("GET", "model.onnx") < 3 and time.monotonic() < until:
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.wait()
        with pytest.raises(InputError, match="no run 'one'"):
            runs.find_run("one", "self_training")
        proxy.hold = lambda method, path: False
        proxy.requests.clear()

        here = publishing.fetch("one", bucket, messages.append)

    ranges = [headers.get("Range") for method, path, headers in proxy.requests if "model.onnx" in path]
    assert ranges == [f"bytes={2 * PART}-{len(BIG) - 1}"]
    assert storage.find_bytes(f"{marks.mark_of(f'{here}/gate')['folder']}/model.onnx") == BIG


@pytest.mark.parametrize("name", ["model.onnx", "network.npz", "_DONE.json"])
def test_an_object_that_was_changed_is_found(run, bucket, elsewhere, monkeypatch, messages, name: str) -> None:
    there = publishing.publish(run, bucket, messages.append)
    uri = f"{there}/gate/{name}" if name == "_DONE.json" else f"{marks.mark_of(f'{there}/gate')['folder']}/{name}"
    content = s3_objects.find(uri)[0]
    storage.put_bytes(uri, bytes([content[0] ^ 1]) + content[1:])
    monkeypatch.setenv("KINDRED_DATA", str(elsewhere))

    with pytest.raises(InputError, match=f"{name} has changed: its checksum differs; publish the run again"):
        publishing.fetch("one", bucket, messages.append)
    with pytest.raises(InputError, match="no run 'one'"):
        runs.find_run("one", "self_training")


@pytest.mark.parametrize("name", ["../../../outside", "link/outside"])
def test_a_listed_name_that_leads_out_of_the_run_is_refused_and_nothing_is_written(
    run, bucket, elsewhere, monkeypatch, messages, name: str
) -> None:
    there = publishing.publish(run, bucket, messages.append)
    content = b"content"
    listed = storage.read_json(f"{there}/{file_names.PUBLISHED}")
    listed["files"] |= {name: publishing._sha256(content)}
    storage.put_json(f"{there}/{file_names.PUBLISHED}", listed)
    monkeypatch.setenv("KINDRED_DATA", str(elsewhere / "data"))
    folder = elsewhere / "data/runs/self_training/one"
    folder.mkdir(parents=True)
    (folder / "link").symlink_to(elsewhere)

    with pytest.raises(InputError, match="nothing is written"):
        publishing.fetch("one", bucket, messages.append)

    assert [path.name for path in elsewhere.rglob("*") if path.is_symlink() or path.is_file()] == ["link"]


def test_a_published_mark_of_another_attempt_is_refused(run, bucket, elsewhere, monkeypatch, messages) -> None:
    there = publishing.publish(run, bucket, messages.append)
    path = f"gate/{file_names.MARK}"
    mark = storage.json_bytes({**storage.read_json(f"{there}/{path}"), "attempt": "../../../../outside"})
    storage.put_bytes(f"{there}/{path}", mark)
    listed = storage.read_json(f"{there}/{file_names.PUBLISHED}")
    listed["files"][path] = publishing._sha256(mark)
    storage.put_json(f"{there}/{file_names.PUBLISHED}", listed)
    monkeypatch.setenv("KINDRED_DATA", str(elsewhere))

    with pytest.raises(InputError, match="names the attempt"):
        publishing.fetch("one", bucket, messages.append)

    assert not elsewhere.exists()


def test_a_run_of_no_dag_is_not_fetched(bucket, messages) -> None:
    with pytest.raises(InputError, match="no DAG is named"):
        publishing.fetch("../../elsewhere/one", bucket, messages.append)


def test_a_run_whose_files_are_not_what_was_written_is_not_published(run, bucket, messages) -> None:
    (file,) = Path(storage.local(run)).glob("build_index/*/vectors/00000-features.npy")
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))

    with pytest.raises(InputError, match=r"/vectors/00000-features.npy has changed: its checksum differs; delete it"):
        publishing.publish(run, bucket, messages.append)

    assert storage.find_bytes(f"{bucket}/self_training/one/{file_names.PUBLISHED}") is None


def test_publishing_again_replaces_a_changed_object(run, bucket, elsewhere, monkeypatch, messages) -> None:
    there = publishing.publish(run, bucket, messages.append)
    storage.put_bytes(f"{marks.mark_of(f'{there}/gate')['folder']}/network.npz", b"changed")

    publishing.publish(run, bucket, messages.append)

    monkeypatch.setenv("KINDRED_DATA", str(elsewhere))
    assert publishing.fetch("one", bucket, messages.append)


def test_a_run_that_has_not_finished_is_not_published(run, bucket, messages) -> None:
    storage.delete(f"{run}/report/{file_names.MARK}")

    with pytest.raises(InputError, match="has not finished its stage 'report'"):
        publishing.publish(run, bucket, messages.append)
    assert s3_objects.list_objects(bucket) == []


def test_what_is_not_there_is_said(run, bucket, messages) -> None:
    with pytest.raises(InputError, match="no published run in s3a://.*/two; `make publish` puts one there"):
        publishing.fetch("two", bucket, messages.append)


@pytest.mark.parametrize(("transfers", "name"), [(publishing.publish, "TO"), (publishing.fetch, "FROM")])
def test_a_place_that_is_no_bucket_is_refused(transfers, name: str, messages) -> None:
    with pytest.raises(InputError, match=f"{name} must be a bucket"):
        transfers("one", "/a/folder", messages.append)


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(Path(publishing.__file__).parents[2])}
