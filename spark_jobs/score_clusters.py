"""all clusterings, truth -> how well each agrees with the known classes; no stage before this one has seen them"""

from collections import defaultdict
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.dataset as ds

from kindred.evaluation import cluster_scores, scoring
from kindred.features import neighbours
from kindred.learning import networks
from kindred.learning.class_numbers import class_numbers
from kindred.learning.clusterers import communities
from kindred.learning.pseudo_label_types import Pool
from kindred.learning.saved_clustering import SavedClustering
from kindred.runtime import arrow, cpu, file_names, job, tables
from kindred.runtime.stage import Stage

PILE, TEST = ds.field("split").isin(tables.LEARNED_FROM), ds.field("split") == tables.TEST
TOP = 5  # clusters among which an image's class is looked for too, as SCAN's authors do


def main(s: Stage, *, clusterers: list[str], cluster_seeds: int) -> str:
    truth = arrow.by_id(s.rows("truth"))
    chosen = s.facts_of("choose_labels")["clustering"]
    names = [f"{clusterer}-{number}" for clusterer in dict.fromkeys(clusterers) for number in range(cluster_seeds)]
    ids, features = s.matrix("features", "features", PILE)
    pool = Pool(ids, features, cpu.cores(), neighbours.cache_file(s.inputs["featurize"]))
    tested = bool(truth) and bool(s.facts_of("ingest")["test_labels"])
    test_ids, test_features = s.matrix("features", "features", TEST) if tested else (np.zeros(0, object), None)
    by_method: dict[str, list[dict[str, float]]] = defaultdict(list)
    for name in names:
        clusters = SavedClustering.from_bytes(s.file(f"cluster/{name}", file_names.CLUSTERING)).cluster
        scores = {"modularity": communities.modularity(pool, clusters)}
        scores |= {f"learned/{key}": value for key, value in _scores(ids, one_hot(clusters), truth).items()}
        if test_features is not None:
            network = networks.from_bytes(s.file(f"cluster/{name}", file_names.NETWORK))
            scores |= _scores(test_ids, network.probabilities(test_features), truth)
        by_method[name.rsplit("-", 1)[0]].append(scores)
        if name == chosen:
            s.figures |= {f"clusters/chosen/{key}": value for key, value in scores.items()}
    for method, tries in by_method.items():
        for key in tries[0]:
            values = [scores[key] for scores in tries]
            s.figures[f"clusters/{method}/{key}"] = float(np.mean(values))
            if cluster_seeds > 1:
                s.figures[f"clusters/{method}/{key}_std"] = float(np.std(values))
    if tested:
        _confusion(s, truth)
    final = s.figures_of("evaluate").get("final/test/accuracy")
    if final is not None:
        s.figures |= {"named/accuracy": final, "named/labels": s.figures_of("choose_labels")["choose_labels/labels"]}
    return _summary(s.figures, chosen)


def one_hot(clusters: np.ndarray) -> np.ndarray:
    """Clusters [n] as probabilities [n, k] of 0 and 1."""
    return np.asarray(np.eye(int(clusters.max()) + 1, dtype=np.float32)[clusters])


def _scores(ids: np.ndarray, probabilities: np.ndarray, truth: dict[str, str]) -> dict[str, float]:
    """Scores on the images whose class is known; none where no class is."""
    rows = [row for row, image_id in enumerate(ids) if image_id in truth]
    if not rows:
        return {}
    number = class_numbers(sorted(set(truth.values())))
    labels = np.array([number[truth[ids[row]]] for row in rows])
    k, of_known = probabilities.shape[1], probabilities[rows]
    scores = cluster_scores.scores(of_known.argmax(axis=1), labels, k, len(number))
    if k > TOP and len(np.unique(of_known)) > 2:  # a partition has no second cluster
        scores[f"top_{TOP}"] = cluster_scores.top_accuracy(of_known, labels, len(number), TOP)
    return scores


def _confusion(s: Stage, truth: dict[str, str]) -> None:
    """A file for people: how many test images of each class are in which of the chosen clusters."""
    names: list[Any] = s.facts_of("choose_labels")["names"]
    rows = s.rows("clusters", ["image_id", "split", "cluster"], TEST).to_pandas()
    rows = rows[rows["image_id"].isin(list(truth))]
    shown = [f"{number + 1}: {names[number]}" for number in rows["cluster"]]
    table = pd.crosstab(rows["image_id"].map(truth).rename("truth"), pd.Series(shown, rows.index, name="cluster"))
    s.report("clusters-confusion.csv", scoring.csv(table))


def _summary(figures: dict[str, float], chosen: str) -> str:
    accuracy = figures.get("clusters/chosen/accuracy", figures.get("clusters/chosen/learned/accuracy"))
    if accuracy is None:
        return f"{chosen}: modularity {figures['clusters/chosen/modularity']:.3f}; no label is known to compare with"
    nmi = figures.get("clusters/chosen/nmi", figures.get("clusters/chosen/learned/nmi", 0.0))
    return f"{chosen}: accuracy {accuracy:.4f} (clusters matched with classes), normalised mutual information {nmi:.4f}"


if __name__ == "__main__":
    job.run(main)
