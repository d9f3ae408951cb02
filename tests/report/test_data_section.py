"""What was in the data: near duplicates beside exact copies, and characters that no font has."""

import pytest

from kindred.data import fonts
from kindred.report import data_section
from report_run import near_duplicates, scored, sections, text_of

pytestmark = pytest.mark.usefixtures("undrawn")


def test_near_duplicates_are_shown_as_pairs_beside_the_count_of_exact_ones() -> None:
    section = sections(scored(), duplicates=near_duplicates(("0000", "test", "0001", "train", 0.003)))["data"]

    assert "Near duplicates across splits: 1 pair in 1 group" in text_of(section)
    assert section.headline == "6 test images of 3 classes; 1 near duplicate across splits."
    assert section.files()["data-twins.csv"].decode().splitlines()[1] == "test: cat,train: cat,distance 0.0030"


def test_pictures_of_near_duplicates_are_wanted_on_both_sides() -> None:
    assert data_section.pictured({}, near_duplicates(("a", "test", "b", "train", 0.1))) == ["a", "b"]


@pytest.mark.filterwarnings("ignore:Glyph")
def test_characters_that_no_font_has_are_named_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "hint", lambda texts: f"no font here has {''.join(texts)}")

    section = sections(scored([0, 1], {"base": [0, 1]}, ["猫", "dog"]))["data"]

    assert text_of(section).count("Plots show boxes in class names: no font here has 猫dog.") == 1
