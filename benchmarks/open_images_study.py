"""What a published study of two classes of Open Images measured, measured on your images in its way, and in ours.

    python benchmarks/open_images_study.py --path FOLDER --classes Car Tree [--images s3://open-images-dataset]

The same features and the same classifier, logistic regression whose L2 penalty cross-validation chooses among the
examples to learn from, on `--splits` random splits, a fifth of each for testing:

- reproduced: a present label is an example. An image with both labels is an example of each class, and examples are
  split, so that it may be in both parts.
- keep_first: an image with both labels is one of the first class, and images are split.
- ours: images with both labels are left out, and images are split.

JSON names: rows, positive_rows (of both classes), images, images_of_both; <way>/examples; <way>/in_both_parts (images),
accuracy, f1, roc_auc and hard_roc_auc (of predicted classes), each _mean and _std over the splits; published/ likewise;
ours/ and keep_first/accuracy_difference_mean, _low and _high: minus the reproduced one of the split of the same number,
with its interval (Student's t).
"""

import argparse
from pathlib import PurePosixPath
from typing import NamedTuple

import bench
import numpy as np
import pyarrow.dataset as ds
from pyspark.sql import SparkSession
from scipy import stats

from kindred.data import open_images_classes, open_images_files, open_images_labels
from kindred.evaluation import open_images_study
from kindred.evaluation.open_images_study import ACCURACY, SCORES
from kindred.learning import cross_validation, training_plan
from kindred.learning.classifiers import logistic_regression
from kindred.learning.folds import ALL
from kindred.learning.networks import Network
from kindred.runtime import arrow, stages
from kindred.runtime.stage import Stage

PUBLISHED = "published"
REPRODUCED, KEEP_FIRST, OURS = WAYS = ("reproduced", "keep_first", "ours")
TEST_SHARE = 0.2
FOLDS = 5  # of the examples to learn from


class Study(NamedTuple):
    """Which of the two classes images show, by their ids in Open Images, and counts of the classes' label rows."""

    present: dict[str, tuple[bool, bool]]
    rows: int
    positive_rows: int


class Examples(NamedTuple):
    """Rows to learn from and to score: the number of an image [n], and a label [n] of 0 or 1."""

    images: np.ndarray
    labels: np.ndarray


def main() -> None:
    parser = bench.argument_parser(__doc__ or "")
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.set_defaults(
        dataset=stages.OPEN_IMAGES, extractor="mobilenet_v2", both="keep_first", limit=None, leaks="drop"
    )
    parser.add_argument("--classes", nargs=2, default=["Car", "Tree"], help="names or ids")
    parser.add_argument("--images", help="folder or bucket of the images, where it is not the path")
    parser.add_argument("--label-source", default="human", choices=open_images_labels.LABEL_SOURCES)
    parser.add_argument("--label-threshold", type=float, default=0.8, help="of a machine's labels")
    parser.add_argument("--splits", type=int, default=5)
    args = parser.parse_args()
    if not args.path:
        parser.error("--path is needed: a folder in the layout of Open Images")
    bench.start(args.master)
    study = read(args)
    ids, features = featurized(args)
    present = np.array([study.present[one] for one in ids])
    figures: dict[str, float] = {"rows": study.rows, "positive_rows": study.positive_rows}
    figures |= {"images": len(ids), "images_of_both": int(present.all(axis=1).sum())}
    print(", ".join(f"{name.replace('_', ' ')} {value:,}" for name, value in figures.items()), flush=True)
    figures |= {f"{PUBLISHED}/{name}_mean": value for name, value in open_images_study.PUBLISHED.items()}
    figures |= compared(features, present, args.splits)
    rows = [("", *SCORES)]
    rows += [(way, *(figures.get(f"{way}/{name}_mean", "-") for name in SCORES)) for way in (PUBLISHED, *WAYS)]
    bench.report(rows, figures, args.json, args.not_quiet)


def read(args: argparse.Namespace) -> Study:
    """What the label tables say of the classes."""
    files = open_images_files.find(args.path)
    names = open_images_classes.read_names(files)
    labels = list(open_images_classes.find(args.classes, names))
    kinds = open_images_classes.read_hierarchy(files, names).descendants(labels)
    tables = open_images_labels.tables_of(files, args.label_source)
    wanted = set(labels).union(*kinds.values())
    rows = [row for table in tables for row in open_images_labels.read(table, wanted)]
    said = open_images_labels.resolve(rows, args.label_source, args.label_threshold)
    known = open_images_labels.of_classes(said.known, labels, kinds)
    present = {image: tuple(bool(of_class.get(label)) for label in labels) for image, of_class in known.items()}
    own = [row for row in rows if row.label in labels]
    limits = {open_images_files.HUMAN: 1.0, open_images_files.MACHINE: args.label_threshold}
    return Study(present, len(own), sum(row.confidence >= limits[row.source] for row in own))


def featurized(args: argparse.Namespace) -> tuple[list[str], np.ndarray]:
    """The images of the classes that a run would learn from, by the stages ingest and featurize: their ids in Open
    Images, and features [n, d].
    """
    with bench.temporary_run() as folder:
        form = {**bench.defaults(), **vars(args)}
        for stage in (stages.INGEST, stages.FEATURIZE):
            given = {name: form[name] for name in stages.OPEN_IMAGES_ARGUMENTS[stage] if name in form}
            bench.run_stage(stage, folder, **given)
        reader = Stage(stages.CHOOSE_LABELS, folder, {})
        labelled = reader.rows("truth", ["image_id"])["image_id"].unique()
        origin = arrow.by_id(reader.rows("images", ["image_id", "origin"]), "origin")
        ids, features = reader.matrix("features", "features", ds.field("image_id").isin(labelled))
    return [PurePosixPath(origin[image_id]).stem for image_id in ids], features


def examples(present: np.ndarray, way: str) -> Examples:
    """Of which classes [n, 2] images show, what a way learns from and scores."""
    once = np.flatnonzero(present.sum(axis=1) == 1)
    both = np.flatnonzero(present.all(axis=1))
    label = np.where(present[:, 0], 0, 1)  # the first class that it shows
    if way == OURS:
        return Examples(once, label[once])
    if way == KEEP_FIRST:
        images = np.sort(np.concatenate([once, both]))
        return Examples(images, label[images])
    images = np.concatenate([once, both, both])
    return Examples(images, np.concatenate([label[once], np.zeros(len(both), int), np.ones(len(both), int)]))


def compared(features: np.ndarray, present: np.ndarray, splits: int) -> dict[str, float]:
    """The figures of all ways over random splits."""
    figures: dict[str, float] = {}
    accuracies = {}
    for way in WAYS:
        own, values = examples(present, way), {}
        figures[f"{way}/examples"] = len(own.images)
        for seed in range(splits):
            for name, value in scored(features, own, seed).items():
                values.setdefault(name, []).append(value)
        accuracies[way] = np.array(values[ACCURACY])
        figures |= {f"{way}/{name}_mean": float(np.mean(each)) for name, each in values.items()}
        figures |= {f"{way}/{name}_std": float(np.std(each, ddof=1)) for name, each in values.items() if splits > 1}
    for way in (KEEP_FIRST, OURS):
        gains = accuracies[way] - accuracies[REPRODUCED]
        half = stats.t.ppf(0.975, splits - 1) * gains.std(ddof=1) / splits**0.5 if splits > 1 else np.nan
        ends = {"mean": gains.mean(), "low": gains.mean() - half, "high": gains.mean() + half}
        figures |= {f"{way}/accuracy_difference_{end}": float(value) for end, value in ends.items()}
    return figures


def scored(features: np.ndarray, own: Examples, seed: int) -> dict[str, float]:
    """SCORES of one random split of the examples, and how many images are in both parts."""
    rng = np.random.default_rng(seed)
    test, train = np.split(rng.permutation(len(own.images)), [round(TEST_SHARE * len(own.images))])
    network = learned(features[own.images[train]], own.labels[train], rng.permutation(len(train)) % FOLDS, seed)
    values = open_images_study.scores(own.labels[test], network.probabilities(features[own.images[test]]))
    return {**values, "in_both_parts": len(np.intersect1d(own.images[train], own.images[test]))}


def learned(features: np.ndarray, labels: np.ndarray, fold_of: np.ndarray, seed: int) -> Network:
    """The classifier of examples [n, d] with labels [n], of the setting that their folds [n] choose."""
    rows = np.arange(len(labels))
    examples = training_plan.Examples(features, rows, labels, np.ones(len(rows)), rows >= 0, fold_of)
    options = logistic_regression, 2, FOLDS, seed, lambda line: None
    return cross_validation.fit(SparkSession.getActiveSession, examples, rows, *options).networks[ALL]


if __name__ == "__main__":
    main()
