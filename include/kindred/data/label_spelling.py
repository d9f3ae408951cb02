"""How people write labels and splits, and what they mean by it: the same for folders, tables and Parquet files."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable

from kindred.runtime.tables import GALLERY, QUERY, TEST, TRAIN, UNLABELED

VALIDATION = "validation"
# What the images of a named part are used for. Kindred validates across folds of the training images, so a part for
# validation is more of them.
SPLIT_OF = {TRAIN: TRAIN, TEST: TEST, UNLABELED: UNLABELED, VALIDATION: TRAIN, QUERY: QUERY, GALLERY: GALLERY}
JOINED = "validation images are joined to the training images: models are chosen by cross-validation"
_SPLIT = re.compile(
    r"(?:(?P<train>train(?:ing)?)|(?P<test>test(?:ing)?)|(?P<unlabeled>unlabell?ed)|(?P<validation>val(?:id(?:ation)?)?)"
    r"|(?P<query>quer(?:y|ies))|(?P<gallery>galler(?:y|ies)))"
    r"(?:set|split|data|images)?"
)
_SEPARATORS = re.compile(r"[\s_.-]+")
_INVISIBLE = "\u200b\u200e\u200f\u2060\ufeff"  # spaces of no width and marks of direction


def plain(text: str) -> str:
    """A name as it is compared: without white space around it, and an accented letter as one code point (NFC), which
    file systems of macOS write as two.

    >>> plain(" cafe\u0301 ") == "café"
    True
    """
    return unicodedata.normalize("NFC", text).strip().strip(_INVISIBLE).strip()


def label(text: str | None) -> str | None:
    """A label as it is stored; None for a blank one, which is no label.

    >>> label(" cat"), label(" "), label(None)
    ('cat', None, None)
    """
    return (plain(text) or None) if text is not None else None


def part(text: str) -> str | None:
    """Which part of a dataset a folder, a file or a value names: train, test, unlabeled, validation, query, gallery
    (SPLIT_OF says what each is used for); None for any other name.

    >>> part("Training"), part("test_set"), part("UNLABELLED"), part("val"), part("queries"), part("cat")
    ('train', 'test', 'unlabeled', 'validation', 'query', None)
    """
    match = _SPLIT.fullmatch(_SEPARATORS.sub("", plain(text)).casefold())
    return match.lastgroup if match else None


def alike(labels: Iterable[str]) -> list[list[str]]:
    """Labels that differ only in upper and lower case, which are likely meant to be one, in groups.

    >>> alike(["cat", "dog", "Cat"])
    [['Cat', 'cat']]
    """
    groups = defaultdict(set)
    for name in labels:
        groups[name.casefold()].add(name)
    return [sorted(group) for _, group in sorted(groups.items()) if len(group) > 1]
