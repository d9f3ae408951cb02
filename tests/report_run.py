"""A small run as the report sees it: hand-made figures, predictions and pictures."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from kindred.data.near_duplicates import NearDuplicates
from kindred.evaluation import score_intervals, scoring
from kindred.learning import metrics
from kindred.report import run_page
from kindred.report.blocks import Section
from kindred.report.data_section import ImageCounts
from kindred.report.pictures import Pictures
from kindred.report.rejected_blocks import RejectedFiles
from kindred.report.run_results import AttackResults, RunResults
from kindred.report.scored_images import ScoredImages
from kindred.report.verdict_section import COUNTS

SIDE = 8
CLASSES = ["cat", "dog", "eel"]
LABELS = [0, 0, 1, 1, 1, 2]
PREDICTIONS = [0, 1, 1, 1, 2, 2]  # one cat predicted as a dog, one dog as an eel
NONE_REJECTED = RejectedFiles(pd.DataFrame({"reason": [], "files": []}), pd.DataFrame())
LEARNING = pd.DataFrame({"labels": [10, 20, 40], "accuracy": [0.5, 0.7, 0.8], "error": 0.01})


def scored(
    labels: Sequence[int] = LABELS,
    models: Mapping[str, Sequence[int]] | None = None,
    classes: Sequence[str] = CLASSES,
    confidence: float = 0.9,
) -> ScoredImages:
    """Test images, and models by what each predicts, with `confidence` in that class and the rest spread over all."""
    probabilities = {}
    for name, predictions in (models or {"base": PREDICTIONS, "final": LABELS}).items():
        rest = (1 - confidence) / max(len(classes) - 1, 1)
        predicted = np.eye(len(classes))[list(predictions)] > 0
        probabilities[name] = np.where(predicted, confidence if len(classes) > 1 else 1.0, rest)
    ids = np.array([f"{i:04d}" for i in range(len(labels))], dtype=object)
    return ScoredImages(list(classes), ids, np.array(labels), probabilities, list(probabilities)[-1])


def figures_of(test: ScoredImages, accepted: bool = True, pseudo: int = 3) -> dict[str, float]:
    """The figures that the stages would have."""
    base, other = (list(test.models.values()) * 2)[:2]
    figures = {f"ingest/{name}": 0 for name in COUNTS} | {"ingest/test": len(test.labels), "ingest/train": 40}
    for model, probabilities in (("base", base), ("candidate", other)):
        scores = {**metrics.scores(test.labels, probabilities), "images": len(test.labels)}
        figures |= {f"{model}/test/{name}": value for name, value in scores.items()}
    figures |= scoring.interval_figures(test.labels, base, other, score_intervals.intervals(test.labels, base, other))
    figures |= {"gate/accepted": int(accepted), "gate/difference": 0.02, "gate/low": 0.0, "gate/high": 0.04}
    figures |= {"gate/log_loss_difference": -0.1, "choose_labels/labels": 20}
    return figures | {"pseudo/unlabelled": pseudo, "pseudo/count": pseudo, "pseudo/novel": 0}


def near_duplicates(*pairs: tuple) -> NearDuplicates:
    """Near duplicates of ten comparisons; a pair is image_id, split, other, other_split, distance."""
    rows = pd.DataFrame(list(pairs), columns=["image_id", "split", "other", "other_split", "distance"])
    return NearDuplicates(rows, len(rows), 0.01, {"mirrored": 1.0, "all": 1.0}, len(rows) / 10, 10)


def results_of(test: ScoredImages, accepted: bool = True, pseudo: int = 3) -> RunResults:
    """The results of a run whose first test images are pseudo-labelled, too."""
    names = np.array(test.classes, dtype=object)
    truth = dict(zip(test.ids, names[test.labels], strict=True))
    labelled = pd.DataFrame({"image_id": test.ids[:pseudo], "label": names[test.labels[:pseudo]], "confidence": 0.7})
    labelled["truth"] = labelled["label"]
    by_class = pd.DataFrame({"accepted": labelled["label"].value_counts(), "refused": 0}).rename_axis("class")
    by_class = by_class.assign(coverage=1.0, confidence=0.7, known=by_class["accepted"], right=0, precision=1.0)
    return RunResults(
        figures=figures_of(test, accepted, pseudo),
        facts={"classes": test.classes},
        truth=truth,
        test=test,
        accepted=labelled,
        refused=labelled.head(0).assign(reason=[]),
        pseudo_by_class=by_class,
        gate_reason="neither accuracy nor log loss is worse",
        learning=LEARNING,
        attacks=AttackResults(),
    )


def sections(
    test: ScoredImages,
    accepted: bool = True,
    pseudo: int = 3,
    duplicates: NearDuplicates | None = None,
    rejected: RejectedFiles | None = None,
) -> dict[str, Section]:
    """All sections by name, of a run whose every test image is an example and on the map."""
    run = results_of(test, accepted, pseudo)
    grey = np.linspace(0, 255, SIDE * SIDE * 3).astype(np.uint8).reshape(SIDE, SIDE, 3)
    thumbnails = {image_id: np.roll(grey, i, axis=1) for i, image_id in enumerate(test.ids)}
    pictures = Pictures(thumbnails, {image_id: f"/photos/test/{image_id}.jpg" for image_id in test.ids})
    names = np.array(test.classes, dtype=object)
    balance = pd.DataFrame({"split": "test", "label": names[test.labels], "count": 1})
    sizes = pd.DataFrame({"height": [SIDE], "width": [SIDE], "count": [len(test.ids)]})
    features = np.random.default_rng(0).normal(size=(len(test.ids), 5))
    on_map = pd.DataFrame({"split": "test", "prediction": names[test.predictions(test.final)]}, index=test.ids)
    mapped = run_page.mapped_images(test.ids, features, on_map, run, pictures)
    counts = ImageCounts(balance, sizes, leaked=0, repeated=0)
    made = run_page.sections(
        run, counts, duplicates or near_duplicates(), rejected or NONE_REJECTED, mapped, "pca", pictures
    )
    return {section.name: section for section in made}


def few(classes: int) -> list[str]:
    return [f"class {i:03d}" for i in range(classes)]


def text_of(section: Section) -> str:
    """The headline of a section and all its sentences."""
    return "\n".join([section.headline, *(getattr(block, "text", "") for block in section.blocks)])
