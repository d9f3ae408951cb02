"""Image files without what tells of the pixels, and at which decoders stumble."""

import re

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
PNG_TEXTS = (b"tEXt", b"zTXt", b"iTXt", b"iCCP")  # chunks that do not change the pixels, and may be of any length
AVIF_BRANDS = (b"ftypavif", b"ftypavis")
EXIF_ITEM = re.compile(rb"(infe(?:\x02.{7}|\x03.{9}))Exif", re.DOTALL)  # ISO 14496-12, section 8.11.6.2


def without_texts(content: bytes) -> bytes:
    """A PNG without its texts and colour profiles; any other file as it is.

    >>> without_texts(b"GIF89a")
    b'GIF89a'
    """
    if not content.startswith(PNG_SIGNATURE):
        return content
    parts, at = [PNG_SIGNATURE], len(PNG_SIGNATURE)
    while at + 8 <= len(content):
        end = at + 12 + int.from_bytes(content[at : at + 4], "big")
        if content[at + 4 : at + 8] not in PNG_TEXTS:
            parts.append(content[at:end])
        at = end
    return b"".join(parts)


def without_exif(content: bytes) -> bytes:
    """An AVIF whose EXIF no decoder finds; any other file as it is. It does not turn an AVIF, and where it is broken
    libavif refuses the whole file.
    """
    return EXIF_ITEM.sub(rb"\1none", content) if content.startswith(AVIF_BRANDS, 4) else content
