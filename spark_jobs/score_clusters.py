"""all clusterings, truth -> how well each agrees with the known classes; no stage before this one has seen them"""

from collections import defaultdict
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.dataset as ds

from kindred.evaluation import cluster_scores, scoring
from kindred.learning import networks, pseudo_labels
from kindred.learning.class_numbers import class_numbers
from kindred.runtime import arrow, file_names, job, stages, tables
from kindred.runtime.stage import Stage

TEST = ds.field("split") == tables.TEST
TOP = 5  # clusters among which an image's class is looked for too, as SCAN's authors do


def main(s: Stage, *, clusterers: list[str], cluster_seeds: int) -> str:
    truth, chosen = arrow.by_id(s.rows("truth")), s.facts_of("choose_labels")["clustering"]
    tested = bool(s.facts_of("ingest")["test_labels"])
    test_ids, test_features = s.matrix("features", "features", TEST) if tested else (None, None)
    by_method: dict[str, list[dict[str, float]]] = defaultdict(list)
    for name in stages.clusterings(clusterers, cluster_seeds):
        scores = {"modularity": s.figures_of(f"cluster/{name}")[f"cluster/{name}/modularity"]}
        scores |= {f"learned/{key}": value for key, value in _of_learned(s, name, truth).items()}
        if test_ids is not None:
            network = networks.from_bytes(s.file(f"cluster/{name}", file_names.NETWORK))
            scores |= _of_test(test_ids, pseudo_labels.base_probabilities(network, test_features), truth)
        by_method[stages.clusterer_and_try(name)[0]].append(scores)
        if name == chosen:
            s.figures |= {f"clusters/chosen/{key}": value for key, value in scores.items()}
    for method, tries in by_method.items():
        for key in tries[0]:
            values = [scores[key] for scores in tries]
            s.figures[f"clusters/{method}/{key}"] = float(np.mean(values))
            if len(tries) > 1:
                s.figures[f"clusters/{method}/{key}_std"] = float(np.std(values))
    if tested:
        _confusion(s, truth)
    final = s.figures_of("evaluate").get("final/test/accuracy")
    if final is not None:
        s.figures |= {"named/accuracy": final, "named/labels": s.figures_of("choose_labels")["choose_labels/labels"]}
    return _summary(s.figures, chosen)


def _of_learned(s: Stage, name: str, truth: dict[str, str]) -> dict[str, float]:
    """Scores on the images that the clusters were made from and whose class is known; none where no class is."""
    method, number = stages.clusterer_and_try(name)
    own = (ds.field("method") == method) & (ds.field("seed") == number) & (ds.field("split") != tables.TEST)
    rows = s.rows("clusters", ["image_id", "cluster"], own)
    known, labels, classes = _known(rows["image_id"].to_pylist(), truth)
    clusters = rows["cluster"].to_numpy()
    k = int(clusters.max()) + 1
    return cluster_scores.scores(clusters[known], labels, k, classes) if len(known) else {}


def _of_test(ids: np.ndarray, probabilities: np.ndarray, truth: dict[str, str]) -> dict[str, float]:
    """Scores on the test images whose class is known."""
    known, labels, classes = _known(ids.tolist(), truth)
    of_known, k = probabilities[known], probabilities.shape[1]
    scores = cluster_scores.scores(of_known.argmax(axis=1), labels, k, classes)
    return {**scores, f"top_{TOP}": cluster_scores.top_accuracy(of_known, labels, classes, TOP)} if k > TOP else scores


def _known(ids: list[str], truth: dict[str, str]) -> tuple[np.ndarray, np.ndarray, int]:
    """The rows of the images whose class is known, their classes as numbers, and how many classes there are."""
    number = class_numbers(sorted(set(truth.values())))
    known = np.array([row for row, image_id in enumerate(ids) if image_id in truth], dtype=int)
    return known, np.array([number[truth[ids[row]]] for row in known], dtype=int), len(number)


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
