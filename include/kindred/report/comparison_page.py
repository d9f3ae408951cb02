"""Finished runs -> one page that puts them side by side."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow.dataset as ds

from kindred.evaluation import multi_label_scoring, scoring
from kindred.evaluation.multi_label_scoring import TestedImages
from kindred.report import comparison_sections, html_page, multi_label_comparison, page_head
from kindred.report.comparison_sections import ComparedRun
from kindred.report.scored_images import ScoredImages
from kindred.report.scored_sets import ScoredSets
from kindred.runtime import storage
from kindred.runtime.errors import InputError
from kindred.runtime.run_reader import RunReader


class LabelledPredictions(NamedTuple):
    """A run's classes, and its test images with a known label: image_id, label, probabilities of the final model."""

    classes: list[str]
    rows: pd.DataFrame


class PredictedSets(NamedTuple):
    """The same with several labels an image, with the thresholds [k] of the final model."""

    classes: list[str]
    tested: TestedImages
    limits: np.ndarray


class ComparisonPage(NamedTuple):
    """The page, its table of scores, and its first sentence."""

    html: bytes
    csv: bytes
    headline: str


def compare(folders: Sequence[str]) -> ComparisonPage:
    """The page of two runs or more, by the URIs of their folders; the others are compared with the first.

    Raises InputError for fewer than two, for a run that has not been evaluated, and for runs with one label an image
    beside such with several.
    """
    folders = list(dict.fromkeys(folders))
    if len(folders) < 2:
        raise InputError(f"{len(folders)} run to compare; it takes two or more")
    names = _names(folders)
    readers = {name: RunReader(folder, "compare") for name, folder in zip(names, folders, strict=True)}
    if _several_labels(readers):
        sets = common_sets({name: _sets(reader) for name, reader in readers.items()})
        runs = [_run(reader, name) for name, reader in readers.items()]
        sections, summary = multi_label_comparison.sections(runs, sets), multi_label_comparison.summary(runs)
    else:
        test = common_images({name: _predictions(reader) for name, reader in readers.items()})
        runs = [_run(reader, name) for name, reader in readers.items()]
        sections, summary = comparison_sections.sections(runs, test), comparison_sections.summary(runs)
    html = html_page.render(f"Kindred: {len(runs)} runs", {"runs": ", ".join(names)}, sections)
    return ComparisonPage(html, scoring.csv(summary, index=False), sections[0].headline)


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


def common_sets(tests: Mapping[str, PredictedSets]) -> ScoredSets | None:
    """The same of runs on images with several labels: None also where not the same is known of the images."""
    first, *others = tests.values()
    ids = set(first.tested.ids)
    for other in others:
        ids &= set(other.tested.ids) if other.classes == first.classes else set()
    if not ids:
        return None
    rows = {name: np.flatnonzero(np.isin(test.tested.ids, list(ids))) for name, test in tests.items()}
    labels = [test.tested.labels.of(rows[name]) for name, test in tests.items()]
    for one in labels:
        same = (one.known == labels[0].known).all() and (one.present == labels[0].present)[one.known].all()
        if not same:
            return None
    models = {name: test.tested.values[rows[name]] for name, test in tests.items()}
    limits = {name: test.limits for name, test in tests.items()}
    name = next(iter(tests))
    return ScoredSets(first.classes, first.tested.ids[rows[name]], labels[0], models, limits, name)


def _several_labels(readers: Mapping[str, RunReader]) -> bool:
    """Whether the runs are on images with several labels; raises InputError where some are and others are not."""
    for reader in readers.values():
        reader.table_uri("truth")  # where it is not there, the error names what is missing
    several = [name for name, reader in readers.items() if reader.multi_label()]
    if several and len(several) < len(readers):
        others = [name for name in readers if name not in several]
        raise InputError(
            f"runs with several labels an image ({', '.join(several)}) and with one ({', '.join(others)}) have no "
            "score in common; compare each kind by itself"
        )
    return bool(several)


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


def _sets(reader: RunReader) -> PredictedSets:
    classes = reader.classes()
    predictions = reader.rows("predictions_final", ["image_id", "probabilities"], ds.field("split") == "test")
    tested = multi_label_scoring.on_test(predictions, reader.rows("truth"), classes)
    return PredictedSets(classes, tested, np.array(reader.facts_of("gate")["thresholds"]))


def _names(folders: Sequence[str]) -> list[str]:
    """The runs' names; with their DAGs' where two have the same."""
    parts = [Path(storage.local(folder)).parts[-2:] for folder in folders]
    short = [name for _, name in parts]
    return short if len(set(short)) == len(short) else ["/".join(both) for both in parts]
