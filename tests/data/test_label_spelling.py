"""What people mean by the names that they give to classes and splits."""

import pytest

from kindred.data import label_spelling


@pytest.mark.parametrize("text", ["cat", " cat", "cat \t", "\u00a0cat\u200b", "\ufeffcat"])
def test_white_space_around_a_label_does_not_count(text: str) -> None:
    assert label_spelling.label(text) == "cat"


@pytest.mark.parametrize("text", ["", " ", "\t\u200b", None])
def test_a_blank_label_is_none(text: str | None) -> None:
    assert label_spelling.label(text) is None


def test_two_code_points_and_one_are_the_same_letter() -> None:
    assert label_spelling.label("cafe\u0301") == label_spelling.label("caf\u00e9") == "caf\u00e9"


@pytest.mark.parametrize(
    ("part", "spellings"),
    [
        ("train", ["train", "Train", "TRAIN", "training", "Training", "train_set", "training-data", "train "]),
        ("test", ["test", "Test", "testing", "TESTING", "test_set", "TestImages"]),
        ("unlabeled", ["unlabeled", "unlabelled", "Unlabeled", "UNLABELLED", "unlabeled_data"]),
        ("validation", ["val", "Val", "valid", "validation", "Validation_Set"]),
        (None, ["cat", "trainer", "tests", "untrained", "value", "valley", "tester", "training shoes", "", "dev"]),
    ],
)
def test_a_part_of_a_dataset_is_known_by_its_usual_names(part: str | None, spellings: list[str]) -> None:
    assert {label_spelling.part(text) for text in spellings} == {part}


def test_every_part_is_used_for_a_split() -> None:
    assert {label_spelling.SPLIT_OF[label_spelling.part(name)] for name in ("Train", "val")} == {"train"}
