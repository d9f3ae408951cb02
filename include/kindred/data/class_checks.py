"""Whether the known labels of a listing can train a classifier: what is certain before an image is read."""

from collections import defaultdict
from collections.abc import Sequence

from kindred.data import label_spelling, labels_csv
from kindred.data.folder_layout import Place
from kindred.data.sources import first
from kindred.runtime.errors import InputError
from kindred.runtime.log_lines import one_line
from kindred.runtime.tables import TRAIN

MINIMUM = 2  # training images of a class: cross-validation fits on some and scores on others


def check(places: Sequence[Place], names: Sequence[str], refused: Sequence[str | None], path: str) -> None:
    """Raise InputError unless there are two classes or more, each with MINIMUM training images; `names` are the files',
    relative to `path`, and `refused` the reasons why some of them cannot be read.
    """
    train: dict[str, list[str]] = defaultdict(list)
    faults: dict[str, str] = {}
    for place, name, reason in zip(places, names, refused, strict=True):
        if place.label:
            train[place.label] += [name] if place.split == TRAIN and not reason else []
            if reason:
                faults.setdefault(place.label, f"{name}: {reason}")
    if len(train) == 1:
        ((label, found),) = train.items()
        raise InputError(
            f"all labels in {path} are of one class, {label!r}, {len(found):,} images; {one_line(_hint(found, path))}"
        )
    spellings = {name: group for group in label_spelling.alike(train) for name in group}
    few = {
        label: found[0] if found else faults.get(label) or _none(label, spellings)
        for label, found in sorted(train.items())
        if len(found) < MINIMUM
    }
    if len(few) == 1:
        ((label, example),) = few.items()
        fault = f"class {label!r} has fewer than {MINIMUM} training images in {path}: {one_line(example)}"
        raise InputError(f"{fault}; add images, or take it out")
    if few:
        named = first([f"{label!r} ({example})" for label, example in few.items()])
        fault = f"{len(few):,} classes have fewer than {MINIMUM} training images in {path}: {named}"
        raise InputError(f"{fault}; add images, or take them out")


def _none(label: str, spellings: dict[str, list[str]]) -> str:
    """What is said of a class without a training image; another spelling may have them."""
    others = [repr(name) for name in spellings.get(label, []) if name != label]
    return f"none, but of {first(others)}" if others else "none"


def notes(places: Sequence[Place]) -> list[str]:
    """Lines about classes that may be meant as one."""
    groups = label_spelling.alike({place.label for place in places if place.label})
    return [f"classes that differ only in upper and lower case: {', '.join(map(repr, group))}" for group in groups]


def _hint(names: Sequence[str], path: str) -> str:
    """What to do with one class: its images may lie in folders further down, which are the classes."""
    folders = [name.split("/")[:-1] for name in names]
    shared = 0
    while all(len(folder) > shared and folder[shared] == folders[0][shared] for folder in folders):
        shared += 1
    below = sorted({folder[shared] for folder in folders if len(folder) > shared})
    table = "/".join([*folders[0][:shared], labels_csv.NAME])
    if shared and table in names:
        return f"{table} is read where it is directly in the path: give {'/'.join([path, *folders[0][:shared]])}"
    if shared and len(below) > 1:
        return f"give {'/'.join([path, *folders[0][:shared]])}, which holds {first(below)}?"
    return "a classifier needs two or more"
