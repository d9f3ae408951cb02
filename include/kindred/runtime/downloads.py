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

from kindred.runtime.errors import InputError

CHUNK = 2**20
SAY_SECONDS = 5.0


def fetch(url: str, target: Path, md5: str, say: Callable[[str], None]) -> Path:
    """The local file `target`, downloaded from `url` unless it is there. Raises InputError where that does not work."""
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(target.name + ".part")
    with part.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # two runs that want the same file: the second waits and finds it
        if target.exists():
            return target
        if os.fstat(file.fileno()).st_nlink == 0:  # the first one has thrown it away
            return fetch(url, target, md5, say)
        try:
            _download(url, file, say)
        except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
            reason = getattr(error, "reason", error)
            raise InputError(f"cannot download {url}: {reason}; fetch it by hand and give its folder as path") from None
        found = _md5(part)
        if found != md5:
            part.unlink()
            raise InputError(f"{url} has the checksum {found}, not {md5}; try again, or fetch it by hand")
        part.replace(target)
    return target


def _download(url: str, file, say: Callable[[str], None]) -> None:
    have = file.seek(0, 2)  # whoever had the lock before may have added to it
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        answer = urllib.request.urlopen(request, timeout=30)
    except urllib.error.HTTPError as error:
        if error.code == 416:  # nothing is left to fetch
            return
        raise
    with answer:
        if have and answer.status != 206:  # the server starts again
            file.truncate(0)
            have = 0
        total = have + int(answer.headers.get("Content-Length") or 0)
        said = time.monotonic()
        while chunk := answer.read(CHUNK):
            file.write(chunk)
            have += len(chunk)
            if time.monotonic() - said > SAY_SECONDS:
                said = time.monotonic()
                say(f"... {have / 1e6:,.0f} of {total / 1e6:,.0f} MB of {url}")
        file.flush()
        if have < total:  # what came is kept: the next try goes on there
            raise ConnectionError(f"the connection broke after {have:,} of {total:,} bytes")


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
