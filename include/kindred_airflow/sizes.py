"""Bytes for people."""


def text(size: float) -> str:
    """A number of bytes, in three digits or so.

    >>> [text(size) for size in (0, 999, 1_234, 45_600_000, 7_890_000_000)]
    ['0 B', '999 B', '1.2 kB', '45.6 MB', '7.9 GB']
    """
    if size < 1000:
        return f"{size:.0f} B"
    for unit in ("kB", "MB", "GB"):
        size /= 1000
        if size < 1000 or unit == "GB":
            break
    return f"{size:,.1f} {unit}"
