"""Out-of-distribution detection: how many images of classes without a label it finds, and how many others by mistake.

    python benchmarks/novelty.py --dataset stl10 --path STL10 --extractor mobilenet_v2 --per-class 10 25
    python benchmarks/novelty.py

From the labelled training images alone: in each draw two classes are unknown, some labels of each other class are
given, and all other labelled images are new ones. Means over the draws.
"""

import statistics

import bench
import numpy as np
import pyarrow.dataset as ds

from kindred.learning import known_classes
from kindred.runtime import arrow, tables
from kindred.runtime.run_reader import RunReader

UNKNOWN = 2  # classes


def main() -> None:
    parser = bench.argument_parser(__doc__ or "")
    parser.add_argument("--per-class", type=int, nargs="+", default=[10, 25], help="given labels")
    parser.add_argument("--draws", type=int, default=10)
    args = parser.parse_args()
    args.limit, args.leaks = None, "drop"
    bench.start(args.master)
    with bench.temporary_run() as folder:
        bench.prepare(folder, args)
        reader = RunReader(folder, "evaluate")
        ids, features = reader.matrix("features", "features", ds.field("split").isin(tables.LEARNED_FROM))
        train = set(reader.rows("images", ["image_id"], ds.field("split") == tables.TRAIN)["image_id"].to_pylist())
        truth = arrow.by_id(reader.rows("truth"))
    labels = np.array([truth.get(name, "") if name in train else "" for name in ids])
    figures: dict[str, float] = {}
    rows: list[tuple] = [("given per class", "detection rate", "false alarm rate")]
    for per_class in args.per_class:
        shares = [_draw(features, labels, per_class, np.random.default_rng(seed)) for seed in range(args.draws)]
        detected, alarms = (statistics.mean(share) for share in zip(*shares, strict=True))
        rows.append((str(per_class), detected, alarms))
        name = f"novelty/{args.dataset}/{args.extractor}/{per_class}"
        figures |= {f"{name}/detection_rate": detected, f"{name}/false_alarm_rate": alarms}
    bench.report(rows, figures, args.json)


def _draw(features: np.ndarray, labels: np.ndarray, per_class: int, rng: np.random.Generator) -> tuple[float, float]:
    """The shares of new images of unknown and of known classes that are detected as of none of the classes."""
    classes = sorted(set(labels.tolist()) - {""})
    unknown = np.isin(labels, rng.choice(classes, UNKNOWN, replace=False))
    order = rng.permutation(np.flatnonzero((labels != "") & ~unknown))
    given = np.concatenate([order[labels[order] == name][:per_class] for name in classes])
    known = known_classes.learn(features, given)
    assert known is not None, f"{len(given)} given labels are too few"
    new = np.setdiff1d(order, given)
    return float(known.none_of_these(features[unknown]).mean()), float(known.none_of_these(features[new]).mean())


if __name__ == "__main__":
    main()
