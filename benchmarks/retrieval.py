"""How good the search of a self-training run is, by each distance: precision at k and mean average precision.

`search/...` is by the truth of the gallery's images, `search_by_model/...` by the class that final gives them.
"""

import bench

from kindred.search.distances import DISTANCES

SCORES = ("precision_at_1", "precision_at_5", "precision_at_8", "precision_at_10", "mean_average_precision")


def main() -> None:
    parser = bench.self_training_parser(__doc__)
    parser.add_argument("--labels", type=int, help="the label budget; all that are known where it is not given")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    bench.start(args.master)
    with bench.temporary_run() as folder:
        figures = bench.self_train(folder, args, args.labels, args.seed)
    scores = {name: value for name, value in figures.items() if name.startswith(("search/", "search_by_model/"))}
    heads = sorted({name.split("/")[0] for name in scores})
    rows = [
        (head, name, *(scores[f"{head}/{name}/{score}"] for score in SCORES)) for head in heads for name in DISTANCES
    ]
    bench.report([("by", "distance", *SCORES), *rows], scores, args.json)


if __name__ == "__main__":
    main()
