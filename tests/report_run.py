"""A small run as the report sees it: hand-made figures, predictions and pictures."""

import numpy as np
import pandas as pd

from kindred.data import near_duplicates
from kindred.evaluation import score_intervals, scoring
from kindred.learning import metrics
from kindred.report import curves, data, embedding_map, mistakes, pseudo_labels, robustness, verdict
from kindred.report.blocks import Scored, Section

SIDE = 8


def scored(labels: list[int], models: dict[str, list[int]], classes: list[str], sure: float = 0.9) -> Scored:
    """Test images and models that give `sure` to one class and the rest to all."""
    found = {}
    for name, said in models.items():
        rest = (1 - sure) / max(len(classes) - 1, 1)
        found[name] = np.where(np.eye(len(classes))[said] > 0, sure if len(classes) > 1 else 1.0, rest)
    ids = np.array([f"{i:04d}" for i in range(len(labels))], dtype=object)
    return Scored(classes, ids, np.array(labels), found, list(found)[-1])


def figures_of(test: Scored, accepted: bool, pseudo: int) -> dict[str, float]:
    """What the stages would have found."""
    base, other = (list(test.models.values()) * 2)[:2]
    found = {f"ingest/{name}": 0 for name in verdict.COUNTS} | {"ingest/test": len(test.labels), "ingest/train": 40}
    for model, probabilities in (("base", base), ("candidate", other)):
        scores = {**metrics.scores(test.labels, probabilities), "images": len(test.labels)}
        found |= {f"{model}/test/{name}": value for name, value in scores.items()}
    found |= scoring.compared(test.labels, base, other, score_intervals.intervals(test.labels, base, other))
    found |= {"gate/accepted": int(accepted), "gate/difference": 0.02, "gate/low": 0.0, "gate/high": 0.04}
    found |= {"gate/log_loss_difference": -0.1, "choose_labels/labels": 20}
    return found | {"pseudo/unlabelled": pseudo, "pseudo/count": pseudo, "pseudo/novel": 0}


def found_twins(pairs: list[tuple] = ()) -> near_duplicates.NearDuplicates:
    columns = ["image_id", "split", "other", "other_split", "distance"]
    rows = pd.DataFrame(pairs, columns=columns)
    return near_duplicates.NearDuplicates(rows, len(rows), 0.01, {"mirrored": 1.0, "all": 1.0}, len(rows) / 10, 10)


def sections(test: Scored, accepted: bool = True, pseudo: int = 3, twins: list[tuple] = ()) -> list[Section]:
    """All sections of a run whose every test image is also an example, and whose first images are pseudo-labelled."""
    names = np.array(test.classes, dtype=object)
    truth = dict(zip(test.ids, names[test.labels], strict=True))
    grey = np.linspace(0, 255, SIDE * SIDE * 3).astype(np.uint8).reshape(SIDE, SIDE, 3)
    pictures = {image_id: np.roll(grey, i, axis=1) for i, image_id in enumerate(test.ids)}
    balance = pd.DataFrame({"split": "test", "label": names[test.labels], "count": 1})
    sizes = pd.DataFrame({"height": [SIDE], "width": [SIDE], "count": [len(test.ids)]})
    labelled = pd.DataFrame({"image_id": test.ids[:pseudo], "label": names[test.labels[:pseudo]], "confidence": 0.7})
    labelled["truth"] = labelled["label"]
    refused = labelled.head(0).assign(reason=[])
    by_class = pd.DataFrame({"accepted": labelled["label"].value_counts(), "refused": 0}).rename_axis("class")
    by_class = by_class.assign(coverage=1.0, confidence=0.7, known=by_class["accepted"], right=0, precision=1.0)
    features = np.random.default_rng(0).normal(size=(len(test.ids), 5))
    said = names[test.predicted(list(test.models)[-1])].tolist()
    shown = [pictures[i] for i in test.ids]
    everyone = np.ones(len(test.ids), bool)
    curve = pd.DataFrame({"labels": [10, 20, 40], "accuracy": [0.5, 0.7, 0.8], "error": 0.01})
    copies = {"leaked": 0, "repeated": 0}
    samples = data.sample(truth, test.classes)
    return [
        verdict.section(figures_of(test, accepted, pseudo), "neither accuracy nor log loss is worse", []),
        data.section(balance, sizes, test.classes, samples, found_twins(twins), copies, truth, pictures),
        mistakes.section(test, pictures),
        curves.section(test, curve),
        pseudo_labels.section(labelled, refused, by_class, pictures),
        embedding_map.section(features, said, list(truth.values()), everyone, shown, test.classes, "pca"),
        robustness.section({}, pd.DataFrame(), pd.DataFrame()),
    ]


def few(classes: int) -> list[str]:
    return [f"class {i:03d}" for i in range(classes)]


def text_of(section: Section) -> str:
    """All that a section says."""
    return "\n".join([section.says, *(getattr(block, "text", "") for block in section.blocks)])
