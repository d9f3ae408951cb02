"""features of all images, the base model and its folds -> pseudo_labels, refused: none replaces a given label"""

import numpy as np
import pandas as pd
import pyarrow.dataset as ds

from kindred.features import neighbours
from kindred.learning import (
    known_classes,
    label_quotas,
    memory_needs,
    multi_label_training,
    networks,
    pseudo_label_set_tables,
    pseudo_label_tables,
    pseudo_labels,
)
from kindred.learning.folds import ALL, network_file
from kindred.learning.pseudo_label_types import Pool, Settings
from kindred.runtime import arrow, cpu, file_names, job, label_budget, tables
from kindred.runtime.stage import Stage


def main(
    s: Stage,
    *,
    labeller: str,
    threshold: float | None,
    class_thresholds: str,
    percentile: float,
    clusters: int | None,
    novelty: bool,
    seed: int,
) -> str:
    classes = s.classes()
    memory_needs.check(s.figures_of("ingest"), s.figures_of("featurize"), len(classes))
    ids, features = s.matrix("features", "features", ds.field("split").isin(tables.LEARNED_FROM))
    if s.multi_label():
        return _label_sets(s, ids, features, classes, seed)
    given = pseudo_label_tables.given_labels(s.rows("labels"), s.rows("out_of_fold"), ids, classes)
    unlabelled = np.setdiff1d(np.arange(len(ids)), given.rows)
    if not len(unlabelled):
        return _without_unlabelled(s)
    pool = Pool(ids, features, cpu.cores(), neighbours.cache_file(s.inputs["featurize"]))
    base = {}
    for fold in given.views():
        network = networks.from_bytes(s.file("train_base", network_file(fold)))
        base[fold] = pseudo_labels.base_probabilities(network, features)
    settings = Settings(threshold, class_thresholds == "adaptive", percentile, clusters, novelty, seed)
    assigned = pseudo_labels.assign(pool, given, base, labeller, settings)
    s.write_rows("pseudo_labels", pseudo_label_tables.accepted(assigned[ALL], pool, given, unlabelled, classes))
    s.write_rows("pseudo_labels_by_fold", pseudo_label_tables.by_fold(assigned, pool, unlabelled, classes))
    s.write_rows("refused", pseudo_label_tables.refused(assigned[ALL], pool, unlabelled, classes))
    if novelty:
        _put_known_classes(s, features, given.rows)
    precision = pseudo_labels.estimated_precision(assigned, given, unlabelled)
    s.figures = pseudo_label_tables.figures(assigned[ALL], unlabelled)
    s.figures |= {f"pseudo/{name}": value for name, value in precision.items()}
    if (recall := pool.graph_recall()) is not None:
        s.figures["pseudo/graph_recall"] = recall
    if precision and s.arguments_of("choose_labels")["label_choice"] == label_budget.REPRESENTATIVES:
        s.say("the estimate of right ones may be far off: representatives, which are given, are no random sample")
    return pseudo_label_tables.summary(s.figures)


def _label_sets(s: Stage, ids: np.ndarray, features: np.ndarray, classes: list[str], seed: int) -> str:
    """Of several labels an image: pseudo-labels by quota, of the base model."""
    folds = s.arguments_of("train_base")["folds"]
    given = multi_label_training.training_set(s.rows("labels"), [], classes, folds)
    rows = pd.Index(ids).get_indexer(given.ids)
    unlabelled = np.setdiff1d(np.arange(len(ids)), rows)
    if not len(unlabelled):
        return _without_unlabelled(s)
    base = [networks.from_bytes(s.file("train_base", network_file(fold))) for fold in (*range(given.folds), ALL)]
    pile = features[unlabelled]
    by_view = [pseudo_labels.base_probabilities(network, pile) for network in base]
    chosen = label_quotas.choose(features[rows], given.given, given.fold_of, pile, by_view, seed, s.say)
    (*by_fold, of_all), (*fold_values, values) = chosen.labels, by_view
    pool = Pool(ids, features, cpu.cores())
    nearest = pseudo_label_tables.nearest_given(pool, rows, unlabelled)
    pile_ids = ids[unlabelled]
    written = {
        "pseudo_labels": pseudo_label_set_tables.accepted(of_all, values, pile_ids, nearest, classes),
        "pseudo_labels_by_fold": pseudo_label_set_tables.by_fold(by_fold, fold_values, pile_ids, classes),
        "refused": pseudo_label_set_tables.refused(of_all, values, base[-1].thresholds or (), pile_ids, classes),
    }
    for table, content in written.items():
        s.write_rows(table, content)
    s.figures = pseudo_label_set_tables.figures(chosen)
    return pseudo_label_set_tables.summary(s.figures)


def _put_known_classes(s: Stage, features: np.ndarray, given: np.ndarray) -> None:
    """What tells new images of none of the classes, for `predict`."""
    known = known_classes.learn(features, given)
    s.facts = {"known_classes": known is not None}
    if known is not None:
        s.put_file(file_names.KNOWN_CLASSES, known.to_bytes())


def _without_unlabelled(s: Stage) -> str:
    s.say("no unlabelled image: there is nothing to label")
    s.figures = {"pseudo/unlabelled": 0, "pseudo/count": 0, "pseudo/coverage": 0.0, "pseudo/novel": 0}
    for table in ("pseudo_labels", "pseudo_labels_by_fold", "refused"):
        s.write_rows(table, arrow.schema(table).empty_table())
    return "no unlabelled image"


if __name__ == "__main__":
    job.run(main)
