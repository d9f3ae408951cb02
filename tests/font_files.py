"""A tiny font for tests."""

from pathlib import Path

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen

from kindred.data import fonts


def write_font(path: Path, characters: str) -> Path:
    """A font that draws each of the characters as a bar, each of another height, and has no others."""
    names = {ord(c): f"glyph{i}" for i, c in enumerate(characters)}
    glyphs = {".notdef": _bar(50), **{name: _bar(200 + 100 * i) for i, name in enumerate(names.values())}}
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(list(glyphs))
    builder.setupCharacterMap(names)
    builder.setupGlyf(glyphs)
    builder.setupHorizontalMetrics(dict.fromkeys(glyphs, (600, 0)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": path.stem, "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    builder.save(path)
    return path


def forget_fonts() -> None:
    """Let the fonts of this machine be looked for again."""
    fonts.installed.cache_clear()


def _bar(height: int) -> object:
    pen = TTGlyphPen(None)
    pen.moveTo((100, 0))
    for point in ((100, height), (500, height), (500, 0)):
        pen.lineTo(point)
    pen.closePath()
    return pen.glyph()
