"""Which run is served: a pointer, moved by `promote`, and `ChampionFollower`, which follows it without a restart.

The pointer is one file, `serving.json` in KINDRED_DATA, that names a run's bundle with the size and the hash of each of
its files. Who serves copies these into its cache, checks them, opens them, and only then changes over.
"""

import hashlib
import logging
import os
import shutil
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kindred.runtime import file_names, model_registry, runs, storage
from kindred.runtime.errors import InputError
from kindred.serving import bundle
from kindred.serving.bundle import Bundle

log = logging.getLogger(__name__)

LOOK_SECONDS = 2
RETRY_SECONDS = 30  # after a bundle that could not be opened
CHUNK = 2**22  # bytes
COPIES = 8  # files at a time


def promote(run: str) -> dict[str, Any]:
    """Serve a finished run, given by the URI of its folder: its model gets MLflow's alias `champion`, and the pointer
    moves to its bundle, which is read once as a whole. The pointer.

    Both move or neither: where the pointer cannot be put, the alias goes back. Raises InputError for a run that cannot
    be served.
    """
    folder = bundle.folder_of(run)
    names = bundle.files(folder)
    with ThreadPoolExecutor(COPIES) as pool:
        found = dict(zip(names, pool.map(lambda name: _digest(storage.join(folder, name)), names), strict=True))
    pointer = {"run": run, "name": name_of(run), "folder": folder, "files": found, "model": model_registry.MODEL}
    version, before = model_registry.promote(run)
    pointer |= {"version": version, "fingerprint": storage.fingerprint(folder, found)}
    try:
        storage.put_json(_pointer(), {**pointer, "published": datetime.now(UTC).isoformat(timespec="seconds")})
    except BaseException:
        model_registry.set_champion(before)
        raise
    return pointer


def name_of(run: str) -> str:
    """A run's name for people: DAG/run."""
    return "/".join(storage.local(run).rstrip("/").split("/")[-2:])


def bundle_of_run(run: str) -> Bundle:
    """The bundle of a finished run, given by the URI of its folder: where it lies, or copied into the cache from an
    object store. Raises InputError where there is none.
    """
    folder = bundle.folder_of(run)
    if folder.startswith("file://"):
        return bundle.open_folder(Path(storage.local(folder)), name_of(run))
    names = dict.fromkeys(bundle.files(folder))
    return bundle.open_folder(_copied(folder, storage.fingerprint(folder), names), name_of(run))


class ChampionFollower:
    """The bundle that the pointer names. `current` is a matter of microseconds but for the first time."""

    def __init__(self) -> None:
        self._bundle: Bundle | None = None
        self._shown: str | None = None  # its fingerprint
        self._problem: Exception | None = None
        self._next = 0.0  # when to look again
        self._looking: threading.Thread | None = None
        self._lock = threading.Lock()

    def current(self) -> Bundle:
        """What is served. Every LOOK_SECONDS a thread looks whether the pointer has moved; until the new bundle is here
        and whole, the old one is served. Raises InputError where nothing is.
        """
        with self._lock:
            if not self._looking and time.monotonic() > self._next:
                self._looking = threading.Thread(target=self._look, daemon=True)
                self._looking.start()
            first = self._looking if self._bundle is None else None
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
        wait = LOOK_SECONDS
        try:
            pointer = storage.find_json(_pointer())
            if pointer is None:
                raise InputError("no run is served yet; `make promote RUN=name` or the DAG promote chooses one")
            wait = RETRY_SECONDS
            if pointer["fingerprint"] != self._shown:
                place = _copied(pointer["folder"], pointer["fingerprint"], pointer["files"])
                self._bundle, self._shown = bundle.open_folder(place, pointer["name"]), pointer["fingerprint"]
                _forget_others(place)
                log.info("serving %s", pointer["name"])
            self._problem, wait = None, LOOK_SECONDS
        except Exception as error:  # what is served goes on
            if wait == RETRY_SECONDS and str(error) != self.problem:
                log.error("cannot serve what %s names: %s", storage.local(_pointer()), error)
            self._problem = error if isinstance(error, InputError) else InputError(f"{type(error).__name__}: {error}")
        finally:
            self._next, self._looking = time.monotonic() + wait, None


def _pointer() -> str:
    return storage.join(runs.data_root(), file_names.SERVING)


def _copied(folder: str, fingerprint: str, files: dict[str, list | None]) -> Path:
    """A bundle in the cache: copied as a whole, and each file's size and hash checked where they are given. Raises
    InputError for a file that is not what it was.
    """
    place = runs.cache_folder("served") / fingerprint
    if place.is_dir():
        return place
    temporary = Path(tempfile.mkdtemp(dir=place.parent, prefix=".copy-"))
    try:
        with ThreadPoolExecutor(COPIES) as pool:
            list(pool.map(lambda name: _copy(folder, name, temporary, files[name]), files))
        try:
            temporary.rename(place)
        except OSError:
            if not place.is_dir():  # else another process was faster
                raise
        return place
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _copy(folder: str, name: str, place: Path, wanted: list | None) -> None:
    target = place / name
    target.parent.mkdir(parents=True, exist_ok=True)
    found = _digest(storage.join(folder, name), target)
    if wanted is not None and found != list(wanted):
        raise InputError(f"{name} in {storage.local(folder)} is not what was published; publish the run again")


def _digest(path: str, copy: Path | None = None) -> list:
    """The size and the hash of a file, which is copied on the way."""
    fs, inside = storage.filesystem(path)
    size, digest = 0, hashlib.blake2b(digest_size=16)
    with fs.open(inside, "rb") as source, open(copy or os.devnull, "wb") as target:
        while part := source.read(CHUNK):
            size += len(part)
            digest.update(part)
            target.write(part)
    return [size, digest.hexdigest()]


def _forget_others(place: Path) -> None:
    """Delete the copies that are no longer served; who still has one open reads it to the end."""
    for other in place.parent.iterdir():
        if other != place and not other.name.startswith("."):
            shutil.rmtree(other, ignore_errors=True)
