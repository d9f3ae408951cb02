"""A small run on images with several labels each, as its stages would leave it: hand-made tables, no fit."""

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from kindred.data import images
from kindred.learning import prediction_tables
from kindred.learning.networks import Layer, Network
from kindred.runtime import arrow, label_sets, marks
from kindred.runtime.stage import Stage

SIDE = 16
CLASSES = ["sea", "sunset", "trees"]
COUNTS = {"test": 40, "train": 30, "unlabeled": 20}
GIVEN = 20  # training images whose labels the run is given
UNKNOWN = 3  # of each so many images one has a class of which nothing is known
THRESHOLDS = {"train_base": [0.5, 0.4, 0.6], "train_final": [0.5, 0.5, 0.5]}


def make(run: str, tested: bool = True) -> str:
    """The stages up to the gate, in the folder of a run. Without `tested` no class is known of any test image."""
    rng = np.random.default_rng(0)
    split = np.repeat(list(COUNTS), list(COUNTS.values()))
    ids = np.array([hashlib.md5(bytes([i])).hexdigest() for i in range(len(split))], dtype=object)
    present = rng.random((len(ids), 3)) < (0.5, 0.3, 0.2)
    known = (np.arange(len(ids))[:, None] + np.arange(3)) % UNKNOWN > 0
    known[::2] = True
    known[split == "unlabeled"] = False
    if not tested:
        known[split == "test"] = False
    features = present + rng.normal(0, 0.6, present.shape)
    truth = rows_of(ids, known, present)
    commit(
        *(run, "ingest", {f"ingest/{name}": count for name, count in COUNTS.items()}),
        {"classes": CLASSES, "task": label_sets.MULTI_LABEL, "height": SIDE, "width": SIDE, "channels": 3},
        images=_images(ids, split, present, rng),
        truth=truth,
        rejected=arrow.schema("rejected").empty_table(),
    )
    table = {"image_id": ids, "split": split, "features": arrow.lists(features)}
    commit(run, "featurize", {"featurize/images": len(ids)}, {}, features=pa.table(table))
    given = ids[split == "train"][:GIVEN]
    labels = truth.filter(pa.compute.is_in(truth["image_id"], pa.array(given)))
    labels = labels.append_column("confidence", pa.array([1.0] * len(labels)))
    labels = labels.append_column("source", pa.array(["given"] * len(labels)))
    commit(run, "choose_labels", {"choose_labels/labels": GIVEN}, {"classes": CLASSES}, labels=labels)
    cv = {"log_loss": 0.4, "mean_average_precision": 0.75, "micro_f1": 0.7}
    for stage, model, slope in (("train_base", "base", 2.0), ("train_final", "candidate", 5.0)):
        network = Network((Layer(slope * np.eye(3), np.full(3, -slope / 2)),), thresholds=tuple(THRESHOLDS[stage]))
        figures = {f"{model}/cv/folds": 3}
        for name, value in cv.items():
            figures |= {f"{model}/cv/{name}_mean": value + slope / 100, f"{model}/cv/{name}_std": 0.01}
        predictions = prediction_tables.predicted_rows(pa.table(table), network, CLASSES)
        commit(run, stage, figures, {"thresholds": THRESHOLDS[stage]}, **{f"predictions_{model}": predictions})
        if stage == "train_base":
            _pseudo_label(run, ids[~np.isin(ids, given) & (split != "test")], predictions)
    gate = {"accepted": 1, "difference": 0.01, "low": -0.01, "high": 0.03, "margin": 0.02, "log_loss_difference": -0.05}
    figures = {f"gate/{name}": value for name, value in gate.items()}
    figures |= {f"final/cv/{name}_mean": value + 0.05 for name, value in cv.items()}
    facts = {"chosen": "candidate", "reason": "its log loss is not worse", "thresholds": THRESHOLDS["train_final"]}
    commit(run, "gate", figures, facts, predictions_final=predictions)
    return run


def rows_of(ids: np.ndarray, known: np.ndarray, present: np.ndarray) -> pa.Table:
    """Rows image_id, label, present of what is known of each image."""
    image, label = np.nonzero(known)
    columns = {"image_id": ids[image], "label": np.array(CLASSES, object)[label], "present": present[image, label]}
    return pa.table(columns)


def _pseudo_label(run: str, ids: np.ndarray, predictions: pa.Table) -> None:
    """Of each class the surer half of the images without a given label."""
    probability = dict(zip(predictions["image_id"].to_pylist(), predictions["probabilities"].to_pylist(), strict=True))
    values = np.array([probability[image_id] for image_id in ids])
    known = np.abs(values - 0.5) >= np.median(np.abs(values - 0.5), axis=0)
    rows = rows_of(ids, known, values >= 0.5)
    confidence = np.where(values >= 0.5, values, 1 - values)[np.nonzero(known)]
    full = rows.append_column("confidence", pa.array(confidence)).append_column(
        "source", pa.array(["pseudo"] * len(rows))
    )
    full = full.append_column("weight", pa.array(np.ones(len(rows)))).append_column("round", pa.array([0] * len(rows)))
    for name in ("scores", "nearest"):
        full = full.append_column(name, pa.nulls(len(rows), arrow.schema("pseudo_labels").field(name).type))
    images, positives = int(known.any(axis=1).sum()), int(np.array(rows["present"]).sum())
    figures = {"unlabelled": len(ids), "count": images, "pairs": len(rows), "positives": positives, "quota": 0.5}
    figures |= {"coverage": images / len(ids)}
    commit(
        *(run, "pseudo_label", {f"pseudo/{name}": value for name, value in figures.items()}, {}),
        pseudo_labels=full,
        pseudo_labels_by_fold=arrow.schema("pseudo_labels_by_fold").empty_table(),
        refused=arrow.schema("refused").empty_table(),
    )


def _images(ids: np.ndarray, split: np.ndarray, present: np.ndarray, rng: np.random.Generator) -> pa.Table:
    """Pictures of noise in which each class present has a channel of its own."""
    contents = []
    for row in present:
        pixels = rng.integers(0, 120, (SIDE, SIDE, 3)) + 120 * row
        contents.append(images.encode(pixels.astype(np.uint8)))
    size = np.full(len(ids), SIDE)
    return pa.table(
        {
            **{
                "image_id": ids,
                "split": split,
                "origin": [f"file:///photos/{part}/{i:03d}.jpg" for i, part in enumerate(split)],
            },
            **{"height": size, "width": size, "channels": np.full(len(ids), 3), "content": contents},
        }
    )


def commit(run: str, name: str, figures: Mapping[str, float], facts: dict[str, Any], **tables: pa.Table) -> None:
    """Commit a stage of a run with these tables, figures and facts."""
    s = Stage(name, run, {})
    for table, rows in tables.items():
        s.write_rows(table, rows)
    left_out = ("rejected", "leaked", "repeated", "undecoded", "contradicting", "conflicting")
    s.figures = {**({f"ingest/{kind}": 0 for kind in left_out} if name == "ingest" else {}), **figures}
    s.facts = facts
    marks.commit(s.home, s.mark(0.1, "done"))
