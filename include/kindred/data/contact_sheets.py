"""Sheets of small pictures for people: what a search finds."""

from collections.abc import Mapping

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from kindred.data import images

SIDE, FRAME, GAP, LINE = 72, 4, 6, 20
INK, PAPER = "black", "white"
RIGHT, OTHER = "#0072b2", "#d55e00"  # told apart by colour-blind eyes too (Okabe and Ito 2008)

Cell = tuple[str, str | None]  # an image's id, and the colour of its frame


def sheet(
    title: str, heads: dict[int, str], rows: list[tuple[str, list[Cell]]], pixels: Mapping[str, np.ndarray]
) -> bytes:
    """A PNG: below the title and `heads` (texts by column) a line for each row, its name and then its images.

    `pixels` has each image, uint8 [h, w, channels], by its id.
    """
    font, step = ImageFont.load_default(14), SIDE + 2 * FRAME + GAP
    left = GAP + max(int(font.getlength(name)) for name, _ in rows) + GAP
    top = 2 * LINE + 2 * GAP
    width = left + step * max(len(cells) for _, cells in rows)
    picture = Image.new("RGB", (width, top + step * len(rows)), PAPER)
    draw = ImageDraw.Draw(picture)
    draw.text((GAP, GAP), title, INK, font)
    for column, head in heads.items():
        draw.text((left + column * step, GAP + LINE), head, INK, font)
    for i, (name, cells) in enumerate(rows):
        y = top + i * step
        draw.text((GAP, y + step // 2 - LINE), name, INK, font)
        for column, (image_id, colour) in enumerate(cells):
            x = left + column * step
            if colour:
                draw.rectangle((x, y, x + SIDE + 2 * FRAME - 1, y + SIDE + 2 * FRAME - 1), colour)
            small = Image.fromarray(images.thumbnail(pixels[image_id], SIDE))
            picture.paste(small, (x + FRAME, y + FRAME))
    return images.encode(np.asarray(picture))
