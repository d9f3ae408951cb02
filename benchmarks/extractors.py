"""Extractors side by side: test accuracy of logistic regression on their features, and images a CPU-second.

    python benchmarks/extractors.py --dataset stl10 --path DIR --extractors mobilenet_v2 efficientnet_lite2 --json FILE

Each learns from the same given labels: means over the draws (all labels can be drawn in one way only). The speed is
that of one process with one thread that decodes, resizes and runs the graph, in alternating rounds. JSON names:
<dataset>/<extractor>/<labels>/base/accuracy_mean, <dataset>/<extractor>/images_per_cpu_second; with `--precisions
float32 int8` also those of `<extractor>_int8`, with `--untrained rotation` those of `rotation_untrained`: the same
network with its random weights.
"""

import argparse
import copy
import itertools
import statistics
import time

import bench
import numpy as np
import pyarrow.dataset as ds

from kindred.data import images
from kindred.features import featurize, graph_cache
from kindred.learning import cross_validation, training_plan
from kindred.learning.classifiers import logistic_regression
from kindred.learning.folds import ALL
from kindred.runtime import arrow, stages, storage, variants
from kindred.runtime.run_reader import RunReader

FOLDS = 5


def main() -> None:
    parser = bench.argument_parser(__doc__ or "")
    parser.set_defaults(dataset="stl10")
    parser.add_argument("--extractors", nargs="+", default=["mobilenet_v2", "efficientnet_lite0", "efficientnet_lite2"])
    parser.add_argument("--precisions", nargs="+", default=["float32"], help="float32, int8, int8_openvino")
    parser.add_argument("--untrained", nargs="*", default=[], help="those that learn by epochs, with random weights")
    parser.add_argument("--labels", nargs="+", default=["100", "250", "all"], help="given labels in all (stratified)")
    parser.add_argument("--draws", type=int, default=5, help="of the labels")
    parser.add_argument("--images", type=int, default=200, help="whose features are timed")
    parser.add_argument("--rounds", type=int, default=3, help="of the timing")
    args = parser.parse_args()
    args.limit, args.leaks = None, "drop"
    bench.start(args.master)
    figures: dict[str, float] = {}
    with bench.temporary_run() as root:
        folders = {}
        for extractor, variant in [
            *itertools.product(args.extractors, args.precisions),
            *((extractor, "untrained") for extractor in args.untrained),
        ]:
            name = extractor if variant == "float32" else f"{extractor}_{variant}"
            folder = folders[name] = storage.join(root, name)
            prepare(folder, args, extractor, variant)
            for labels in args.labels:
                draws = range(1 if labels == "all" else args.draws)
                scores = [accuracy(folder, labels, seed) for seed in draws]
                figures[f"{args.dataset}/{name}/{labels}/base/accuracy_mean"] = statistics.mean(scores)
                print(f"{name}, {labels} labels: {statistics.mean(scores):.4f}", flush=True)
        for name, rate in speeds(folders, args).items():
            figures[f"{args.dataset}/{name}/images_per_cpu_second"] = rate
    rows: list[tuple] = [("extractor", *(f"{labels} labels" for labels in args.labels), "images a CPU-second")]
    for name in folders:
        head = f"{args.dataset}/{name}"
        scores = [figures[f"{head}/{labels}/base/accuracy_mean"] for labels in args.labels]
        rows.append((name, *scores, figures[f"{head}/images_per_cpu_second"]))
    bench.report(rows, figures, args.json)


def prepare(folder: str, args: argparse.Namespace, extractor: str, variant: str) -> None:
    """The stages up to the features by an extractor: in a precision, or untrained."""
    own, module = copy.copy(args), variants.load("extractor", extractor)
    own.extractor, own.precision = extractor, "float32" if variant == "untrained" else variant
    views = getattr(module, "VIEWS", None)
    if variant == "untrained":
        if views is None:
            raise SystemExit(f"{extractor} does not learn by epochs, so there is none without training")
        module.VIEWS = 0  # part of the fingerprint
    try:
        bench.prepare(folder, own)
    finally:
        if views is not None:
            module.VIEWS = views


def accuracy(run: str, labels: str, seed: int) -> float:
    """The share of the test images that logistic regression gets right, its setting chosen out of fold."""
    whole = labels == "all"
    choice = {"label_choice": "all" if whole else "random", "labels": None if whole else int(labels), "seed": seed}
    bench.run_stage(stages.CHOOSE_LABELS, run, labels_per_class=None, stratified=True, **choice)
    reader = RunReader(run, "evaluate")
    classes = reader.facts_of("ingest")["classes"]
    plan = training_plan.make_plan(reader.rows("labels"), classes, FOLDS, [])
    ids, features = reader.matrix("features", "features", ds.field("image_id").isin(plan["image_id"].unique()))
    examples = training_plan.make_examples(plan, ids, features)
    fitted = cross_validation.fit(
        lambda: reader.spark, examples, ids, logistic_regression, len(classes), FOLDS, seed, lambda line: None
    )
    truth = arrow.by_id(reader.rows("truth"))
    ids, features = reader.matrix("features", "features", ds.field("split") == "test")
    predicted = fitted.networks[ALL].probabilities(features).argmax(axis=1)
    return float(np.mean([truth[one] == classes[number] for one, number in zip(ids, predicted, strict=True)]))


def speeds(folders: dict[str, str], args: argparse.Namespace) -> dict[str, float]:
    """Images a CPU-second by extractor: medians of the rounds."""
    rounds = [{name: speed(folder, args.images) for name, folder in folders.items()} for _ in range(args.rounds)]
    return {name: statistics.median(rates[name] for rates in rounds) for name in folders}


def speed(run: str, count: int) -> float:
    """Of the extractor of a run, on its first images."""
    reader = RunReader(run, "evaluate")
    extractor = featurize.Extractor.from_facts(reader.facts_of("featurize"))
    session = extractor.session(str(graph_cache.path(extractor.graph))) if extractor.graph else None
    contents = reader.rows("images", ["content"])["content"].slice(0, count).to_pylist()
    first = [images.decode(content) for content in contents[: featurize.BATCH]]
    extractor.features(first, session=session)  # OpenVINO compiles when it meets a size of batches
    started = time.process_time()
    for start in range(0, len(contents), featurize.BATCH):
        pixels = [images.decode(content) for content in contents[start : start + featurize.BATCH]]
        extractor.features(pixels, session=session)
    return len(contents) / (time.process_time() - started)


if __name__ == "__main__":
    main()
