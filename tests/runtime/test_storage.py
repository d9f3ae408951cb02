"""Small files by their URIs, on a disk and in a bucket."""

import os
from pathlib import Path

import pytest

import stores
from kindred.runtime import storage
from kindred.runtime.errors import InputError


def test_a_path_without_a_scheme_becomes_a_local_uri(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    uris = [storage.uri("/a/b"), storage.uri("c"), storage.uri("s3a://bucket/d")]

    assert uris == ["file:///a/b", f"file://{tmp_path}/c", "s3a://bucket/d"]


def test_fingerprints_change_with_each_value_and_not_with_the_order_of_keys() -> None:
    one = storage.fingerprint({"a": 1, "b": 2}, "x")

    assert one == storage.fingerprint({"b": 2, "a": 1}, "x")
    assert one != storage.fingerprint({"a": 1, "b": 3}, "x")
    assert one != storage.fingerprint({"a": 1, "b": 2}, "y")


@pytest.mark.parametrize("root", ["file://{}", "memory://kindred{}"])
def test_a_small_file_comes_back_as_it_was_put(root: str, tmp_path: Path) -> None:
    path = root.format(tmp_path) + "/new/folder/file"

    before = storage.find_bytes(path)
    storage.put_bytes(path, b"one")
    storage.put_bytes(path, b"two")

    assert before is None
    assert storage.find_bytes(path) == b"two"


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(folder: str) -> None:
    path = f"{folder}/file"
    storage.put_bytes(path, b"old")

    def fail() -> None:
        with storage.atomic_file(path) as file:
            file.write(b"half")
            raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        fail()

    assert storage.find_bytes(path) == b"old"
    fs, inside = storage.filesystem(folder)
    assert [Path(name).name for name in fs.ls(inside, detail=False)] == ["file"]


def test_a_file_that_is_written_in_pieces_is_there_when_its_block_ends(folder: str) -> None:
    path, pieces = f"{folder}/file", [bytes([i]) * 2**20 for i in range(12)]  # over the size of a part

    with storage.atomic_file(path) as file:
        for piece in pieces:
            file.write(piece)
        before = storage.find_bytes(path)

    assert before is None
    assert storage.find_bytes(path) == b"".join(pieces)


def test_a_store_that_has_moved_is_found_at_its_new_address(bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    storage.put_bytes(f"{bucket}/file", b"content")
    store = os.environ["AWS_ENDPOINT_URL"]
    with stores.proxy(store) as (address, proxy):
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        there = storage.find_bytes(f"{bucket}/file")
    monkeypatch.setenv("AWS_ENDPOINT_URL", store)

    assert there == storage.find_bytes(f"{bucket}/file") == b"content"
    assert proxy.count("GET", "/file") == 1


def test_a_file_that_is_not_there_is_none_or_an_error(folder: str) -> None:
    assert storage.find_bytes(f"{folder}/file") is None
    assert storage.find_json(f"{folder}/file") is None
    with pytest.raises(InputError, match="no such file: .*/file"):
        storage.read_bytes(f"{folder}/file")


def test_deleting_what_is_not_there_is_no_error(folder: str) -> None:
    storage.put_json(f"{folder}/below/file", {"a": 1})

    storage.delete(folder)
    storage.delete(folder)

    assert storage.find_json(f"{folder}/below/file") is None


def test_what_is_deleted_is_named_and_is_no_pattern(folder: str) -> None:
    for name in ("a*/x", "a*/b/y", "ab/x", "a*b"):
        storage.put_bytes(f"{folder}/{name}", name.encode())

    storage.delete(f"{folder}/a*")

    assert storage.find_bytes(f"{folder}/a*/b/y") is None
    assert storage.find_bytes(f"{folder}/a*/x") is None
    assert (storage.find_bytes(f"{folder}/ab/x"), storage.find_bytes(f"{folder}/a*b")) == (b"ab/x", b"a*b")
