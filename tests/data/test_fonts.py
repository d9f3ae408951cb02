"""Which font writes which character, and what is said where none does."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from matplotlib import font_manager

from font_files import forget_fonts, write_font
from kindred.data import fonts

SCRIPTS = ["cat", "chaîne", "кошка", "γάτα", "قطة", "חתול", "แมว", "बिल्ली"]


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Path]]:
    """A machine whose fonts are those in this list."""
    paths: list[Path] = []
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: [str(path) for path in paths])
    forget_fonts()
    yield paths
    forget_fonts()


def test_what_comes_with_the_environment_writes_european_scripts_arabic_hebrew_thai_and_hindi() -> None:
    assert fonts.missing(SCRIPTS) == []
    assert fonts.hint(SCRIPTS) is None


def test_where_no_font_has_a_character_a_line_says_which_to_install() -> None:
    assert fonts.hint(["cat", "猫"]) == "no font here has 猫 (U+732B); install one, e.g. Debian's fonts-noto-cjk"
    assert fonts.hint(["고양이", "고", "ねこ"]) == (
        "no font here has 고 (U+ACE0), 양 (U+C591), 이 (U+C774) and 2 more; install one, e.g. Debian's fonts-noto-cjk"
    )
    assert fonts.hint(["ድመት"]).endswith("install one, e.g. Debian's fonts-noto-core")


def test_spaces_joiners_and_controls_need_no_font() -> None:
    assert fonts.hint(["a b\u00a0c\u200d\u2066\t\ufe0f"]) is None


def test_a_font_of_the_machine_writes_what_others_lack(machine: list[Path], tmp_path: Path) -> None:
    machine.append(write_font(tmp_path / "Cats.ttf", "猫犬"))

    assert fonts.hint(["猫", "犬"]) is None
    assert [(path.stem, part) for path, part in fonts.segments("a 猫犬")] == [("DejaVuSans", "a "), ("Cats", "猫犬")]


def test_fonts_for_many_languages_and_plain_ones_come_first(machine: list[Path], tmp_path: Path) -> None:
    names = ("Aardvark", "NotoSansCJK-Bold", "NotoSansCJK-Regular", "wqy-microhei")
    machine += [write_font(tmp_path / f"{name}.ttf", "猫") for name in names]

    ranked = [path.stem for path in fonts.installed() if path in machine]

    assert ranked == ["NotoSansCJK-Regular", "NotoSansCJK-Bold", "wqy-microhei", "Aardvark"]


def test_a_file_that_is_no_font_is_passed_over(machine: list[Path], tmp_path: Path) -> None:
    machine.append(tmp_path / "broken.ttf")
    machine[0].write_bytes(b"no font")

    assert fonts.missing(["猫"]) == ["猫"]
