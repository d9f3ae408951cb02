"""Who needs an attempt's folder: each file that commits, or serves, in whose text the attempt's name stands.

That is the one rule by which attempts, features and datasets are kept. Names of attempts are used once, so a text that
holds one means that attempt.
"""

import re
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from kindred.runtime import storage

ATTEMPT = re.compile(r"\d{20}-[0-9a-f]{8}")
READERS = 16  # files that are read side by side: a bucket takes its time for each


def read(files: Iterable[str]) -> dict[str, bytes]:
    """The content of the small files with these URIs; one that is not there, or is a folder, has none."""
    uris = list(dict.fromkeys(files))
    with ThreadPoolExecutor(READERS) as pool:
        return dict(zip(uris, pool.map(_content, uris), strict=True))


def names(contents: Iterable[bytes]) -> set[str]:
    """The attempts that stand in the contents of files.

    >>> names([b'{"folder": "{data}/datasets/a-1/ingest/00000000000000001000-00000001/images"}'])
    {'00000000000000001000-00000001'}
    """
    return set(ATTEMPT.findall(b" ".join(contents).decode("latin-1")))


def _content(file: str) -> bytes:
    try:
        return storage.find_bytes(file) or b""
    except IsADirectoryError:
        return b""
