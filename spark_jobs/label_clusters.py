"""the chosen clusters, the labels that name them -> pseudo_labels, refused: each image gets the name of its cluster

This is the stage pseudo_label of a run without labels. An image that names a cluster keeps its label.
"""

import numpy as np
import pyarrow.dataset as ds

from kindred.features import neighbours
from kindred.learning import cluster_naming, networks, pseudo_label_tables, pseudo_labels, refusal_reasons
from kindred.learning.folds import ALL
from kindred.learning.pseudo_label_types import Pool, PseudoLabels
from kindred.learning.saved_clustering import SavedClustering
from kindred.runtime import cpu, file_names, job, tables
from kindred.runtime.stage import Stage


def main(s: Stage, *, threshold: float | None) -> str:
    classes, chosen = s.classes(), f"cluster/{s.facts_of('choose_labels')['clustering']}"
    ids, features = s.matrix("features", "features", ds.field("split").isin(tables.LEARNED_FROM))
    given = pseudo_label_tables.given_labels(s.rows("labels"), s.rows("out_of_fold"), ids, classes)
    unlabelled = np.setdiff1d(np.arange(len(ids)), given.rows)
    clusters = SavedClustering.from_bytes(s.file(chosen, file_names.CLUSTERING)).cluster
    network = networks.from_bytes(s.file(chosen, file_names.NETWORK))
    of_clusters = pseudo_labels.base_probabilities(network, features)
    pool = Pool(ids, features, cpu.cores(), neighbours.cache_file(s.inputs["featurize"]))
    assigned = {}
    for fold in given.views():
        known = given.known_to(fold)
        shares = cluster_naming.shares(
            of_clusters.shape[1], clusters[given.rows[known]], given.labels[known], len(classes)
        )
        assigned[fold] = _labelled(of_clusters @ shares, threshold or 0.0)
    s.write_rows("pseudo_labels", pseudo_label_tables.accepted(assigned[ALL], pool, given, unlabelled, classes))
    s.write_rows("pseudo_labels_by_fold", pseudo_label_tables.by_fold(assigned, pool, unlabelled, classes))
    s.write_rows("refused", pseudo_label_tables.refused(assigned[ALL], pool, unlabelled, classes))
    s.figures = pseudo_label_tables.figures(assigned[ALL], unlabelled)
    return pseudo_label_tables.summary(s.figures)


def _labelled(probabilities: np.ndarray, threshold: float) -> PseudoLabels:
    """Labels by the probability of each class [n, classes]; where no cluster nearby has a name, all are near 0."""
    confidence = probabilities.max(axis=1)
    reasons = np.full(len(confidence), "", dtype=object)
    reasons[confidence < threshold] = refusal_reasons.BELOW_THRESHOLD
    reasons[confidence <= 0] = refusal_reasons.NO_PREDICTION
    return PseudoLabels(probabilities.argmax(axis=1), confidence, reasons, None, {"clusters": probabilities})


if __name__ == "__main__":
    job.run(main)
