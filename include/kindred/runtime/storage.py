"""Files by their URIs, on a disk or in an object store: read, put in one step, deleted, fingerprinted."""

import contextlib
import errno
import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import fsspec

from kindred.runtime import s3, s3_objects
from kindred.runtime.errors import InputError

MAX_NAME_BYTES = 240  # of a file's name: 255 on the usual file systems, less what the names of temporary files add
MAX_PATH_BYTES = 4000  # of a whole path: 4,096 on Linux, less the same
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


def uri(path: str) -> str:
    """`path` as a URI: what has no scheme is a local path, made absolute.

    >>> uri("/photos/cats"), uri("s3a://photos/cats")
    ('file:///photos/cats', 's3a://photos/cats')
    """
    return path if "://" in path else f"file://{Path(path).expanduser().absolute()}"


def data_root() -> str:
    """The URI of KINDRED_DATA, below which everything lies."""
    return uri(os.environ.get("KINDRED_DATA", "data"))


def local(path: str) -> str:
    """A local URI as a plain path, for people and for libraries that need one; any other URI as it is.

    >>> local("file:///photos/cats"), local("s3a://photos/cats")
    ('/photos/cats', 's3a://photos/cats')
    """
    return path.removeprefix("file://")


def join(base: str, *parts: str) -> str:
    """A URI and names below it as one URI.

    >>> join("file:///data/", "runs", "self_training")
    'file:///data/runs/self_training'
    """
    return "/".join([base.rstrip("/"), *(part.strip("/") for part in parts)])


def below(folder: Path, name: str) -> Path:
    """The local path of the file or folder `name` inside `folder`, for names from outside: manifests, pointers,
    archives. Raises InputError for a name that leads anywhere else: an absolute one, one with `..`, one through a
    symbolic link.

    >>> below(Path("/data"), "../etc/passwd")
    Traceback (most recent call last):
    kindred.runtime.errors.InputError: the name '../etc/passwd' is not one of a file inside a folder; nothing is written
    """
    text = name if isinstance(name, str) else ""
    parts = text.split("/")
    bad = not text.isprintable() or "\\" in text  # a text with half a code point is not printable
    if bad or any(part in ("", ".", "..") or len(os.fsencode(part)) > MAX_NAME_BYTES for part in parts):
        raise InputError(f"the name {name!r:.200} is not one of a file inside a folder; nothing is written")
    target = folder.joinpath(*parts)
    if len(os.fsencode(target.absolute())) > MAX_PATH_BYTES:
        raise InputError(f"the name {name!r:.200} is too long for a file in {folder}; nothing is written")
    if not target.resolve().is_relative_to(folder.resolve()):
        raise InputError(f"the name {name!r:.200} leads out of {folder} by a symbolic link; nothing is written")
    return target


def filesystem(path: str) -> tuple[fsspec.AbstractFileSystem, str]:
    """fsspec's file system for a URI, and the path inside it; `s3a:` is Spark's name for what fsspec calls `s3:`.

    Raises InputError for a scheme that nothing here can read. (fsspec's own way from a URI to a file system takes the
    name `a::b.png` for a chain of two.)
    """
    match = re.match(r"([A-Za-z][A-Za-z0-9+.-]*)://", path)
    scheme, options = (match[1] if match else "file"), {}
    if s3.is_s3(path):
        scheme, options = "s3", s3.file_system_options()
    try:
        kind = fsspec.get_filesystem_class(scheme)
    except (ValueError, ImportError):
        raise InputError(f"cannot read {path}: it is neither a local path nor s3://bucket/prefix") from None
    inside = kind._strip_protocol(re.sub(r"^s3[an]:", "s3:", path))
    return fsspec.filesystem(scheme, **{**kind._get_kwargs_from_urls(path), **options}), inside


def find_bytes(path: str) -> bytes | None:
    """The content of a small file, or None where there is none."""
    fs, inside = filesystem(path)
    try:
        return fs.cat_file(inside)
    except FileNotFoundError:
        return None


def read_bytes(path: str) -> bytes:
    """The content of a small file. Raises InputError where there is none."""
    content = find_bytes(path)
    if content is None:
        raise InputError(f"no such file: {local(path)}")
    return content


class UnreadableError(InputError):
    """A small JSON file that is there, but is empty, cut, or holds something else: `fault` says which file and why, the
    whole text also what to do.
    """

    def __init__(self, fault: str, advice: str) -> None:
        super().__init__(f"{fault}; {advice}" if advice else fault)
        self.fault = fault


def unreadable(path: str, reason: str, advice: str = "") -> UnreadableError:
    """The error for a file that cannot be read; it ends in what to do."""
    return UnreadableError(f"{local(path)} cannot be read, {reason}", advice)


def find_json(path: str, advice: str = "") -> dict[str, Any] | None:
    """The content of a small JSON file, or None where there is none. Raises UnreadableError, which ends in `advice`,
    for one that holds no JSON object.
    """
    content = find_bytes(path)
    return None if content is None else parse_json(content, path, advice)


def read_json(path: str, advice: str = "") -> dict[str, Any]:
    """The content of a small JSON file. Raises InputError where there is none, or one that holds no JSON object."""
    return parse_json(read_bytes(path), path, advice)


def parse_json(content: bytes, path: str, advice: str = "") -> dict[str, Any]:
    """The JSON object in the content of the file `path`. Raises UnreadableError where there is none."""
    if not content.strip():
        raise unreadable(path, "it is empty", advice)
    try:
        value = json.loads(content)
    except (ValueError, RecursionError):
        raise unreadable(path, "it is cut or no JSON", advice) from None
    if not isinstance(value, dict):
        raise unreadable(path, "it holds no JSON object", advice)
    return value


@contextlib.contextmanager
def atomic_file(path: str) -> Iterator[IO[bytes]]:
    """A file to write that is there, whole, when the block ends, and not at all where the block fails."""
    if not path.startswith("file://"):
        fs, inside = filesystem(path)
        with fs.transaction, fs.open(inside, "wb") as file:
            yield file
        return
    target = Path(local(path))
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def put_bytes(path: str, content: bytes) -> None:
    """Write a small file in one atomic put: it is there whole, or not at all."""
    if path.startswith("file://"):
        with atomic_file(path) as file:
            file.write(content)
    else:
        fs, inside = filesystem(path)
        fs.pipe_file(inside, content)


def put_json(path: str, value: dict[str, Any]) -> None:
    """Write a small JSON file in one atomic put."""
    put_bytes(path, json_bytes(value))


def find_versioned(path: str) -> tuple[bytes | None, str | None]:
    """The content of a small file, or None where there is none, and on S3 its version."""
    return (s3_objects.find(path) or (None, None)) if s3.is_s3(path) else (find_bytes(path), None)


def put_unless_changed(path: str, content: bytes, version: str | None) -> bool:
    """Write a small file if it still is as `find_versioned` found it; whether it was. Only S3 can tell: elsewhere a
    lock has to ensure it.
    """
    if s3.is_s3(path):
        return s3_objects.put_unless_changed(path, content, version)
    put_bytes(path, content)
    return True


def put_once(path: str, content: bytes) -> bool:
    """Write a small file unless it is there, in one atomic put; whether it was not.

    >>> put_once("memory://notes/once", b"1"), put_once("memory://notes/once", b"2"), read_bytes("memory://notes/once")
    (True, False, b'1')
    """
    if s3.is_s3(path):
        return s3_objects.put_unless_changed(path, content, None)
    if not path.startswith("file://"):
        fs, inside = filesystem(path)
        is_new = not fs.exists(inside)
        if is_new:
            fs.pipe_file(inside, content)
        return is_new
    target = Path(local(path))
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    put_bytes(uri(str(temporary)), content)
    try:
        os.link(temporary, target)  # fails where the file is there, as no rename does
    except FileExistsError:
        return False
    finally:
        temporary.unlink(missing_ok=True)
    return True


def json_bytes(value: dict[str, Any]) -> bytes:
    """JSON as it is stored, with sorted keys."""
    return json.dumps(value, indent=1, sort_keys=True).encode()


def check_space(folder: Path, size: int) -> None:
    """Raise OSError, as a full disk does, where the disk of a folder has no room for `size` bytes."""
    if shutil.disk_usage(folder).free < size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(folder))


def delete(folder: str) -> None:
    """Delete a file, or a folder and all that is in it; nothing happens where there is none. What a symbolic link leads
    to stays: a link in the folder goes, one in its place raises OSError.
    """
    if s3.is_s3(folder):
        s3_objects.delete(folder)
        return
    fs, inside = filesystem(folder)
    with contextlib.suppress(FileNotFoundError):
        fs.rm(inside, recursive=True)


def delete_empty(folder: str) -> None:
    """Delete a local folder, and those in it, as far as no file is in them; object stores have no folders."""
    if folder.startswith("file://"):
        for place, _, _ in os.walk(local(folder), topdown=False):
            with contextlib.suppress(OSError):  # something is in it
                os.rmdir(place)


def fingerprint(*values: Any) -> str:
    """Twelve hex digits that change with any of the values, which JSON can hold; the order of keys does not matter.

    >>> fingerprint({"limit": 10, "leaks": "drop"}) == fingerprint({"leaks": "drop", "limit": 10})
    True
    >>> fingerprint("a", 1)
    '2657442bb4a4'
    """
    text = json.dumps(values, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def file_fingerprint(path: str | Path) -> str:
    """Twelve hex digits that change with the content of a local file."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:12]
