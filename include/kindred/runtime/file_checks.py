"""Whether files are still what they were when they were written, by the checksums that were written with them.

A big file is hashed when it is first opened, and again only after its size, its times or its inode have changed; which
files were found right is kept in the cache.
"""

import contextlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from kindred.runtime import checked_copy, marks, runs, storage
from kindred.runtime.checked_copy import Checksum
from kindred.runtime.cpu import cores
from kindred.runtime.errors import InputError

MISSING, CHANGED = "is missing", "has changed: its checksum differs"
SEAL, FILES = "checksum", "files"  # in a sealed file: of all else that it holds; the checksums of other files, by name
YOUNG_NS = 10**8  # a file that has just been written may change once more within the resolution of its times
AGAIN = f"{marks.AGAIN}, or `make fetch` where it was fetched"


def damaged(uri: str, reason: str) -> InputError:
    """The error for a file that is not what was written, with what to do. `reason` is a verb and more."""
    path = storage.local(uri)
    copied = Path(path).is_absolute() and Path(path).is_relative_to(runs.cache_folder())
    step = "it is copied again" if copied else AGAIN
    return InputError(f"{path} {reason}; {step if reason == MISSING else f'delete it, then {step}'}")


def read(uri: str, expected: Checksum | None = None) -> bytes:
    """The content of a small file. Raises InputError where there is none, or not that with the `expected` checksum."""
    try:
        content = storage.find_bytes(uri)
    except IsADirectoryError:
        raise damaged(uri, "is a folder") from None
    if content is None:
        raise damaged(uri, MISSING)
    if expected is not None:
        check_same(uri, checked_copy.checksum_of(content, expected.algorithm), expected)
    return content


def check_same(uri: str, now: Checksum, expected: Checksum) -> None:
    """Raise InputError where a file has another checksum `now` than the expected one."""
    if now.size != expected.size:
        raise damaged(uri, f"has {now.size:,} bytes, not {expected.size:,}")
    if now != expected:
        raise damaged(uri, CHANGED)


@contextlib.contextmanager
def parsing(uri: str) -> Iterator[None]:
    """Whatever the content of a file makes of a parser inside the block becomes an InputError that names the file."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # each library has its own
        reason = (str(error).splitlines() or [""])[0]
        raise damaged(uri, f"cannot be read ({type(error).__name__}: {reason[:200]})") from None


def listed(value: Any, uri: str) -> dict[str, Checksum]:
    """Checksums by name, as they are in JSON in the file with this URI. Raises InputError where they are none."""
    with parsing(uri):
        return {str(name): Checksum(int(size), str(digest)) for name, (size, digest) in value.items()}


def sealed(value: dict[str, Any]) -> bytes:
    """A JSON object as the content of a small file that holds its own checksum.

    >>> b'"checksum": "' in sealed({"classes": ["cat", "dog"]})
    True
    """
    return storage.json_bytes({**value, SEAL: _seal(value)})


def read_sealed(uri: str) -> dict[str, Any] | None:
    """The JSON object in a sealed file, or None where there is no such file. One without a checksum, and without the
    checksums of other files, is of an older version, and taken as it is. Raises InputError for one that is damaged.
    """
    try:
        content = storage.find_bytes(uri)
    except IsADirectoryError:
        raise damaged(uri, "is a folder") from None
    if content is None:
        return None
    with parsing(uri):
        value: dict[str, Any] = dict(json.loads(content))
    sealed_or_new = SEAL in value or FILES in value
    if value.pop(SEAL, None) != _seal(value) and sealed_or_new:
        raise damaged(uri, CHANGED)
    return value


def compare(folder: str, now: Mapping[str, Checksum], files: Mapping[str, Checksum]) -> None:
    """Raise InputError unless all `files` of the folder with this URI are there `now`, as they were."""
    for name, expected in files.items():
        uri = storage.join(folder, name)
        if name not in now:
            raise damaged(uri, MISSING)
        check_same(uri, now[name], expected)


def check(folder: Path, files: Mapping[str, Checksum]) -> None:
    """Raise InputError unless each of the `files` of a local folder, by their names inside it, has its checksum."""
    known = _known(folder)
    stamps = {name: _stamp(folder / name) for name in files}
    new = [name for name, expected in files.items() if known.get(name) != [*expected, *stamps[name]]]
    started = time.time_ns()
    with ThreadPoolExecutor(cores()) as pool:
        list(pool.map(lambda name: _check(folder / name, files[name]), new))
    lasting = [name for name in new if max(stamps[name][:2]) < started - YOUNG_NS]
    if lasting:
        _remember(folder, {name: [*files[name], *stamps[name]] for name in lasting})


def _check(path: Path, expected: Checksum) -> None:
    uri = storage.uri(str(path))
    check_same(uri, checked_copy.checksum(uri, expected.algorithm), expected)


def _stamp(path: Path) -> list[int]:
    """What changes with a local file: when it was written, when it was changed in any way, which one it is."""
    uri = storage.uri(str(path))
    try:
        now = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise damaged(uri, MISSING) from None
    if not path.is_file():
        raise damaged(uri, "is a folder")
    return [now.st_mtime_ns, now.st_ctime_ns, now.st_ino, now.st_size]


def _seal(value: dict[str, Any]) -> str:
    content = json.loads(storage.json_bytes(value))  # as it will be read
    return checked_copy.checksum_of(storage.json_bytes(content), "sha256").digest


def _notes(folder: Path) -> str:
    """Where is kept which files of a folder were found right."""
    place = runs.cache_folder("checked") / f"{storage.fingerprint(str(folder.absolute()))}.json"
    return storage.uri(str(place))


def _known(folder: Path) -> dict[str, Any]:
    try:
        notes = json.loads(storage.find_bytes(_notes(folder)) or b"{}")
    except (OSError, ValueError):  # nothing is known: all is checked
        return {}
    return notes if isinstance(notes, dict) else {}


def _remember(folder: Path, files: dict[str, list[Any]]) -> None:
    """Another process may do the same, or the disk be full: what is lost is hashed once more."""
    if os.access(runs.cache_folder(), os.W_OK):
        with contextlib.suppress(OSError):
            storage.put_json(_notes(folder), {**_known(folder), **files})
