"""What the finished stages of a run on images with several labels have left, as far as its page shows it."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from kindred.evaluation import multi_label_scoring
from kindred.learning import multi_label
from kindred.learning.multi_label import Labels
from kindred.report import labels_section, run_results
from kindred.report.labels_section import LabelMap
from kindred.report.run_results import STAGES, TEST, Results
from kindred.report.scored_sets import ScoredSets
from kindred.runtime.run_reader import RunReader

PSEUDO_LABEL_COLUMNS = ["image_id", "label", "present", "confidence"]
STAGES_OF_MODELS = {"base": "train_base", "candidate": "train_final"}


@dataclass(frozen=True)
class MultiLabelResults(Results):
    """Beside what every run has (`truth`: joined sets by id) the rows of the table `truth`; the scored test images; the
    rows of pseudo_labels with their truth (true, false, null), and their counts by class; the gate's reason.
    """

    known: pa.Table
    test: ScoredSets
    accepted: pd.DataFrame
    pseudo_by_class: pd.DataFrame
    gate_reason: str
    settings: pd.DataFrame  # of the classifier, that cross-validation has tried; may be empty
    labels: LabelMap | None = None  # of Open Images

    def labels_of(self, ids: np.ndarray) -> Labels:
        """What is known of some images."""
        return multi_label.of_rows(self.known, ids, self.classes)


def read(reader: RunReader) -> MultiLabelResults:
    """Everything but what Spark must count."""
    figures = {name: value for stage in STAGES for name, value in reader.figures_of(stage).items()}
    facts, known = {**reader.facts_of("ingest"), "classes": reader.classes()}, reader.rows("truth")
    pseudo = reader.rows("pseudo_labels", PSEUDO_LABEL_COLUMNS)
    unlabelled = int(figures["pseudo/unlabelled"])
    return MultiLabelResults(
        figures=figures,
        facts=facts,
        truth=reader.truth(),
        known=known,
        test=_scored(reader, known, list(facts["classes"]), figures),
        accepted=_with_truth(pseudo.to_pandas(), known.to_pandas()),
        pseudo_by_class=multi_label_scoring.pseudo_by_class(pseudo, known, unlabelled, facts["classes"]),
        gate_reason=reader.facts_of("gate")["reason"],
        settings=run_results.tried_settings(reader),
        labels=labels_section.read(reader),
    )


def _scored(reader: RunReader, known: pa.Table, classes: list[str], figures: dict[str, float]) -> ScoredSets:
    """The test images of which a class is known, with the probabilities and thresholds of base and the candidate."""
    models, limits = {}, {}
    for model, name in run_results.model_names(figures).items():
        predictions = reader.rows(f"predictions_{model}", ["image_id", "probabilities"], TEST)
        tested = multi_label_scoring.on_test(predictions, known, classes)
        models[name] = tested.values
        limits[name] = np.array(reader.facts_of(STAGES_OF_MODELS[model])["thresholds"])
    return ScoredSets(classes, tested.ids, tested.labels, models, limits, run_results.final_name(models))


def _with_truth(rows: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Rows of pseudo-labels with the column `truth`, sorted by id and label."""
    keys = ["image_id", "label"]
    true = known[[*keys, "present"]].drop_duplicates(keys).rename(columns={"present": "truth"})
    joined = rows.astype({"present": bool}).merge(true, "left", keys)
    return joined.sort_values(keys, ignore_index=True)
