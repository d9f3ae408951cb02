"""The files that a dataset is made of: on a disk or in a bucket, each with a version that changes when it does."""

import os
import stat
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from kindred.data import folder_walk, system_files
from kindred.runtime import s3, s3_objects, storage
from kindred.runtime.errors import InputError
from kindred.runtime.log_lines import one_line

MOST_NAMED = 5  # files, folders or classes in a line
JUNK = "junk.csv"  # a table directly in a folder, see `junk_csv`: no image


class Source(NamedTuple):
    """A file: its URI, its size in bytes, and what changes when its content does (mtime or ETag)."""

    uri: str
    size: int
    version: str


class Refused(Source):
    """What is listed but no file that can be read, such as a broken link or a socket: `version` says why."""


class Listing(NamedTuple):
    """What lies below `root`, a URI: `files` by their URIs, the names of what was left out as hidden or a system's, and
    of folders with nothing else in them, both relative to `root`; and whether JUNK, which is none of the files, is in
    it.
    """

    root: str
    files: list[Source]
    left_out: list[str]
    empty: list[str]
    has_junk: bool = False

    def notes(self) -> list[str]:
        """What was left out, refused or found empty, in lines for the console."""
        refused = [file for file in self.files if isinstance(file, Refused)]
        notes = [system_files.summary(self.left_out)] if self.left_out else []
        if refused:
            named = [f"{name} ({file.version})" for name, file in zip(names(self.root, refused), refused, strict=True)]
            notes.append(f"cannot be read, and rejected: {len(refused):,}: {first(named)}")
        if self.empty:
            notes.append(f"folders without an image: {first(self.empty)}")
        if self.has_junk:
            notes.append(f"{JUNK} is no image: runs of image_matching alone read it")
        return notes

    def but(self) -> str:
        """What there is in a folder without images, to follow an error."""
        return f" ({system_files.summary(self.left_out)})" if self.left_out else ""


def names(root: str, files: Sequence[Source]) -> list[str]:
    """The names of files relative to the folder `root`, a URI."""
    return [file.uri[len(root) + 1 :] for file in files]


def first(items: Sequence[str]) -> str:
    """The first few of a list, for a line.

    >>> first(["a", "b", "c", "d", "e", "f"])
    'a, b, c, d, e, ...'
    """
    return one_line(", ".join([*items[:MOST_NAMED], *(["..."] if len(items) > MOST_NAMED else [])]))


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
    """The URI of a file or folder that a person named. Raises InputError where it does not exist, or cannot be seen.

    >>> existing_uri("/no/such/folder")
    Traceback (most recent call last):
    kindred.runtime.errors.InputError: no such file or folder: /no/such/folder
    """
    uri = storage.uri(path)
    fs, inside = storage.filesystem(uri)
    if uri.startswith("file://"):
        _status(inside)
    elif not fs.exists(inside):
        raise InputError(f"no such file or folder: {uri}")
    return uri


def list_files(path: str) -> Listing:
    """A folder, a bucket's prefix, or one file, and all files below it but JUNK; an object's ETag is its version. On a
    disk, links are followed wherever they lead.

    Raises InputError where there is none, or a folder cannot be listed.
    """
    listing = _list_all(path)
    junk = f"{listing.root}/{JUNK}"
    images = [file for file in listing.files if file.uri != junk or isinstance(file, Refused)]
    return listing._replace(files=images, has_junk=len(images) < len(listing.files))


def _list_all(path: str) -> Listing:
    if s3.is_s3(path):
        bucket, prefix = s3.split(path.rstrip("/"))
        root = f"s3://{bucket}/{prefix}".rstrip("/")
        objects = s3_objects.list_objects(root)
        return _without_system_files(root, [Source(f"s3://{bucket}/{key}", size, etag) for key, size, etag in objects])
    uri = existing_uri(path)
    fs, inside = storage.filesystem(uri)
    if uri.startswith("file://"):
        return _list_local(f"file://{inside.rstrip('/')}", inside)
    root = fs.unstrip_protocol(inside).rstrip("/")
    infos = fs.find(inside, detail=True).values()
    return _without_system_files(root, [source_of(fs, info) for info in infos if info["type"] == "file"])


def images_to_label(path: str, say: Callable[[str], None]) -> list[Source]:
    """The files of a folder whose images have no label yet, sorted; among them those that cannot be read. Raises
    InputError where there is none.
    """
    listing = list_files(path)
    shown = one_line(storage.local(listing.root))
    if not listing.files:
        raise InputError(f"no file in {shown}{listing.but()}")
    if all(isinstance(file, Refused) for file in listing.files):
        raise InputError(f"no file in {shown} can be read; the first: {listing.files[0].version}")
    for note in listing.notes():
        say(note)
    return sorted(listing.files)


def _list_local(root: str, path: str) -> Listing:
    folder_walk.check_name(path)
    status = _status(path)
    if stat.S_ISREG(status.st_mode):
        return Listing(root, [Source(root, status.st_size, str(status.st_mtime))], [], [])
    if not stat.S_ISDIR(status.st_mode):
        raise InputError(f"neither a file nor a folder: {one_line(path)}")
    walked = folder_walk.walk(path, system_files.is_left_out)
    files = [
        Refused(f"{root}/{file.name}", 0, file.refused)
        if file.refused
        else Source(f"{root}/{file.name}", file.size, str(file.changed))
        for file in walked.files
    ]
    return Listing(root, files, walked.skipped, walked.empty)


def _without_system_files(root: str, files: list[Source]) -> Listing:
    outermost = {file: system_files.outermost(file.uri[len(root) + 1 :]) for file in files}
    left_out = sorted({name for name in outermost.values() if name is not None})
    return Listing(root, [file for file in files if outermost[file] is None], left_out, [])


def _status(path: str) -> os.stat_result:
    """What the system knows of a local path. Raises InputError where there is nothing, or it may not be seen."""
    shown = one_line(folder_walk.printable(path))
    try:
        return os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"no such file or folder: {shown}") from None
    except (OSError, ValueError) as error:
        reason = folder_walk.explain(error) if isinstance(error, OSError) else error
        raise InputError(f"cannot read {shown}: {reason}") from None
