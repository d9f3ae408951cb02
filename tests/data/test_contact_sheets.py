"""Sheets of small pictures: names of any script stand beside their rows."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from matplotlib import font_manager

from font_files import forget_fonts, write_font
from kindred.data import contact_sheets, images

PICTURE = np.full((8, 8, 1), 128, np.uint8)


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Path]]:
    """A machine whose fonts are those in this list."""
    paths: list[Path] = []
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: [str(path) for path in paths])
    forget_fonts()
    yield paths
    forget_fonts()


def sheet_of(name: str) -> np.ndarray:
    return images.decode(contact_sheets.sheet("l2", {0: "query"}, [(name, [("a", None)])], {"a": PICTURE}))


@pytest.mark.parametrize(("one", "other"), [("แ", "ม"), ("ब", "ल"), ("ж", "ш")], ids=["thai", "hindi", "russian"])
def test_names_that_pillows_own_font_cannot_write_are_told_apart(one: str, other: str) -> None:
    first, second = (sheet_of(name * 4)[:, :30] for name in (one, other))  # the names alone

    assert (first < 128).any()
    assert not np.array_equal(first, second)


def test_a_font_of_the_machine_writes_chinese_where_there_is_one(machine: list[Path], tmp_path: Path) -> None:
    machine.append(write_font(tmp_path / "Cats.ttf", "猫犬"))

    assert not np.array_equal(sheet_of("猫"), sheet_of("犬"))


def test_a_longer_name_makes_room_for_itself() -> None:
    assert sheet_of("แมวบ้านขนสั้น").shape[1] > sheet_of("แมว").shape[1] > sheet_of("").shape[1]


def captioned(**captions: str) -> np.ndarray:
    rows = [("cat", [("a", None), ("b", None)])]
    return images.decode(contact_sheets.sheet("", {}, rows, {"a": PICTURE, "b": PICTURE}, captions))


def test_a_caption_stands_below_its_image_and_not_below_the_next() -> None:
    plain = images.decode(
        contact_sheets.sheet("", {}, [("cat", [("a", None), ("b", None)])], dict.fromkeys("ab", PICTURE))
    )
    below = {
        text: captioned(a=text)[plain.shape[0] :] for text in ("x", "IMG_1.jpg", "a name that is far too long.jpg")
    }

    assert plain.shape[1] == captioned(a="x").shape[1]
    middle = plain.shape[1] - contact_sheets.SIDE_PX - 2 * contact_sheets.FRAME_PX - contact_sheets.GAP_PX
    for line in below.values():
        assert (line[:, :middle] < 128).any()
        assert not (line[:, middle:] < 128).any()
    assert not np.array_equal(below["x"], below["IMG_1.jpg"])


def test_a_caption_that_is_too_long_lacks_its_middle() -> None:
    assert contact_sheets._shortened("cat.jpg", 80) == "cat.jpg"
    shortened = contact_sheets._shortened("IMG_20190203_183207_holiday_123456.jpg", 80)
    head, tail = shortened.split("...")
    assert shortened.startswith("IM")
    assert "_123456.jpg".endswith(tail)
    assert len(tail) > len(head) > 0
    assert contact_sheets._length(shortened, contact_sheets.CAPTION_PX) <= 80
