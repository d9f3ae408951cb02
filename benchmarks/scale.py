"""Peak memory and time of ingest, featurize, train and search on many generated images, in `local[2]`.

    python benchmarks/scale.py --counts 20000 60000 --extractor mobilenet_v2 --image-size 96 --json FILE

Each stage runs in a process of its own, as in a DAG. Memory is resident memory at its highest: of the driver's JVM and
Python together, and of Spark's Python workers together. JSON names: scale/<images>/<stage>/driver_megabytes |
workers_megabytes | seconds, and scale/<stage>/growth, the largest count's memory over the smallest's.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import bench
import psutil

from kindred.runtime import runs

STAGES = {
    "ingest": ["dataset", "path", "limit", "leaks"],
    "featurize": ["extractor", "image_size", "weights"],
    "choose_labels": ["labels_per_class", "labels", "label_choice", "stratified", "seed"],
    "train_base": ["classifier", "folds", "seed"],
    "pseudo_label": ["labeller", "threshold", "class_thresholds", "percentile", "clusters", "novelty", "seed"],
    "train_final": ["classifier", "folds", "seed"],
    "gate": ["gate"],
    "build_index": [],
    "evaluate": [],
}
SAMPLE_SECONDS = 0.2


def main() -> None:
    options = bench.parser(__doc__)
    options.add_argument("--counts", type=int, nargs="+", default=[20000, 60000], help="of images")
    options.add_argument("--labels", type=int, default=100)
    options.add_argument("--inside", nargs=3, metavar=("RUN", "STAGE", "ARGUMENTS"), help="do one stage, here")
    o = options.parse_args()
    if o.inside:
        run, name, arguments = o.inside
        bench.start(o.master)
        bench.run_stage(
            name.replace("train_base", "train").replace("train_final", "train"), run, name, **json.loads(arguments)
        )
        return
    figures, rows = {}, [("images", "stage", "driver MB", "workers MB", "seconds")]
    for count in o.counts:
        print(f"{count:,} images", flush=True)
        with tempfile.TemporaryDirectory(prefix="kindred-scale-") as place:
            bench.generate(Path(place, "pictures"), count, o.image_size or 96)
            for stage, measured in measure(o, place).items():
                figures |= {f"scale/{count}/{stage}/{name}": value for name, value in measured.items()}
                rows.append((count, stage, *(round(value) for value in measured.values())))
    small, large = min(o.counts), max(o.counts)
    for stage in STAGES:
        both = [
            sum(figures[f"scale/{n}/{stage}/{who}_megabytes"] for who in ("driver", "workers")) for n in (small, large)
        ]
        figures[f"scale/{stage}/growth"] = both[1] / both[0]
    bench.report(rows, figures, o.json)
    for stage in ("ingest", "featurize"):
        print(
            f"{stage}: {figures[f'scale/{stage}/growth']:.2f} times the memory for {large / small:.1f} times the images"
        )


def measure(o, place: str) -> dict[str, dict[str, float]]:
    """Memory and seconds of each stage on the pictures in a folder."""
    form = {**bench.defaults(), "dataset": "image_folder", "path": f"{place}/pictures", "limit": None}
    form |= {"extractor": o.extractor, "image_size": o.image_size, "weights": o.weights}
    form |= {"labels": o.labels, "labels_per_class": None, "seed": 0}
    env = {**os.environ, "KINDRED_DATA": f"{place}/data"}
    os.environ["KINDRED_DATA"] = env["KINDRED_DATA"]
    run, found = runs.run_folder("benchmark", "one"), {}
    for stage, names in STAGES.items():
        arguments = json.dumps({name: form[name] for name in names})
        command = [sys.executable, __file__, "--master", o.master, "--inside", run, stage, arguments]
        with Path(place, f"{stage}.log").open("wb") as log:
            found[stage] = watch(subprocess.Popen(command, env=env, stdout=log, stderr=log))
        if found[stage].pop("status"):
            raise RuntimeError(Path(place, f"{stage}.log").read_text(errors="replace")[-2000:])
        print(f"{stage}: {', '.join(f'{name} {value:,.0f}' for name, value in found[stage].items())}", flush=True)
    return found


def watch(process: subprocess.Popen) -> dict[str, float]:
    """The highest memory of a process and what is below it, by who they are, until it ends."""
    began, highest = time.monotonic(), {"driver_megabytes": 0.0, "workers_megabytes": 0.0}
    while process.poll() is None:
        now = dict.fromkeys(highest, 0.0)
        for part in (psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)):
            try:
                works = any("pyspark.daemon" in word for word in part.cmdline())
                now["workers_megabytes" if works else "driver_megabytes"] += part.memory_info().rss / 1e6
            except psutil.NoSuchProcess:
                continue
        highest = {name: max(highest[name], now[name]) for name in highest}
        time.sleep(SAMPLE_SECONDS)
    return {**highest, "seconds": time.monotonic() - began, "status": process.returncode}


if __name__ == "__main__":
    main()
