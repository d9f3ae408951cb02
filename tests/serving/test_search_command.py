"""The picture that a person names on the command line of the search, and what the console shows."""

import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import bundles
from kindred.runtime.errors import InputError
from kindred.serving import bundle, search_command
from pictures import encoded, noise

FILES = {0: "file:///photos/a.jpg", 3: "s3a://bucket/new\nline.jpg", 4: "file:///photos/q.jpg"}


def query(image: Path):
    return search_command._pixels(image).shape


def test_a_picture_of_any_name_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a::b #1?.png"
    path.write_bytes(encoded(noise(5, 7)))

    assert query(path) == (5, 7, 3)


def test_what_is_no_picture_is_refused_in_one_line(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "text.png").write_text("hello")
    lines = {
        "gone.png": f"no such file or folder: {tmp_path}/gone.png",
        "pipe": f"not a file: {tmp_path}/pipe",
        ".": f"not a file: {tmp_path}",
    }

    for name, line in lines.items():
        with pytest.raises(InputError, match=f"^{line}$"):
            query(tmp_path / name)
    with pytest.raises(InputError, match="text.png is not a picture that can be read: "):
        query(tmp_path / "text.png")


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., str]]:
    """The output of the command with these arguments, on a run of pictures 0 to 3 and, as a query, 4."""
    own = {2: f"file://{tmp_path}/own.png"}
    folder = bundles.make(tmp_path / "bundle", 4, 1, origins=FILES | own, given=[0])
    opened = bundle.open_folder(folder, "self_training/photos")
    monkeypatch.setattr(search_command, "_bundle", lambda run: opened)
    umask = os.umask(0o077)

    def output(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["search", *arguments])
        search_command.main()
        return capsys.readouterr().out

    yield output
    os.umask(umask)


def test_the_console_names_the_file_of_each_image(command, tmp_path: Path) -> None:
    head, title, _, columns, *rows = command("--image-id", bundles.id_of(4), "--k", "4").splitlines()

    assert head.startswith("/photos/q.jpg: green (")
    assert title == "the most similar images of self_training/photos by cosine (exact)"
    assert columns.split() == ["distance", "class", "confidence", "given", "label", "split", "image"]
    shown = {row.split("unlabeled  ")[1]: row for row in rows}
    assert set(shown) == {"/photos/a.jpg", "s3://bucket/new\\nline.jpg", bundles.id_of(1), f"{tmp_path}/own.png"}
    assert shown["/photos/a.jpg"].count("<b>red</b>") == 2  # predicted, and given
    assert shown["s3://bucket/new\\nline.jpg"].count("<b>red</b>") == 1


def test_the_console_says_the_recall_or_why_an_answer_is_exact(command, tmp_path: Path, monkeypatch) -> None:
    quick = bundle.open_folder(bundles.make(tmp_path / "quick", 60, mode="approximate"), "self_training/photos")
    monkeypatch.setattr(search_command, "_bundle", lambda run: quick)
    asked = ["--image-id", bundles.id_of(0), "--mode", "approximate"]

    _, title, *_ = command(*asked).splitlines()
    _, exact, *_ = command(*asked, "--farthest").splitlines()
    answer = json.loads(command(*asked, "--json"))

    recall = quick.gallery.about["approximate"]["cosine"][0][-1]
    assert title.endswith(f"by cosine (approximate, recall {recall:.1%})")
    assert exact.endswith("by cosine (exact: the least similar images are always exact)")
    assert (answer["exact"], answer["recall"], answer["reason"]) == (False, recall, None)


def test_of_several_labels_the_console_shows_sets_and_filters_by_each_class(
    command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mixed = bundle.open_folder(bundles.make(tmp_path / "mixed", 8, 1, given=[3], several=True), "self_training/mixed")
    monkeypatch.setattr(search_command, "_bundle", lambda run: mixed)
    asked = ["--image-id", bundles.id_of(8, several=True), "--k", "8"]

    head, _, _, columns, *rows = command(*asked).splitlines()
    _, _, _, _, *both = command(*asked, "--classes", "green", "blue & co", "--all-classes").splitlines()
    _, _, _, _, *given = command(*asked, "--labels", "green").splitlines()
    answer = json.loads(command(*asked, "--classes", "(none)", "--json"))

    assert head.split(": ")[1].startswith("(none) (")
    assert {row.index(" unlabeled ") for row in rows} == {columns.index(" split ")}
    assert len(both) == 2
    assert all("blue & co" in row and "green" in row for row in both)
    assert len(given) == 1
    assert given[0].count("<b>red</b>|green") == 2  # predicted, and given
    assert [near["predicted"] for near in answer["neighbours"]] == [{}]


def test_the_runs_own_file_is_not_named_twice(command, tmp_path: Path) -> None:
    own = tmp_path / "own.png"
    own.write_bytes(encoded(bundles.picture(2)))

    assert command("--image", str(own), "--k", "1").startswith(f"{own}: blue & co (")


def test_a_picture_that_the_run_has_is_named(command, tmp_path: Path) -> None:
    for number in (3, 9):
        (tmp_path / f"{number}.png").write_bytes(encoded(bundles.picture(number)))

    known, other = (command("--image", f"{tmp_path}/{number}.png", "--k", "1") for number in (3, 9))
    answer = json.loads(command("--image", f"{tmp_path}/3.png", "--k", "2", "--json", "--no-labelled"))

    same = r"the same picture as s3://bucket/new\nline.jpg"
    assert known.startswith(f"{tmp_path}/3.png, {same}: <b>red</b> (")
    assert other.startswith(f"{tmp_path}/9.png: <b>red</b> (")
    assert answer["origin"] == "s3://bucket/new\nline.jpg"
    assert {near["label"] for near in answer["neighbours"]} == {None}
    assert {near["image_id"] for near in answer["neighbours"]} == {bundles.id_of(1), bundles.id_of(2)}
