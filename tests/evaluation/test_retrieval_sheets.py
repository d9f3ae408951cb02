"""Sheets of what the search answers: a line for each class, a frame for each result."""

import csv
import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from kindred.data import contact_sheets
from kindred.evaluation import retrieval_sheets
from kindred.search import image_index
from kindred.search.shards import Images

QUERIES = Images(
    np.array([[11.1], [0.1], [0.2]], np.float32),
    np.array([[0.3, 0.7], [0.8, 0.2], [0.8, 0.2]], np.float32),
    list("pqr"),
)
LABELS = {"p": "dog", "q": "cat", "r": "cat"}
FILES = {name: f"file:///photos/{name}.jpg" for name in "abcdefpqr"}
KNOWN = dict(zip("abcdef", ["cat"] * 3 + ["dog"] * 3, strict=True))


@pytest.fixture
def line() -> image_index.Index:
    """Cats at 0, 1, 2 and dogs at 10, 11, 12."""
    places = np.array([[0], [1], [2], [10], [11], [12]], np.float32)
    cat = np.array([0.9, 0.9, 0.4, 0.1, 0.1, 0.1], np.float32)
    images = Images(places, np.stack([cat, 1 - cat], axis=1), list("abcdef"), ["unlabeled"] * 6, ["line"] * 6)
    return image_index.build(images, ["cat", "dog"])


def test_the_first_query_of_each_class_is_taken_in_the_order_of_the_classes() -> None:
    chosen = retrieval_sheets.first_of_each_class(QUERIES, ["cat", "dog", "eel"], LABELS)

    assert chosen.ids == ["q", "p"]
    assert chosen.features.ravel().tolist() == pytest.approx([0.1, 11.1])


def test_of_several_labels_an_image_is_the_first_of_each_that_is_present(line: image_index.Index) -> None:
    truth = {"p": "(none)", "q": "cat|dog", "r": "dog|eel"}

    chosen = retrieval_sheets.first_of_each_class(QUERIES, ["cat", "dog", "eel"], truth, several=True)

    assert chosen.ids == ["q", "r"]
    examples = retrieval_sheets.examples(line, chosen)["l2"]
    known = {**dict.fromkeys("abcdef", "(none)"), "a": "cat", "b": "ant|dog"}
    _, cells = retrieval_sheets._row(examples[0], truth | known, several=True)
    blue = {image_id for image_id, colour in cells if colour == contact_sheets.MATCH_COLOUR}
    assert blue == {"a", "b"}


def test_a_query_has_its_most_and_its_least_similar_images(line: image_index.Index) -> None:
    examples = retrieval_sheets.examples(line, QUERIES)["l2"]

    assert [example.query for example in examples] == ["p", "q", "r"]
    assert [neighbour.image_id for neighbour in examples[0].nearest.neighbours] == list("efdcba")
    assert [neighbour.image_id for neighbour in examples[0].farthest.neighbours] == list("abcdfe")


def test_images_with_a_given_label_are_not_in_the_sheets(line: image_index.Index) -> None:
    labelled = Images(np.array([[10.5]], np.float32), np.array([[0.1, 0.9]], np.float32), ["x"], ["train"], ["line"])

    examples = retrieval_sheets.examples(line.add(replace(labelled, labels=["dog"])), QUERIES)["l2"]

    assert [neighbour.image_id for neighbour in examples[0].nearest.neighbours] == list("efdcba")


def test_a_sheet_has_a_line_for_each_query_and_a_frame_for_each_result(line: image_index.Index) -> None:
    examples = retrieval_sheets.examples(line, QUERIES)
    pixels = {image_id: np.full((8, 8, 1), 128, np.uint8) for image_id in retrieval_sheets.pictured(examples)}

    sheets = retrieval_sheets.sheets(examples, LABELS | KNOWN, pixels, FILES)

    assert sorted(pixels) == list("abcdefpqr")
    assert sorted(sheets) == [f"search-{name}.png" for name in sorted(examples)]
    colours = {colour for _, colour in Image.open(io.BytesIO(sheets["search-l2.png"])).convert("RGB").getcolors(2**16)}
    assert {(0, 0x72, 0xB2), (0xD5, 0x5E, 0)} <= colours


def test_the_table_names_the_files_of_what_was_found(line: image_index.Index) -> None:
    examples = retrieval_sheets.examples(line, QUERIES)

    content = retrieval_sheets.table(examples, LABELS | {"a": "cat"}, FILES).decode()

    rows = [row for row in csv.DictReader(content.splitlines()) if row["metric"] == "l2" and row["side"] == "nearest"]
    assert len(rows) == 3 * 6
    assert [row["image"] for row in rows[:2]] == ["/photos/e.jpg", "/photos/f.jpg"]
    assert {row["query"] for row in rows} == {"/photos/p.jpg", "/photos/q.jpg", "/photos/r.jpg"}
    first = {**rows[6], "distance": float(rows[6]["distance"])}
    assert first == {
        **{"metric": "l2", "side": "nearest", "rank": "1", "query": "/photos/q.jpg", "image": "/photos/a.jpg"},
        **{"distance": pytest.approx(0.1), "query_label": "cat", "prediction": "cat", "label": "cat"},
    }
    assert rows[7]["label"] == ""  # not known
