"""Clusters without labels, scored by the classes: each method, the choice among them, and clusters that are named.

    python benchmarks/clusters.py --dataset stl10 --path STL10 --extractor mobilenet_v2 --seeds 5
    python benchmarks/clusters.py --generated 113000

As many clusters as classes. Methods are fitted on the splits of `--fit-on` (at most so many images where it gives a
number) and scored on the test images, whose cluster is that of one dense layer that was fitted on the clusters; where
the test images are fitted too, on all labelled images. `--unbalanced` fits, and scores, labelled images of all splits,
of which the classes keep 200 down to 19, each seed another class the most. The choice sees all methods of one seed and
no label; `named` is the chosen clustering, whose clusters a person names by the images nearest to their centres. JSON
names, below <dataset>/<extractor>/: <method>/accuracy_mean|accuracy_std|nmi_mean|ari_mean|cpu_seconds|collapsed (the
share of the seeds), chosen/accuracy_mean, named/<labels in all>/accuracy_mean, graph/cpu_seconds, and advice/<advisor>
(what it says of the first seed's images) with advice/low, k, high and cpu_seconds. `--umap` adds a baseline that the
choice does not see, a mixture of normal distributions on UMAP's dimensions (it needs the package umap-learn);
`--no-advice` leaves out what the advisors say, which takes minutes on features of many dimensions.

`--generated` gives the steps' seconds and the peak of the memory on generated features, as generated/<step>/...
"""

import argparse
import copy
import functools
import resource
import statistics
import time
from collections.abc import Callable
from typing import Any

import bench
import generated
import numpy as np
import pyarrow.dataset as ds

from kindred.evaluation import cluster_scores
from kindred.learning import (
    carried_over,
    cluster_advice,
    cluster_choice,
    cluster_naming,
    clusterings,
    prototypes,
    saved_clustering,
)
from kindred.learning.clusterings import Clustering
from kindred.learning.pseudo_label_types import Pool
from kindred.runtime import arrow, cpu, tables, variants
from kindred.runtime.run_reader import RunReader

LARGEST, RATIO = 200, 0.77  # images of the largest class, and of each other class to the one before
PER_CLUSTER = (1, 3)  # images of a cluster that a person looks at to name it
SCORES = ("accuracy", "nmi", "ari")
UMAP_MIXTURE = "umap_mixture"  # a baseline
UMAP = {"n_neighbors": 30, "min_dist": 0.0, "n_components": 10}  # what its documentation says for clusters


class Images:
    """All images of a run, sorted by id: features [n, d], classes [n], -1 where unknown, and splits [n]."""

    def __init__(self, run: str, threads: int) -> None:
        reader, self.threads = RunReader(run, "evaluate"), threads
        self.ids, self.features = reader.matrix("features", "features", ds.field("split").isin(tables.SPLITS))
        table = reader.rows("features", ["image_id", "split"])
        split = dict(zip(*(table[name].to_pylist() for name in table.column_names), strict=True))
        self.splits = np.array([split[one] for one in self.ids])
        classes, truth = reader.facts_of("ingest")["classes"], arrow.by_id(reader.rows("truth"))
        self.classes = len(classes)
        self.labels = np.array([classes.index(truth[one]) if one in truth else -1 for one in self.ids])

    def pool(self, rows: np.ndarray) -> Pool:
        return Pool(self.ids[rows], self.features[rows], self.threads)

    def fitted(self, words: list[str], seed: int) -> np.ndarray:
        """The rows of the splits that are named, no more than a number that is named."""
        rows = np.flatnonzero(np.isin(self.splits, [word for word in words if not word.isdigit()]))
        for limit in (int(word) for word in words if word.isdigit()):
            rows = np.sort(np.random.default_rng(seed).permutation(rows)[:limit])
        return rows

    def unbalanced(self, seed: int) -> np.ndarray:
        """The rows of labelled images of classes of unequal size."""
        order = np.random.default_rng(seed).permutation(self.classes)
        sizes = [round(LARGEST * RATIO**place) for place in range(self.classes)]
        parts = [np.flatnonzero(self.labels == number)[:size] for number, size in zip(order, sizes, strict=True)]
        return np.sort(np.concatenate(parts))


def main() -> None:
    parser = bench.argument_parser(__doc__ or "")
    parser.add_argument("--methods", nargs="+", default=variants.names("clusterer"))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument(
        "--fit-on", nargs="+", default=["train", "unlabeled"], help="splits, and at most how many images"
    )
    parser.add_argument("--unbalanced", action="store_true", help="classes of 200 down to 19 labelled images")
    parser.add_argument("--generated", type=int, metavar="IMAGES", help="time and memory on generated features")
    parser.add_argument("--umap", action="store_true", help="also a mixture on UMAP's dimensions")
    parser.add_argument("--no-advice", action="store_true", help="leave out the advice on k")
    parser.add_argument("--threads", type=int, default=cpu.cores())
    args = parser.parse_args()
    if args.generated:
        measure_generated(args)
        return
    args.limit, args.leaks = None, "drop"
    bench.start(args.master)
    with bench.temporary_run() as folder:
        bench.prepare(folder, args)
        images = Images(folder, args.threads)
        head = f"{args.dataset}{'_unbalanced' if args.unbalanced else ''}/{args.extractor}"
        figures = {f"{head}/{name}": value for name, value in compared(images, args).items()}
    rows: list[tuple] = [("method", "accuracy", "std", "nmi", "ari", "CPU-s")]
    names = ("accuracy_mean", "accuracy_std", "nmi_mean", "ari_mean", "cpu_seconds")
    others = [name[len(head) + 1 : -len("/accuracy_mean")] for name in figures if "/named/" in name and "_mean" in name]
    for method in (*args.methods, *_baselines(args), "chosen", *others):
        rows.append((method, *(figures.get(f"{head}/{method}/{name}", "-") for name in names)))
    print(f"\n{head}, {args.seeds} seeds, {images.classes} clusters")
    bench.report(rows, figures, args.json, args.not_quiet)


def compared(images: Images, args: argparse.Namespace) -> dict[str, float]:
    """The figures of all methods, and of the choice among them."""
    seen: dict[str, list[float]] = {}
    pool, rows, figures = None, np.array([]), {}
    for seed in range(args.seeds):
        if pool is None or args.unbalanced:
            rows = images.unbalanced(seed) if args.unbalanced else images.fitted(args.fit_on, seed)
            pool = images.pool(rows)
            seen.setdefault("graph/cpu_seconds", []).append(seconds(make_graph, pool)[1])
        if not (seed or args.no_advice):
            figures = advised(pool)
        clusters: dict[str, Clustering] = {}
        predicted: dict[str, np.ndarray] = {}
        scored = rows if args.unbalanced or "test" in args.fit_on else np.flatnonzero(images.splits == tables.TEST)
        scored = scored[images.labels[scored] >= 0]
        for method in (*args.methods, *_baselines(args)):
            work = umap_mixture if method == UMAP_MIXTURE else functools.partial(clusterings.clustering, method)
            clusters[method], spent = seconds(work, fresh(pool), images.classes, seed)
            predicted[method] = clusters_of(images, rows, scored, clusters[method].clusters)
            values = cluster_scores.scores(predicted[method], images.labels[scored], images.classes, images.classes)
            values |= {"cpu_seconds": spent, "collapsed": float(clusters[method].collapsed)}
            for name, value in values.items():
                seen.setdefault(f"{method}/{name}", []).append(value)
            print(f"{method}, seed {seed}: " + ", ".join(f"{name} {values[name]:.4f}" for name in values), flush=True)
        ours = {name: clusters[name] for name in args.methods}
        collapsed = [name for name, one in ours.items() if one.collapsed]
        best, _ = cluster_choice.choose(pool, {name: one.clusters for name, one in ours.items()}, collapsed)
        seen.setdefault("chosen/accuracy", []).append(seen[f"{best}/accuracy"][-1])
        for count in PER_CLUSTER:
            names, labels = named(pool, clusters[best].clusters, images.labels[rows], count)
            right = float((names[predicted[best]] == images.labels[scored]).mean())
            seen.setdefault(f"named/{labels}/accuracy", []).append(right)
        print(f"chosen, seed {seed}: {best}", flush=True)
    for name, values in seen.items():
        of_scores = name.split("/")[-1] in SCORES
        figures[f"{name}_mean" if of_scores else name] = statistics.mean(values)
        if name.endswith("/accuracy"):
            figures[f"{name}_std"] = statistics.pstdev(values)
    return figures


def _baselines(args: argparse.Namespace) -> list[str]:
    return [UMAP_MIXTURE] if args.umap else []


def umap_mixture(pool: Pool, k: int, seed: int) -> Clustering:
    """The baseline: a mixture of normal distributions on UMAP's dimensions."""
    from sklearn.mixture import GaussianMixture
    from umap import UMAP as Umap  # an optional package: python -m pip install umap-learn

    places = Umap(**UMAP, random_state=seed).fit_transform(pool.vectors)
    numbers, clusters = np.unique(GaussianMixture(k, random_state=seed).fit_predict(places), return_inverse=True)
    return Clustering(clusters, len(numbers))


def clusters_of(images: Images, rows: np.ndarray, scored: np.ndarray, clusters: np.ndarray) -> np.ndarray:
    """The cluster of each scored image: its own where it was fitted, else that of the dense layer."""
    if np.isin(scored, rows).all():
        return clusters[np.searchsorted(rows, scored)]
    network = carried_over.fit(images.features[rows], clusters, images.classes)
    return network.probabilities(images.features[scored]).argmax(axis=1)


def named(pool: Pool, clusters: np.ndarray, labels: np.ndarray, count: int) -> tuple[np.ndarray, int]:
    """The class of each cluster, -1 for none, named as a run names them by `count` labels each, and how many labels
    that takes in all.
    """
    k = int(clusters.max()) + 1
    found = saved_clustering.with_means(pool.features, clusters, k)
    nearest = prototypes.by_distance(clusters, found.distance, k)
    known = {int(row): str(labels[row]) for row in np.flatnonzero(labels >= 0)}
    by_labels = cluster_naming.by_labels(known, nearest, count)
    names = [int(name) if name.isdecimal() else -1 for name in by_labels.names]
    return np.array(names), sum(int(row) in known for row in by_labels.rows)


def advised(pool: Pool) -> dict[str, float]:
    """What is said of a pool, seed 0."""
    said, spent = seconds(cluster_advice.advice, fresh(pool), 0, print)
    chosen = cluster_advice.chosen(said)
    figures = {f"advice/{one.advisor}": float(one.k) for one in said} | {"advice/cpu_seconds": spent}
    return figures | {f"advice/{name}": float(getattr(chosen, name)) for name in ("low", "k", "high")}


def fresh(pool: Pool) -> Pool:
    """The same pool with its graph, but none of what methods keep in it for others."""
    own = copy.copy(pool)
    own._clusters, own._computed = {}, {}
    return own


def make_graph(pool: Pool) -> None:
    """What a pool computes once for all methods."""
    _ = pool.affinities, pool.reduced, pool.vectors


def seconds(work: Callable[..., Any], *arguments: Any) -> tuple[Any, float]:
    """What some work gives, and its CPU-seconds."""
    started = time.process_time()
    result = work(*arguments)
    return result, time.process_time() - started


def measure_generated(args: argparse.Namespace) -> None:
    """Time and memory of what a large pile needs."""
    count = args.generated
    features = np.empty((count, generated.DIMENSIONS), np.float32)
    labels, start = np.empty(count, int), 0
    for values, own in generated.features(count):
        features[start : start + len(values)], labels[start : start + len(values)] = values, own
        start += len(values)
    pool, k = Pool(np.arange(count), features, args.threads), len(generated.CLASSES)
    steps: dict[str, Callable[[], Any]] = {
        "graph": lambda: make_graph(pool),
        "advice": lambda: cluster_advice.advice(pool, 0, print),
        "temi": lambda: clusterings.clustering("temi", fresh(pool), k, 0),
        "communities": lambda: clusterings.clustering("communities", fresh(pool), k, 0),
    }
    rows: list[tuple] = [("step", "seconds", "CPU-s", "peak, MB", "accuracy")]
    figures: dict[str, float] = {"generated/images": count, "generated/features_megabytes": features.nbytes / 1e6}
    for name, work in steps.items():
        started = time.monotonic()
        made, spent = seconds(work)
        values = {"seconds": time.monotonic() - started, "cpu_seconds": spent}
        values["peak_megabytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
        if isinstance(made, Clustering):
            values["accuracy"] = cluster_scores.scores(made.clusters, labels, k, k)["accuracy"]
        figures |= {f"generated/{name}/{key}": value for key, value in values.items()}
        rows.append((name, *values.values(), *["-"] * (4 - len(values))))
        print(rows[-1], flush=True)
    bench.report(rows, figures, args.json, args.not_quiet)


if __name__ == "__main__":
    main()
