"""Confusions that were counted by hand."""

import numpy as np
import pytest

from kindred.report import mistakes_section
from kindred.report.blocks import Sheet
from kindred.report.pictures import Pictures
from report_run import few, scored, text_of


def test_a_hand_made_confusion_matrix_is_counted_and_its_pairs_are_named() -> None:
    test = scored()

    counts = {model: mistakes_section.confusion(test, model) for model in test.models}
    pairs = mistakes_section.confused_pairs(test, counts)

    assert counts["base"].tolist() == [[1, 1, 0], [0, 2, 1], [0, 0, 1]]
    assert counts["final"].tolist() == [[2, 0, 0], [0, 3, 0], [0, 0, 1]]
    assert pairs.to_numpy().tolist() == [["cat", "dog", 1, 0], ["dog", "eel", 1, 0]]
    assert mistakes_section.headline(test, pairs) == (
        "Wrong predictions on 6 test images: base 2, final 0. The most frequent confusion: cat predicted as dog."
    )


def test_of_many_classes_the_most_confused_are_shown() -> None:
    labels = list(range(40)) * 2
    predictions = [*range(40), 39, *range(1, 38), 39, 38]  # 0 predicted as 39, and 38 and 39 as each other
    test = scored(labels, {"base": predictions}, few(40))

    drawn = mistakes_section.most_confused({"base": mistakes_section.confusion(test, "base")})

    assert len(drawn) == mistakes_section.MAX_CLASSES
    assert {0, 38, 39} <= set(drawn)


def test_the_mistakes_of_the_highest_confidence_come_first() -> None:
    test = scored([1, 1, 1, 0], {"final": [0, 0, 1, 0]}, ["cat", "dog"])
    test.models["final"] = np.array([[0.6, 0.4], [0.9, 0.1], [0.2, 0.8], [0.7, 0.3]])

    assert mistakes_section.confident_mistakes(test, {}) == ([1, 0], [])


@pytest.mark.usefixtures("undrawn")
def test_mistakes_on_images_that_show_several_classes_stand_apart() -> None:
    test = scored([1, 1, 1, 0], {"final": [0, 0, 1, 0]}, ["cat", "dog"])
    several = {str(test.ids[0]): "cat|dog", str(test.ids[2]): "cat|dog"}
    tiles = {str(image_id): np.zeros((2, 2, 3), np.uint8) for image_id in test.ids}

    section = mistakes_section.section(test, Pictures(tiles, {i: f"{i}.jpg" for i in test.ids}), several)

    assert mistakes_section.confident_mistakes(test, several) == ([1], [0])
    assert mistakes_section.pictured(test, several) == [test.ids[1], test.ids[0]]
    sheets = {block.name: block for block in section.blocks if isinstance(block, Sheet)}
    assert [tile.lines[0] for tile in sheets["several"].tiles] == ["shows: cat, dog"]
    assert "1 of 2 wrong predictions of final are on images that show several" in text_of(section)
    assert "Accuracy 50.0%, 50.0% without them." in text_of(section)
