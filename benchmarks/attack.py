"""How easily base and final are fooled, and how long it takes to find out. One Spark session, no DAG.

    python benchmarks/attack.py --images 200 --queries 1000 --json FILE
    python benchmarks/attack.py --dataset stl10 --path DIR --extractor mobilenet_v2 --image-size 96 --images 50

The gate is off, so that final is another model than base. Success is of the images that a model has right, with 95 %
intervals; the difference is final minus base on the same images. JSON names: those of the stage's figures
(attack/<attack>/base|final/success_rate ...), attack/seconds, attack/queries and attack/queries_per_second.
"""

import argparse

import bench

from kindred.evaluation.attacks import attack_figures
from kindred.evaluation.attacks.attack_plan import ATTACKS
from kindred.runtime.run_reader import RunReader


def main() -> None:
    parser = bench.self_training_parser(__doc__)
    parser.set_defaults(gate="off")
    parser.add_argument("--labels", type=int, default=100, help="given labels in all")
    parser.add_argument("--attacks", nargs="+", default=list(ATTACKS))
    parser.add_argument("--images", type=int, help="test images; by default as in the form")
    parser.add_argument("--queries", type=int, help="of each attack about each image; by default as in the form")
    parser.add_argument("--epsilon-l2", type=float)
    parser.add_argument("--epsilon-linf", type=float)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    bench.start(args.master)
    with bench.temporary_run() as folder:
        bench.self_train(folder, args, args.labels, args.seed)
        figures = run_attack(folder, args)
        rows = RunReader(folder, "report").rows("attacks", ["queries"])
    figures["attack/queries"] = sum(rows["queries"].to_pylist())
    figures["attack/queries_per_second"] = figures["attack/queries"] / figures["attack/seconds"]
    names = ("images", "queries", "seconds", "queries_per_second")
    images, queries, seconds, rate = (figures[f"attack/{name}"] for name in names)
    print(f"{args.dataset}/{args.extractor}, {images:,} images", end=": ")
    print(f"{queries:,} queries in {seconds:.1f} s, {rate:,.0f} a second")
    bench.report([HEAD, *(row(figures, name) for name in sorted(args.attacks))], figures, args.json)


HEAD = ("attack", "epsilon", "base", "low", "high", "final", "low", "high", "difference", "low", "high", "verdict")


def run_attack(folder: str, args: argparse.Namespace) -> dict[str, float]:
    """The figures of the stage."""
    numbers = {"attack_images": args.images, "attack_queries": args.queries}
    epsilons = {"attack_epsilon_l2": args.epsilon_l2, "attack_epsilon_linf": args.epsilon_linf}
    mark = bench.run_stage("attack", folder, attacks=list(args.attacks), **numbers, **epsilons, seed=args.seed)
    return mark["figures"]


def row(figures: dict[str, float], name: str) -> tuple:
    """An attack's line of the table."""
    models = (f"{model}/success_{part}" for model in ("base", "final") for part in ("rate", "low", "high"))
    keys = ("epsilon", *models, "difference", "low", "high")
    values = [figures.get(f"attack/{name}/{key}", "-") for key in keys]
    paired = int(figures.get(f"attack/{name}/paired", 0))
    return (name, *values, attack_figures.verdict(*values[-2:], paired) if paired else "-")


if __name__ == "__main__":
    main()
