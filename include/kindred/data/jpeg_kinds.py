"""Which JPEGs are not read: kinds other than the common one, and those made to take minutes.

Markers by ITU T.81, annex B.
"""

import re
from collections import Counter

START = b"\xff\xd8"
MARKER = re.compile(rb"\xff[\x01-\xcf\xd9-\xfe]")  # neither a byte of the picture (FF 00), nor a restart (D0 to D7)
END_OF_IMAGE, START_OF_SCAN, EXIF_SEGMENT = 0xD9, 0xDA, 0xE1
JPEG_LS = 0xF7
FRAMES = (0xC0, 0xC1, 0xC2, 0xC3, 0xC9, 0xCA)  # that describe the picture, first the bits of a sample
MAX_SCANS = 100  # each is a pass over the whole picture; programs write about ten
MAX_SEGMENTS = 1000  # of up to 64 KiB, beside the scans
MAX_EXIF_SEGMENTS = 100  # Pillow joins them, in time that grows with the square of their number


def unreadable(content: bytes) -> str | None:
    """Why a JPEG is not read; None also for files of other formats.

    >>> unreadable(START + b"\\xff\\xf7\\0\\2")
    'JPEG-LS is not read'
    """
    counts: Counter[str] = Counter()
    at = len(START) if content.startswith(START) else len(content)
    while match := MARKER.search(content, at):
        kind = content[match.end() - 1]
        if kind == END_OF_IMAGE:
            break
        body = match.end() + 2
        if not counts["scans"]:
            if kind == JPEG_LS:
                return "JPEG-LS is not read"
            if kind in FRAMES and content[body : body + 1] not in (b"\x08", b""):
                return f"JPEG of {content[body]} bits a sample is not read"
        counts["scans" if kind == START_OF_SCAN else "segments"] += 1
        counts["EXIF segments"] += kind == EXIF_SEGMENT and content.startswith(b"Exif", body)
        for name, most in (("scans", MAX_SCANS), ("segments", MAX_SEGMENTS), ("EXIF segments", MAX_EXIF_SEGMENTS)):
            if counts[name] > most:
                return f"JPEG of over {most:,} {name}"
        at = match.end() + int.from_bytes(content[match.end() : body], "big")
    return None
