"""What a bucket says of a published run is checked before it is used."""

import json
from pathlib import Path

import pytest

from kindred.runtime import marks
from kindred.runtime.errors import InputError
from kindred.serving import manifest

ATTEMPT = marks.new_attempt()


def listing(*names: str) -> bytes:
    """A manifest of files with these names."""
    return json.dumps({"files": {name: [1, "00"] for name in names}}).encode()


def test_names_inside_the_folder_are_taken(tmp_path: Path) -> None:
    names = ["run.json", "gate/_DONE.json", f"gate/{ATTEMPT}/model.onnx", f"report/{ATTEMPT}/猫 [1].png"]

    listed = manifest.files(listing(*names), "s3://b/m", tmp_path)

    assert list(listed) == names


@pytest.mark.parametrize(
    "name",
    [
        *("/etc/outside", "../outside", "a/../../outside", "a/..", "..", ".", "", "a//b", "a/", "./a", "a\\b"),
        *(
            "..\\outside",
            "a\0b",
            "a\nb",
            "C:\\outside",
            "\u202eab",
            "\ud800",
            "x" * 250,
            "/".join(["x" * 200] * 30),
            "link/outside",
        ),
    ],
)
def test_a_name_that_leads_anywhere_else_is_refused(name: str, tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    (place / "link").symlink_to(tmp_path)

    with pytest.raises(InputError, match="nothing is written"):
        manifest.files(listing("good", name), "s3://b/m", place)


@pytest.mark.parametrize(
    "names",
    [
        *(["passwd"], ["attack/_DONE.json"], ["gate/other/model.onnx"], [f"gate/{ATTEMPT}"], [".bashrc"]),
        [f"gate/{ATTEMPT}/model.onnx", f"gate/{ATTEMPT}/model.onnx/data"],
    ],
)
def test_a_name_that_no_published_run_has_is_refused(names: list[str], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="which is no file of a published run; nothing is written"):
        manifest.files(listing("run.json", *names), "s3://b/m", tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b'{"files": {"a": [Infinity, "x"]}}',
        b"[" * 10**5,
        b"[]",
        b"{}",
        b"null",
        b'{"files": []}',
        b'{"files": {"a": 1}}',
        b'{"files": {"a": ["x", "y"]}}',
        b"\xff",
    ],
)
def test_what_is_no_manifest_is_refused(content: bytes, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="s3://b/m is not the list of a published run's files"):
        manifest.files(content, "s3://b/m", tmp_path)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"attempt": "x"}', b"\xff"])
def test_what_is_no_mark_is_refused(content: bytes) -> None:
    with pytest.raises(InputError, match="s3://b/m is not the mark of a stage"):
        manifest.mark(content, "s3://b/m", "gate")


@pytest.mark.parametrize("attempt", ["../images", "", "/etc", "00000000000000000001-0000000g"])
def test_a_mark_of_what_is_no_attempt_is_refused(attempt: str) -> None:
    content = json.dumps({"attempt": attempt, "folder": f"s3://b/gate/{attempt}"}).encode()

    with pytest.raises(InputError, match="not one of 'gate'"):
        manifest.mark(content, "s3://b/m", "gate")


def test_a_mark_of_another_attempt_s_folder_is_refused() -> None:
    content = json.dumps({"attempt": marks.new_attempt(), "folder": "file:///etc"}).encode()

    with pytest.raises(InputError, match="names the attempt"):
        manifest.mark(content, "s3://b/m", "gate")
