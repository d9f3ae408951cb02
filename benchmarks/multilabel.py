"""Base and final classifier of images with several labels, in the layout of Open Images, over draws of given images.

    python benchmarks/multilabel.py --path FOLDER [--extractor mobilenet_v2] [--labels 50 100 200 all] [--draws 5]

Classes are those that people have said, of every image that is there, to be present or absent. TEST images, by the hash
of their ids, are test images; of the others some are given with their labels, the rest is the pile. JSON names,
<extractor>/<labels>/: base/, candidate/ and final/ (the one of the two that the gate takes) with
mean_average_precision, micro_f1, macro_f1, subset_accuracy, hamming_loss, ranking_average_precision and one_error, each
_mean and _std over draws; gain/ with the mean of final minus base of the first two, its interval _low and _high
(Student's t) and the _worst draw; quota_mean, accepted_mean.
"""

import hashlib
from pathlib import Path
from typing import Any

import bench
import numpy as np
from scipy import stats

from kindred.data import images, open_images_classes, open_images_files, open_images_labels
from kindred.features import extractor_setup, graph_cache
from kindred.learning import label_quotas, multi_label, multi_label_scores, multi_label_training
from kindred.learning.classifiers import logistic_regression
from kindred.learning.gate import Predicted, decide_label_sets
from kindred.learning.multi_label import Labels
from kindred.learning.multi_label_training import Fitted
from kindred.runtime import cpu

TEST = 500  # images
FOLDS = 5
BATCH = 32  # images
COMPARED = ("mean_average_precision", "micro_f1")


def main() -> None:
    parser = bench.argument_parser(__doc__ or "")
    parser.set_defaults(extractor="mobilenet_v2")
    parser.add_argument("--labels", nargs="+", default=["50", "100", "200", "all"], help="given images, or all")
    parser.add_argument("--draws", type=int, default=5)
    args = parser.parse_args()
    if not args.path:
        parser.error("--path is needed: a folder in the layout of Open Images")
    ids, labels = read(args.path)
    features = featurized(args, ids)
    figures: dict[str, float] = {}
    for given in args.labels:
        head = f"{args.extractor}/{given}"
        values = compared(features, labels, given, args.draws)
        figures |= {f"{head}/{name}": value for name, value in values.items()}
        print(f"{head}: {', '.join(f'{name} {values[name]:.4f}' for name in shown())}", flush=True)
    rows = [("given", *shown())]
    rows += [(given, *(figures[f"{args.extractor}/{given}/{name}"] for name in shown())) for given in args.labels]
    bench.report(rows, figures, args.json, args.not_quiet)


def shown() -> list[str]:
    """The figures of the console's table."""
    return [f"{model}/{score}_mean" for score in COMPARED for model in ("base", "candidate", "final")] + [
        "gain/micro_f1_worst"
    ]


def read(path: str) -> tuple[list[str], Labels]:
    """The files of the images of which people have said all classes, test images first, and their labels."""
    files = open_images_files.find(path)
    tables = [table for table in files.labels if table.kind == open_images_files.HUMAN]
    names, counts = open_images_classes.read_names(files), {}
    rows = [row for table in tables for row in open_images_labels.read(table, names)]
    known = open_images_labels.resolve(rows, open_images_files.HUMAN, 1.0).known
    places = {file.stem: str(file) for table in tables for file in Path(path, table.split).glob("*.jpg")}
    for image, label in known:
        if image in places:
            counts[label] = counts.get(label, 0) + 1
    classes = sorted(label for label, count in counts.items() if count == max(counts.values()))
    whole = [image for image in places if all((image, label) in known for label in classes)]
    order = sorted(whole, key=lambda image: hashlib.sha256(image.encode()).hexdigest())
    present = np.array([[known[image, label].present for label in classes] for image in order])
    print(f"{len(order):,} images, {len(classes)} classes, {present.sum(axis=1).mean():.2f} of them an image")
    return [places[image] for image in order], Labels(np.ones_like(present), present)


def featurized(args: Any, files: list[str]) -> np.ndarray:
    """Features [n, d] of the images in these files."""
    facts = {"height": None, "width": None, "channels": 3, "median_longer_side": 0, "dataset": {"name": "none"}}
    extractor = extractor_setup.for_dataset(args.extractor, args.image_size, args.weights, facts, print)
    session = extractor.session(str(graph_cache.path(extractor.graph)), cpu.cores()) if extractor.graph else None
    blocks = []
    for start in range(0, len(files), BATCH):
        pixels = [images.decode(Path(file).read_bytes()) for file in files[start : start + BATCH]]
        blocks.append(extractor.features(pixels, cpu.cores(), session))
    return np.concatenate(blocks)


def compared(features: np.ndarray, labels: Labels, given: str, draws: int) -> dict[str, float]:
    """The figures over draws of so many given images."""
    test, values = np.arange(TEST), {}
    for seed in range(draws):
        rng = np.random.default_rng(seed)
        order = TEST + rng.permutation(len(labels) - TEST)
        own = order if given == "all" else order[: int(given)]
        pile = np.setdiff1d(order, own)
        models, quota, accepted = trained(features, labels.of(own), own, pile, rng.permutation(len(own)) % FOLDS, seed)
        for model, fitted in models.items():
            limits = np.array(fitted.network.thresholds)
            predicted = fitted.network.probabilities(features[test])
            for name, value in multi_label_scores.scores(predicted, limits, labels.of(test)).items():
                values.setdefault(f"{model}/{name}", []).append(value)
        values.setdefault("quota", []).append(quota)
        values.setdefault("accepted", []).append(accepted)
    figures = {f"{name}_mean": float(np.mean(each)) for name, each in values.items()}
    figures |= {f"{name}_std": float(np.std(each, ddof=1)) for name, each in values.items() if draws > 1}
    for name in COMPARED:
        gains = np.subtract(values[f"final/{name}"], values[f"base/{name}"])
        half = stats.t.ppf(0.975, draws - 1) * gains.std(ddof=1) / draws**0.5 if draws > 1 else np.nan
        ends = {"mean": gains.mean(), "low": gains.mean() - half, "high": gains.mean() + half, "worst": gains.min()}
        figures |= {f"gain/{name}_{end}": float(value) for end, value in ends.items()}
    return figures


def trained(
    features: np.ndarray, given: Labels, rows: np.ndarray, pile: np.ndarray, fold_of: np.ndarray, seed: int
) -> tuple[dict[str, Fitted], float, bool]:
    """Base, of the given images' rows and labels, the candidate, and which of them is final; the quota, and whether the
    gate has accepted the candidate: as the stages of a run do it.
    """
    settings = logistic_regression.SETTINGS
    base = multi_label_training.cross_validated(
        logistic_regression,
        features[rows],
        [given] * (FOLDS + 1),
        multi_label_training.fold_weights(fold_of, FOLDS),
        fold_of,
        seed,
        settings,
    )
    quota, candidate, accepted = 0.0, base, False
    if len(pile):
        values = [network.probabilities(features[pile]) for network in (*base.by_fold, base.network)]
        chosen = label_quotas.choose(features[rows], given, fold_of, features[pile], values, seed, lambda line: None)
        quota = chosen.quota
    if quota:
        labels = [multi_label.joined(given, one) for one in chosen.labels]
        weights = multi_label_training.fold_weights(fold_of, FOLDS, len(pile))
        both = np.vstack([features[rows], features[pile]])
        candidate = multi_label_training.cross_validated(
            logistic_regression, both, labels, weights, fold_of, seed, settings
        )
        predicted = [Predicted(one.out_of_fold, np.array(one.network.thresholds)) for one in (base, candidate)]
        accepted = decide_label_sets(given, *predicted, "no_harm", len(pile)).accepted
    return {"base": base, "candidate": candidate, "final": candidate if accepted else base}, quota, accepted


if __name__ == "__main__":
    main()
