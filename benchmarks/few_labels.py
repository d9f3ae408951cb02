"""What self-training makes of few labels: base and final, over several draws of the given labels.

    python benchmarks/few_labels.py --dataset fashion_mnist --path DIR --extractor patch_kmeans --labels 500 1000 2000

`base`, `candidate` and `final` are scored on the test images and the images whose known label was not given, together:
1,000 test images alone hardly tell .955 from .94. `final_neighbours`, on the test images alone, uses the nearest images
of the pool at inference too: the final model's probabilities times the vote of the test image's nearest neighbours, by
their given and pseudo-labels. No test image is in any graph, and no setting is chosen on one. JSON names:
<dataset>/<labels>/<choose>/base|candidate|final|final_neighbours/accuracy_mean|std, and
gate_accepted, the share of the draws whose candidate the gate accepted.
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
TEST = ds.field("split") == "test"


def main() -> None:
    parser = bench.self_training_parser(__doc__)
    parser.add_argument("--labels", nargs="+", type=int, default=[100], help="given labels in all, stratified")
    parser.add_argument("--choose", choices=["random", "representatives"], default="random")
    parser.add_argument("--draws", type=int, default=5)
    args = parser.parse_args()
    bench.start(args.master)
    figures, rows = {}, [("labels", "draws", *(part for model in MODELS for part in (model, "std")), "gate accepted")]
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
            row = [labels, args.draws]
            for model in MODELS:
                accuracies = [result[f"{model}/accuracy"] for result in results]
                values = {"accuracy_mean": statistics.mean(accuracies), "accuracy_std": statistics.pstdev(accuracies)}
                figures |= {
                    f"{args.dataset}/{labels}/{args.choose}/{model}/{key}": value for key, value in values.items()
                }
                row += values.values()
            accepted = statistics.mean(result["gate/accepted"] for result in results)
            figures[f"{args.dataset}/{labels}/{args.choose}/gate_accepted"] = accepted
            rows.append((*row, accepted))
    print(f"\n{args.dataset}, {args.extractor}, {args.classifier}, {args.labeller}, labels on {args.choose} images")
    bench.report(rows, figures, args.json)


def on_test_and_hidden(figures: dict[str, float], model: str) -> float:
    """Accuracy on the test images and on the others whose known label was not given, of both together."""
    parts = [name for name in ("test", "hidden") if f"{model}/{name}/images" in figures]
    images = [figures[f"{model}/{name}/images"] for name in parts]
    return float(np.average([figures[f"{model}/{name}/accuracy"] for name in parts], weights=images))


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
