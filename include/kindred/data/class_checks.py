"""Whether the known labels of a listing can train a classifier: what is certain before an image is read."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

from kindred.data import known_labels, label_spelling, labels_csv
from kindred.data.folder_layout import Place
from kindred.data.sources import first
from kindred.runtime.errors import InputError
from kindred.runtime.log_lines import one_line
from kindred.runtime.tables import MATCHED, TRAIN


def check(places: Sequence[Place], names: Sequence[str], refused: Sequence[str | None], path: str) -> None:
    """Raise InputError unless there are two classes or more, each with a training image; `names` are the files',
    relative to `path`, and `refused` the reasons why some of them cannot be read.
    """
    train: dict[str, list[str]] = defaultdict(list)
    faults: dict[str, str] = {}
    for place, name, reason in zip(places, names, refused, strict=True):
        if place.label and place.split not in MATCHED:
            train[place.label] += [name] if place.split == TRAIN and not reason else []
            if reason:
                faults.setdefault(place.label, f"{name}: {reason}")
    if len(train) == 1:
        ((label, found),) = train.items()
        raise InputError(
            f"all labels in {path} are of one class, {label!r}, {len(found):,} images; {one_line(_hint(found, path))}"
        )
    spellings = {name: group for group in label_spelling.alike(train) for name in group}
    without = {
        label: one_line(faults.get(label) or _only_tested(label, spellings))
        for label, found in sorted(train.items())
        if not found
    }
    if len(without) == 1:
        ((label, reason),) = without.items()
        raise InputError(f"class {label!r} has no training image in {path}: {reason}; add images, or take it out")
    if without:
        named = first([f"{label!r} ({reason})" for label, reason in without.items()])
        raise InputError(
            f"{len(without):,} classes have no training image in {path}: {named}; add images, or take them out"
        )


def _only_tested(label: str, spellings: dict[str, list[str]]) -> str:
    """What is said of a class without a training image; another spelling may have them."""
    others = [repr(name) for name in spellings.get(label, []) if name != label]
    return f"only test images, but of {first(others)} there are others" if others else "only test images"


def check_several(places: Sequence[Place], refused: Sequence[str | None], path: str) -> None:
    """Raise InputError unless a training image that can be read shows a class; of images with several labels."""
    if not any(train for train in _several(places, refused).values()):
        raise InputError(f"no training image in {path} shows a class: label some, or name them in {labels_csv.NAME}")


def notes(places: Sequence[Place]) -> list[str]:
    """Lines about classes that may be meant as one."""
    return _alike({place.label for place in places if place.label})


def notes_of_several(places: Sequence[Place], refused: Sequence[bool]) -> list[str]:
    """The same where images may have several labels, and about classes that cannot be learned."""
    train = _several(places, refused)
    without = [repr(label) for label, images in sorted(train.items()) if not images]
    unlearned = f"classes that no training image shows, which cannot be learned: {first(without)}"
    return [*_alike(train), *([unlearned] if without else [])]


def _several(places: Sequence[Place], refused: Sequence[object]) -> dict[str, int]:
    """How many training images show each class, of those that are not refused."""
    train: Counter[str] = Counter()
    alike = Counter((place, bool(reason)) for place, reason in zip(places, refused, strict=True))
    for (place, unread), images in alike.items():
        if place.label and place.split not in MATCHED:
            learned = known_labels.present(place.label) if place.split == TRAIN and not unread else ()
            for label in known_labels.classes(place.label):
                train[label] += images if label in learned else 0
    return train


def _alike(labels: Iterable[str]) -> list[str]:
    groups = label_spelling.alike(labels)
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
