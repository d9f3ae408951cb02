"""Queries matched with a gallery: how good the order is after each step, and what a query costs.

    python benchmarks/matching.py --path FOLDER --extractor mobilenet_v2 --level instance
    python benchmarks/matching.py --stl10 ARCHIVE --extractor efficientnet_lite2 --embedder supcon --reranker none

FOLDER has query/, gallery/ and perhaps train/, or a labels.csv with these splits. `--level` says which embedders and
re-rankers are compared where none are named: those for classes of things, or those for one thing in several pictures.
`--stl10` makes such a folder of STL-10: of the labelled training images half, by the hash of their ids, are train, the
others the gallery; the test images are queries. JSON names, below <folder>/<extractor>/<embedder>/<reranker>/:
top_1_accuracy, top_3_accuracy, top_10_accuracy, mean_average_precision, each with _low and _high where there are 10
labels, mean_average_precision_by_group, queries, groups, and cpu_seconds_per_query.

`--augment flips` lets embedders learn from mirror images of the training images too. `--folds N` tells whether that
helps, for each embedder that learns from labels: mean average precisions without and with it, over `--seeds` seeds, by
N-fold cross-validation among the training images (each fold's images are queries for each other), and of the queries in
the gallery. JSON names, below augment/<folder>/<extractor>/<embedder>/: held_out_none, held_out_flips, their difference
held_out_gain with its standard error over folds held_out_gain_error, queries_none, queries_flips.

`--distances` compares the distances between features, as the search has them, without embedder and re-ranker: the same
scores below distances/<folder>/<extractor>/<distance>/. Which images are to be found is that of image matching.
"""

import argparse
import functools
import hashlib
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bench
import numpy as np
import pyarrow.dataset as ds
from PIL import Image

from kindred.data.datasets import stl10
from kindred.evaluation import matching_scores
from kindred.evaluation.matching_scores import AVERAGE_PRECISION, SCORES
from kindred.learning import embeddings, folds, metric_training
from kindred.learning.networks import Network
from kindred.runtime import arrow, stages, tables, variants
from kindred.runtime.run_reader import RunReader
from kindred.search.distances import DISTANCES

LEVELS = {
    "class": (
        ["none", "half_whitened", "softmax", "arcface", "siamese", "triplet", "supcon"],
        ["none", "k_reciprocal"],
    ),
    "instance": (
        ["none", "half_whitened"],
        ["none", "query_expansion", "k_reciprocal", "verified", "verified_expansion"],
    ),
}
LABELLED = [name for name in LEVELS["class"][0] if variants.load("embedder", name).LABELLED]
AUGMENT_COLUMNS = (
    *("held_out_none", "held_out_flips", "held_out_gain", "held_out_gain_error", "queries_none", "queries_flips"),
)
COLUMNS = (*SCORES, f"{AVERAGE_PRECISION}_by_group", "cpu_seconds_per_query")


def main() -> None:
    parser = bench.argument_parser(__doc__ or "")
    parser.set_defaults(extractor="mobilenet_v2", dataset="image_folder")
    parser.add_argument("--stl10", metavar="ARCHIVE", help="make the folder of STL-10's images")
    parser.add_argument("--level", choices=list(LEVELS), default="instance")
    parser.add_argument("--embedder", nargs="+", choices=[variants.AUTO, *variants.names("embedder")])
    parser.add_argument("--reranker", nargs="+", choices=[variants.AUTO, *variants.names("reranker")])
    parser.add_argument("--local-features", default="sift", choices=variants.names("local_features"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--augment", default=variants.NONE, choices=variants.AUGMENTS)
    parser.add_argument("--folds", type=int, help="compare both augments by cross-validation of so many folds")
    parser.add_argument("--seeds", type=int, default=3, help="of that comparison")
    parser.add_argument("--distances", action="store_true", help="compare the distances between features")
    args = parser.parse_args()
    if not (args.path or args.stl10):
        parser.error("--path or --stl10 is needed")
    args.limit, args.leaks, args.to_match = None, "drop", True
    bench.start(args.master)
    with tempfile.TemporaryDirectory(prefix="kindred-matching-") as made, bench.temporary_run() as run:
        if args.stl10:
            args.path = make_folder(args.stl10, Path(made) / "stl10")
        if args.folds:
            names, columns, figures = ("embedder",), AUGMENT_COLUMNS, augments_compared(run, args)
        elif args.distances:
            names, columns, figures = ("distance",), COLUMNS[:-1], distances_compared(run, args)
        else:
            names, columns, figures = ("embedder", "re-ranker"), COLUMNS, compared(run, args)
    rows = [(*names, *columns)]
    for name in dict.fromkeys(name.rsplit("/", 1)[0] for name in figures):
        values = (figures.get(f"{name}/{column}", "-") for column in columns)
        rows.append((*name.split("/")[-len(names) :], *values))
    bench.report(rows, figures, args.json, args.not_quiet)


def compared(run: str, args: argparse.Namespace) -> dict[str, float]:
    """The figures of each embedder with each re-ranker."""
    embedders, rerankers = LEVELS[args.level]
    head, figures = f"{Path(args.path).name}/{args.extractor}", {}
    for embedder in args.embedder or (embedders if args.augment == variants.NONE else LABELLED):
        for reranker in args.reranker or rerankers:
            needed = reranker != variants.AUTO and variants.load("reranker", reranker).NEEDS_KEYPOINTS
            values = {**vars(args), "embedder": embedder, "reranker": reranker, "matches": 10}
            values["local_features"] = args.local_features if needed else variants.NONE
            found = match(run, values)
            name = f"{head}/{embedder}/{reranker}"
            figures |= {f"{name}/{score}": value for score, value in found.items()}
            print(f"{name}: {', '.join(f'{score} {found[score]:.4f}' for score in SCORES)}", flush=True)
    return figures


def match(run: str, values: dict[str, Any]) -> dict[str, float]:
    """The figures of the last step of one run."""
    figures: dict[str, float] = {}
    for stage in stages.MATCHING_ORDER[:-1]:
        arguments = {name: values[name] for name in stages.MATCHING_ARGUMENTS[stage]}
        figures |= bench.run_stage(stage, run, stages.MATCHING_JOBS, **arguments)["figures"]
    last = f"matching/{stages.MATCHING_STEPS[-1]}/"
    scores = {name.removeprefix(last): value for name, value in figures.items() if name.startswith(last)}
    return scores | {"cpu_seconds_per_query": figures["match/cpu_seconds_per_query"]}


def augments_compared(run: str, args: argparse.Namespace) -> dict[str, float]:
    """The figures of each embedder that learns from labels, without mirror images and with them."""
    reader, figures = featurized(run, args, variants.FLIPS), {}
    label_of = arrow.by_id(reader.rows("labels", ["image_id", "label"]))
    wanted = ds.field("image_id").isin(list(label_of))
    (ids, features), (_, mirrored) = (reader.matrix(name, "features", wanted) for name in ("features", "mirrored"))
    classes = np.unique([label_of[image_id] for image_id in ids], return_inverse=True)[1]
    fold_of = np.array(folds.assign_folds(ids, classes, args.folds))
    for embedder in args.embedder or LABELLED:
        fit, values, by_fold = variants.load("embedder", embedder).fit, {}, {}
        for augment, views in zip(variants.AUGMENTS, (None, mirrored), strict=True):
            learn = functools.partial(learned, fit, features, classes, views)
            by_fold[augment] = held_out(learn, features, classes, fold_of, args.seeds)
            everything = np.ones(len(ids), bool)
            of_queries = [_of_queries(reader, learn(everything, seed)) for seed in range(args.seeds)]
            values |= {f"held_out_{augment}": float(by_fold[augment].mean())}
            values |= {f"queries_{augment}": statistics.mean(of_queries)}
        gains = by_fold[variants.FLIPS] - by_fold[variants.NONE]
        values |= {"held_out_gain": float(gains.mean())}
        values |= {"held_out_gain_error": float(gains.std(ddof=1) / np.sqrt(args.folds))}
        head = f"augment/{Path(args.path).name}/{args.extractor}/{embedder}"
        figures |= {f"{head}/{name}": value for name, value in values.items()}
        print(f"{head}: {', '.join(f'{name} {value:.4f}' for name, value in values.items())}", flush=True)
    return figures


def learned(
    fit: Callable[..., Network],
    features: np.ndarray,
    classes: np.ndarray,
    views: np.ndarray | None,
    rows: np.ndarray,
    seed: int,
) -> Network:
    """An embedder's network of some images [n]."""
    return fit(features[rows], classes[rows], seed, lambda line: None, None if views is None else views[rows])


def held_out(
    learn: Callable[[np.ndarray, int], Network],
    features: np.ndarray,
    classes: np.ndarray,
    fold_of: np.ndarray,
    seeds: int,
) -> np.ndarray:
    """The mean average precision among the images of each fold by a network of the others, means over seeds [folds]."""
    scores = np.zeros((seeds, fold_of.max() + 1))
    for seed, fold in np.ndindex(scores.shape):
        own = fold_of == fold
        vectors = embeddings.embed(learn(~own, seed), features[own])
        scores[seed, fold] = metric_training.mean_average_precision(vectors, classes[own])
    return scores.mean(axis=0)


def _of_queries(reader: RunReader, network: Network) -> float:
    """The mean average precision of the queries in the gallery by the cosine of a network's vectors."""
    return scored(reader, lambda one, other: -one @ other.T, functools.partial(embeddings.embed, network))[
        AVERAGE_PRECISION
    ]


def distances_compared(run: str, args: argparse.Namespace) -> dict[str, float]:
    """The figures of each distance between features."""
    reader, figures = featurized(run, args), {}
    for name, distance in DISTANCES.items():
        if distance.vectors == "features":
            head = f"distances/{Path(args.path).name}/{args.extractor}/{name}"
            found = scored(reader, distance.between)
            figures |= {f"{head}/{score}": value for score, value in found.items()}
    return figures


def featurized(run: str, args: argparse.Namespace, augment: str = variants.NONE) -> RunReader:
    """A reader of the features of one map, in the name of the stage that scores."""
    values = {**vars(args), "embedder": embeddings.LABELLED, "augment": augment}
    for stage in (stages.INGEST, stages.CHOOSE_LABELS, stages.FEATURIZE):
        arguments = {name: values[name] for name in stages.MATCHING_ARGUMENTS[stage]}
        bench.run_stage(stage, run, stages.MATCHING_JOBS, **arguments)
    return RunReader(run, stages.SCORE_MATCHES)


def scored(
    reader: RunReader,
    between: Callable[[np.ndarray, np.ndarray], np.ndarray],
    embed: Callable[[np.ndarray], np.ndarray] = np.asarray,
) -> dict[str, float]:
    """The figures of the gallery's order by what is `between` the vectors that `embed` makes of features."""
    splits = (reader.matrix("features", "features", ds.field("split") == split) for split in tables.MATCHED)
    (query_ids, queries), (ids, gallery) = ((names, embed(features)) for names, features in splits)
    first = np.argsort(between(queries, gallery), axis=1, kind="stable")
    orders = {query_id: ids[rows].tolist() for query_id, rows in zip(query_ids, first, strict=True)}
    junk = matching_scores.junk(reader)
    copies = {query_id: {query_id} for query_id in set(query_ids) & set(ids)}
    left_out = {query_id: copies.get(query_id, set()) | junk.get(query_id, set()) for query_id in {*copies, *junk}}
    truth = arrow.by_id(reader.rows("truth"))
    return matching_scores.figures(matching_scores.by_query(orders, truth, ids.tolist(), left_out))


def make_folder(archive: str, folder: Path) -> str:
    """STL-10's labelled images as a folder of queries, a gallery and training images; its path."""
    rows = []
    for split in (tables.TRAIN, tables.TEST):
        uri = next(one.uri for one in stl10.sources(archive, print) if one.uri.endswith(stl10.FILES[split]))
        count = Path(uri.removeprefix("file://")).stat().st_size // stl10.IMAGE_BYTES
        rows += list(stl10.load(uri, 0, count))
    trained = sorted((row[1] for row in rows if row[0] == tables.TRAIN), key=_hash)
    learned = set(trained[: len(trained) // 2])
    for split, origin, label, height, width, _, pixels, _ in rows:
        part = tables.QUERY if split == tables.TEST else tables.TRAIN if origin in learned else tables.GALLERY
        path = folder / part / label / f"{origin.replace('#', '-')}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.frombytes("RGB", (width, height), pixels).save(path, compress_level=1)
    return str(folder)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


if __name__ == "__main__":
    main()
