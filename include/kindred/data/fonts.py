"""Fonts for class names of any script, as contact sheets write them.

In this order: DejaVu Sans, which comes with matplotlib; the packages fontpkg-* (Devanagari, Thai); the fonts of this
machine, first those that are made for Chinese, Japanese and Korean.
"""

import functools
import itertools
import unicodedata
from collections.abc import Iterable
from pathlib import Path

PREFERRED = ("notosanscjk", "sourcehansans", "notosans", "wqy", "ipaexg", "ipag", "nanumgothic", "droidsansfallback")
STYLED = ("bold", "italic", "oblique", "mono", "serif", "light", "thin", "black")  # second choice
EAST_ASIAN = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "IDEOGRAPHIC", "FULLWIDTH", "HALFWIDTH")
NAMED = 3  # characters that a hint names


def segments(text: str) -> list[tuple[Path, str]]:
    """The text in parts that one font each can write; what no font has goes to the first font, which draws a box.

    >>> [part for _, part in segments("кот แมว")]
    ['кот ', 'แมว']
    """
    first = installed()[0]
    written = [(first if is_invisible(c) else _file_of(c) or first, c) for c in text]
    return [(path, "".join(c for _, c in part)) for path, part in itertools.groupby(written, key=lambda pair: pair[0])]


def missing(texts: Iterable[str]) -> list[str]:
    """The characters of the texts that no font here has, each once."""
    return [c for c in dict.fromkeys("".join(texts)) if not is_invisible(c) and _file_of(c) is None]


def hint(texts: Iterable[str]) -> str | None:
    """A line that names the characters of the texts that no font has, and what to install; None where there are none.

    >>> hint(["cat", "кошка", "แมว", "बिल्ली"])
    """
    characters = missing(texts)
    if not characters:
        return None
    named = ", ".join(f"{c} (U+{ord(c):04X})" for c in characters[:NAMED])
    rest = f" and {len(characters) - NAMED} more" if len(characters) > NAMED else ""
    asian = unicodedata.name(characters[0], "").startswith(EAST_ASIAN)
    package = "fonts-noto-cjk" if asian else "fonts-noto-core"
    return f"no font here has {named}{rest}; install one, e.g. Debian's {package}"


def is_invisible(character: str) -> bool:
    """Whether a character has no shape of its own: spaces, controls, joiners, selectors of variants."""
    return character.isspace() or unicodedata.category(character) in ("Cc", "Cf") or "\ufe00" <= character <= "\ufe0f"


@functools.cache
def installed() -> list[Path]:
    """The files of all fonts, in the order in which they are tried."""
    import fontpkg
    import matplotlib
    from matplotlib import font_manager

    packaged = [file.path for _, family in sorted(fontpkg.families().items()) for file in family.files]
    system = sorted(map(Path, font_manager.findSystemFonts()), key=_rank)  # not matplotlib's list: it may be an old one
    return [Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"), *packaged, *system]


def _file_of(character: str) -> Path | None:
    """The first font that has a character."""
    return next((path for path in installed() if ord(character) in _characters(path)), None)


def _rank(path: Path) -> tuple[int, bool, str]:
    """Where a font of this machine stands: fonts for many languages first, plain ones before others."""
    stem = path.stem.lower().replace("-", "").replace("_", "")
    family = next((i for i, name in enumerate(PREFERRED) if stem.startswith(name)), len(PREFERRED))
    return family, any(style in stem for style in STYLED), str(path)


@functools.cache
def _characters(path: Path) -> frozenset[int]:
    """The code points that a font has; none where it cannot be read or has pictures instead of outlines."""
    from matplotlib.ft2font import FT2Font

    try:
        font = FT2Font(str(path))
        return frozenset(font.get_charmap()) if font.scalable else frozenset()
    except (OSError, RuntimeError, ValueError):
        return frozenset()
