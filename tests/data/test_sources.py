"""The files whose images have no label yet, on a disk and in a bucket."""

import os
from pathlib import Path

import pytest

from kindred.data import sources
from kindred.runtime import storage
from kindred.runtime.errors import InputError

NAMES = ["1.png", "a::b.png", "below/3.png", "what?#%20.png"]


@pytest.fixture(params=["disk", pytest.param("bucket", marks=pytest.mark.slow)])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Files, and two that are hidden or a system's."""
    place = f"file://{tmp_path}" if request.param == "disk" else f"{request.getfixturevalue('bucket')}/new ::"
    for name in [*NAMES, ".hidden", "below/@eaDir/3.png"]:
        storage.put_bytes(f"{place}/{name}", b"x")
    return place


def test_all_files_but_hidden_ones_are_found(folder: str, messages: list[str]) -> None:
    files = sources.images_to_label(folder, messages.append)

    assert [file.uri for file in files] == [f"{folder.replace('s3a:', 's3:')}/{name}" for name in NAMES]
    assert messages == ["left out: 2 hidden files and folders, or a system's: .hidden, @eaDir"]


def test_a_file_alone_is_found(tmp_path: Path) -> None:
    (tmp_path / "1.png").write_bytes(b"x")

    assert [file.uri for file in sources.images_to_label(str(tmp_path / "1.png"), print)] == [
        f"file://{tmp_path}/1.png"
    ]


def test_an_empty_bucket_is_refused(bucket: str) -> None:
    with pytest.raises(InputError, match="no file in s3://"):
        sources.images_to_label(f"{bucket}/empty", print)


def test_a_folder_without_a_file_that_can_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"^no file in {tmp_path}$"):
        sources.images_to_label(str(tmp_path), print)
    os.mkfifo(tmp_path / "1.png")
    with pytest.raises(InputError, match=f"^no file in {tmp_path} can be read; the first: a named pipe, not a file$"):
        sources.images_to_label(str(tmp_path), print)
