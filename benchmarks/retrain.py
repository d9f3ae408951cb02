"""What a new version of a dataset costs: some images more, or another label, against the same images read afresh.

    python benchmarks/retrain.py --incremental --json FILE
    python benchmarks/retrain.py --incremental --path DIR --extractor efficientnet_lite0 --json FILE

The images are scikit-learn's digits as PNG files, or those of DIR, which has a folder for each class; each stands in a
labels.csv. A version of all but the last `--new` images is made first, then one of all, then one with another label,
and in another KINDRED_DATA all of it afresh. JSON names: incremental/<images|new|decoded|featurized>,
incremental/<ingest|featurize>_seconds, label_only/... the same, fresh/... the same, and incremental/different_rows and
label_only/different_rows (of all tables, from those made afresh).
"""

import argparse
import os
import shutil
import tempfile
from collections import Counter
from pathlib import Path

import bench
from bench import run_stage

from kindred.runtime import runs, stages
from kindred.runtime.run_reader import RunReader

TABLES = ("images", "truth", "rejected", "sources", "features")


def main() -> None:
    parser = bench.argument_parser(__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.set_defaults(extractor="hog")
    parser.add_argument("--incremental", action="store_true", help="measure new versions of a dataset")
    parser.add_argument("--new", type=int, default=100, help="images that come later")
    parser.add_argument("--images", type=int, default=1100, help="of all, at most")
    args = parser.parse_args()
    if not args.incremental:
        parser.error("name what to measure: --incremental")
    os.environ["KINDRED_CACHE"] = str(runs.cache_folder())  # graphs are exported once, not in each KINDRED_DATA
    bench.start(args.master)
    with tempfile.TemporaryDirectory(prefix="kindred-retrain-") as place:
        figures = incremental(Path(place), args)
    parts = ("incremental", "label_only", "fresh")
    names = [name.removeprefix("incremental/") for name in figures if name.startswith("incremental/")]
    rows = [(name, *(figures.get(f"{part}/{name}", "-") for part in parts)) for name in names]
    bench.report([("", *parts), *rows], figures, args.json, args.not_quiet)


def incremental(place: Path, args: argparse.Namespace) -> dict[str, float]:
    """The figures of all versions."""
    folder = place / "images"
    labels = copied(Path(args.path), folder, args.images) if args.path else digits(folder, args.images)
    later = [*labels][-args.new :]
    for name in later:
        (folder / name).rename(place / Path(name).name)
    put_table(folder, {name: label for name, label in labels.items() if name not in later})
    version(place / "data", "first", folder, args)
    for name in later:
        (place / Path(name).name).rename(folder / name)
    put_table(folder, labels)
    figures = {"incremental/new": float(len(later))}
    made = version(place / "data", "incremental", folder, args)
    fresh = version(place / "fresh", "fresh", folder, args)
    made["different_rows"] = different_rows(place, "incremental", "fresh")
    figures |= {f"incremental/{name}": value for name, value in made.items()}
    figures |= {f"fresh/{name}": value for name, value in fresh.items()}
    put_table(folder, {**labels, later[0]: next(label for label in labels.values() if label != labels[later[0]])})
    made = version(place / "data", "label_only", folder, args)
    version(place / "afresh", "label_only", folder, args)
    made["different_rows"] = different_rows(place, "label_only", "label_only", "afresh")
    return figures | {f"label_only/{name}": value for name, value in made.items()}


def version(data: Path, name: str, folder: Path, args: argparse.Namespace) -> dict[str, float]:
    """A run of ingest and featurize in a KINDRED_DATA: what they did, and in how many seconds."""
    os.environ["KINDRED_DATA"] = str(data)
    run = runs.run_folder("retrain", name)
    made = run_stage(stages.INGEST, run, dataset="image_folder", path=str(folder), limit=None, leaks="drop")["figures"]
    chosen = {option: getattr(args, option) for option in stages.ARGUMENTS[stages.FEATURIZE] if hasattr(args, option)}
    made |= run_stage(stages.FEATURIZE, run, **chosen)["figures"]
    return {
        "images": made["featurize/images"],
        "decoded": made["ingest/decoded"],
        "featurized": made["featurize/computed"],
        "ingest_seconds": made["ingest/seconds"],
        "featurize_seconds": made["featurize/seconds"],
        "seconds": made["ingest/seconds"] + made["featurize/seconds"],
    }


def different_rows(place: Path, one: str, other: str, fresh: str = "fresh") -> float:
    """How many rows of two versions' tables only one of them has."""
    differing = 0
    for table in TABLES:
        rows = []
        for data, name in (("data", one), (fresh, other)):
            os.environ["KINDRED_DATA"] = str(place / data)
            reader = RunReader(runs.run_folder("retrain", name), stages.EVALUATE)
            rows.append(Counter(map(repr, reader.rows(table).to_pylist())))
        differing += ((rows[0] - rows[1]) + (rows[1] - rows[0])).total()
    return float(differing)


def digits(folder: Path, count: int) -> dict[str, str]:
    """The first digits of scikit-learn as files; the label of each by its name."""
    from PIL import Image
    from sklearn.datasets import load_digits

    source = load_digits()
    folder.mkdir(parents=True)
    labels = {}
    for number, (image, digit) in enumerate(zip(source.images[:count], source.target[:count], strict=True)):
        name = f"{number:05}.png"
        Image.fromarray((image * 255 / 16).astype("uint8")).save(folder / name)
        labels[name] = f"digit {digit}"
    return labels


def copied(source: Path, folder: Path, count: int) -> dict[str, str]:
    """Images of a folder with a folder for each class, of every class as many; the label of each by its name."""
    classes = sorted(path for path in source.iterdir() if path.is_dir())
    folder.mkdir(parents=True)
    by_class = [sorted(path for path in one.rglob("*") if path.is_file()) for one in classes]
    turns = sorted((turn, path) for files in by_class for turn, path in enumerate(files))[:count]
    labels = {}
    for number, (_, path) in enumerate(turns):
        name = f"{number:06}{path.suffix}"
        shutil.copyfile(path, folder / name)
        labels[name] = path.relative_to(source).parts[0]
    return labels


def put_table(folder: Path, labels: dict[str, str]) -> None:
    (folder / "labels.csv").write_text("file,label\n" + "".join(f"{name},{label}\n" for name, label in labels.items()))


if __name__ == "__main__":
    main()
