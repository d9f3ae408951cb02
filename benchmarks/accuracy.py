"""Accuracy of base and final on the test split, over several draws of the given labels. One Spark session, no DAG.

    python benchmarks/accuracy.py --dataset stl10 --path DIR --extractor mobilenet_v2 --labels 40 100 all --json FILE

JSON names: <dataset>/<extractor>/<classifier>/<labels>/base|final/accuracy_mean|accuracy_std, where <labels> is the
number of given labels in all; with `--labels all`, the figures also stand under the name "all". "hidden" is base's
accuracy on the training images whose label is known but was not given: larger than most test splits, and as unseen.
"""

import statistics

import bench

from kindred.runtime import storage


def main() -> None:
    parser = bench.self_training_parser(__doc__)
    parser.add_argument("--labels", nargs="+", default=["100"], help="given labels in all (stratified), or all")
    parser.add_argument("--draws", type=int, default=10, help="of the labels (all labels can be drawn in one way only)")
    args = parser.parse_args()
    bench.start(args.master)
    figures, rows = {}, [("labels", "draws", "base", "std", "final", "std", "hidden", "pseudo-labels", "right")]
    with bench.temporary_run() as folder:
        for labels in args.labels:
            results = []
            for seed in range(1 if labels == "all" else args.draws):
                count = None if labels == "all" else int(labels)
                results.append(bench.self_train(storage.join(folder, f"{labels}-{seed}"), args, count, seed))
                head = f"{args.dataset}/{args.extractor}/{args.classifier}"
                print(f"{head} {labels} labels, draw {seed}: {summary(results[-1])}", flush=True)
            given_labels = str(int(results[0]["choose_labels/labels"]))
            row = [labels, len(results)]
            for model in ("base", "final"):
                accuracies = [result[f"{model}/test/accuracy"] for result in results]
                spread = {"accuracy_mean": statistics.mean(accuracies), "accuracy_std": statistics.pstdev(accuracies)}
                for name in {given_labels, labels}:
                    figures |= {f"{head}/{name}/{model}/{key}": value for key, value in spread.items()}
                row += spread.values()
            unseen = [result["base/hidden/accuracy"] for result in results if "base/hidden/accuracy" in result]
            if unseen:
                mean = statistics.mean(unseen)
                figures |= {f"{head}/{name}/base/hidden_accuracy_mean": mean for name in {given_labels, labels}}
            row.append(statistics.mean(unseen) if unseen else "-")
            pseudo = [result["pseudo/count"] for result in results]
            right = [result["pseudo/precision"] for result in results if "pseudo/precision" in result]
            rows.append((*row, round(statistics.mean(pseudo)), statistics.mean(right) if right else "-"))
        ingest = {name: value for name, value in results[0].items() if name.startswith("ingest/")}
        figures |= {f"{args.dataset}/{name}": value for name, value in ingest.items()}
    print(f"\n{head}, leaked {ingest['ingest/leaked']} ({args.leaks})")
    bench.report(rows, figures, args.json)


def summary(figures: dict[str, float]) -> str:
    return f"base {figures['base/test/accuracy']:.4f}, final {figures['final/test/accuracy']:.4f}"


if __name__ == "__main__":
    main()
