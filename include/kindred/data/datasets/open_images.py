"""Images of Open Images that show one of some classes: labels, names and rotations as its CSV files have them.

`path` is the folder or the bucket's prefix of the CSV files, `images` that of the images, `<images>/<split>/<id>.jpg`
(empty: `path`). The CSV files name the images, and no bucket is listed: those in `s3://open-images-dataset` are read
where they are. An image whose file is not there is rejected.

Source: A. Kuznetsova et al., The Open Images Dataset V4 (IJCV 2020), https://storage.googleapis.com/openimages.
"""

from __future__ import annotations

import contextlib
import functools
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from kindred.data import (
    image_files,
    image_limit,
    known_labels,
    open_images_classes,
    open_images_files,
    open_images_labels,
    open_images_rotations,
    raw_images,
)
from kindred.data.image_limit import Candidate
from kindred.data.open_images_classes import Hierarchy
from kindred.data.open_images_files import HUMAN, SPLITS, TEST, TRAIN, VALIDATION, Files
from kindred.data.open_images_labels import LabelRow
from kindred.data.sources import Source, first
from kindred.runtime import partitioning, s3, storage, tables
from kindred.runtime.errors import InputError
from kindred.runtime.label_sets import MULTI_LABEL, SINGLE_LABEL
from kindred.runtime.log_lines import one_line

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

CODE = (open_images_files, open_images_classes, open_images_labels, open_images_rotations)  # with this file
LEAVE_OUT, KEEP_FIRST = SEVERAL = ("leave_out", "keep_first")  # what becomes of images of several of the classes
THRESHOLD = 0.8  # of a machine's probability, from which on a class counts as present


class Image(NamedTuple):
    """An image by its id, the official split whose folder holds it, and its label (None: not known); of several that is
    what `known_labels.encoded` writes.
    """

    id: str
    folder: str
    label: str | None


class Study(NamedTuple):
    """The images of some classes, what each official split is used for, the classes that no training image shows, and
    what was decided, in lines.
    """

    images: list[Image]
    split_of: dict[str, str]
    unlearned: list[str]
    notes: list[str]


def check(
    path: str,
    classes: Sequence[str] = (),
    label_source: str = HUMAN,
    label_threshold: float = THRESHOLD,
    images: str = "",
    both: str = LEAVE_OUT,
    task: str = SINGLE_LABEL,
) -> None:
    found = sources(path, lambda line: None, classes, label_source, label_threshold, images, both, task)
    check_labels(found, classes, label_source, label_threshold, images, both, task)


def check_labels(
    sources: Sequence[Source],
    classes: Sequence[str] = (),
    label_source: str = HUMAN,
    label_threshold: float = THRESHOLD,
    images: str = "",
    both: str = LEAVE_OUT,
    task: str = SINGLE_LABEL,
) -> None:
    study = _study(tuple(sources), tuple(classes), label_source, label_threshold, images, both, task)
    if study.unlearned and (task != MULTI_LABEL or len(study.unlearned) == len(classes)):
        without = study.unlearned
        raise InputError(
            f"no training image of the class {first(without)} by label_source {label_source}; "
            "choose others, or both label sources"
        )
    folder = _folder(sources[0].uri, images)
    if not s3.is_s3(folder) and not any(os.path.exists(storage.local(_uri(folder, one))) for one in study.images):
        example = one_line(storage.local(_uri(folder, study.images[0])))
        raise InputError(
            f"none of the {len(study.images):,} images is there, such as {example}; let images name their folder"
        )
    if s3.is_s3(folder):
        image_files.check_not_all_refused([_uri(folder, one) for one in study.images])


def sources(
    path: str,
    say: Callable[[str], None],
    classes: Sequence[str] = (),
    label_source: str = HUMAN,
    label_threshold: float = THRESHOLD,
    images: str = "",
    both: str = LEAVE_OUT,
    task: str = SINGLE_LABEL,
) -> list[Source]:
    if not path:
        raise InputError("dataset open_images needs a path: the folder of its CSV files")
    if both not in SEVERAL:
        raise InputError(f"unknown value {both!r} of both; known: {', '.join(SEVERAL)}")
    if not 0 <= label_threshold <= 1:
        raise InputError(f"label_threshold must be from 0 to 1, not {label_threshold}")
    files = open_images_files.find(path)
    files = files._replace(labels=open_images_labels.tables_of(files, label_source))
    found = [Source(files.root, 0, ""), *files.sources()]
    for note in _study(tuple(found), tuple(classes), label_source, label_threshold, images, both, task).notes:
        say(note)
    return found


def read(
    spark: SparkSession,
    sources: Sequence[Source],
    limit: int | None,
    classes: Sequence[str] = (),
    label_source: str = HUMAN,
    label_threshold: float = THRESHOLD,
    images: str = "",
    both: str = LEAVE_OUT,
    task: str = SINGLE_LABEL,
) -> DataFrame:
    study = _study(tuple(sources), tuple(classes), label_source, label_threshold, images, both, task)
    folder, split_of = _folder(sources[0].uri, images), study.split_of
    chosen, degrees = _taken(study, sources, limit)
    rows = [
        (split_of[image.folder], _uri(folder, image), image.label, None, None, None, None, None)
        for image in chosen
        if image.id not in degrees
    ]
    tasks = spark.sparkContext.parallelize(rows, partitioning.tasks(spark, len(rows)))
    upright = spark.createDataFrame(tasks, raw_images.SCHEMA)
    turned = [
        (split_of[image.folder], _uri(folder, image), image.label, degrees[image.id])
        for image in chosen
        if image.id in degrees
    ]
    return upright.unionByName(open_images_rotations.read_turned(spark, turned)) if turned else upright


def files(
    sources: Sequence[Source],
    limit: int | None,
    classes: Sequence[str] = (),
    label_source: str = HUMAN,
    label_threshold: float = THRESHOLD,
    images: str = "",
    both: str = LEAVE_OUT,
    task: str = SINGLE_LABEL,
) -> list[Source]:
    folder = _folder(sources[0].uri, images)
    if s3.is_s3(folder):  # each would take a request
        return []
    study = _study(tuple(sources), tuple(classes), label_source, label_threshold, images, both, task)
    chosen, degrees = _taken(study, sources, limit)
    found = []
    for image in chosen:
        if image.id not in degrees:
            uri = _uri(folder, image)
            with contextlib.suppress(OSError):  # it is rejected when it is read
                status = os.stat(storage.local(uri))
                found.append(Source(uri, status.st_size, str(status.st_mtime)))
    return found


def _taken(study: Study, sources: Sequence[Source], limit: int | None) -> tuple[list[Image], dict[str, int]]:
    """The images that a limit takes, and by how many degrees some of them are to be turned, by their ids."""
    candidates = [Candidate(study.split_of[image.folder], image.label, image.id) for image in study.images]
    chosen = [image for image, taken in zip(study.images, image_limit.taken(candidates, limit), strict=True) if taken]
    return chosen, _rotations(open_images_files.classify(sources[0].uri, list(sources[1:])), chosen)


def _folder(root: str, images: str) -> str:
    """The URI of the folder or prefix that holds those of the splits."""
    return (images if s3.is_s3(images) else storage.uri(images)).rstrip("/") if images else root


def _uri(folder: str, image: Image) -> str:
    return f"{folder}/{image.folder}/{image.id}.jpg"


def _rotations(files: Files, images: Sequence[Image]) -> dict[str, int]:
    """By how many degrees images have to be turned: those that lie well are not there."""
    degrees: dict[str, int] = {}
    for table in files.rotations:
        wanted = {image.id for image in images if image.folder == table.split}
        degrees |= open_images_rotations.read(table, wanted) if wanted else {}
    return degrees


@functools.lru_cache(maxsize=2)  # tables of gigabytes: a stage asks before it begins, and again for its work
def _study(
    sources: tuple[Source, ...],
    classes: tuple[str, ...],
    label_source: str,
    threshold: float,
    images: str,
    both: str,
    task: str,
) -> Study:
    """The images of the classes that the files name. Raises InputError for classes and tables that do not fit."""
    files = open_images_files.classify(sources[0].uri, list(sources[1:]))
    names = open_images_classes.read_names(files)
    several = task == MULTI_LABEL
    labels = open_images_classes.find(classes, names, 1 if several else 2)
    hierarchy = open_images_classes.read_hierarchy(files, names)
    if several:
        known_labels.check_names(labels.values(), "classes")
    else:
        _check_kinds(labels, hierarchy)
    kinds = hierarchy.descendants(labels)
    folders: dict[str, str] = {}
    twice: set[str] = set()
    rows = _rows(files, set(labels).union(*kinds.values()), folders, twice)
    said = open_images_labels.resolve(rows, label_source, threshold)
    known = open_images_labels.of_classes(said.known, list(labels), kinds)
    chosen, notes = choose_several(known, folders, labels) if several else choose(known, folders, labels, both)
    if twice:
        notes.append(f"images in the label tables of two splits: {len(twice):,}, used for the later one")
    if said.contradictions:
        notes.append(f"labels that people say are present and absent: {said.contradictions:,}; the newest counts")
    if hierarchy.unknown:
        notes.append(f"the hierarchy has {len(hierarchy.unknown):,} ids without a name: {first(hierarchy.unknown)}")
    split_of = uses(_there(chosen, _folder(sources[0].uri, images)))
    learned = {label for image in chosen if split_of[image.folder] == tables.TRAIN for label in _shown(image, several)}
    unlearned = [f"{label} ({one})" for one, label in labels.items() if label not in learned]
    if several and unlearned:
        notes.append(f"classes that no training image shows, which cannot be learned: {first(unlearned)}")
    return Study(chosen, split_of, unlearned, [*notes, _uses_in_words(split_of)])


def _shown(image: Image, several: bool) -> Iterable[str]:
    """The labels that an image has."""
    return known_labels.present(image.label) if several else filter(None, [image.label])


def _check_kinds(labels: Mapping[str, str], hierarchy: Hierarchy) -> None:
    """Raise InputError where one of the classes is a kind of another, whose label all its images then have."""
    for one, label in labels.items():
        if above := next((other for other in labels if other in hierarchy.ancestors(one)), None):
            raise InputError(
                f"{label} ({one}) is a kind of {labels[above]} ({above}), so its images are of both classes; take one"
            )


def _rows(files: Files, wanted: set[str], folders: dict[str, str], twice: set[str]) -> Iterator[LabelRow]:
    """The rows of all tables, oldest first; notes the split of each image, the later of two (train, validation, test),
    and which have two.
    """
    for table in files.labels:
        for row in open_images_labels.read(table, wanted):
            before = folders.setdefault(row.image, table.split)
            if before != table.split:
                twice.add(row.image)
                folders[row.image] = max(before, table.split, key=SPLITS.index)
            yield row


def choose(
    known: Mapping[str, Mapping[str, bool | None]],
    folders: Mapping[str, str],
    labels: Mapping[str, str],
    both: str,
) -> tuple[list[Image], list[str]]:
    """The images of a study with one label an image, and what was decided, in lines: `known` says of each image which
    classes it shows, `folders` its official split, `labels` the label of each class, in the order of the form.

    An image of several of the classes is left out, or is of the first of them (`both` = keep_first). One that shows
    none is left out; it is unlabelled where a machine holds one of them for less probable than the threshold.
    """
    chosen: list[Image] = []
    counts: Counter[str] = Counter()
    for image, of_class in sorted(known.items()):
        present = [one for one in labels if of_class.get(one)]
        counts["several"] += len(present) > 1
        if len(present) == 1 or (present and both == KEEP_FIRST):
            chosen.append(Image(image, folders[image], labels[present[0]]))
            counts[labels[present[0]]] += 1
            counts["others"] += len(present) == 1 and any(of_class.get(one) is None for one in labels)
        elif not present and None in of_class.values():
            chosen.append(Image(image, folders[image], None))
            counts["unsure"] += 1
        elif not present:
            counts["none"] += 1
    several = "left out" if both == LEAVE_OUT else "of the first of them"
    decided = {
        "several": f"images that show several of the classes, {several}",
        "none": "images that show none of them, as far as is known, left out",
        "others": "images of one class in which another is not known, and may be there too",
        "unsure": "images in which a machine is less sure than the threshold, unlabelled",
    }
    notes = [", ".join(f"{label} ({one}): {counts[label]:,} images" for one, label in labels.items())]
    notes += [f"{text}: {counts[name]:,}" for name, text in decided.items() if counts[name]]
    return chosen, notes


def choose_several(
    known: Mapping[str, Mapping[str, bool | None]], folders: Mapping[str, str], labels: Mapping[str, str]
) -> tuple[list[Image], list[str]]:
    """The images of a study with several labels an image, and how many show each class, do not, or are not known to, in
    lines: as `choose`, but that an image in which a class is known, present or absent, is one of the study.
    """
    chosen: list[Image] = []
    counts = {label: Counter[str]() for label in labels.values()}
    several = unsure = 0
    for image, of_class in sorted(known.items()):
        said = {labels[one]: shown for one, shown in of_class.items() if shown is not None}
        chosen.append(Image(image, folders[image], known_labels.encoded(said) if said else None))
        several += sum(said.values()) > 1
        unsure += not said
        for label, shown in said.items():
            counts[label]["present" if shown else "absent"] += 1
    notes = []
    for one, label in labels.items():
        present, absent = counts[label]["present"], counts[label]["absent"]
        unknown = len(chosen) - present - absent
        notes.append(f"{label} ({one}): {present:,} images show it, {absent:,} do not, {unknown:,} are not known to")
    notes += [f"images that show several of the classes: {several:,}"] if several else []
    unsure_of = "images in which a machine is less sure than the threshold of all classes, unlabelled"
    return chosen, [*notes, *([f"{unsure_of}: {unsure:,}"] if unsure else [])]


def _there(images: Iterable[Image], folder: str) -> set[str]:
    """The official splits with a labelled image whose file is there; of a bucket, which is not asked, all."""
    found: set[str] = set()
    for image in images:
        if image.label is None or image.folder in found:
            continue
        if s3.is_s3(folder) or os.path.exists(storage.local(_uri(folder, image))):
            found.add(image.folder)
    return found


def uses(there: Iterable[str]) -> dict[str, str]:
    """What the images of each official split are used for, where `there` have labelled ones: test, or where it is not
    there, validation is for testing, and what remains for training. Where only one is there, none is for testing:
    ingest sets a fifth of its images aside.

    >>> uses(["train", "validation"])
    {'train': 'train', 'validation': 'test', 'test': 'train'}
    """
    found = set(there)
    tested = next((split for split in (TEST, VALIDATION) if split in found), None) if len(found) > 1 else None
    return {split: tables.TEST if split == tested else tables.TRAIN for split in SPLITS}


def _uses_in_words(split_of: Mapping[str, str]) -> str:
    tested = [split for split, use in split_of.items() if use == tables.TEST]
    if not tested:
        return "only one official split is there: a fifth of its images is for testing"
    trained = " and ".join(split for split in (TRAIN, VALIDATION) if split not in tested)
    return f"images of {tested[0]} are for testing, those of {trained} for training"
