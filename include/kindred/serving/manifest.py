"""What a bucket says of a published run, which may come from anyone: checked before it is used."""

import json
from pathlib import Path
from typing import Any

from kindred.runtime import marks, storage
from kindred.runtime.checked_copy import Checksum
from kindred.runtime.errors import InputError

ADVICE = "publish the run again"


def files(content: bytes, where: str, place: Path) -> dict[str, Checksum]:
    """The files of a published run that the manifest `content`, read at `where`, lists: their size and SHA-256, by
    their names below `place`. Raises InputError for what is no manifest, and for a name that leads out of `place`.
    """
    try:
        listed = {
            name: Checksum(int(size), str(digest)) for name, (size, digest) in json.loads(content)["files"].items()
        }
    except (ValueError, TypeError, KeyError, AttributeError):
        raise InputError(f"{where} is not the list of a published run's files; {ADVICE}") from None
    for name in listed:
        storage.below(place, name)
    return listed


def mark(content: bytes, where: str, stage: str) -> dict[str, Any]:
    """The mark `content` of a published stage, read at `where`. Raises InputError for what is no mark, and for a mark
    whose attempt or folder is not the stage's.
    """
    try:
        read: dict[str, Any] = json.loads(content)
        attempt, folder = str(read["attempt"]), str(read["folder"])
    except (ValueError, TypeError, KeyError):
        raise InputError(f"{where} is not the mark of a stage; {ADVICE}") from None
    if not marks.is_attempt(attempt) or not folder.endswith(f"/{attempt}"):
        raise InputError(
            f"{where} names the attempt {attempt!r:.80} in {folder!r:.200}, not one of {stage!r}; {ADVICE}"
        )
    return marks.parse(content, where.rsplit("/", 1)[0])
