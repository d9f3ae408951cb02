"""What a bucket says of a published run, which may come from anyone: checked before it is used."""

import json
from pathlib import Path
from typing import Any

from kindred.runtime import file_names, marks, storage
from kindred.runtime.checked_copy import Checksum
from kindred.runtime.errors import InputError
from kindred.serving import bundle

# Of each stage the files that serving needs; a folder's name stands for all in it.
FILES: dict[str, list[str]] = {
    "ingest": [],
    "featurize": [file_names.EXTRACTOR],
    "gate": [
        file_names.NETWORK,
        file_names.DESCRIPTION,
        file_names.MODEL,
        file_names.EXAMPLE,
        file_names.KNOWN_CLASSES,
    ],
    "build_index": [*bundle.PARTS, *bundle.MODEL_FILES, "index"],
    "report": [""],
}
OF_THE_RUN = (file_names.RUN, file_names.METRICS, file_names.SUMMARY, file_names.REPORT)
COMMITTING = [*(f"{stage}/{file_names.MARK}" for stage in FILES), file_names.RUN]  # what makes a run of a folder
ADVICE = "publish the run again"


def files(content: bytes, where: str, place: Path) -> dict[str, Checksum]:
    """The files of a published run that the manifest `content`, read at `where`, lists: their size and SHA-256, by
    their names below `place`. Raises InputError for what is no manifest, for a name that leads out of `place`, and for
    one that no published run has.
    """
    try:
        listed = {
            name: Checksum(int(size), str(digest)) for name, (size, digest) in json.loads(content)["files"].items()
        }
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError):
        raise InputError(f"{where} is not the list of a published run's files; {ADVICE}") from None
    for name, checksum in listed.items():
        storage.below(place, name)
        if not _is_published(name) or checksum.size < 0 or any(str(above) in listed for above in Path(name).parents):
            raise InputError(f"{where} lists {name!r:.200}, which is no file of a published run; nothing is written")
    return listed


def _is_published(name: str) -> bool:
    """Whether a published run may have a file of this name."""
    stage, _, inside = name.partition("/")
    attempt, _, file = inside.partition("/")
    of_stage = stage in FILES and (inside == file_names.MARK or (marks.is_attempt(attempt) and file != ""))
    return name in OF_THE_RUN or of_stage


def mark(content: bytes, where: str, stage: str) -> dict[str, Any]:
    """The mark `content` of a published stage, read at `where`. Raises InputError for what is no mark, and for a mark
    whose attempt or folder is not the stage's.
    """
    try:
        read: dict[str, Any] = json.loads(content)
        attempt, folder = str(read["attempt"]), str(read["folder"])
    except (ValueError, TypeError, KeyError, RecursionError):
        raise InputError(f"{where} is not the mark of a stage; {ADVICE}") from None
    if not marks.is_attempt(attempt) or not folder.endswith(f"/{attempt}"):
        raise InputError(
            f"{where} names the attempt {attempt!r:.80} in {folder!r:.200}, not one of {stage!r}; {ADVICE}"
        )
    return marks.parse(content, where.rsplit("/", 1)[0])
