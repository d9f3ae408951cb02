"""The files of an index beside its shards: `about.json` and the lower bounds."""

from typing import Any

from kindred.runtime import file_names, stages, storage
from kindred.runtime.errors import InputError
from kindred.search import lower_bounds
from kindred.search.lower_bounds import LowerBound

VERSION = 1


def describe(classes: list[str], widths: dict[str, int], **built_from: Any) -> dict[str, Any]:
    """What `about.json` says of the images: the classes, the numbers of features and probabilities of an image, and
    what the index was built from.
    """
    return {**built_from, "version": VERSION, "classes": classes, **widths}


def finish(folder: str, about: dict[str, Any], bounds: dict[str, LowerBound], numbers: list[int]) -> None:
    """Put what belongs to an index beside its shards with these numbers, in the folder with this URI. `about.json` also
    lists the shards and the distances that they hold; it comes last, so a folder that has it is whole.
    """
    storage.put_bytes(storage.join(folder, file_names.LOWER_BOUNDS), lower_bounds.to_bytes(bounds))
    storage.put_json(storage.join(folder, file_names.ABOUT), {**about, "distances": list(bounds), "shards": numbers})


def read(folder: str) -> tuple[dict[str, Any], dict[str, LowerBound]]:
    """`about.json`, and the lower bound of each distance that the index holds. Raises InputError where there is no
    index, or one of another version.
    """
    about = storage.find_json(storage.join(folder, file_names.ABOUT))
    if about is None:
        raise InputError(f"no index in {storage.local(folder)}; run the '{stages.BUILD_INDEX}' stage first")
    if about["version"] != VERSION:
        step = f"run the '{stages.BUILD_INDEX}' stage again"
        raise InputError(f"the index in {storage.local(folder)} has version {about['version']}, not {VERSION}; {step}")
    bounds = lower_bounds.from_bytes(storage.read_bytes(storage.join(folder, file_names.LOWER_BOUNDS)))
    listed = about.get("distances", list(bounds))  # an older index lists none: it holds what has a lower bound
    return about, {name: bound for name, bound in bounds.items() if name in listed}
