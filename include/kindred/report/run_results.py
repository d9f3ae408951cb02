"""What the finished stages of a run have left, as far as its page shows it and it fits into one process."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import pyarrow.compute as pc
import pyarrow.dataset as ds

from kindred.data.images import id_bound
from kindred.data.origins import path
from kindred.evaluation import scoring
from kindred.report import cluster_results, labels_section, published_study_section
from kindred.report.clusters_section import Clusters
from kindred.report.embedding_map_section import MAX_POINTS
from kindred.report.labels_section import LabelMap
from kindred.report.published_study_section import ClassRows
from kindred.report.scored_images import ScoredImages
from kindred.runtime import arrow, stages, tables
from kindred.runtime.run_reader import RunReader

STAGES = ("ingest", "featurize", "choose_labels", "train_base", "pseudo_label", "train_final", "gate", "evaluate")
CLUSTER_STAGES = (stages.ADVISE_K, stages.SCORE_CLUSTERS)
VERDICT_COLUMNS = ["image_id", "label", "confidence"]  # of pseudo-labels; the others are many times as big
TEST = ds.field("split") == "test"
MAX_MAP_CANDIDATES = 50 * MAX_POINTS  # images among which those of the map are chosen: test images may be few of all


@dataclass(frozen=True)
class AttackResults:
    """The figures and tables of the stage `attack`; empty where it has not run."""

    figures: dict[str, float] = field(default_factory=dict)
    attacks: pd.DataFrame = field(default_factory=pd.DataFrame)
    pictures: pd.DataFrame = field(default_factory=pd.DataFrame)


@dataclass(frozen=True)
class Results:
    """Of a run of any task: the figures of all stages; the facts of `ingest`; `truth`, the known labels by id."""

    figures: dict[str, float]
    facts: dict[str, Any]
    truth: dict[str, str]

    @property
    def classes(self) -> list[str]:
        return list(self.facts["classes"])

    def images_by_split(self) -> dict[str, int]:
        """How many images each split has."""
        return {split: int(self.figures[f"ingest/{split}"]) for split in tables.SPLITS}


@dataclass(frozen=True)
class RunResults(Results):
    """The scored test images; the rows of pseudo_labels (`accepted`) and refused with their truth, and their counts by
    class; the gate's reason; the learning curve (may be empty); the attacks; the clusters of a run without labels.
    """

    test: ScoredImages
    accepted: pd.DataFrame
    refused: pd.DataFrame
    pseudo_by_class: pd.DataFrame
    gate_reason: str
    learning: pd.DataFrame
    attacks: AttackResults
    clusters: Clusters | None = None  # of a run without labels
    labels: LabelMap | None = None  # of one whose dataset has several labels an image
    settings: pd.DataFrame = field(default_factory=pd.DataFrame)  # of the classifier, that cross-validation has tried
    class_rows: ClassRows | None = None  # in the label tables of Open Images, of a run of one label an image


def read(reader: RunReader) -> RunResults:
    """Everything but what Spark must count."""
    figures = {name: value for stage in STAGES for name, value in reader.figures_of(stage).items()}
    if clusters := cluster_results.read(reader):
        figures |= {name: value for stage in CLUSTER_STAGES for name, value in reader.figures_of(stage).items()}
    facts, truth = {**reader.facts_of("ingest"), "classes": reader.classes()}, reader.truth()
    accepted = reader.rows("pseudo_labels", VERDICT_COLUMNS)
    refused = reader.rows("refused", [*VERDICT_COLUMNS, "reason"])
    return RunResults(
        figures=figures,
        facts=facts,
        truth=truth,
        test=_scored(reader, truth, list(facts["classes"]), figures),
        accepted=_with_truth(accepted.to_pandas(), truth),
        refused=_with_truth(refused.to_pandas(), truth),
        pseudo_by_class=scoring.pseudo_by_class(accepted, refused, pd.Series(truth)),
        gate_reason=reader.facts_of("gate")["reason"],
        learning=pd.DataFrame(reader.facts_of("train_base").get("learning_curve", {})),
        attacks=_attacks(reader),
        clusters=clusters,
        labels=labels_section.read(reader),
        settings=tried_settings(reader),
        class_rows=published_study_section.read(reader),
    )


def model_names(figures: dict[str, float]) -> dict[str, str]:
    """What the page calls base and the candidate, after what the gate decided; base alone where there is no other."""
    if not figures["pseudo/count"]:
        return {"base": "final (base)"}
    if not figures["gate/accepted"]:
        return {"base": "final (base)", "candidate": "refused candidate"}
    return {"base": "base", "candidate": "final"}


def final_name(names: Iterable[str]) -> str:
    """The one of `model_names` that is used."""
    return next(name for name in reversed(list(names)) if name.startswith("final"))


def origins(reader: RunReader, ids: Iterable[str]) -> dict[str, str]:
    """The addresses of the files of images, as people write them, by id; of a test image and its copies elsewhere that
    of the test image.
    """
    chosen = ds.field("image_id").isin(sorted(ids))
    rows = reader.rows("images", ["image_id", "split", "origin"], chosen)
    tested = arrow.by_id(rows.filter(pc.equal(rows["split"], tables.TEST)), "origin")
    return {name: path(origin) for name, origin in (arrow.by_id(rows, "origin") | tested).items()}


def map_images(reader: RunReader, count: int) -> pd.DataFrame:
    """The images of the map, from `count` in all: test and unlabelled ones in equal parts where there are as many, in
    the order of their ids. Columns split, prediction and, with several labels an image, probabilities, by id.
    """
    columns = ["image_id", "split", "prediction", *(["probabilities"] if reader.multi_label() else [])]
    given = set(reader.rows("labels", ["image_id"])["image_id"].to_pylist())
    candidates = ds.field("image_id") < id_bound(count, MAX_MAP_CANDIDATES)
    rows = reader.rows("predictions_final", columns, candidates).to_pandas()
    rows = rows[~rows["image_id"].isin(given)].sort_values("image_id").drop_duplicates("image_id")
    if rows.empty:
        return rows.set_index("image_id")
    parts = [part.head(MAX_POINTS // 2) for _, part in rows.groupby(rows["split"] == "test")]
    return pd.concat(parts).sort_values("image_id").set_index("image_id")


def _scored(reader: RunReader, truth: dict[str, str], classes: list[str], figures: dict[str, float]) -> ScoredImages:
    """The test images with the probabilities of base and the candidate."""
    models = {}
    for model, name in model_names(figures).items():
        predictions = reader.rows(f"predictions_{model}", ["image_id", "probabilities"], TEST)
        rows = scoring.on_test(predictions, pd.Series(truth))
        labels, models[name] = scoring.arrays(rows, classes)
    return ScoredImages(classes, rows["image_id"].to_numpy(), labels, models, final_name(models))


def tried_settings(reader: RunReader) -> pd.DataFrame:
    """The settings of both models; an older run has none."""
    stage_of = {"base": stages.TRAIN_BASE, "candidate": stages.TRAIN_FINAL}
    rows = [
        {"model": model, **row} for model, stage in stage_of.items() for row in reader.facts_of(stage).get("grid", [])
    ]
    return pd.DataFrame(rows)


def _with_truth(rows: pd.DataFrame, truth: dict[str, str]) -> pd.DataFrame:
    return rows.assign(truth=rows["image_id"].map(truth)).sort_values("image_id", ignore_index=True)


def _attacks(reader: RunReader) -> AttackResults:
    if not reader.finished(stages.ATTACK):
        return AttackResults()
    attacks, pictures = (reader.rows(name).to_pandas() for name in ("attacks", "attack_pictures"))
    return AttackResults(reader.figures_of(stages.ATTACK), attacks, pictures)
