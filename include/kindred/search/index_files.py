"""The files of an index beside its shards: `about.json`, the lower bounds, and the cells of an approximate search."""

from collections.abc import Iterable, Mapping
from typing import Any

from kindred.runtime import checked_copy, file_checks, file_names, stages, storage
from kindred.runtime.checked_copy import Checksum
from kindred.runtime.errors import InputError
from kindred.runtime.variants import APPROXIMATE
from kindred.search import cells, lower_bounds, shards
from kindred.search.cells import Cells
from kindred.search.lower_bounds import LowerBound

VERSION = 1
THRESHOLDS = "thresholds"  # in `about.json`, with several labels an image: of the classes
FIELDS: dict[str, type] = {"version": int, "classes": list, "features": int, "probabilities": int, "shards": list}


def describe(classes: list[str], widths: dict[str, int], **built_from: Any) -> dict[str, Any]:
    """What `about.json` says of the images: the classes, the numbers of features and probabilities of an image, and
    what the index was built from.
    """
    return {**built_from, "version": VERSION, "classes": classes, **widths}


def finish(
    folder: str,
    about: dict[str, Any],
    bounds: dict[str, LowerBound],
    numbers: list[int],
    checksums: Mapping[str, Checksum],
    by_distance: dict[str, Cells],
) -> None:
    """Put what belongs to an index beside its shards with these numbers, in the folder with this URI. `about.json` also
    lists the shards, their arrays, the distances that they hold, and all files with their `checksums`; it comes last,
    so a folder that has it is whole.
    """
    contents = {file_names.LOWER_BOUNDS: lower_bounds.to_bytes(bounds)}
    if by_distance:
        contents[file_names.CELLS] = cells.to_bytes(by_distance)
    for name, content in contents.items():
        storage.put_bytes(storage.join(folder, name), content)
    files = {**checksums, **{name: checked_copy.checksum_of(of, "sha256") for name, of in contents.items()}}
    held = {"shards": numbers, "arrays": shards.ARRAYS, "distances": list(bounds)}
    known = {APPROXIMATE: about.get(APPROXIMATE, dict.fromkeys(by_distance, []))} if by_distance else {}
    put_about(folder, {**about, **held, **known, file_checks.FILES: files})


def put_about(folder: str, about: dict[str, Any]) -> None:
    """Put `about.json` into the folder with this URI."""
    storage.put_bytes(storage.join(folder, file_names.ABOUT), file_checks.sealed(about))


def read(folder: str) -> tuple[dict[str, Any], dict[str, LowerBound]]:
    """`about.json`, and the lower bound of each distance that the index holds. Raises InputError where there is no
    index, a damaged one, or one of another version.
    """
    place = storage.join(folder, file_names.ABOUT)
    about = file_checks.read_sealed(place)
    if about is None:
        step = f"run the '{stages.BUILD_INDEX}' stage first: {file_checks.AGAIN}"
        raise InputError(f"no index in {storage.local(folder)}, which has no {file_names.ABOUT}; {step}")
    check_fields(place, about, FIELDS)
    _check_thresholds(place, about)
    if about["version"] != VERSION:
        step = f"run the '{stages.BUILD_INDEX}' stage again"
        raise InputError(f"the index in {storage.local(folder)} has version {about['version']}, not {VERSION}; {step}")
    known = checksums(folder, about)
    bounds = _bounds(storage.join(folder, file_names.LOWER_BOUNDS), known.get(file_names.LOWER_BOUNDS))
    listed = about.get("distances", list(bounds))  # an older index lists none: it holds what has a lower bound
    return about, {name: bound for name, bound in bounds.items() if name in listed}


def read_cells(folder: str, about: Mapping[str, Any]) -> dict[str, Cells]:
    """The cells by distance of the index in a folder; none of one that was built for exact search alone."""
    if APPROXIMATE not in about:
        return {}
    place = storage.join(folder, file_names.CELLS)
    content = file_checks.read(place, checksums(folder, about).get(file_names.CELLS))
    with file_checks.parsing(place):
        return cells.from_bytes(content)


def arrays(about: Mapping[str, Any], distances: Iterable[str]) -> list[str]:
    """The names of the arrays of a shard: those that `about.json` lists, those of the distances and of cells. One that
    lists none is of an index that was saved before there were labels and origins.
    """
    listed = about.get("arrays", shards.FIRST)
    numbers = [cells.array(name) for name in about.get(APPROXIMATE, {})]
    return [*(name for name in shards.ARRAYS if name in listed), *distances, *numbers]


def check_fields(uri: str, about: Mapping[str, Any], fields: Mapping[str, type]) -> None:
    """Raise InputError unless what an `about.json` says is of these types, its shards being numbers."""
    bad = [name for name, kind in fields.items() if not isinstance(about.get(name), kind)]
    if bad or not all(isinstance(number, int) for number in about["shards"]):
        raise file_checks.damaged(uri, f"does not say rightly what {(bad or ['shards'])[0]!r} is")


def _check_thresholds(uri: str, about: Mapping[str, Any]) -> None:
    """Raise InputError unless there are none, or a number for each class."""
    found = about.get(THRESHOLDS)
    if found is not None and not (
        isinstance(found, list)
        and len(found) == len(about["classes"])
        and all(isinstance(value, float | int) for value in found)
    ):
        raise file_checks.damaged(uri, f"does not say rightly what {THRESHOLDS!r} is")


def checksums(folder: str, about: Mapping[str, Any]) -> dict[str, Checksum]:
    """Of the files that the `about.json` in the folder with this URI lists; an older one lists none."""
    return file_checks.listed(about.get(file_checks.FILES, {}), storage.join(folder, file_names.ABOUT))


def _bounds(uri: str, expected: Checksum | None) -> dict[str, LowerBound]:
    content = file_checks.read(uri, expected)
    with file_checks.parsing(uri):
        return lower_bounds.from_bytes(content)
