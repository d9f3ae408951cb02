"""Downloads: with a progress count, resumed where they broke off, checked, once."""

import fcntl
import hashlib
import http.client
import os
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from kindred.runtime.errors import InputError

CHUNK = 2**20  # bytes
PROGRESS_SECONDS = 5.0  # between two lines
TIMEOUT_SECONDS = 30


def fetch(url: str, target: Path, sha256: str, say: Callable[[str], None]) -> Path:
    """The local file `target`, downloaded from `url` unless it is there; `say` gets lines of progress. Raises
    InputError where the download fails, or its SHA-256 is another one.
    """
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    with part.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # two runs that need the same file: the second waits and has it
        if target.exists():
            return target
        if os.fstat(file.fileno()).st_nlink == 0:  # the first one has deleted it: its checksum was wrong
            return fetch(url, target, sha256, say)
        try:
            _download(url, file, say)
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
            reason = getattr(error, "reason", error)
            raise InputError(f"cannot download {url}: {reason}; fetch it by hand and give its folder as path") from None
        with part.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        if digest != sha256:
            part.unlink()
            raise InputError(f"{url} has the SHA-256 {digest}, not {sha256}; try again, or fetch it by hand")
        part.replace(target)
    return target


def _download(url: str, file: BinaryIO, say: Callable[[str], None]) -> None:
    """Append to `file` what it has not yet."""
    size = file.seek(0, os.SEEK_END)  # another process may have added to it before it gave up the lock
    request = urllib.request.Request(url, headers={"Range": f"bytes={size}-"} if size else {})
    try:
        answer = urllib.request.urlopen(request, timeout=TIMEOUT_SECONDS)
    except urllib.error.HTTPError as error:
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:  # nothing is left to fetch
            return
        raise
    with answer:
        if size and answer.status != http.HTTPStatus.PARTIAL_CONTENT:  # the server starts again
            file.truncate(0)
            size = 0
        total = size + int(answer.headers.get("Content-Length") or 0)
        reported = time.monotonic()
        while chunk := answer.read(CHUNK):
            file.write(chunk)
            size += len(chunk)
            if time.monotonic() - reported > PROGRESS_SECONDS:
                reported = time.monotonic()
                say(f"... {size / 1e6:,.0f} of {total / 1e6:,.0f} MB of {url}")
        file.flush()
        if size < total:  # what came is kept: the next try resumes there
            raise ConnectionError(f"the connection broke after {size:,} of {total:,} bytes")
