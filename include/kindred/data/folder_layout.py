"""The split and the label of each image by the folders it lies in, and what was decided where they leave a choice."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from kindred.data import label_spelling, labels_csv
from kindred.data.label_spelling import JOINED, SPLIT_OF, VALIDATION
from kindred.data.sources import first
from kindred.runtime.errors import InputError
from kindred.runtime.log_lines import one_line
from kindred.runtime.tables import GALLERY, MATCHED, QUERY, TRAIN, UNLABELED


class Place(NamedTuple):
    """Where an image belongs; a label that is not known is None."""

    split: str
    label: str | None


class Layout(NamedTuple):
    """The place of each file, in their order, and lines for the console: what was decided."""

    places: list[Place]
    notes: list[str]


class _Tree:
    """The folders of a list of names: those at the top (`tops`), with the folders directly below each."""

    def __init__(self, names: Sequence[str]) -> None:
        self.tops: dict[str, set[str]] = {}
        self.deeper: dict[tuple[str, str], set[str]] = defaultdict(set)
        self.images: Counter[str] = Counter()
        for name in names:
            top, *below = name.split("/")
            if top and below:
                self.images[top] += 1
                self.tops.setdefault(top, set()).update(below[:-1][:1])
                if len(below) > 2:
                    self.deeper[top, below[0]].add(below[1])
        self.parts = {top: label_spelling.part(top) for top in sorted(self.tops)}

    def of(self, part: str | None) -> list[str]:
        """The folders at the top that name a part of the dataset; for None, those that name none."""
        return [top for top, named in self.parts.items() if named == part]


def by_folders(names: Sequence[str], path: str) -> Layout:
    """Splits and labels by `<split>/<class>/...` or `<class>/...`: names are relative to the folder `path`."""
    tree = _Tree(names)
    has_train = any(tree.tops[top] for top in tree.of(TRAIN))
    splits = {top: part for top, part in tree.parts.items() if part and (has_train or _is_split(tree, top, part))}
    folders = [name.rpartition("/")[0] for name in names]
    place_of = {folder: _place(folder.split("/"), splits, has_train) for folder in dict.fromkeys(folders)}
    notes = _notes(tree, splits, has_train) + _same_classes(place_of)
    if tables := [name for name in names if name.endswith(f"/{labels_csv.NAME}")]:
        notes.append(f"not read, since not directly in {path}: {first(tables)}")
    return Layout([place_of[folder] for folder in folders], notes)


def check_labelled(layout: Layout, names: Sequence[str], path: str) -> None:
    """Raise InputError where the folders give no labelled training image; `layout` is that of `by_folders`."""
    tree = _Tree(names)
    if not any(tree.tops[top] for top in tree.of(TRAIN)):
        _check_without_train(tree, path)
    if not any(place.label and place.split == TRAIN for place in layout.places):
        raise InputError(f"no labelled image in {path}: none of train/<class>/*, <class>/* and labels.csv exists")


def _place(folders: list[str], splits: dict[str, str], has_train: bool) -> Place:
    """The place of the files in a folder, by the parts of its name; [""] is the dataset's own folder."""
    part = splits.get(folders[0])
    classes = folders[1:2] if part else ([] if has_train else folders[:1])
    label = label_spelling.label(classes[0]) if classes and part != UNLABELED else None
    return Place(SPLIT_OF[part or TRAIN], label) if label or part in MATCHED else Place(UNLABELED, None)


def _is_split(tree: _Tree, top: str, part: str) -> bool:
    """Whether a folder beside folders of classes, without one for training, is a part of the dataset: if it holds
    folders of the same classes; else it is a class of that name. Unlabelled is always meant so, and so are queries
    beside a gallery.
    """
    if part == UNLABELED or (part in MATCHED and tree.of(QUERY) and tree.of(GALLERY)):
        return True
    classes = {label_spelling.plain(name).casefold() for name in tree.of(None)}
    return any(label_spelling.plain(below).casefold() in classes for below in tree.tops[top])


def _check_without_train(tree: _Tree, path: str) -> None:
    """Raise InputError where the folder for training is missing, or is one folder further down."""
    inner = [
        f"{top}/{below}"
        for top in tree.of(None)
        for below in sorted(tree.tops[top])
        if label_spelling.part(below) == TRAIN and tree.deeper[top, below]
    ]
    if inner:
        tops = [f"{path}/{name.split('/')[0]}" for name in inner]
        raise InputError(
            f"no train/ in {path}, but there is {_named(inner)}: give the path {one_line(' or '.join(tops))}"
        )
    parts = [top for top, part in tree.parts.items() if part not in (None, UNLABELED, *MATCHED)]
    if parts and not tree.of(None):
        flat = tree.of(TRAIN)
        fault = f"{_named(flat)} without class folders" if flat else f"{_named(parts)} without train/"
        raise InputError(f"{path} has {fault}: put training images into train/<class>/, or name them in labels.csv")


def _notes(tree: _Tree, splits: dict[str, str], has_train: bool) -> list[str]:
    """What was decided, where it may be news."""
    notes = [f"{top}/ is read as {part}/" for top, part in splits.items() if top != part and part != VALIDATION]
    if validation := [top for top, part in splits.items() if part == VALIDATION and tree.tops[top]]:
        count = sum(tree.images[top] for top in validation)
        notes.append(f"{JOINED}: {count:,} in {_named(validation)}")
    if classes := [top for top, part in tree.parts.items() if part and top not in splits]:
        others = _named(tree.of(None))
        notes.append(f"{_named(classes)} is read as a class, beside {others}: there is no train/ with class folders")
    if has_train and (other := tree.of(None)):
        count = sum(tree.images[top] for top in other)
        notes.append(f"{_named(other)} beside train/ is no class: its images ({count:,}) are unlabelled")
    if flat := [top for top, part in splits.items() if part not in (UNLABELED, *MATCHED) and not tree.tops[top]]:
        notes.append(f"{_named(flat)} holds no class folders: its images are unlabelled")
    if matched := [top for top, part in splits.items() if part in MATCHED]:
        count = sum(tree.images[top] for top in matched)
        notes.append(f"{_named(matched)}: {count:,} images to match, from which no classifier learns")
    classes = [] if has_train else [top for top in tree.tops if top not in splits]
    if inner := [f"{top}/{below}" for top in classes for below in sorted(tree.tops[top]) if label_spelling.part(below)]:
        notes.append(f"{_named(inner)}: folders below a class are no splits; its images are all for training")
    return notes


def _same_classes(place_of: dict[str, Place]) -> list[str]:
    """Folders whose names differ, but name the same class; and those that name none."""
    spellings: dict[str, set[str]] = defaultdict(set)
    for folder, place in place_of.items():
        if place.label:
            spellings[place.label].update(
                name for name in folder.split("/") if label_spelling.label(name) == place.label
            )
    several = {label: sorted(found) for label, found in sorted(spellings.items()) if len(found) > 1}
    notes = [
        f"class {label!r} is in folders of {len(found)} spellings: {first(found)}" for label, found in several.items()
    ]
    if nameless := sorted(
        folder for folder in place_of if folder and not all(map(label_spelling.label, folder.split("/")))
    ):
        notes.append(
            f"folders with a blank name are no classes, their images unlabelled: {first(list(map(repr, nameless)))}"
        )
    return notes


def _named(folders: Sequence[str]) -> str:
    return first([f"{folder}/" for folder in folders])
