"""Texts of any length beside the fixed rows of a shard: where each ends [n], and their UTF-8, one after the other.

Both are memory-mapped .npy files, `<number>-<name>_ends.npy` and `<number>-<name>.npy`. A text that is not known takes
no byte. (An array of fixed width would give each of a million rows the width of the longest text.)
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

ENDS = "_ends"  # of the name of the array that says where the texts end


@dataclass(frozen=True, eq=False)
class Texts:
    """`ends` [n], int64, and `content` [bytes], uint8."""

    ends: np.ndarray
    content: np.ndarray

    def __len__(self) -> int:
        return len(self.ends)

    def fits(self, count: int) -> bool:
        """Whether these are the texts of so many rows; reads the last end only."""
        return len(self.ends) == count and (not count or int(self.ends[-1]) == len(self.content))

    def at(self, rows: np.ndarray) -> list[str | None]:
        """The texts of these rows [m]; None where it is not known. Reads no others.

        >>> of(["one", None, "three"]).at(np.array([2, 1]))
        ['three', None]
        """
        starts, ends = self._borders(rows)
        content = self.content.data
        pairs = zip(starts.tolist(), ends.tolist(), strict=True)
        return [str(content[start:end], "utf-8") if end > start else None for start, end in pairs]

    def containing(self, part: str) -> np.ndarray:
        """Which texts contain this part, a mask [n]; whether A to Z are large or small makes no difference.

        >>> of(["a/Cat.jpg", None, "a/dog.jpg", "ca", "t"]).containing("cAt").tolist()
        [True, False, False, False, False]
        >>> of(["xa", "aa"]).containing("aa").tolist()
        [False, True]
        """
        if not part:
            return np.ones(len(self), bool)
        sought, content = part.encode().lower(), self.content.tobytes().lower()
        starts = np.array([match.start() for match in re.finditer(re.escape(sought), content)], np.int64)
        first, last = (np.searchsorted(self.ends, at, side="right") for at in (starts, starts + len(sought) - 1))
        found = np.zeros(len(self), bool)
        found[first[first == last]] = True
        for row in {row for one, other in zip(first, last, strict=True) for row in range(one + 1, other + 1)}:
            # what goes over a border is no find, but may hide one that begins inside it
            start, end = (int(at[0]) for at in self._borders(np.array([row])))
            found[row] = sought in content[start:end]
        return found

    def take(self, rows: np.ndarray) -> "Texts":
        """The texts of these rows [m]."""
        starts, ends = self._borders(rows)
        content = self.content.data
        parts = [content[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]
        return Texts(np.cumsum(ends - starts), np.frombuffer(b"".join(parts), np.uint8))

    def _borders(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where the texts of these rows begin and end in the content."""
        return np.where(rows > 0, self.ends[rows - 1], 0), self.ends[rows]


def of(texts: Sequence[str | None]) -> Texts:
    """Texts as they are stored."""
    encoded = [(text or "").encode() for text in texts]
    ends = np.cumsum([len(text) for text in encoded], dtype=np.int64)
    return Texts(ends, np.frombuffer(b"".join(encoded), np.uint8))


def unknown(count: int) -> Texts:
    """So many texts that are not known; takes no memory."""
    return Texts(np.broadcast_to(np.int64(0), count), np.empty(0, np.uint8))


def join(parts: Sequence[Texts]) -> Texts:
    """The texts of all parts, one part after the other.

    >>> join([of(["one"]), unknown(1), of(["two"])]).at(np.arange(3))
    ['one', None, 'two']
    """
    lengths = [int(part.ends[-1]) if len(part) else 0 for part in parts]
    starts = np.cumsum([0, *lengths[:-1]])
    ends = [part.ends + start for part, start in zip(parts, starts, strict=True)]
    content = [part.content[:length] for part, length in zip(parts, lengths, strict=True)]
    return Texts(np.concatenate(ends), np.concatenate(content))
