"""The table `labels.csv` where images may have several labels: what its rows say together of each file.

A file's labels stand in one row, with bars between them, or in several rows. They are all that it has, so the other
classes are absent; `(none)` has none of them. With a column `present` a row says of one file and its label whether that
is there, and what no row says is not known.
"""

from collections.abc import Mapping, Sequence

from kindred.data import known_labels, label_spelling, labels_csv
from kindred.data.folder_layout import Place
from kindred.data.label_spelling import SPLIT_OF
from kindred.data.labels_csv import PRESENT, Row
from kindred.data.sources import first
from kindred.runtime import label_sets
from kindred.runtime.errors import InputError
from kindred.runtime.tables import MATCHED, UNLABELED

YES, NO = ("1", "true", "yes"), ("0", "false", "no")  # in the column `present`


def places(matched: Mapping[str, Sequence[Row]], path: str) -> dict[str, Place]:
    """Split and label (as `known_labels` writes it) of each file, of the rows that name it in the table `path`.

    Raises InputError for what cannot be read, or does not fit together.
    """
    said = {name: [(row, _said(row, path)) for row in rows] for name, rows in matched.items()}
    faults = [fault for name, rows in said.items() for fault in _faults(name, rows)]
    if faults:
        raise InputError(f"{path} contradicts itself: {first(faults)}")
    known = {name: _joined([one for _, one in rows]) for name, rows in said.items()}
    parts = {name: rows[0].part for name, rows in matched.items()}
    learned = [labels for name, labels in known.items() if parts[name] not in MATCHED and labels is not None]
    classes = {label for labels in learned for label in labels}
    if not classes:
        raise InputError(f"{path} {f'has no label but {label_sets.NONE}' if learned else 'labels no file'}")
    known_labels.check_names(classes, path)
    others = dict.fromkeys(classes, False) if all(rows[0].present is None for rows in matched.values()) else {}
    texts = {
        name: None if labels is None else known_labels.encoded({**others, **labels}) for name, labels in known.items()
    }
    return {name: Place(SPLIT_OF[part], texts[name]) for name, part in parts.items()}


def _said(row: Row, path: str) -> dict[str, bool] | None:
    """What a row says of classes; None where it has no label."""
    present = None if row.present is None else row.present.strip()
    if row.label is None:
        if present:
            raise InputError(f"{path} line {row.line}: {PRESENT} is {present!r}, but there is no label")
        return None
    labels = list(filter(None, map(label_spelling.label, label_sets.split(row.label))))
    if not labels and (row.label != label_sets.NONE or present is not None):
        raise InputError(f"{path} line {row.line}: {row.label!r} names no class")
    if present is not None and present.casefold() not in (*YES, *NO):
        raise InputError(f"{path} line {row.line}: {PRESENT} must be 1 or 0, not {present!r}")
    return dict.fromkeys(labels, present is None or present.casefold() in YES)


def _faults(name: str, rows: Sequence[tuple[Row, dict[str, bool] | None]]) -> list[str]:
    """What rows say against each other of a file."""
    head = rows[0][0]
    faults = [_two_parts(name, head, row) for row, _ in rows if row.part != head.part]
    lines = {pair: row.line for row, said in reversed(rows) for pair in (said or {}).items()}
    for (label, present), line in lines.items():
        if not present and (label, True) in lines:
            faults.append(f"{name!r} has {label} (line {lines[label, True]}) and has not (line {line})")
    none = next((row.line for row, said in rows if said == {}), None)
    if none and lines:
        (label, _), line = min(lines.items(), key=lambda one: one[1])
        faults.append(f"{name!r} is {label_sets.NONE} (line {none}) and {label} (line {line})")
    return faults


def _two_parts(name: str, one: Row, other: Row) -> str:
    """That two rows put a file into two parts; of a row without a split it is its blank label that does."""
    blank = any(row.label is None and row.part == UNLABELED for row in (one, other))
    return (labels_csv.contradiction if blank else labels_csv.two_parts)(name, one, other)


def _joined(said: Sequence[dict[str, bool] | None]) -> dict[str, bool] | None:
    """What all rows say of a file; None where none has a label."""
    known = [one for one in said if one is not None]
    return {label: present for one in known for label, present in one.items()} if known else None
