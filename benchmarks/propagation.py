"""Single cells of the study of label propagation, without a DAG: accuracy as published and reproduced, and seconds.

    python benchmarks/propagation.py --path FASHION_MNIST --cells all distances-300 network-random-2000

By default all cells of the form's grid, without the network's. JSON names: cell/<cell>/accuracy|published|seconds, and
of the network epochs|epoch_seconds; cell/seconds of all cells together.
"""

from dataclasses import asdict

import bench

from kindred.studies.label_propagation import cell_grid, published


def main() -> None:
    parser = bench.argument_parser(__doc__)
    parser.set_defaults(dataset="fashion_mnist")
    parser.add_argument("--cells", nargs="+", metavar="CELL", help="names, as in the DAG's table")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    args.leaks = "drop"
    cells = chosen(args.cells)
    bench.start(args.master)
    figures, rows = {}, [("cell", "published", "reproduced", "seconds", "seconds an epoch")]
    with bench.temporary_run() as folder:
        bench.prepare(folder, args)
        for k in cell_grid.cluster_counts(cells):
            bench.run_stage(f"cluster/{k}", folder, k=k, seed=args.seed)
        for cell in cells:
            figures |= run(folder, cell, args.seed)
            values = [figures.get(f"cell/{cell.name}/{name}", "-") for name in NAMES]
            rows.append((cell.name, *values))
            print(f"{cell.name}: {values[1]:.4f} in {values[2]:.1f} s", flush=True)
    figures["cell/seconds"] = sum(figures[f"cell/{cell.name}/seconds"] for cell in cells)
    bench.report(rows, figures, args.json)


NAMES = ("published", "accuracy", "seconds", "epoch_seconds")


def chosen(names: list[str] | None) -> list[cell_grid.Cell]:
    """The cells of these names from the form's grid, with the network's; all others where none is named."""
    from kindred_airflow.forms.label_propagation import LABEL_PROPAGATION

    form = [LABEL_PROPAGATION[name].value for name in ("budgets", "centroids", "percentiles")]
    if names is None:
        return cell_grid.grid(*form)
    known = {cell.name: cell for cell in cell_grid.grid(*form, network=True)}
    if unknown := [name for name in names if name not in known]:
        raise SystemExit(f"unknown cell {unknown[0]!r}; known: {', '.join(known)}")
    return [known[name] for name in names]


def run(folder: str, cell: cell_grid.Cell, seed: int) -> dict[str, float]:
    from kindred_airflow.cells import FOLDS

    mark = bench.run_stage(f"cell/{cell.name}", folder, **asdict(cell), folds=FOLDS, seed=seed)
    values = {name: value for name, value in mark["figures"].items() if name.rsplit("/", 1)[1] in (*NAMES, "epochs")}
    accuracy = published.TEST_ACCURACY.get(cell.name)
    return values if accuracy is None else {**values, f"cell/{cell.name}/published": accuracy}


if __name__ == "__main__":
    main()
