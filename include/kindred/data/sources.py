"""The files that a dataset is made of: on a disk or in a bucket, each with a version that changes when it does."""

from typing import Any, NamedTuple

from kindred.runtime import s3, s3_objects, storage
from kindred.runtime.errors import InputError


class Source(NamedTuple):
    """A file: its URI, its size in bytes, and what changes when its content does (mtime or ETag)."""

    uri: str
    size: int
    version: str


def file_source(uri: str) -> Source:
    """The file at a URI. Raises InputError where it does not exist."""
    fs, inside = storage.filesystem(uri)
    try:
        info = fs.info(inside)
    except FileNotFoundError:
        raise InputError(f"no such file: {storage.local(uri)}") from None
    return source_of(fs, info)


def source_of(fs: Any, info: dict[str, Any]) -> Source:
    """The file that one of fsspec's file systems describes by `info`."""
    version = info.get("mtime") or info.get("ETag") or info.get("LastModified") or ""
    return Source(fs.unstrip_protocol(info["name"]), int(info["size"]), str(version))


def existing_uri(path: str) -> str:
    """The URI of a file or folder that a person named. Raises InputError where it does not exist.

    >>> existing_uri("/no/such/folder")
    Traceback (most recent call last):
    kindred.runtime.errors.InputError: no such file or folder: /no/such/folder
    """
    uri = storage.uri(path)
    fs, inside = storage.filesystem(uri)
    if not fs.exists(inside):
        raise InputError(f"no such file or folder: {storage.local(uri)}")
    return uri


def list_files(path: str) -> tuple[str, list[Source]]:
    """The URI of a folder, of a file or of a bucket's prefix, and all files below it; an object's ETag is its version.
    Raises InputError where there is none.
    """
    if s3.is_s3(path):
        bucket, prefix = s3.split(path.rstrip("/"))
        root = f"s3://{bucket}/{prefix}".rstrip("/")
        return root, [Source(f"s3://{bucket}/{key}", size, etag) for key, size, etag in s3_objects.list_objects(root)]
    root = existing_uri(path)
    fs, inside = storage.filesystem(root)
    files = [source_of(fs, info) for info in fs.find(inside, detail=True).values() if info["type"] == "file"]
    return fs.unstrip_protocol(inside).rstrip("/"), files
