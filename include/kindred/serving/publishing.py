"""A run's model, report and index to a bucket, and from there to wherever they are to be served.

What is published is a run's folder of its own: the marks name the files beside them, so `image_index.open_index` reads
it where it lies. `published.json` comes last and lists every file with its size and SHA-256; a folder without it is not
whole. A transfer that was killed resumes where it was.
"""

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from kindred.runtime import checked_copy, file_names, marks, runs, s3, s3_objects, s3_transfer, storage, unfinished
from kindred.runtime.checked_copy import Checksum
from kindred.runtime.errors import InputError
from kindred.runtime.run_reader import RunReader
from kindred.runtime.stages import BUILD_INDEX, SELF_TRAINING
from kindred.serving import bundle, manifest
from kindred.serving.manifest import COMMITTING, FILES, OF_THE_RUN

CONCURRENT_FILES = 4
MAX_MANIFEST_BYTES = 64 * 2**20  # a run of 300,000 files needs as much
PROGRESS_SECONDS = 5.0  # between two lines


class File(NamedTuple):
    """A file to transfer: its URI, its size in bytes, its path in the published folder."""

    uri: str
    size: int
    path: str


class ByteCount:
    """Counts bytes, of `total`, and reports every few seconds how many there are."""

    def __init__(self, total: int, say: Callable[[str], None]) -> None:
        self.total, self.say, self.done, self._reported = total, say, 0, time.monotonic()
        self._lock = threading.Lock()

    def add(self, count: int) -> None:
        """Count so many more."""
        with self._lock:
            self.done += count
            if time.monotonic() - self._reported > PROGRESS_SECONDS:
                self._reported = time.monotonic()
                self.say(f"... {self.done / 1e6:,.1f} of {self.total / 1e6:,.1f} MB")


def publish(run: str, to: str, say: Callable[[str], None]) -> str:
    """Copy what serving needs of the finished run with this URI below the prefix `to` of a bucket; where it lies then.

    Raises InputError for a run that has not finished, and for a bucket that cannot be written.
    """
    if not s3.is_s3(to):
        raise InputError(f"TO must be a bucket, s3://bucket/prefix, not {to!r}")
    s3_objects.check(to)
    target = storage.join(s3a(to), *run.split("/")[-2:])
    finished = {stage: _mark(run, stage) for stage in FILES}
    files = [file for stage, mark in finished.items() for file in _files(stage, mark)]
    counted = ByteCount(sum(file.size for file in files), say)
    say(f"{len(files)} files, {counted.total / 1e6:,.1f} MB, to {target}")

    written = _written(run, finished)

    def one(file: File) -> Checksum:
        to, expected = storage.join(target, file.path), written.get(file.path)
        return s3_transfer.upload(file.uri, file.size, to, counted.add, expected)

    with s3.as_input_errors(target), ThreadPoolExecutor(CONCURRENT_FILES) as pool:
        listed = dict(zip((file.path for file in files), pool.map(one, files), strict=True))
    for name, content in _small_files(run, finished, target).items():
        storage.put_bytes(storage.join(target, name), content)
        listed[name] = _sha256(content)
    storage.put_json(storage.join(target, file_names.PUBLISHED), {"files": listed, "run": run})
    return target


def fetch(name: str, source: str, say: Callable[[str], None]) -> str:
    """Copy a published run (its name, or DAG/name) from below the prefix `source` of a bucket into KINDRED_DATA; the
    URI of its folder.

    Raises InputError where it is not there, not whole, or not what was published, and for a name that leads out of the
    run's folder. Nothing is written before all names are checked.
    """
    if not s3.is_s3(source):
        raise InputError(f"FROM must be a bucket, s3://bucket/prefix, not {source!r}")
    dag_id, _, run = name.rpartition("/") if "/" in name else (SELF_TRAINING, "", name)
    folder = storage.join(s3a(source), dag_id, runs.slug(run))
    target = runs.run_folder(dag_id, run)
    if not target.startswith("file://"):
        raise InputError(f"KINDRED_DATA is {storage.data_root()}; to fetch into, it must be a local folder")
    published = _small_object(storage.join(folder, file_names.PUBLISHED))
    if published is None:
        raise InputError(f"no published run in {folder}; `make publish` puts one there")
    place = Path(storage.local(target))
    listed = manifest.files(published, storage.join(folder, file_names.PUBLISHED), place)
    if missing := [path for path in COMMITTING if path not in listed]:
        raise InputError(f"{folder} lists no {missing[0]}; {manifest.ADVICE}")
    committing = {path: _committing(folder, path, listed[path], target) for path in COMMITTING}
    counted = ByteCount(sum(checksum.size for checksum in listed.values()), say)
    say(f"{len(listed)} files, {counted.total / 1e6:,.1f} MB, from {folder}")

    def one(path: str) -> None:
        to = storage.below(place, path)
        s3_transfer.download(storage.join(folder, path), to, listed[path], counted.add, manifest.ADVICE)

    with s3.as_input_errors(folder), ThreadPoolExecutor(CONCURRENT_FILES) as pool:
        list(pool.map(one, [path for path in listed if path not in COMMITTING]))
    for path, content in committing.items():
        storage.put_bytes(storage.join(target, path), content)
    return target


def s3a(uri: str) -> str:
    """An S3 URI under the name by which Spark knows it.

    >>> s3a("s3://bucket/served/")
    's3a://bucket/served'
    """
    return f"s3a://{'/'.join(s3.split(uri))}".rstrip("/")


def moved_mark(mark: dict[str, Any], stage: str, target: str) -> dict[str, Any]:
    """A stage's mark for its attempt's copy in the run `target`; what was not copied keeps its address."""
    old, new = mark["folder"], storage.join(target, stage, mark["attempt"])

    def moved(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: moved(below) for name, below in value.items()}
        if isinstance(value, list):
            return [moved(below) for below in value]
        if isinstance(value, str) and (value == old or value.startswith(f"{old}/")):
            return new + value[len(old) :] if _is_copied(value[len(old) + 1 :], stage) else value
        return value

    copied = {path: size for path, size in mark.get("files", {}).get(old, {}).items() if _is_copied(path, stage)}
    listed = {"files": {new: copied} if copied else {}} if "files" in mark else {}
    return {**moved(mark), **listed, "folder": new}


def _is_copied(path: str, stage: str) -> bool:
    """Whether a file of a stage's attempt, by its path there, is published."""
    return any(path.startswith(name) for name in FILES[stage])


def _mark(run: str, stage: str) -> dict[str, Any]:
    mark = marks.mark_of(storage.join(run, stage))
    if mark is None:
        raise unfinished.error(run, stage)
    return mark


def _written(run: str, finished: dict[str, dict[str, Any]]) -> dict[str, Checksum]:
    """The checksums of a run's files as they were written, by their paths in the published folder, where known."""
    reader = RunReader(run, "publish")
    by_stage = {stage: reader.checksums_of(stage) for stage in finished} | {BUILD_INDEX: bundle.checksums_of(run)}
    return {
        f"{stage}/{finished[stage]['attempt']}/{name}": checksum
        for stage, files in by_stage.items()
        for name, checksum in files.items()
    }


def _files(stage: str, mark: dict[str, Any]) -> Iterator[File]:
    """The files of a stage that serving needs; what is not there (an extractor without a graph) is not needed."""
    fs, folder = storage.filesystem(mark["folder"])
    for name in FILES[stage]:
        for path, info in sorted(fs.find(f"{folder}/{name}".rstrip("/"), detail=True).items()):
            below = path[len(folder) :].strip("/")
            uri = storage.join(mark["folder"], below)
            yield File(uri, int(info["size"]), f"{stage}/{mark['attempt']}/{below}")


def _small_files(run: str, finished: dict[str, dict[str, Any]], target: str) -> dict[str, bytes]:
    """The content of the run's own files and of the stages' marks, as they are to lie in `target`, by path."""
    contents = {name: storage.find_bytes(storage.join(run, name)) for name in OF_THE_RUN}
    small = {name: content for name, content in contents.items() if content is not None}
    for stage, mark in finished.items():
        moved = moved_mark(mark, stage, target)
        small[f"{stage}/{file_names.MARK}"] = marks.content_of(moved, storage.join(target, stage))
    return small


def _committing(folder: str, path: str, expected: Checksum, target: str) -> bytes:
    """The content of a published mark, moved to `target`, or of the run's file."""
    where = storage.join(folder, path)
    published = _small_object(where)
    if published is None or _sha256(published) != expected:
        raise checked_copy.changed(where, manifest.ADVICE)
    if not path.endswith(file_names.MARK):
        return published
    stage = path.split("/")[0]
    moved = moved_mark(manifest.mark(published, where, stage), stage, target)
    return marks.content_of(moved, storage.join(target, stage))


def _small_object(uri: str) -> bytes | None:
    """A manifest, or a mark, or None where there is none. Raises InputError for one that is too big to be that."""
    try:
        answer = s3_objects.find(uri, MAX_MANIFEST_BYTES)
    except s3_objects.TooBig:
        raise InputError(f"{uri} has over {MAX_MANIFEST_BYTES // 2**20} MiB; {manifest.ADVICE}") from None
    return answer and answer[0]


def _sha256(content: bytes) -> Checksum:
    return Checksum(len(content), hashlib.sha256(content).hexdigest())
