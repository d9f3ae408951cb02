"""Base and final classifier of images with several labels, in the layout of Open Images, over draws of given images.

    python benchmarks/multilabel.py --path FOLDER [--extractor mobilenet_v2] [--labels 50 100 200 all] [--draws 5]

Classes are those that people have said, of every image that is there, to be present or absent. TEST images, by the hash
of their ids, are test images; of the others some are given with their labels, the rest is the pile. JSON names,
<extractor>/<labels>/: base/ and final/ with mean_average_precision, micro_f1, macro_f1, subset_accuracy, hamming_loss,
ranking_average_precision and one_error, each _mean and _std over draws; gain/ with the mean of final minus base of the
first two, its interval _low and _high (Student's t) and the _worst draw; quota_mean.
"""

import hashlib
from pathlib import Path
from typing import Any

import bench
import numpy as np
from scipy import stats

from kindred.data import images, open_images_classes, open_images_files, open_images_labels
from kindred.features import extractor_setup, graph_cache
from kindred.learning import label_quotas, multi_label, multi_label_scores
from kindred.learning.label_quotas import Final
from kindred.learning.multi_label import Fitted, Labels
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
    return [f"{model}/{score}_mean" for score in COMPARED for model in ("base", "final")] + ["gain/micro_f1_worst"]


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
        base, final = trained(features, labels.of(own), own, pile, rng.permutation(len(own)) % FOLDS, seed)
        for model, fitted in (("base", base), ("final", final.fitted)):
            limits = multi_label_scores.thresholds(fitted.out_of_fold, labels.of(own))
            predicted = multi_label.probabilities(fitted.network, features[test])
            for name, value in multi_label_scores.scores(predicted, limits, labels.of(test)).items():
                values.setdefault(f"{model}/{name}", []).append(value)
        values.setdefault("quota", []).append(final.quota)
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
) -> tuple[Fitted, Final]:
    """Base, of the given images' rows and labels, and final."""
    weights = np.vstack([[fold_of != fold for fold in range(FOLDS)], np.ones(len(rows))]).astype(float)
    base = multi_label.cross_validated(features[rows], [given] * (FOLDS + 1), weights, fold_of, seed)
    if not len(pile):
        return base, Final(base, 0.0)
    return base, label_quotas.train(features[rows], given, fold_of, features[pile], base, seed)


if __name__ == "__main__":
    main()
