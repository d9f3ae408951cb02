"""Finished runs -> one page that puts them side by side."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pyarrow.dataset as ds

from kindred.evaluation import scoring
from kindred.report import comparison_sections, html_page, page_head
from kindred.report.comparison_sections import ComparedRun
from kindred.report.scored_images import ScoredImages
from kindred.runtime import storage
from kindred.runtime.errors import InputError
from kindred.runtime.run_reader import RunReader


class LabelledPredictions(NamedTuple):
    """A run's classes, and its test images with a known label: image_id, label, probabilities of the final model."""

    classes: list[str]
    rows: pd.DataFrame


class ComparisonPage(NamedTuple):
    """The page, its table of scores, and its first sentence."""

    html: bytes
    csv: bytes
    headline: str


def compare(folders: Sequence[str]) -> ComparisonPage:
    """The page of two runs or more, by the URIs of their folders; the others are compared with the first.

    Raises InputError for fewer than two, and for a run that has not been evaluated.
    """
    folders = list(dict.fromkeys(folders))
    if len(folders) < 2:
        raise InputError(f"{len(folders)} run to compare; it takes two or more")
    names = _names(folders)
    readers = [RunReader(folder, "compare") for folder in folders]
    tests = {name: _predictions(reader) for reader, name in zip(readers, names, strict=True)}
    runs = [_run(reader, name) for reader, name in zip(readers, names, strict=True)]
    sections = comparison_sections.sections(runs, common_images(tests))
    html = html_page.render(f"Kindred: {len(runs)} runs", {"runs": ", ".join(names)}, sections)
    csv = scoring.csv(comparison_sections.summary(runs), index=False)
    return ComparisonPage(html, csv, sections[0].headline)


def common_images(tests: Mapping[str, LabelledPredictions]) -> ScoredImages | None:
    """The test images that all runs have scored, from each run's by its name; None where there is none, or where the
    classes or labels differ.
    """
    first, *others = tests.values()
    ids = set(first.rows["image_id"])
    for other in others:
        ids &= set(other.rows["image_id"]) if other.classes == first.classes else set()
    if not ids:
        return None
    chosen = [test.rows[test.rows["image_id"].isin(ids)].sort_values("image_id") for test in tests.values()]
    if any((rows["label"].to_numpy() != chosen[0]["label"].to_numpy()).any() for rows in chosen):
        return None
    scored = [scoring.arrays(rows, first.classes) for rows in chosen]
    models = {name: probabilities for name, (_, probabilities) in zip(tests, scored, strict=True)}
    return ScoredImages(first.classes, chosen[0]["image_id"].to_numpy(), scored[0][0], models, next(iter(models)))


def _run(reader: RunReader, name: str) -> ComparedRun:
    figures: dict[str, float] = {}
    for stage in ("choose_labels", "pseudo_label", "gate", "evaluate"):
        figures |= reader.figures_of(stage)
    learning = pd.DataFrame(reader.facts_of("train_base").get("learning_curve", {}))
    return ComparedRun(name, page_head.date(reader), reader.params(), figures, learning)


def _predictions(reader: RunReader) -> LabelledPredictions:
    truth = reader.rows("truth").to_pandas().set_index("image_id")["label"]
    predictions = reader.rows("predictions_final", ["image_id", "probabilities"], ds.field("split") == "test")
    return LabelledPredictions(reader.classes(), scoring.on_test(predictions, truth))


def _names(folders: Sequence[str]) -> list[str]:
    """The runs' names; with their DAGs' where two have the same."""
    parts = [Path(storage.local(folder)).parts[-2:] for folder in folders]
    short = [name for _, name in parts]
    return short if len(set(short)) == len(short) else ["/".join(both) for both in parts]
