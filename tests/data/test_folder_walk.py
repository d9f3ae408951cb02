"""All that is in a folder is read, or named with a reason: links, pipes, odd names."""

import os
import socket
from pathlib import Path

import pytest

from kindred.data import folder_walk, sources
from kindred.data.sources import Refused
from kindred.runtime.errors import InputError


def put(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"x")
    return folder


def files(folder: Path) -> dict[str, str | None]:
    """Names of all files, with the reason where one cannot be read."""
    listing = sources.list_files(str(folder))
    return {
        name: file.version if isinstance(file, Refused) else None
        for name, file in zip(sources.names(listing.root, listing.files), listing.files, strict=True)
    }


def test_links_to_files_and_folders_are_followed_also_out_of_the_folder(tmp_path: Path) -> None:
    store, photos = put(tmp_path / "store", "cats/1.png", "dog.png"), put(tmp_path / "photos", "bird/2.png")
    (photos / "cat").symlink_to(store / "cats")
    (photos / "dog").mkdir()
    (photos / "dog/1.png").symlink_to("../../store/dog.png")

    assert files(photos) == {"bird/2.png": None, "cat/1.png": None, "dog/1.png": None}


def test_a_linked_file_changes_when_its_target_does(tmp_path: Path) -> None:
    photos, target = put(tmp_path / "photos", "a.png"), tmp_path / "target.png"
    target.write_bytes(b"four")
    (photos / "b.png").symlink_to(target)
    before = sources.list_files(str(photos)).files

    os.utime(target, (1, 1))

    after = sources.list_files(str(photos)).files
    assert [file.size for file in before] == [1, 4]
    assert (before[0] == after[0], before[1] == after[1]) == (True, False)


def test_a_link_may_be_the_folder_itself(tmp_path: Path) -> None:
    put(tmp_path / "store", "1.png")
    (tmp_path / "photos").symlink_to("store")

    assert files(tmp_path / "photos") == {"1.png": None}


def test_loops_are_cut_and_named(tmp_path: Path) -> None:
    photos = put(tmp_path / "photos", "cat/1.png")
    (photos / "cat/up").symlink_to("..")
    (photos / "itself").symlink_to("itself")

    found = files(photos)

    assert found["cat/up"] == "a link to a folder above it"
    assert found["itself"].startswith("a link to itself, which cannot be followed: Too many levels")
    assert [name for name, reason in found.items() if not reason] == ["cat/1.png"]


def test_a_tangle_of_links_ends_soon(tmp_path: Path) -> None:
    names = "abcdefghij"
    put(tmp_path, *(f"{name}/1.png" for name in names))
    for one in names:
        for other in names:
            (tmp_path / one / f"to-{other}").symlink_to(tmp_path / other)

    found = files(tmp_path)

    assert {f"{name}/1.png" for name in names} <= {name for name, reason in found.items() if not reason}
    assert "a link to a folder that 8 others lead to" in found.values()
    assert len(found) < 2_000


def test_what_is_no_file_is_named_and_never_opened(tmp_path: Path) -> None:
    put(tmp_path, "1.png")
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "broken.png").symlink_to("gone.png")
    (tmp_path / "null.png").symlink_to("/dev/null")
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(tmp_path)  # the address of a socket is short
        server.bind("socket.png")
        os.chdir(here)

    assert files(tmp_path) == {
        "1.png": None,
        "broken.png": "a link to gone.png, which cannot be followed: No such file or directory",
        "null.png": "a device, not a file",
        "pipe.png": "a named pipe, not a file",
        "socket.png": "a socket, not a file",
    }


def test_names_that_are_not_utf_8_are_named_with_escapes(tmp_path: Path) -> None:
    put(tmp_path, "1.png")
    folder = os.fsencode(tmp_path)
    os.mkdir(folder + b"/caf\xe9")
    for name in (b"caf\xe9/2.png", b"\xff.png"):
        with open(folder + b"/" + name, "wb"):
            pass

    found = files(tmp_path)

    assert found == {"1.png": None, r"\xff.png": folder_walk.NOT_UTF8, r"caf\xe9/2.png": folder_walk.NOT_UTF8}
    assert all(name.encode() for name in found)


ODD = ["a::b.png", "memory::c.png", "#1.png", "a%20b.png", "what?.png", "line\nbreak.png", "-rf.png", "end .png"]
ODD += [
    " lead.png",
    "[1].png",
    "{a,b}.png",
    "*.png",
    "a\\b.png",
    "'\".png",
    "$HOME.png",
    "~",
    "日本/é.png",
    "a:b/c.png",
]


@pytest.mark.parametrize("name", ODD)
def test_odd_names_are_read(name: str, tmp_path: Path) -> None:
    from kindred.data import image_files

    put(tmp_path, name)

    (file,) = sources.list_files(str(tmp_path)).files

    assert file.uri == f"file://{tmp_path}/{name}"
    assert image_files.read_file(file.uri) == b"x"
    assert sources.file_source(file.uri) == file


def test_a_folder_of_an_odd_name_is_listed(tmp_path: Path) -> None:
    folder = put(tmp_path / "a::b [1] #?%20 ", "1.png")

    assert files(folder) == {"1.png": None}


def test_hidden_and_system_files_are_left_out_and_counted(tmp_path: Path) -> None:
    put(tmp_path, "cat/1.png", "cat/.DS_Store", "cat/._1.png", "cat/Thumbs.db", "dog/Desktop.ini", "dog/2.png")
    put(tmp_path, "@eaDir/cat/1.png/thumb.jpg", "cat/@eaDir/1.jpg", "__MACOSX/cat/._1.png", ".git/HEAD")
    put(tmp_path, ".ipynb_checkpoints/1.png", "lost+found/1.png", "$RECYCLE.BIN/1.png", "cat/Icon\r")

    listing = sources.list_files(str(tmp_path))

    assert sources.names(listing.root, listing.files) == ["cat/1.png", "dog/2.png"]
    assert len(listing.left_out) == 12
    (note,) = listing.notes()
    assert note.startswith("left out: 12 hidden files and folders, or a system's: @eaDir (2), ")


def test_a_folder_with_nothing_else_in_it_is_named(tmp_path: Path) -> None:
    put(tmp_path, "cat/1.png", "bird/.DS_Store")
    (tmp_path / "dog").mkdir()

    listing = sources.list_files(str(tmp_path))

    assert listing.empty == ["bird", "dog"]
    assert "folders without an image: bird, dog" in listing.notes()


def refuse(monkeypatch: pytest.MonkeyPatch, function: str, denied: Path) -> None:
    """As if the system denied a call on a path: nothing is denied to root, who may run the tests."""
    real = getattr(os, function)

    def call(path, *args, **kwargs):
        if os.fspath(path) == str(denied):
            raise PermissionError(13, "Permission denied")
        return real(path, *args, **kwargs)

    monkeypatch.setattr(os, function, call)


@pytest.mark.parametrize(
    ("function", "denied", "line"),
    [
        ("listdir", "bird", "cannot list the folder .*/bird: Permission denied"),
        ("stat", "bird/1.png", "cannot look into the folder .*/bird: Permission denied"),
        ("stat", "", "cannot read .*: Permission denied"),
    ],
)
def test_a_folder_that_cannot_be_read_is_named(function: str, denied: str, line: str, monkeypatch, tmp_path) -> None:
    put(tmp_path, "cat/1.png", "bird/1.png")
    refuse(monkeypatch, function, tmp_path / denied)

    with pytest.raises(InputError, match=f"^{line}$"):
        sources.list_files(str(tmp_path))


def test_a_path_that_cannot_be_a_folder_is_refused_in_one_line(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    put(tmp_path, "file")
    paths = {
        f"{tmp_path}/gone": f"no such file or folder: {tmp_path}/gone",
        f"{tmp_path}/file/below": f"no such file or folder: {tmp_path}/file/below",
        f"{tmp_path}/pipe": f"neither a file nor a folder: {tmp_path}/pipe",
        f"{tmp_path}/{'x' * 300}": f"cannot read {tmp_path}/{'x' * 300}: File name too long",
        "a\0b": f"cannot read {Path.cwd()}/a\\x00b: embedded null byte",
        "gs://bucket/x": "cannot read gs://bucket/x: it is neither a local path nor s3://bucket/prefix",
        "nonsense://x": "cannot read nonsense://x: it is neither a local path nor s3://bucket/prefix",
        os.fsdecode(bytes(tmp_path) + b"/\xff"): f"no such file or folder: {tmp_path}/\\xff",
    }

    for path, line in paths.items():
        with pytest.raises(InputError) as caught:
            sources.list_files(path)
        assert str(caught.value) == line
