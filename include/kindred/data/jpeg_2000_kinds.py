"""Which JPEG 2000 files give the right picture. Of colours of more than 8 bits Pillow turns white into black.

Boxes and markers by ISO 15444-1, annexes A.5.1 and I.
"""

SIGNATURE = b"\0\0\0\x0cjP  "
CODESTREAM = b"\xff\x4f\xff\x51"  # begins with the markers SOC and SIZ; a file may consist of it alone
CHANNELS_AT = 40  # from its start: the number of channels, then three bytes for each
MAX_CHANNELS = 2**14
MAX_BOXES = 1000  # before the picture
SIGNED = 0x80  # beside the number of bits less one


def unreadable(content: bytes) -> str | None:
    """Why a JPEG 2000 file is not read; None also for files of other formats.

    >>> unreadable(CODESTREAM + bytes(36) + bytes([0, 1, 31, 1, 1]))
    'JPEG 2000 of 32 bits a sample is not read'
    """
    if not content.startswith((SIGNATURE, CODESTREAM)):
        return None
    header, samples = _header_and_samples(content)
    depths = sorted({sample % SIGNED + 1 for sample in samples})
    if not samples:
        return "JPEG 2000 without a picture"
    if max(samples) >= SIGNED:
        return "JPEG 2000 of signed samples, which have no known range"
    if depths != [8] and not (len(samples) == 1 and 8 < depths[0] <= 16):
        colours = " in several channels" if len(samples) > 1 else ""
        return f"JPEG 2000 of {' and '.join(map(str, depths))} bits a sample{colours} is not read"
    if b"pclr" in header:
        return "JPEG 2000 with a palette is not read"
    return None


def greatest_value(content: bytes) -> int:
    """The value of white in a grey image of more than 8 bits, after Pillow has shifted it to 16 bits."""
    depth = _header_and_samples(content)[1][0] + 1
    return (2**depth - 1) << (16 - depth)


def _header_and_samples(content: bytes) -> tuple[bytes, bytes]:
    """The header's box, empty where there is none, and a byte for each channel: its bits less one, and SIGNED."""
    header, at = b"", 0
    for _ in range(MAX_BOXES):
        if content.startswith(CODESTREAM, at):
            break
        length, kind, head = int.from_bytes(content[at : at + 4], "big"), content[at + 4 : at + 8], 8
        if length == 1:
            length, head = int.from_bytes(content[at + 8 : at + 16], "big"), 16
        if kind == b"jp2c":
            length = head  # what it contains comes next
        elif kind == b"jp2h":
            header = content[at : at + length]
        if length < head:
            return header, b""
        at += length
    else:
        return header, b""
    channels = int.from_bytes(content[at + CHANNELS_AT : at + CHANNELS_AT + 2], "big")
    first = at + CHANNELS_AT + 2
    return header, content[first : first + 3 * min(channels, MAX_CHANNELS) : 3]
