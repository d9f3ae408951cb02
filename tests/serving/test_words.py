"""The search by words: over HTTP, on the console, and in the files of a bundle."""

import json
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

import bundles
from kindred.runtime import checked_copy, file_names, storage
from kindred.runtime.errors import InputError
from kindred.serving import bundle, search_command
from kindred.serving.bundle import Bundle
from kindred.serving.page import app

WORDS_FILES = (file_names.TEXT_ENCODER, file_names.TOKENIZER)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundles.make(tmp_path_factory.mktemp("bundle"), 12, 3, words=True)


@pytest.fixture(scope="module")
def served(folder: Path) -> Bundle:
    return bundle.open_folder(folder, "self_training/colours")


@pytest.fixture(scope="module")
def client(served: Bundle) -> TestClient:
    return TestClient(app.application(lambda: served))


@pytest.mark.parametrize(("text", "colour"), [("red", 0), ("a Green car", 1), ("BLUE", 2)])
def test_words_find_what_they_name_first(text: str, colour: int, client: TestClient) -> None:
    answer = client.get("/api/search", params={"text": text, "k": 12, "side": "both"}).json()

    assert client.get("/api/about").json()["words"] is True
    assert {image["prediction"] for image in answer["nearest"][:4]} == {bundles.CLASSES[colour]}
    assert bundles.CLASSES[colour] not in {image["prediction"] for image in answer["farthest"][:4]}
    assert answer["nearest"] == answer["farthest"][::-1]
    assert answer["query"] == {"text": text, "read": text, "tokens": len(text.split())}


def test_filters_are_those_of_a_search_by_an_image(client: TestClient) -> None:
    answer = client.get("/api/search", params={"text": "red", "k": 3, "class": "green"}).json()

    assert {image["prediction"] for image in answer["nearest"]} == {"green"}


def test_what_is_cut_off_is_said(client: TestClient) -> None:
    answer = client.get("/api/search", params={"text": "red " * 9, "k": 1}).json()

    assert (answer["query"]["read"], answer["query"]["tokens"]) == (("red " * 6).strip(), 6)


@pytest.mark.parametrize(
    ("parameters", "line"),
    [
        ({"text": ""}, "the text encoder's tokenizer knows no word of ''; give other words"),
        ({"text": "red", "distance": "l2"}, "words are compared by the distance cosine, not l2"),
        ({"text": "red" * 400}, "the text has 1,200 characters; at most 1,000 are taken"),
        ({"text": "red", "image_id": bundles.id_of(0)}, "give image_id or text: the image, or the words, to search by"),
    ],
)
def test_what_cannot_be_answered_says_why(parameters: dict[str, str], line: str, client: TestClient) -> None:
    answer = client.get("/api/search", params=parameters)

    assert (answer.status_code, answer.json()["error"]) == (400, line)


@pytest.fixture
def console(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[..., str]]:
    """What the console shows of a bundle, asked for with these arguments."""
    umask = os.umask(0o077)

    def output(opened: Bundle, *arguments: str) -> str:
        monkeypatch.setattr(search_command, "_bundle", lambda run: opened)
        monkeypatch.setattr(sys, "argv", ["search", *arguments])
        search_command.main()
        shown = capsys.readouterr()
        return shown.err + shown.out

    yield output
    os.umask(umask)


def test_the_console_takes_words(console: Callable[..., str], served: Bundle) -> None:
    head, title, _, _, *rows = console(served, "--text", "red car", "--k", "4").splitlines()
    as_json = json.loads(console(served, "--text", "blue", "--k", "1", "--json"))
    cut = console(served, "--text", "red " * 9, "--k", "1")

    assert head == "“red car”"
    assert title == "the most similar images of self_training/colours by cosine (exact)"
    assert [bundles.CLASSES[0] in row for row in rows] == [True] * 4
    assert (as_json["text"], as_json["neighbours"][0]["prediction"]) == ("blue", bundles.CLASSES[2])
    assert cut.startswith("kindred: only the first 6 tokens are read, up to 'red red red red red red'\n")


def test_without_a_text_encoder_the_console_says_what_to_do(console: Callable[..., str], tmp_path: Path) -> None:
    opened = bundle.open_folder(bundles.make(tmp_path / "plain", 3, 1), "self_training/plain")

    with pytest.raises(SystemExit) as ended:
        console(opened, "--text", "red")

    assert ended.value.code == (
        "kindred: self_training/plain cannot be searched by words: its extractor pixels has no text encoder; a run "
        "with the extractor onnx has one where text_model.onnx and tokenizer.json lie beside its weights"
    )


@pytest.mark.parametrize("name", WORDS_FILES)
@pytest.mark.parametrize("how", ["deleted", "cut", "other"])
def test_a_damaged_file_of_the_words_is_named(name: str, how: str, folder: Path, tmp_path: Path) -> None:
    checksums = checked_copy.checksums(storage.uri(str(folder)), WORDS_FILES, "sha256")
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    content = (copy / name).read_bytes()
    (copy / name).unlink()
    if how != "deleted":
        (copy / name).write_bytes(content[:-9] if how == "cut" else content[:-1] + b" ")

    with pytest.raises(InputError, match=f"{copy / name}.*makes it again") as caught:
        bundle.open_folder(copy, "test", checksums)
    assert "\n" not in str(caught.value)
    if how != "other":  # without checksums, as in a copy that was checked before
        with pytest.raises(InputError, match=str(copy / name)):
            bundle.open_folder(copy, "test")


def test_the_files_of_the_words_are_of_the_bundle(folder: Path) -> None:
    assert set(WORDS_FILES) <= set(bundle.files(storage.uri(str(folder))))
