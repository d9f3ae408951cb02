"""A run's model, report and index to a bucket, and from there to wherever they are to be served.

What is published is a run's folder of its own: the marks name the files beside them, so `search.open_index` reads it
where it lies. `published.json` comes last and lists every file with its size and SHA-256; a folder without it is not
whole. A transfer that was killed goes on where it was: objects, parts of an object and beginnings of a file that are
there already are not sent again.
"""

import base64
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from kindred.runtime import file_names, marks, runs, s3, s3_objects, storage
from kindred.runtime.errors import InputError
from kindred.runtime.stages import SELF_TRAINING
from kindred.serving import bundle

# Of each stage the files that serving needs; a folder's name stands for all in it.
FILES = {
    "ingest": [],
    "featurize": [file_names.EXTRACTOR],
    "gate": [file_names.NETWORK, file_names.DESCRIPTION, file_names.MODEL, file_names.EXAMPLE],
    "build_index": [*bundle.PARTS, file_names.NETWORK, file_names.DESCRIPTION, file_names.EXTRACTOR, "index"],
    "report": [""],
}
OF_THE_RUN = (file_names.RUN, file_names.METRICS, file_names.SUMMARY, file_names.REPORT)
PART = 16 * 2**20  # bytes
MOST_PARTS = 10_000  # of one object: S3's limit
AT_ONCE = 4  # files
SAY_SECONDS = 5.0


class File(NamedTuple):
    """A file to transfer: its URI, its size in bytes, its path in the published folder."""

    uri: str
    size: int
    path: str


class Progress:
    """Counts bytes, and says every few seconds how far it is."""

    def __init__(self, total: int, say: Callable[[str], None]) -> None:
        self.total, self.say, self.done, self.said = total, say, 0, time.monotonic()
        self._lock = threading.Lock()

    def add(self, count: int) -> None:
        with self._lock:
            self.done += count
            if time.monotonic() - self.said > SAY_SECONDS:
                self.said = time.monotonic()
                self.say(f"... {self.done / 1e6:,.1f} of {self.total / 1e6:,.1f} MB")


def publish(run: str, to: str, say: Callable[[str], None]) -> str:
    """Copy what serving needs of the finished run with this URI below the prefix `to` of a bucket; where it lies then.

    Raises InputError for a run that has not finished, and for a bucket that cannot be written.
    """
    if not s3.is_s3(to):
        raise InputError(f"TO must be a bucket, s3://bucket/prefix, not {to!r}")
    s3_objects.check(to)
    target = storage.join(s3a(to), *run.split("/")[-2:])
    finished = {stage: _finished(run, stage) for stage in FILES}
    files = [file for stage, mark in finished.items() for file in _files(stage, mark)]
    progress = Progress(sum(file.size for file in files), say)
    say(f"{len(files)} files, {progress.total / 1e6:,.1f} MB, to {target}")
    with s3.as_input_errors(target), ThreadPoolExecutor(AT_ONCE) as pool:
        sums = list(pool.map(lambda file: _upload(file, storage.join(target, file.path), progress), files))
    small = {
        name: content for name in OF_THE_RUN if (content := storage.find_bytes(storage.join(run, name))) is not None
    }
    for stage, mark in finished.items():
        small[f"{stage}/{file_names.MARK}"] = json.dumps(moved(mark, stage, target), indent=1, sort_keys=True).encode()
    for name, content in small.items():
        storage.put_bytes(storage.join(target, name), content)
    listed = {file.path: [file.size, digest] for file, digest in zip(files, sums, strict=True)}
    listed |= {name: [len(content), hashlib.sha256(content).hexdigest()] for name, content in small.items()}
    storage.put_json(storage.join(target, file_names.PUBLISHED), {"files": listed, "run": run})
    return target


def fetch(name: str, source: str, say: Callable[[str], None]) -> str:
    """Copy a published run (its name, or DAG/name) from below the prefix `source` of a bucket into KINDRED_DATA; the
    URI of its folder.

    Raises InputError where it is not there, not whole, or not what was published.
    """
    if not s3.is_s3(source):
        raise InputError(f"FROM must be a bucket, s3://bucket/prefix, not {source!r}")
    dag_id, _, run = name.rpartition("/") if "/" in name else (SELF_TRAINING, "", name)
    folder = storage.join(s3a(source), dag_id, runs.slug(run))
    target = runs.run_folder(dag_id, run)
    if not target.startswith("file://"):
        raise InputError(f"KINDRED_DATA is {runs.data_root()}; to fetch into, it must be a local folder")
    found = s3_objects.find(storage.join(folder, file_names.PUBLISHED))
    if found is None:
        raise InputError(f"no whole run in {folder}; `make publish` puts one there")
    listed = json.loads(found[0])["files"]
    progress = Progress(sum(size for size, _ in listed.values()), say)
    say(f"{len(listed)} files, {progress.total / 1e6:,.1f} MB, from {folder}")
    place = Path(storage.local(target))

    def one(path: str) -> None:
        _download(storage.join(folder, path), place / path, *listed[path], progress)

    last = [f"{stage}/{file_names.MARK}" for stage in FILES] + [file_names.RUN]  # what makes a run of a folder
    with s3.as_input_errors(folder), ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(one, [path for path in listed if path not in last]))
    for path in last:
        content = s3_objects.find(storage.join(folder, path))
        if content is None or hashlib.sha256(content[0]).hexdigest() != listed[path][1]:
            raise _changed(storage.join(folder, path))
        if path.endswith(file_names.MARK):
            storage.put_json(storage.join(target, path), moved(json.loads(content[0]), path.split("/")[0], target))
        else:
            storage.put_bytes(storage.join(target, path), content[0])
    return target


def s3a(uri: str) -> str:
    """An S3 URI under the name by which Spark knows it."""
    return f"s3a://{'/'.join(s3.split(uri))}".rstrip("/")


def moved(mark: dict, stage: str, target: str) -> dict:
    """A stage's mark for its attempt's copy in the run `target`; what was not copied keeps its address."""
    old, new = mark["folder"], storage.join(target, stage, mark["attempt"])

    def change(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: change(below) for name, below in value.items()}
        if isinstance(value, list):
            return [change(below) for below in value]
        if isinstance(value, str) and (value == old or value.startswith(f"{old}/")):
            copied = any(value[len(old) + 1 :].startswith(name) for name in FILES[stage])
            return new + value[len(old) :] if copied else value
        return value

    return {**change(mark), "folder": new}


def _finished(run: str, stage: str) -> dict:
    mark = marks.mark_of(storage.join(run, stage))
    if mark is None:
        raise InputError(f"{storage.local(run)} has not finished its stage {stage!r}; run it to the end first")
    return mark


def _files(stage: str, mark: dict) -> Iterator[File]:
    """The files of a stage that serving needs; what is not there (an extractor without a graph) is not needed."""
    fs, folder = storage.filesystem(mark["folder"])
    for name in FILES[stage]:
        for path, info in sorted(fs.find(f"{folder}/{name}".rstrip("/"), detail=True).items()):
            below = path[len(folder) :].strip("/")
            uri = storage.join(mark["folder"], below)
            yield File(uri, int(info["size"]), f"{stage}/{mark['attempt']}/{below}")


def _upload(file: File, target: str, progress: Progress) -> str:
    """Put a file unless it is there; its SHA-256. The store checks each part by its MD5 as it comes in."""
    digest, parts = _sums(file)
    bucket, key = s3.split(target)
    store = s3.client()
    if _there(bucket, key, file.size, digest):
        progress.add(file.size)
    elif len(parts) == 1:
        content = next(_pieces(file))
        check = base64.b64encode(parts[0]).decode()
        store.put_object(Bucket=bucket, Key=key, Body=content, ContentMD5=check, Metadata={"sha256": digest})
        progress.add(file.size)
    else:
        _upload_parts(file, bucket, key, digest, parts, progress)
    return digest


def _upload_parts(file: File, bucket: str, key: str, digest: str, parts: list[bytes], progress: Progress) -> None:
    """Put a big file in parts, but for those that an earlier try has put."""
    store = s3.client()
    upload, known = _begun(bucket, key)
    if upload is None:
        begun = store.create_multipart_upload(Bucket=bucket, Key=key, Metadata={"sha256": digest})
        upload = begun["UploadId"]
    done = []
    for number, (content, part) in enumerate(zip(_pieces(file), parts, strict=True), start=1):
        etag = known.get(number, "")
        if etag.strip('"') != part.hex():
            check = base64.b64encode(part).decode()
            which = {"Bucket": bucket, "Key": key, "UploadId": upload, "PartNumber": number}
            etag = store.upload_part(**which, Body=content, ContentMD5=check)["ETag"]
        done.append({"PartNumber": number, "ETag": etag})
        progress.add(len(content))
    given = {"Bucket": bucket, "Key": key, "UploadId": upload}
    store.complete_multipart_upload(**given, MultipartUpload={"Parts": done})


def _begun(bucket: str, key: str) -> tuple[str | None, dict[int, str]]:
    """The newest upload of an object that was begun and not ended, and the ETags of its parts by number."""
    store = s3.client()
    pages = store.get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=key)
    begun = [found for page in pages for found in page.get("Uploads", []) if found["Key"] == key]
    if not begun:
        return None, {}
    upload = max(begun, key=lambda found: found["Initiated"])["UploadId"]
    pages = store.get_paginator("list_parts").paginate(Bucket=bucket, Key=key, UploadId=upload)
    return upload, {part["PartNumber"]: part["ETag"] for page in pages for part in page.get("Parts", [])}


def _there(bucket: str, key: str, size: int, digest: str) -> bool:
    from botocore.exceptions import ClientError

    try:
        head = s3.client().head_object(Bucket=bucket, Key=key)
    except ClientError as error:
        if s3.code_of(error) in s3.MISSING:
            return False
        raise
    return head["ContentLength"] == size and head["Metadata"].get("sha256") == digest


def _pieces(file: File) -> Iterator[bytes]:
    """The content of a file, in as many pieces as it has parts."""
    size = max(PART, -(-file.size // MOST_PARTS))
    fs, inside = storage.filesystem(file.uri)
    with fs.open(inside, "rb") as opened:
        for _ in range(max(1, -(-file.size // size))):
            yield opened.read(size)


def _sums(file: File) -> tuple[str, list[bytes]]:
    """The SHA-256 of a file, and the MD5 of each of its parts."""
    whole, parts = hashlib.sha256(), []
    for piece in _pieces(file):
        whole.update(piece)
        parts.append(hashlib.md5(piece, usedforsecurity=False).digest())
    return whole.hexdigest(), parts


def _download(uri: str, target: Path, size: int, digest: str, progress: Progress) -> None:
    """Get an object unless it is here, from where an earlier try broke off. Raises InputError where it is not what was
    published.
    """
    if target.exists() and target.stat().st_size == size and _sha256(target) == digest:
        progress.add(size)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    with part.open("ab") as file:
        progress.add(file.tell())
        for piece in _rest(uri, file.tell(), size):
            file.write(piece)
            progress.add(len(piece))
    if part.stat().st_size != size or _sha256(part) != digest:
        part.unlink()
        raise _changed(uri)
    part.replace(target)


def _rest(uri: str, start: int, size: int) -> Iterator[bytes]:
    """An object from byte `start` on, range by range."""
    for begin in range(start, size, PART):
        found = s3_objects.find(uri, byte_range=(begin, min(begin + PART, size) - 1))
        if found is None:
            raise _changed(uri)
        yield found[0]


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _changed(uri: str) -> InputError:
    return InputError(f"{uri} is not what was published: its checksum differs; publish the run again")
