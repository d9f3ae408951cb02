"""Sheets of small pictures for people: what a search returns, examples of a class, mistakes."""

import functools
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kindred.data import fonts, images
from kindred.data.thumbnails import middle_square
from kindred.runtime.log_lines import one_line

SIDE_PX, FRAME_PX, GAP_PX, LINE_PX = 72, 4, 6, 20  # of a picture, its coloured frame, between pictures, of a text line
FONT_PX, CAPTION_PX, CAPTION_LINE_PX = 14, 10, 14
TEXT_COLOUR, BACKGROUND = "black", "white"
ELLIPSIS = "..."
MATCH_COLOUR, OTHER_COLOUR = "#0072b2", "#d55e00"  # distinct for colour-blind eyes too (Okabe and Ito 2008)

Cell = tuple[str, str | None]  # an image's id, and the colour of its frame (None: no frame)


def sheet(
    title: str,
    headings: dict[int, str],
    rows: list[tuple[str, list[Cell]]],
    pixels: Mapping[str, np.ndarray],
    captions: Mapping[str, str] | None = None,
) -> bytes:
    """A PNG: below the title and `headings` (texts by column) a line for each row, its name and then its images.

    `pixels` has each image, uint8 [h, w, channels], by its id; `captions` what to write below it, as far as it fits.
    """
    step = SIDE_PX + 2 * FRAME_PX + GAP_PX
    down = step + (CAPTION_LINE_PX if captions else 0)
    left = GAP_PX + max(_length(name) for name, _ in rows) + GAP_PX
    top = 2 * LINE_PX + 2 * GAP_PX
    width = left + step * max(len(cells) for _, cells in rows)
    picture = Image.new("RGB", (width, top + down * len(rows)), BACKGROUND)
    draw = ImageDraw.Draw(picture)
    _write(draw, GAP_PX, GAP_PX, title)
    for column, heading in headings.items():
        _write(draw, left + column * step, GAP_PX + LINE_PX, heading)
    for i, (name, cells) in enumerate(rows):
        y = top + i * down
        _write(draw, GAP_PX, y + step // 2 - LINE_PX, name)
        for column, (image_id, colour) in enumerate(cells):
            x = left + column * step
            if colour:
                side = SIDE_PX + 2 * FRAME_PX
                draw.rectangle((x, y, x + side - 1, y + side - 1), colour)
            small = Image.fromarray(middle_square(pixels[image_id], SIDE_PX))
            picture.paste(small, (x + FRAME_PX, y + FRAME_PX))
            if captions:
                text = _shortened(one_line(captions.get(image_id, "")), step - 2)
                _write(draw, x, y + step - GAP_PX + 1, text, CAPTION_PX)
    return images.encode(np.asarray(picture))


def mosaic(pictures: Sequence[np.ndarray], columns: int | None = None, gap: int = 1) -> np.ndarray:
    """Pictures of one size, uint8 [h, w, c], in rows of `columns` (by default, as many as there are rows) on white.

    >>> mosaic([np.zeros((4, 4, 3), np.uint8)] * 3, columns=2, gap=0).shape
    (8, 8, 3)
    """
    if not pictures:
        return np.full((1, 1, 3), 255, np.uint8)
    height, width, channels = pictures[0].shape
    columns = columns or int(np.ceil(np.sqrt(len(pictures))))
    rows = -(-len(pictures) // columns)
    tiles = np.full((rows * (height + gap), columns * (width + gap), channels), 255, np.uint8)
    for i, picture in enumerate(pictures):
        top, left = i // columns * (height + gap), i % columns * (width + gap)
        tiles[top : top + height, left : left + width] = picture
    return tiles


def _write(draw: ImageDraw.ImageDraw, x: int, y: int, text: str, px: int = FONT_PX) -> None:
    """A line of text whose upper left corner is (x, y), each part of it by a font that can write it."""
    baseline, at = y + _default_font(px).getmetrics()[0], float(x)
    for font, part in _parts(text, px):
        draw.text((at, baseline), part, TEXT_COLOUR, font, anchor="ls")
        at += font.getlength(part)


def _shortened(text: str, width: int) -> str:
    """A caption of at most so many pixels: what is too long lacks its middle, as files' names differ at their ends."""
    for kept in range(len(text), 0, -1):
        head = kept // 3
        shorter = text if kept == len(text) else f"{text[:head]}{ELLIPSIS}{text[head - kept :]}"
        if _length(shorter, CAPTION_PX) <= width:
            return shorter
    return ""


def _length(text: str, px: int = FONT_PX) -> int:
    return int(sum(font.getlength(part) for font, part in _parts(text, px)))


def _parts(text: str, px: int = FONT_PX) -> list[tuple[ImageFont.FreeTypeFont, str]]:
    if text.isascii():
        return [(_default_font(px), text)]
    return [(ImageFont.truetype(str(path), px), part) for path, part in fonts.segments(text)]


@functools.cache
def _default_font(px: int = FONT_PX) -> ImageFont.FreeTypeFont:
    """Pillow's own, which has little but Latin letters."""
    font = ImageFont.load_default(px)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise RuntimeError("this Pillow was built without FreeType; install one with it")
    return font
