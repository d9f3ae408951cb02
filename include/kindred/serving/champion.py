"""Which run is served: a pointer, moved by `promote`, and `ChampionFollower`, which follows it without a restart.

The pointer is one file, `serving.json` in KINDRED_DATA, that names a run's bundle with the size and the hash of each of
its files. Who serves copies these into its cache, checks them, opens them, and only then changes over. The copy of the
run that was served before stays, so that going back to it takes no copying.
"""

import logging
import shutil
import threading
import time
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from kindred.runtime import (
    addresses,
    caches,
    checked_copy,
    committed_files,
    file_checks,
    marks,
    model_registry,
    runs,
    stages,
    storage,
    unfinished,
)
from kindred.runtime.checked_copy import Checksum
from kindred.runtime.errors import InputError
from kindred.runtime.run_reader import RunReader
from kindred.serving import bundle, history
from kindred.serving.bundle import Bundle
from kindred.serving.history import Cause

log = logging.getLogger(__name__)

POLL_SECONDS = 2  # between two looks at the pointer
RETRY_SECONDS = 30  # after a bundle that could not be opened
EVALUATED = (stages.EVALUATE, stages.REPORT)  # a run that was fetched has the second alone
HASH: checked_copy.Algorithm = "sha256"
NO_CAUSE = Cause()


def promote(run: str, cause: Cause = NO_CAUSE, over: str | None = None) -> dict[str, Any]:
    """Serve a finished run, given by the URI of its folder: the pointer moves to its bundle, which is read once as a
    whole, and its model gets MLflow's alias `champion`. The pointer.

    Raises InputError for a run that cannot be served, and where another one than `over` (empty: none) is served by now,
    with which it was compared; then nothing changes.
    """
    folder, name = check_finished(run), runs.name_of(run)
    files = checked_copy.checksums(folder, bundle.files(folder), HASH)
    file_checks.compare(folder, files, bundle.checksums_of(run))
    pointer = {
        "run": addresses.in_data(run),
        "name": name,
        "folder": addresses.in_data(folder),
        "files": files,
        "model": model_registry.MODEL,
        "version": model_registry.version_of(run),
        "fingerprint": storage.fingerprint(folder, files),
    }
    with history.turn() as turn:
        now = turn.pointer.get("name", "")
        if over is not None and now != over:
            advice = f"`make promote RUN={name}` compares with it"
            raise InputError(f"{now or 'nothing'} is served by now, not {over or 'nothing'}; {advice}")
        return turn.put(pointer, history.PROMOTED, cause)


def check_finished(run: str) -> str:
    """The folder of a finished run's bundle. Raises InputError for a run that cannot be served."""
    folder = bundle.folder_of(run)
    if RunReader(run, "promote").finished(stages.EMBED):
        name = runs.name_of(run)
        raise InputError(f"{name} has no classifier to promote; `make search RUN={name}` searches in its gallery")
    if not any(marks.mark_of(storage.join(run, stage)) for stage in EVALUATED):  # nobody knows how good it is
        raise unfinished.error(run, stages.EVALUATE)
    return folder


def rollback(to: str = "", cause: Cause = NO_CAUSE) -> dict[str, Any]:
    """Serve again what was served before: what the entry of the history with the id `to` names, or the newest one of
    the run `to`; of no name, what was served before the present run. No file of a bundle is read. The pointer.

    Raises InputError where there is no such entry, where it is served already, and where its bundle, or its version in
    MLflow, is gone; then nothing changes.
    """
    listed = history.entries()
    with history.turn() as turn:
        last = turn.pointer or (listed[-1]["pointer"] if listed else {})
        pointer = history.find(listed, to, last.get("before") if turn.pointer else last.get("name"))["pointer"]
        same = [pointer.get(key) == turn.pointer.get(key) for key in ("name", "fingerprint")]
        if all(same):
            raise InputError(f"{pointer['name']} is served already; `make history` lists what was before")
        _check_there(pointer)
        model_registry.check_version(str(pointer["version"]), pointer["name"])
        reason = cause.reason or f"back from {last.get('name')}"
        return turn.put(pointer, history.ROLLED_BACK, cause._replace(reason=reason))


def _check_there(pointer: Mapping[str, Any]) -> None:
    """Raise InputError unless the bundle that a pointer names is in the cache, or lies where it lay, by a listing."""
    if storage.below(runs.cache_folder(caches.SERVED_FOLDER), pointer["fingerprint"]).is_dir():
        return
    folder = addresses.from_data(pointer["folder"])
    sizes = {name: size for name, (size, _) in pointer["files"].items()}
    if flaw := committed_files.flaw_of_folder(folder, sizes):
        raise InputError(f"{flaw}, so it cannot be served again; `make promote RUN={pointer['name']}`, if it is there")


def bundle_of_run(run: str) -> Bundle:
    """The bundle of a finished run, given by the URI of its folder: where it lies, or copied into the cache from an
    object store. Raises InputError where there is none.
    """
    folder = bundle.folder_of(run)
    if folder.startswith("file://"):
        return bundle.open_folder(Path(storage.local(folder)), runs.name_of(run), bundle.model_checksums(run))
    files = {**dict.fromkeys(bundle.files(folder)), **bundle.checksums_of(run)}
    return bundle.open_folder(_copied(folder, storage.fingerprint(folder), files), runs.name_of(run))


class ChampionFollower:
    """The bundle that the pointer names. `current` is a matter of microseconds but for the first time."""

    def __init__(self) -> None:
        self._bundle: Bundle | None = None
        self._fingerprint: str | None = None  # of the bundle
        self._problem: Exception | None = None
        self._next = 0.0  # when to look again
        self._look_thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def current(self) -> Bundle:
        """The bundle that is served. Every POLL_SECONDS a thread looks whether the pointer has moved; until the new
        bundle is here and whole, the old one is served. Raises InputError where there is none.
        """
        with self._lock:
            if not self._look_thread and time.monotonic() > self._next:
                self._look_thread = threading.Thread(target=self._look, daemon=True)
                self._look_thread.start()
            first = self._look_thread if self._bundle is None else None
        if first is not None:
            first.join()
        if self._bundle is None:
            raise self._problem or InputError("nothing is served yet")
        return self._bundle

    @property
    def problem(self) -> str:
        """Why the bundle that the pointer names is not the one that is served; empty where it is."""
        return str(self._problem or "")

    def _look(self) -> None:
        wait = POLL_SECONDS
        try:
            pointer = storage.find_json(history.pointer_uri(), advice="`make promote RUN=name` writes it again")
            if pointer is None:
                raise InputError("no run is served yet; `make promote RUN=name` or the DAG promote chooses one")
            if lacking := [name for name in ("name", "folder", "files", "fingerprint") if name not in pointer]:
                place = storage.local(history.pointer_uri())
                raise InputError(f"{place} has no {lacking[0]!r}; `make promote RUN=name` heals it")
            wait = RETRY_SECONDS
            if pointer["fingerprint"] != self._fingerprint:
                self._change_to(pointer)
            elif self._bundle and self._bundle.since != history.since(pointer):  # it was promoted once more
                self._bundle = replace(self._bundle, since=history.since(pointer))
            self._problem, wait = None, POLL_SECONDS
        except Exception as error:  # the old bundle is still served
            if wait == RETRY_SECONDS and str(error) != self.problem:
                log.error("cannot serve what %s names: %s", storage.local(history.pointer_uri()), error)
            self._problem = error if isinstance(error, InputError) else InputError(f"{type(error).__name__}: {error}")
        finally:
            self._next, self._look_thread = time.monotonic() + wait, None

    def _change_to(self, pointer: dict[str, Any]) -> None:
        files = {name: Checksum(*checksum) for name, checksum in pointer["files"].items()}
        place = _copied(addresses.from_data(pointer["folder"]), pointer["fingerprint"], files)
        opened = replace(bundle.open_folder(place, pointer["name"]), since=history.since(pointer))
        self._bundle, self._fingerprint = opened, pointer["fingerprint"]
        _delete_others(place.parent, {place.name, pointer.get("before_fingerprint")})
        log.info("serving %s", pointer["name"])


def _copied(folder: str, fingerprint: str, files: Mapping[str, Checksum | None]) -> Path:
    """A bundle in the cache: as it was copied, else copied again."""
    place = storage.below(runs.cache_folder(caches.SERVED_FOLDER), fingerprint)
    known = {name: checksum for name, checksum in files.items() if checksum is not None}
    if place.is_dir():
        try:
            file_checks.check(place, known)
        except InputError as error:
            log.warning("%s: all is copied again", str(error).partition(";")[0])
            shutil.rmtree(place)
    return checked_copy.copy_folder(folder, files, place, HASH, advice="promote the run again")


def _delete_others(copies: Path, kept: Collection[str | None]) -> None:
    """Delete the copies but those that are kept; who still has one open reads it to the end."""
    for other in copies.iterdir():
        if other.name not in kept and not other.name.startswith("."):
            shutil.rmtree(other, ignore_errors=True)
