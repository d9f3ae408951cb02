"""What self-training makes of few labels: base and final, over several draws of the given labels.

    python benchmarks/few_labels.py --dataset fashion_mnist --path DIR --extractor patch_kmeans --labels 500 1000 2000

`base`, `candidate` and `final` are scored on the test images and the images whose known label was not given, together:
1,000 test images alone hardly tell .955 from .94. `final_neighbours`, on the test images alone, uses the nearest images
of the pool at inference too: the final model's probabilities times the vote of the test image's nearest neighbours, by
their given and pseudo-labels. No test image is in any graph, and no setting is chosen on one. JSON names, below
<dataset>/<extractor>/<labels>/<choose>/: base|candidate|final|final_neighbours/accuracy_mean|std; gate_accepted, the
share of the draws whose candidate the gate accepted; precision, the share of pseudo-labels with known truth that are
right; estimated_precision, what the run says it is, and estimate_inside, the share of the draws in which its interval
holds the true one (these two where cross-validation is possible).
"""

import statistics

import bench
import numpy as np
import pyarrow.dataset as ds

from kindred.features import neighbours
from kindred.learning.class_numbers import class_numbers
from kindred.runtime import arrow, cpu, storage
from kindred.runtime.run_reader import RunReader

SCORED = ("base", "candidate", "final")
MODELS = (*SCORED, "final_neighbours")
PRECISION = ("precision", "estimated_precision", "estimate_inside")
TEST = ds.field("split") == "test"


def main() -> None:
    parser = bench.self_training_parser(__doc__)
    parser.add_argument("--labels", nargs="+", type=int, default=[100], help="given labels in all, stratified")
    parser.add_argument("--choose", choices=["random", "representatives"], default="random")
    parser.add_argument("--draws", type=int, default=5)
    args = parser.parse_args()
    bench.start(args.master)
    columns = [part for model in MODELS for part in (model, "std")]
    figures, rows = {}, [("labels", "draws", *columns, "gate accepted", *PRECISION)]
    with bench.temporary_run() as folder:
        for labels in args.labels:
            results = []
            for seed in range(args.draws):
                run = storage.join(folder, f"{labels}-{seed}")
                result = bench.self_train(run, args, labels, seed, args.choose)
                result |= {f"{model}/accuracy": on_test_and_hidden(result, model) for model in SCORED}
                result["final_neighbours/accuracy"] = with_neighbours(run)
                results.append(result)
                scores = ", ".join(f"{model} {result[f'{model}/accuracy']:.4f}" for model in MODELS)
                print(f"{args.dataset} {labels} labels ({args.choose}), draw {seed}: {scores}", flush=True)
            row, name = [labels, args.draws], f"{args.dataset}/{args.extractor}/{labels}/{args.choose}"
            for model in MODELS:
                accuracies = [result[f"{model}/accuracy"] for result in results]
                values = {"accuracy_mean": statistics.mean(accuracies), "accuracy_std": statistics.pstdev(accuracies)}
                figures |= {f"{name}/{model}/{key}": value for key, value in values.items()}
                row += values.values()
            others = {"gate_accepted": statistics.mean(result["gate/accepted"] for result in results)}
            others |= precision(results)
            figures |= {f"{name}/{key}": value for key, value in others.items()}
            rows.append((*row, *(others.get(key, "-") for key in ("gate_accepted", *PRECISION))))
    print(f"\n{args.dataset}, {args.extractor}, {args.classifier}, {args.labeller}, labels on {args.choose} images")
    bench.report(rows, figures, args.json)


def on_test_and_hidden(figures: dict[str, float], model: str) -> float:
    """Accuracy on the test images and on the others whose known label was not given, of both together."""
    parts = [name for name in ("test", "hidden") if f"{model}/{name}/images" in figures]
    images = [figures[f"{model}/{name}/images"] for name in parts]
    return float(np.average([figures[f"{model}/{name}/accuracy"] for name in parts], weights=images))


def precision(results: list[dict[str, float]]) -> dict[str, float]:
    """Means over the draws: the pseudo-labels' precision, and what the runs say about it, by one of PRECISION."""
    means = {"precision": statistics.mean(result["pseudo/precision"] for result in results)}
    estimated = [result for result in results if "pseudo/estimated_precision" in result]
    if estimated:
        inside = [
            r["pseudo/estimated_precision_low"] <= r["pseudo/precision"] <= r["pseudo/estimated_precision_high"]
            for r in estimated
        ]
        means["estimated_precision"] = statistics.mean(r["pseudo/estimated_precision"] for r in estimated)
        means["estimate_inside"] = statistics.mean(inside)
    return means


def with_neighbours(run: str) -> float:
    """Accuracy on the test images of the final model's probabilities times their nearest neighbours' vote."""
    s = RunReader(run, "evaluate")
    classes = s.facts_of("ingest")["classes"]
    number = class_numbers(classes)
    truth = arrow.by_id(s.rows("truth"))
    parts = [s.rows(name, ["image_id", "label", "confidence"]) for name in ("labels", "pseudo_labels")]
    pseudo = {
        i: (number[c], p) for part in parts for i, c, p in zip(*(x.to_pylist() for x in part.columns), strict=True)
    }
    pool, features = s.matrix("features", "features", ds.field("image_id").isin(sorted(pseudo)))
    ids, queries = s.matrix("features", "features", TEST)
    votes = np.zeros((len(pool), len(classes)))
    votes[np.arange(len(pool)), [pseudo[i][0] for i in pool]] = [pseudo[i][1] for i in pool]
    predictions = s.rows("predictions_final", ["image_id", "probabilities"], TEST).sort_by("image_id")
    final = np.array(predictions["probabilities"].to_pylist())
    combined = final * neighbours.vote(features, votes, queries, cpu.cores())
    known = [row for row, i in enumerate(ids) if i in truth]
    return float(np.mean([combined[row].argmax() == number[truth[ids[row]]] for row in known]))


if __name__ == "__main__":
    main()
