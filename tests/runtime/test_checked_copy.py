"""Copies that are whole, with the checksum of the original, or not there."""

import hashlib
import json
from pathlib import Path

import pytest

from kindred.runtime import checked_copy, storage
from kindred.runtime.checked_copy import Checksum
from kindred.runtime.errors import InputError

CONTENT = bytes(range(256)) * 3
SHA256 = Checksum(len(CONTENT), hashlib.sha256(CONTENT).hexdigest())
OTHER = Checksum(len(CONTENT), "0" * 64)


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """The URI of a folder with two files."""
    for name in ("one", "below/two"):
        storage.put_bytes(f"file://{tmp_path}/source/{name}", CONTENT)
    return f"file://{tmp_path}/source"


def test_a_checksum_is_the_same_whatever_the_chunks(folder: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checked_copy, "CHUNK", 100)

    assert checked_copy.checksum(f"{folder}/one", "sha256") == SHA256
    short = hashlib.blake2b(CONTENT, digest_size=16).hexdigest()
    assert checked_copy.checksum(f"{folder}/one", "blake2b-16") == Checksum(len(CONTENT), short)
    assert json.loads(json.dumps(SHA256)) == [len(CONTENT), SHA256.digest]


def test_a_file_is_copied_with_its_checksum(folder: str, tmp_path: Path) -> None:
    target = tmp_path / "new" / "copy"

    assert checked_copy.copy(f"{folder}/one", f"file://{target}", "sha256", SHA256) == SHA256
    assert target.read_bytes() == CONTENT


def test_a_file_that_has_changed_is_not_copied_and_the_advice_is_given(folder: str, tmp_path: Path) -> None:
    target = tmp_path / "copy"

    with pytest.raises(InputError, match="source/one has changed: its checksum differs; make it again"):
        checked_copy.copy(f"{folder}/one", f"file://{target}", "sha256", OTHER, "make it again")

    assert list(tmp_path.iterdir()) == [tmp_path / "source"]


def test_a_folder_is_there_as_a_whole_or_not_at_all(folder: str, tmp_path: Path) -> None:
    place = tmp_path / "copies" / "copy"
    with pytest.raises(InputError, match="two has changed"):
        checked_copy.copy_folder(folder, {"one": SHA256, "below/two": OTHER}, place, "sha256")
    assert list(place.parent.iterdir()) == []

    copied = checked_copy.copy_folder(folder, {"one": SHA256, "below/two": None}, place, "sha256")

    assert copied == place
    assert (place / "one").read_bytes() == (place / "below" / "two").read_bytes() == CONTENT
    assert list(place.parent.iterdir()) == [place]


def test_a_folder_that_is_there_is_not_copied_again(folder: str, tmp_path: Path) -> None:
    checked_copy.copy_folder(folder, {"one": None}, tmp_path / "copy", "sha256")
    storage.delete(folder)

    assert checked_copy.copy_folder(folder, {"one": None}, tmp_path / "copy", "sha256").is_dir()


def test_of_two_that_copy_a_folder_the_slower_one_uses_the_first_ones(
    folder: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place, rename = tmp_path / "copies" / "copy", Path.rename

    def slow(path: Path, target: Path) -> Path:
        monkeypatch.setattr(Path, "rename", rename)
        checked_copy.copy_folder(folder, {"one": None}, place, "sha256")
        return path.rename(target)

    monkeypatch.setattr(Path, "rename", slow)
    checked_copy.copy_folder(folder, {"one": None}, place, "sha256")

    assert (place / "one").read_bytes() == CONTENT
    assert list(place.parent.iterdir()) == [place]
