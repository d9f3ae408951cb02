"""Files are checked when they are first opened, and again when they have changed."""

import json
import os
import time
from pathlib import Path

import pytest

from kindred.runtime import checked_copy, file_checks, storage
from kindred.runtime.checked_copy import Checksum
from kindred.runtime.errors import InputError


@pytest.fixture
def folder(tmp_path: Path, data: Path) -> Path:
    """A folder with two files that were written a while ago."""
    for name in ("a.npy", "b.npy"):
        (tmp_path / name).write_bytes(name.encode() * 1000)
    return tmp_path


@pytest.fixture
def files(folder: Path) -> dict[str, Checksum]:
    """Their checksums."""
    return checked_copy.checksums(storage.uri(str(folder)), ["a.npy", "b.npy"], "sha256")


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are hashed."""
    names: list[str] = []
    whole = checked_copy.checksum
    monkeypatch.setattr(
        checked_copy, "checksum", lambda uri, *rest: names.append(uri.rsplit("/", 1)[1]) or whole(uri, *rest)
    )
    time.sleep(2 * file_checks.YOUNG_NS / 1e9)
    return names


def test_a_file_is_hashed_once(folder: Path, files: dict[str, Checksum], hashed: list[str]) -> None:
    for _ in range(3):
        file_checks.check(folder, files)

    assert sorted(hashed) == ["a.npy", "b.npy"]


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def test_a_file_that_has_changed_since_is_hashed_again(
    folder: Path, files: dict[str, Checksum], hashed: list[str]
) -> None:
    file_checks.check(folder, files)
    before = (folder / "a.npy").stat()
    flip(folder / "a.npy")
    os.utime(folder / "a.npy", ns=(before.st_atime_ns, before.st_mtime_ns))  # as if nothing had happened

    with pytest.raises(InputError, match=r"/a\.npy has changed: its checksum differs; delete it, then `make run`"):
        file_checks.check(folder, files)

    flip(folder / "a.npy")
    file_checks.check(folder, files)
    assert sorted(hashed) == ["a.npy", "a.npy", "a.npy", "b.npy"]


def test_a_file_that_has_just_been_written_is_hashed_again(
    folder: Path, files: dict[str, Checksum], hashed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_checks, "YOUNG_NS", 10**12)

    for _ in range(2):
        file_checks.check(folder, files)

    assert sorted(hashed) == ["a.npy", "a.npy", "b.npy", "b.npy"]


def test_other_checksums_of_the_same_file_are_compared(
    folder: Path, files: dict[str, Checksum], hashed: list[str]
) -> None:
    file_checks.check(folder, files)

    with pytest.raises(InputError, match="its checksum differs"):
        file_checks.check(folder, {"a.npy": files["a.npy"]._replace(digest="0" * 64)})


@pytest.mark.parametrize("notes", [b"", b"{", b"[]", b'{"a.npy": 1}'])
def test_notes_that_cannot_be_read_are_none(
    folder: Path, files: dict[str, Checksum], hashed: list[str], notes: bytes
) -> None:
    file_checks.check(folder, files)
    storage.put_bytes(file_checks._notes(folder), notes)

    file_checks.check(folder, files)

    assert sorted(hashed) == ["a.npy", "a.npy", "b.npy", "b.npy"]


def test_what_is_missing_cut_or_a_folder_is_named(folder: Path, files: dict[str, Checksum]) -> None:
    path = folder / "a.npy"
    os.truncate(path, 7)
    with pytest.raises(InputError, match=r"/a\.npy has 7 bytes, not 5,000; delete it, then"):
        file_checks.check(folder, files)
    path.unlink()
    with pytest.raises(InputError, match=r"/a\.npy is missing; `make run` with"):
        file_checks.check(folder, files)
    path.mkdir()
    with pytest.raises(InputError, match=r"/a\.npy is a folder; delete it, then"):
        file_checks.check(folder, files)


def test_a_copy_in_the_cache_is_copied_again(data: Path) -> None:
    place = data / "cache" / "served" / "a.npy"

    assert str(file_checks.damaged(storage.uri(str(place)), "is empty")) == (
        f"{place} is empty; delete it, then it is copied again"
    )


VALUE = {"classes": ["cat", "猫"], "files": {"a": Checksum(1, "00")}, "share": 0.1}


def test_a_sealed_file_holds_what_was_put_in(tmp_path: Path) -> None:
    place = storage.uri(str(tmp_path / "about.json"))
    assert file_checks.read_sealed(place) is None

    storage.put_bytes(place, file_checks.sealed(VALUE))

    assert file_checks.read_sealed(place) == {**VALUE, "files": {"a": [1, "00"]}}


def test_a_change_of_any_bit_of_a_sealed_file_is_found(tmp_path: Path) -> None:
    path, content = tmp_path / "about.json", file_checks.sealed(VALUE)
    value, seen = json.loads(content), 0
    for at in range(0, len(content), 2):
        path.write_bytes(content[:at] + bytes([content[at] ^ 1 << at % 8]) + content[at + 1 :])
        try:
            same = {
                **(file_checks.read_sealed(storage.uri(str(path))) or {}),
                file_checks.SEAL: value["checksum"],
            } == value
        except InputError:
            same, seen = True, seen + 1
        assert same  # or of a space between two values

    assert seen > 0.35 * len(content)


def test_a_file_of_an_older_version_has_no_seal(tmp_path: Path) -> None:
    place = storage.uri(str(tmp_path / "about.json"))
    storage.put_json(place, {"classes": ["cat"]})

    assert file_checks.read_sealed(place) == {"classes": ["cat"]}


@pytest.mark.parametrize("content", [b"", b"[1]", b"7", b"\xff", b"[" * 10**5, b'{"files": {}}'])
def test_what_is_no_sealed_file_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "about.json").write_bytes(content)

    with pytest.raises(InputError, match="^[^\n]+/about.json (cannot be read|has changed)[^\n]+$"):
        file_checks.read_sealed(storage.uri(str(tmp_path / "about.json")))
