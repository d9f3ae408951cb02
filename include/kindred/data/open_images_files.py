"""The files of Open Images, found by their official names: label tables, class names, rotations, the hierarchy.

Names of release 7 (`oidv7-val-annotations-human-imagelabels.csv`) and of those before it
(`validation-annotations-human-imagelabels-boxable.csv`), https://storage.googleapis.com/openimages/web/download_v7.html.
"""

import os
import re
from collections.abc import Iterator
from typing import NamedTuple

from kindred.data.sources import Source, existing_uri, source_of
from kindred.runtime import s3, s3_objects, storage
from kindred.runtime.errors import InputError, Refused
from kindred.runtime.log_lines import one_line

TRAIN, VALIDATION, TEST = SPLITS = ("train", "validation", "test")  # as the folders of images are named
HUMAN, MACHINE = ("human", "machine")
BOXABLE, OLDER, NEWEST = range(3)  # releases of a table, which a later one overrules
_SPLIT = "(?P<split>train|validation|val|test)"
_LABELS = re.compile(
    rf"(?P<v7>oidv7-)?{_SPLIT}-annotations-(?P<kind>human|machine)-imagelabels(?P<boxable>-boxable)?\.csv"
)
_DESCRIPTIONS = re.compile(r"(?P<v7>oidv7-)?class-descriptions(?P<boxable>-boxable)?\.csv")
_ROTATIONS = re.compile(rf"{_SPLIT}-images(?:-boxable)?-with-rotation\.csv")
_HIERARCHY = re.compile(r".*hierarchy\.json")


class LabelFile(NamedTuple):
    """A table of image-level labels: its split, whether people or a machine made it, and its release."""

    file: Source
    split: str
    kind: str
    release: int


class Described(NamedTuple):
    """A table of class names and its release."""

    file: Source
    release: int


class Rotations(NamedTuple):
    """A table of images of a split with their rotations."""

    file: Source
    split: str


class Files(NamedTuple):
    """What lies below `root`, a URI. Tables are sorted by release, then by URI: a later one overrules."""

    root: str
    labels: list[LabelFile]
    descriptions: list[Described]
    rotations: list[Rotations]
    hierarchies: list[Source]

    def sources(self) -> list[Source]:
        """All files."""
        described = [table.file for table in self.descriptions]
        return [
            *(table.file for table in self.labels),
            *described,
            *(t.file for t in self.rotations),
            *self.hierarchies,
        ]


def find(path: str) -> Files:
    """The files anywhere below a folder, or at the known places of a bucket. Raises InputError where no table of labels
    is there.
    """
    root = existing_uri(path).rstrip("/") if not s3.is_s3(path) else path.rstrip("/")
    files = classify(root, _objects(root) if s3.is_s3(root) else _below(root))
    if not files.labels:
        known = "oidv7-{train,val,test}-annotations-{human,machine}-imagelabels.csv"
        raise InputError(f"no label table of Open Images in {one_line(storage.local(root))}: it is named {known}")
    return files


def classify(root: str, sources: list[Source]) -> Files:
    """Files by what their names say; others are left out.

    >>> files = classify("file:///oi", [Source("file:///oi/oidv7-val-annotations-human-imagelabels.csv", 1, "")])
    >>> files.labels[0].split, files.labels[0].kind, files.labels[0].release
    ('validation', 'human', 2)
    """
    labels, descriptions, rotations, hierarchies = [], [], [], []
    for file in sources:
        name = file.uri.rsplit("/", 1)[1]
        if match := _LABELS.fullmatch(name):
            labels.append(LabelFile(file, _split(match["split"]), match["kind"], _release(match)))
        elif match := _DESCRIPTIONS.fullmatch(name):
            descriptions.append(Described(file, _release(match)))
        elif match := _ROTATIONS.fullmatch(name):
            rotations.append(Rotations(file, _split(match["split"])))
        elif _HIERARCHY.fullmatch(name):
            hierarchies.append(file)
    return Files(
        root,
        sorted(labels, key=lambda table: (table.release, table.file.uri)),
        sorted(descriptions, key=lambda table: (table.release, table.file.uri)),
        sorted(rotations),
        sorted(hierarchies),
    )


def _split(name: str) -> str:
    return VALIDATION if name == "val" else name


def _release(match: re.Match[str]) -> int:
    return NEWEST if match["v7"] else BOXABLE if match["boxable"] else OLDER


def _below(root: str) -> list[Source]:
    """The tables and the hierarchy below a folder. Its images, of which there may be millions, are only listed."""
    fs, inside = storage.filesystem(root)
    if not fs.isdir(inside):
        raise InputError(f"not a folder: {one_line(storage.local(root))}")
    found = (
        os.path.join(folder, name)
        for folder, _, names in os.walk(inside, followlinks=True)
        for name in names
        if name.endswith((".csv", ".json")) and not name.startswith(".")
    )
    return [source_of(fs, fs.info(path)) for path in sorted(found) if os.path.isfile(path)]


def _objects(root: str) -> list[Source]:
    """The same of a bucket, asked for by their names: a public one has millions of images. One that is refused is
    missing where others are there, and S3 does not say which. Raises InputError where all are refused.
    """
    found, refusals = [], []
    for uri in _candidates(root):
        try:
            known = s3_objects.head(uri)
        except Refused as refusal:
            if not s3_objects.hides_missing(uri):
                raise
            refusals.append(refusal)
            continue
        found += [] if known is None else [Source(uri, known.size, known.etag)]
    if refusals and not found:
        raise refusals[0]
    return found


def _candidates(root: str) -> Iterator[str]:
    """The URIs that files of a bucket may have."""
    for split in SPLITS:
        short = "val" if split == VALIDATION else split
        for kind in (HUMAN, MACHINE):
            newest = f"oidv7-{short}-annotations-{kind}-imagelabels.csv"
            older = f"{split}-annotations-{kind}-imagelabels"
            yield from _places(root, newest, ("", "v7"))
            yield from _places(root, f"{older}.csv", ("", "v5", f"2018_04/{split}"))
            yield from _places(root, f"{older}-boxable.csv", ("", "v5", f"2018_04/{split}"))
        yield from _places(root, f"{split}-images-with-rotation.csv", ("", f"2018_04/{split}"))
    yield from _places(root, "oidv7-class-descriptions.csv", ("", "v7"))
    yield from _places(root, "class-descriptions-boxable.csv", ("", "v5", "2018_04"))
    yield from _places(root, "class-descriptions.csv", ("", "v5", "2018_04"))
    yield from _places(root, "bbox_labels_600_hierarchy.json", ("", "v5", "2018_04"))


def _places(root: str, name: str, folders: tuple[str, ...]) -> Iterator[str]:
    yield from (storage.join(root, *filter(None, (folder,)), name) for folder in folders)
