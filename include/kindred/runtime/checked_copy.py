"""Files copied with their size and hash, so that nobody uses a copy that is not what the original was."""

import functools
import hashlib
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple

from kindred.runtime import storage
from kindred.runtime.errors import InputError

CHUNK = 2**22  # bytes
CONCURRENT_FILES = 8
SHA256_DIGITS = 64

Algorithm = Literal["blake2b-16", "sha256"]


class Checksum(NamedTuple):
    """The size of a file in bytes, and its hash in hexadecimal digits. In JSON it is the list of both."""

    size: int
    digest: str

    @property
    def algorithm(self) -> Algorithm:
        """That of the hash, by its length."""
        return "sha256" if len(self.digest) == SHA256_DIGITS else "blake2b-16"


class HashedFile:
    """A file to write, and the checksum of what has been written."""

    def __init__(self, file: IO[bytes], algorithm: Algorithm) -> None:
        self._file, self._size, self._digest = file, 0, new_hash(algorithm)

    def write(self, content: bytes) -> int:
        """Write, and count."""
        self._digest.update(content)
        self._size += len(content)
        return self._file.write(content)

    @property
    def checksum(self) -> Checksum:
        """Of what has been written so far."""
        return Checksum(self._size, self._digest.hexdigest())


def checksum(uri: str, algorithm: Algorithm) -> Checksum:
    """The checksum of a file, which is read once.

    >>> with tempfile.NamedTemporaryFile() as file:
    ...     _ = file.write(b"abc"), file.flush()
    ...     checksum(f"file://{file.name}", "blake2b-16")
    Checksum(size=3, digest='cf4ab791c62b8d2b2109c90275287816')
    """
    return _read(uri, algorithm, None)


def checksum_of(content: bytes, algorithm: Algorithm) -> Checksum:
    """The checksum of a file with this content."""
    digest = new_hash(algorithm)
    digest.update(content)
    return Checksum(len(content), digest.hexdigest())


def checksums(folder: str, names: Sequence[str], algorithm: Algorithm) -> dict[str, Checksum]:
    """The checksums of files in the folder with this URI, by their names inside it."""
    with ThreadPoolExecutor(CONCURRENT_FILES) as pool:
        results = pool.map(lambda name: checksum(storage.join(folder, name), algorithm), names)
        return dict(zip(names, results, strict=True))


def copy(
    source: str, target: str, algorithm: Algorithm, expected: Checksum | None = None, advice: str = ""
) -> Checksum:
    """Copy a file by URIs: the target is there whole, with the `expected` checksum, or not at all. Its checksum, by the
    algorithm of the expected one where there is one.

    Raises InputError, which ends with the `advice`, for a source that is missing or has another one.
    """
    with storage.atomic_file(target) as file:
        try:
            result = _read(source, expected.algorithm if expected else algorithm, file)
        except FileNotFoundError:
            raise InputError(f"{storage.local(source)} is missing; {advice}") from None
        if expected is not None and result != expected:
            raise changed(source, advice)
    return result


def copy_folder(
    folder: str,
    files: Mapping[str, Checksum | None],
    place: Path,
    algorithm: Algorithm,
    advice: str = "copy it again",
) -> Path:
    """The local folder `place` with files of the folder with this URI, by their names inside it: copied all together,
    unless it is there. Where a checksum is given, the file must have it. Raises InputError as `copy` does, and for a
    name that leads out of the folder.
    """
    for name in files:
        storage.below(place, name)
    if place.is_dir():
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=place.parent, prefix=".copy-"))

    def one(name: str) -> None:
        target = storage.uri(str(temporary / name))
        copy(storage.join(folder, name), target, algorithm, files[name], advice)

    try:
        with ThreadPoolExecutor(CONCURRENT_FILES) as pool:
            list(pool.map(one, files))
        try:
            temporary.rename(place)
        except OSError:
            if not place.is_dir():  # else another process was faster
                raise
        return place
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def changed(uri: str, advice: str) -> InputError:
    """The error for a file whose checksum differs."""
    return InputError(f"{storage.local(uri)} has changed: its checksum differs; {advice}")


def new_hash(algorithm: Algorithm) -> Any:
    """An empty hash, of hashlib."""
    return hashlib.sha256() if algorithm == "sha256" else hashlib.blake2b(digest_size=16)


def _read(uri: str, algorithm: Algorithm, copied_to: IO[bytes] | None) -> Checksum:
    fs, inside = storage.filesystem(uri)
    size, digest = 0, new_hash(algorithm)
    with fs.open(inside, "rb") as file:
        for chunk in iter(functools.partial(file.read, CHUNK), b""):
            size += len(chunk)
            digest.update(chunk)
            if copied_to is not None:
                copied_to.write(chunk)
    return Checksum(size, digest.hexdigest())
