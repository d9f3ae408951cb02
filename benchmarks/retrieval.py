"""How good the search of a self-training run is, by each distance: precision at k and mean average precision.

    python benchmarks/retrieval.py --dataset stl10 --path STL10 --extractor mobilenet_v2 --labels 100

The gallery is the unlabelled images, so give fewer labels than are known: the hidden ones are the truth by which an
answer counts as right. JSON names: search/<distance>/<score> by that truth; where there is none,
search_by_model/<distance>/<score> by the class that final gives an image, by which distances of its own probabilities
look better than they are.
"""

import bench

from kindred.search.distances import DISTANCES

SCORES = ("precision_at_1", "precision_at_5", "precision_at_8", "precision_at_10", "mean_average_precision")
HEADINGS = {
    "search": "by the truth of the gallery's images",
    "search_by_model": "by the model's own predictions: no measure of which distance is best",
}


def main() -> None:
    parser = bench.self_training_parser(__doc__)
    parser.add_argument("--labels", type=int, help="the label budget; all that are known where it is not given")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    bench.start(args.master)
    with bench.temporary_run() as folder:
        figures = bench.self_train(folder, args, args.labels, args.seed, search=True)
    by = "search" if "search/gallery" in figures else "search_by_model"
    scores = {name: value for name, value in figures.items() if name.startswith(f"{by}/")}
    images = f"{figures[f'{by}/queries']:,.0f} queries, {figures[f'{by}/gallery']:,.0f} images"
    print(f"\n{args.dataset}, {args.extractor}, {HEADINGS[by]} ({images})")
    rows = [(name, *(figures[f"{by}/{name}/{score}"] for score in SCORES)) for name in DISTANCES]
    bench.report([("distance", *SCORES), *rows], scores, args.json)


if __name__ == "__main__":
    main()
