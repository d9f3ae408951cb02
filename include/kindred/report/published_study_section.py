"""A published study of Open Images beside a run: what its figures measured, the same of this run, and the run's own."""

from typing import NamedTuple

import pandas as pd

from kindred.evaluation import open_images_study
from kindred.evaluation.open_images_study import ACCURACY, AUC, F1, HARD_AUC
from kindred.report.blocks import Section, Table, Text
from kindred.report.scored_images import NOT_TESTED, ScoredImages
from kindred.runtime import stages
from kindred.runtime.run_reader import RunReader

TITLES = {ACCURACY: "accuracy", F1: "F1", AUC: "AUC"}
REPRODUCED = {AUC: HARD_AUC}  # the published scores that a run can give in the study's way, by the name of our own
COLUMNS = ("", "published", "reproduced", "ours", "what the published figure measured")
UNKNOWN = "–"
OF_ROWS = "label rows: an image with both labels is one of each class, and may be in both parts"
MEASURED = {ACCURACY: OF_ROWS, F1: OF_ROWS, AUC: "predicted classes, not probabilities: the mean of both recalls"}
CAPTION = (
    "A published study of cars and trees in Open Images, whose images are others. Reproduced: this run's final model "
    "and label tables in the study's way; accuracy and F1 in that way need images with both labels twice, which no run "
    "takes: benchmarks/open_images_study.py measures them. Ours: the final model on this run's test images, with 95 % "
    "intervals, each image in one split; and the rows that say present."
)


class ClassRows(NamedTuple):
    """How many rows the label tables have of the run's classes, and how many of them say present."""

    rows: int
    positive_rows: int


def read(reader: RunReader) -> ClassRows | None:
    """Of the tables of the stage label_map; None in a run without it, and of several labels an image."""
    if not reader.finished(stages.LABEL_MAP) or reader.multi_label():
        return None
    counts = reader.rows("label_counts", ["label", "name", "rows", "positive_rows"]).to_pandas()
    own = of_classes(counts, reader.classes(), reader.arguments_of(stages.INGEST).get("classes", []))
    return ClassRows(int(own["rows"].sum()), int(own["positive_rows"].sum()))


def of_classes(counts: pd.DataFrame, classes: list[str], chosen: list[str]) -> pd.DataFrame:
    """The rows of label_counts that are of a run's classes, which are called by name, by id, or by both. `chosen`: the
    names or ids in the form, where one of several ids of a name stands as its id.

    >>> counts = pd.DataFrame({"label": ["/m/1", "/m/2", "/m/3"], "name": ["Tree", "Jaguar", "Jaguar"]})
    >>> of_classes(counts, ["Jaguar", "Tree"], ["/m/3", "tree"])["label"].tolist()
    ['/m/1', '/m/3']
    """
    label, name = counts["label"], counts["name"].fillna("")
    own = counts[label.isin(classes) | name.isin(classes) | (name + " (" + label + ")").isin(classes)]
    shared = own["name"].notna() & own["name"].duplicated(keep=False)
    return own[~shared | own["label"].isin(chosen)]


def section(rows: ClassRows, test: ScoredImages, figures: dict[str, float]) -> Section:
    """From the counts, the scored test images, and the figures of all stages."""
    own = open_images_study.scores(test.labels, test.models[test.final]) if len(test.labels) else {}
    text = (
        f"The study counted all {open_images_study.PUBLISHED_ROWS:,} rows as presences, of which "
        f"{open_images_study.PUBLISHED_POSITIVE_ROWS:,} are; in its way this run would count {rows.rows:,}, of which "
        f"{rows.positive_rows:,} say present."
    )
    table = compared(rows, own, _intervals(test, figures))
    return Section(
        "study", "The published study", _headline(own), [Text(text), Table("figures", CAPTION, table, open=True)]
    )


def compared(rows: ClassRows, own: dict[str, float], intervals: dict[str, tuple[float, float]]) -> pd.DataFrame:
    """The table, of the run's `open_images_study.scores` and the intervals of some of them.

    >>> compared(ClassRows(10, 4), {}, {})["published"].tolist()
    ['0.9265', '0.9266', '0.9286', '15,095']
    """
    lines = []
    for name, title in TITLES.items():
        way = REPRODUCED.get(name)
        published = open_images_study.PUBLISHED[way or name]
        reproduced = f"{own[way]:.4f}" if way in own else UNKNOWN
        lines.append((title, f"{published:.4f}", reproduced, _score(name, own, intervals), MEASURED[name]))
    counted = (f"{open_images_study.PUBLISHED_ROWS:,}", f"{rows.rows:,}", f"{rows.positive_rows:,}")
    lines.append(("rows taken for presences", *counted, "all rows, also those that say verified absent"))
    return pd.DataFrame(lines, columns=list(COLUMNS))


def _headline(own: dict[str, float]) -> str:
    if not own:
        return NOT_TESTED
    published = open_images_study.PUBLISHED[ACCURACY]
    return f"Published: accuracy {published:.1%} of label rows; this run: {own[ACCURACY]:.1%} of images."


def _score(name: str, own: dict[str, float], intervals: dict[str, tuple[float, float]]) -> str:
    if name not in own:
        return UNKNOWN
    ends = f" ({intervals[name][0]:.4f} to {intervals[name][1]:.4f})" if name in intervals else ""
    return f"{own[name]:.4f}{ends}"


def _intervals(test: ScoredImages, figures: dict[str, float]) -> dict[str, tuple[float, float]]:
    """Those of the final model's scores."""
    head = f"{'base' if 'base' in test.final else 'candidate'}/test"
    known = [name for name in TITLES if f"{head}/{name}_low" in figures]
    return {name: (figures[f"{head}/{name}_low"], figures[f"{head}/{name}_high"]) for name in known}
