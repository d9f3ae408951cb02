"""Where things lie: run, dataset and cache folders, small files, and the mark that commits a stage's work.

A stage has a folder. Each attempt writes into a fresh folder inside it, and the stage ends by putting `_DONE.json`,
which names the attempt, in one atomic put. Readers go by that file alone, so whatever is killed, they see the old
work or the new, never half of it. No rename is needed, so the same holds on an object store, where a put under a
condition (If-Match, If-None-Match) does what a lock does on a disk.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import re
import secrets
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import fsspec

from kindred import s3
from kindred.errors import InputError

MARK = "_DONE.json"
ORPHAN_SECONDS = 24 * 3600  # an attempt without a mark may be at work for this long before a later one sweeps it away


def uri(path: str) -> str:
    """`path` as a URI: what has no scheme is a local path, made absolute."""
    return path if "://" in path else f"file://{Path(path).expanduser().absolute()}"


def local(path: str) -> str:
    """A local URI as a plain path, for people and for libraries that want one; any other URI as it is."""
    return path.removeprefix("file://")


def join(base: str, *parts: str) -> str:
    return "/".join([base.rstrip("/"), *(part.strip("/") for part in parts)])


def data_root() -> str:
    return uri(os.environ.get("KINDRED_DATA", "data"))


def cache_folder(*parts: str) -> Path:
    """A folder for downloads, unpacked archives and exported graphs; always local, made if it is not there."""
    root = os.environ.get("KINDRED_CACHE") or local(join(data_root(), "cache"))
    if "://" in root:
        raise InputError(f"the cache must be a local folder, not {root}; set KINDRED_CACHE")
    folder = Path(root).joinpath(*parts)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def slug(name: str) -> str:
    """A run's name as a folder's: Airflow's run ids hold ':' and '+', which Spark's path globs refuse."""
    text = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")
    if not text or text.startswith("_"):
        raise InputError(f"a run cannot be named {name!r}; use letters, digits, '.', '_' and '-'")
    return text[:120]


def run_folder(dag_id: str, run: str) -> str:
    return join(data_root(), "runs", dag_id, slug(run))


def find_run(name: str, dag_id: str) -> str:
    """The folder of a run that a person named: its URI or path, DAG/name, or a name among the runs of `dag_id`."""
    if "://" in name or name.startswith(("/", "./", "../", "~")):
        folder = uri(name.rstrip("/"))
    else:
        dag_id, _, name = name.rpartition("/") if "/" in name else (dag_id, "", name)
        folder = run_folder(dag_id, name)
    if read_json(join(folder, "run.json")) is None:
        known = known_runs(dag_id)
        hint = f"known: {', '.join(known[-9:])}" if known else "there is none yet: `make run` makes one"
        raise InputError(f"no run {name!r} in {local(folder)}; {hint}")
    return folder


def known_runs(dag_id: str) -> list[str]:
    """The names of a DAG's runs, sorted."""
    fs, inside = filesystem(join(data_root(), "runs", dag_id))
    return sorted(Path(path).name for path in fs.ls(inside, detail=False)) if fs.isdir(inside) else []


def dataset_folder(name: str, fingerprint: str) -> str:
    return join(data_root(), "datasets", f"{name}-{fingerprint}")


def fingerprint(*things: Any) -> str:
    """Twelve hex digits that change with any of the (JSON-able) things."""
    text = json.dumps(things, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def file_fingerprint(path: str | Path) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:12]


def filesystem(path: str) -> tuple[fsspec.AbstractFileSystem, str]:
    """fsspec's file system for a URI, and the path inside it; `s3a:` is Spark's name for what fsspec calls `s3:`."""
    if s3.is_s3(path):
        return fsspec.core.url_to_fs(re.sub(r"^s3[an]:", "s3:", path), **s3.file_system_options())
    return fsspec.core.url_to_fs(path)


def read_bytes(path: str) -> bytes | None:
    """The content of a small file, or None where there is none."""
    fs, inside = filesystem(path)
    try:
        return fs.cat_file(inside)
    except FileNotFoundError:
        return None


def read_json(path: str) -> dict | None:
    content = read_bytes(path)
    return None if content is None else json.loads(content)


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


def put_json(path: str, value: dict) -> None:
    put_bytes(path, _json(value))


def _json(value: dict) -> bytes:
    return json.dumps(value, indent=1, sort_keys=True).encode()


def delete(folder: str) -> None:
    fs, inside = filesystem(folder)
    with contextlib.suppress(FileNotFoundError):
        fs.rm(inside, recursive=True)


def new_attempt() -> str:
    """The name of an attempt's folder; names sort by the time at which their attempts began."""
    return f"{time.time_ns():020d}-{secrets.token_hex(4)}"


def mark_of(folder: str) -> dict | None:
    """The mark of the stage that owns `folder`, or None where it has not finished."""
    return read_json(join(folder, MARK))


def same_work(one: dict | None, other: dict) -> bool:
    """Do two marks stand for the same work: the same arguments on the same inputs?"""
    return one is not None and (one["arguments"], one["inputs"]) == (other["arguments"], other["inputs"])


def commit(folder: str, mark: dict) -> dict:
    """Put the mark of a finished attempt, unless one stands that did the same work or began later. The one that
    stands.
    """
    path = join(folder, MARK)
    with _lock(folder):
        while True:
            content, version = _versioned(path)
            standing = None if content is None else json.loads(content)
            if standing and (same_work(standing, mark) or standing["attempt"] > mark["attempt"]):
                return standing
            if _put_unless_changed(path, _json(mark), version):
                return mark


def _versioned(path: str) -> tuple[bytes | None, str | None]:
    """A small file and, on S3, its version."""
    return (s3.get(path) or (None, None)) if s3.is_s3(path) else (read_bytes(path), None)


def _put_unless_changed(path: str, content: bytes, version: str | None) -> bool:
    """Put a small file; on S3 only if it still has the version that was read. Elsewhere the lock has seen to that."""
    if s3.is_s3(path):
        return s3.put_unless_changed(path, content, version)
    put_bytes(path, content)
    return True


def sweep(folder: str) -> list[str]:
    """Delete what killed attempts left in a stage's folder. The names of the attempts that are gone."""
    fs, inside = filesystem(folder)
    if not fs.isdir(inside):
        return []
    standing = (mark_of(folder) or {}).get("attempt")
    oldest = time.time_ns() - ORPHAN_SECONDS * 10**9
    names = [Path(path).name for path in fs.ls(inside, detail=False)]
    orphans = [n for n in names if re.fullmatch(r"\d{20}-[0-9a-f]{8}", n) and n != standing and int(n[:20]) < oldest]
    for name in orphans:
        delete(join(folder, name))
    return orphans


@contextlib.contextmanager
def _lock(folder: str) -> Iterator[None]:
    """Hold a local folder against other processes. On S3, which has no locks, a conditional put stands for it."""
    if not folder.startswith("file://"):
        yield
        return
    path = Path(local(folder))
    path.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
