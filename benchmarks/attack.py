"""How easily base and final are fooled, and how long it takes to find out. One Spark session, no DAG.

    python benchmarks/attack.py --images 200 --queries 1000 --json FILE
    python benchmarks/attack.py --dataset stl10 --path DIR --extractor mobilenet_v2 --image-size 96 --images 50

The gate is off, so that final is another model than base. Success is of the images that a model has right, with 95 %
intervals; the difference is final minus base on the same images. JSON names: those of the stage's figures
(attack/<attack>/base|final/success_rate ...), attack/seconds, attack/queries and attack/queries_per_second.
"""

import bench

from kindred.evaluation.attacks import attack_figures
from kindred.evaluation.attacks.attack_plan import ATTACKS
from kindred.runtime.run_reader import RunReader


def main() -> None:
    options = bench.self_training_parser(__doc__)
    options.set_defaults(gate="off")
    options.add_argument("--labels", type=int, default=100, help="given labels in all")
    options.add_argument("--attacks", nargs="+", default=list(ATTACKS))
    options.add_argument("--images", type=int, help="test images; by default as in the form")
    options.add_argument("--queries", type=int, help="of each attack about each image; by default as in the form")
    options.add_argument("--epsilon-l2", type=float)
    options.add_argument("--epsilon-linf", type=float)
    options.add_argument("--seed", type=int, default=0)
    o = options.parse_args()
    bench.start(o.master)
    with bench.temporary_run() as folder:
        bench.self_train(folder, o, o.labels, o.seed)
        figures = run_attack(folder, o)
        rows = RunReader(folder, "report").rows("attacks", ["queries"])
    figures["attack/queries"] = sum(rows["queries"].to_pylist())
    figures["attack/queries_per_second"] = figures["attack/queries"] / figures["attack/seconds"]
    names = ("images", "queries", "seconds", "queries_per_second")
    images, queries, seconds, rate = (figures[f"attack/{name}"] for name in names)
    print(f"{o.dataset}/{o.extractor}, {images:,} images: {queries:,} queries in {seconds:.1f} s, {rate:,.0f} a second")
    bench.report([HEAD, *(row(figures, name) for name in sorted(o.attacks))], figures, o.json)


HEAD = ("attack", "epsilon", "base", "low", "high", "final", "low", "high", "difference", "low", "high", "verdict")


def run_attack(folder: str, o) -> dict[str, float]:
    """The figures of the stage."""
    numbers = {"attack_images": o.images, "attack_queries": o.queries}
    epsilons = {"attack_epsilon_l2": o.epsilon_l2, "attack_epsilon_linf": o.epsilon_linf}
    return bench.run_stage("attack", folder, attacks=list(o.attacks), **numbers, **epsilons, seed=o.seed)["figures"]


def row(figures: dict[str, float], name: str) -> tuple:
    """An attack's line of the table."""
    models = (f"{model}/success_{part}" for model in ("base", "final") for part in ("rate", "low", "high"))
    keys = ("epsilon", *models, "difference", "low", "high")
    values = [figures.get(f"attack/{name}/{key}", "-") for key in keys]
    paired = int(figures.get(f"attack/{name}/paired", 0))
    return (name, *values, attack_figures.verdict(*values[-2:], paired) if paired else "-")


if __name__ == "__main__":
    main()
