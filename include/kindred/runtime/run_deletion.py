"""A run is deleted so that a half deleted one is never taken for a whole one, and that a second try finishes it.

First a file says that its deletion has begun, with all that must be known later; then `run.json` goes, without which a
folder is no run, then the marks, then the rest, that file last. No rename is needed, so the same holds in a bucket.
"""

from pathlib import Path
from typing import Any

from kindred.runtime import file_sizes, pruning_plan, runs, storage
from kindred.runtime.errors import InputError
from kindred.runtime.file_names import DELETING, RUN


def begun(run: str) -> dict[str, Any] | None:
    """The record (run.json) of a run whose deletion has begun, or None for any other."""
    return storage.find_json(storage.join(run, DELETING), "delete this file's folder by hand")


def check_not_begun(run: str) -> None:
    """Raise InputError for the folder of a run whose deletion has begun: nothing may be made in it."""
    if storage.find_bytes(storage.join(run, DELETING)) is not None:
        name = run.rstrip("/").rpartition("/")[2]
        raise InputError(f"the deletion of run {name!r} has begun; `make delete RUN={name}` ends it")


def begin(run: str) -> dict[str, Any]:
    """Say that the deletion of the run in this folder has begun; its record. Raises InputError for a folder that is no
    run, and for one behind a symbolic link.
    """
    check_links(run)
    if (record := begun(run)) is not None:
        return record
    try:
        record = runs.record_of(run)
    except storage.UnreadableError:  # a broken run can be deleted too; its part of MLflow is not known
        record = {}
    if record is None:
        raise InputError(f"no run in {storage.local(run)}")
    storage.put_json(storage.join(run, DELETING), record)
    return record


def take_back(run: str) -> None:
    """Say that the run is not deleted after all, of which nothing has been deleted yet."""
    storage.delete(storage.join(run, DELETING))


def delete_files(run: str) -> int:
    """Delete the files of a run whose deletion has begun, but the one that says so; their bytes."""
    files = file_sizes.of(run)
    storage.delete(storage.join(run, RUN))
    for path in files.sizes:
        if pruning_plan.is_mark(f"/{path}"):
            storage.delete(storage.join(run, path))
    for part in sorted({path.split("/")[0] for path in [*files.sizes, *files.links]} - {DELETING}):
        if part in files.links:
            Path(storage.local(storage.join(run, part))).unlink()
        else:
            storage.delete(storage.join(run, part))
    return sum(files.sizes.values())


def end(run: str) -> None:
    """Delete what is left of a run: the file that says that its deletion has begun, and the folder."""
    storage.delete(storage.join(run, DELETING))
    storage.delete_empty(run)


def check_links(run: str) -> None:
    """Raise InputError where a symbolic link stands between KINDRED_DATA and the run's folder, or in the folder's own
    place: what lies behind it is no part of KINDRED_DATA.
    """
    root = storage.join(storage.data_root())
    if not run.startswith("file://"):
        return
    place = Path(storage.local(root))
    for part in storage.local(run).removeprefix(storage.local(root)).strip("/").split("/"):
        place /= part
        if place.is_symlink():
            raise InputError(f"{place} is a symbolic link: nothing behind it is deleted; remove it by hand")
