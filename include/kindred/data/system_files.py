"""Files and folders that a system, and no person, has put beside the images: neither images nor classes."""

from collections import Counter
from collections.abc import Sequence

from kindred.runtime.log_lines import one_line

# Thumbnails, bins and settings of NAS, macOS, Windows and file systems, in lower case; hidden names are left out too.
NAMES = frozenset(
    [
        *("@eadir", "@tmp", "@recycle", "@recently-snapshot", "#recycle", "#snapshot", "~snapshot"),
        *("__macosx", "network trash folder", "temporary items", "icon\r"),
        *("$recycle.bin", "recycler", "system volume information", "desktop.ini", "thumbs.db", "ehthumbs.db"),
        *("lost+found", "__pycache__"),
    ]
)
MOST_NAMED = 4  # names in the line for the console


def is_left_out(name: str) -> bool:
    """Whether one part of a path is hidden or a system's.

    >>> [is_left_out(name) for name in (".git", "Thumbs.db", "@eaDir", "cat")]
    [True, True, True, False]
    """
    return name.startswith(".") or name.casefold() in NAMES


def outermost(name: str) -> str | None:
    """The outermost file or folder of a path that is left out; None where no part of it is.

    >>> outermost("cat/@eaDir/1.jpg/thumb.jpg"), outermost("cat/1.jpg")
    ('cat/@eaDir', None)
    """
    parts = name.split("/")
    for i, part in enumerate(parts):
        if is_left_out(part):
            return "/".join(parts[: i + 1])
    return None


def summary(left_out: Sequence[str]) -> str:
    """What was left out, in one line for the console.

    >>> summary(["cat/.DS_Store", "dog/.DS_Store", "@eaDir"])
    "left out: 3 hidden files and folders, or a system's: .DS_Store (2), @eaDir"
    """
    counts = Counter(name.rsplit("/", 1)[-1] for name in left_out).most_common()
    named = [f"{name} ({count:,})" if count > 1 else name for name, count in counts[:MOST_NAMED]]
    rest = ["..."] if len(counts) > MOST_NAMED else []
    return f"left out: {len(left_out):,} hidden files and folders, or a system's: {one_line(', '.join(named + rest))}"
