"""junk.csv: which images of a gallery are neither right nor wrong for a query."""

from pathlib import Path

import pytest

from kindred.data import input_check, junk_csv, sources
from kindred.data.datasets import image_folder
from kindred.data.junk_csv import Pair
from kindred.data.sources import Source
from kindred.runtime.errors import InputError
from pictures import encoded, noise

NAMES = ["query/1.jpg", "query/2.jpg", "gallery/7.jpg", "gallery/caf\u00e9.jpg"]
FILES = [Source("file:///photos", 0, ""), *(Source(f"file:///photos/{name}", 1, "") for name in NAMES)]


def pairs(text: str | bytes) -> list[tuple[str, str]]:
    table = text.encode() if isinstance(text, str) else text
    return [(pair.query, pair.image) for pair in junk_csv.pairs(table, FILES)]


def error(text: str | bytes) -> str:
    with pytest.raises(InputError) as caught:
        pairs(text)
    assert "\n" not in str(caught.value)
    return str(caught.value)


TEXT = "query,gallery\nquery/1.jpg,gallery/7.jpg\n"


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode("utf-8-sig"),
        TEXT.encode("utf-16"),
        TEXT.replace(",", ";").encode(),
        b"Note, Gallery ,QUERY\nblurred,/photos/gallery/7.jpg, .\\query\\1.jpg\n",
        TEXT.encode() + b"./query/1.jpg,gallery/7.jpg\n",
    ],
    ids=["BOM", "UTF-16", "semicolons", "more columns, other paths", "the same twice"],
)
def test_a_table_is_read_however_it_was_saved(content: bytes) -> None:
    assert pairs(content) == [("query/1.jpg", "gallery/7.jpg")]


def test_a_table_without_lines_names_no_pair() -> None:
    assert pairs("query,gallery\n") == []


@pytest.mark.parametrize(
    ("content", "line"),
    [
        ("file,label\na,b", "/photos/junk.csv must have the columns query and gallery, each once, not file, label"),
        ("", "/photos/junk.csv must have the columns query and gallery, each once, not none"),
        (
            "query,gallery,query\n",
            "/photos/junk.csv must have the columns query and gallery, each once, not query, gallery, query",
        ),
        (
            "query,gallery\nquery/1.jpg,gallery/8.jpg\n,gallery/7.jpg\n",
            "/photos/junk.csv names 2 that are no files here (or hidden): 'gallery/8.jpg' (line 2), '' (line 3)",
        ),
        ("query,gallery\na,b,c", "/photos/junk.csv line 2 has 3 values for 2 columns; quote what has commas"),
    ],
    ids=["other columns", "empty", "a column twice", "no files", "a comma"],
)
def test_a_table_that_does_not_fit_is_refused_with_its_line(content: str, line: str) -> None:
    assert error(content) == line


def test_a_query_in_the_place_of_an_image_of_the_gallery_is_refused() -> None:
    named, split_of = [Pair(2, "query/1.jpg", "query/2.jpg")], {"query/1.jpg": "query", "query/2.jpg": "query"}

    with pytest.raises(InputError) as caught:
        junk_csv.check_splits(named, split_of, "junk.csv")

    line = "junk.csv names 1 of another split: 'query/2.jpg' (line 2) is in the split query, not gallery"
    assert str(caught.value) == line


def test_two_files_of_the_same_pixels_are_one_pair() -> None:
    named = [Pair(2, "1.jpg", "7.jpg"), Pair(3, "1.jpg", "copy.jpg"), Pair(4, "left out.jpg", "7.jpg")]
    id_of = {"1.jpg": "q", "7.jpg": "a", "copy.jpg": "a", "left out.jpg": "r"}

    assert junk_csv.ids(named, id_of, {"q"}, {"a"}) == ([("q", "a")], 1)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for number, name in enumerate(("query/1.png", "gallery/7.png")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(encoded(noise(seed=number)))
    (tmp_path / "junk.csv").write_text("query,gallery\nquery/1.png,gallery/7.png\n")
    return tmp_path


def test_the_table_is_no_image_and_the_console_says_so(photos: Path, messages: list[str]) -> None:
    found = image_folder.sources(str(photos), messages.append)

    assert sorted(sources.names(found[0].uri, found[1:])) == ["gallery/7.png", "query/1.png"]
    assert "junk.csv is no image: runs of image_matching alone read it" in messages


def test_a_table_that_does_not_fit_is_refused_before_the_first_stage(photos: Path) -> None:
    values = {"dataset": "image_folder", "path": str(photos), "reranker": "none", "local_features": "none"}
    input_check.check(values)
    (photos / "junk.csv").write_text("query,gallery\n1.png,gallery/7.png\n")

    with pytest.raises(InputError, match=r"junk.csv names 1 that are no files here \(or hidden\): '1.png' \(line 2\)"):
        input_check.check(values)


def test_a_table_that_cannot_be_read_is_refused(photos: Path) -> None:
    (photos / "junk.csv").unlink()
    (photos / "junk.csv").mkdir()

    with pytest.raises(InputError, match="cannot read .*junk.csv: Is a directory"):
        junk_csv.content(f"file://{photos}")
