"""Peak memory and time of ingest, featurize, train and search on many generated images, in `local[2]`.

    python benchmarks/scale.py --counts 20000 60000 --extractor mobilenet_v2 --image-size 96 --json FILE

Each stage runs in a process of its own, as in a DAG. Memory is resident memory at its highest: of the driver's JVM and
Python together, and of Spark's Python workers together. JSON names: scale/<images>/<stage>/driver_megabytes |
workers_megabytes | seconds, and scale/<stage>/growth, the largest count's memory over the smallest's.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import bench
import psutil

from kindred.runtime import runs, stages

STAGES = stages.ORDER[: stages.ORDER.index(stages.EVALUATE) + 1]
SAMPLE_SECONDS = 0.2


def main() -> None:
    parser = bench.argument_parser(__doc__)
    parser.add_argument("--counts", type=int, nargs="+", default=[20000, 60000], help="of images")
    parser.add_argument("--labels", type=int, default=100)
    parser.add_argument("--inside", nargs=3, metavar=("RUN", "STAGE", "ARGUMENTS"), help="do one stage, here")
    args = parser.parse_args()
    if args.inside:
        run, name, arguments = args.inside
        bench.start(args.master)
        bench.run_stage(name, run, **json.loads(arguments))
        return
    figures, rows = {}, [("images", "stage", "driver MB", "workers MB", "seconds")]
    for count in args.counts:
        print(f"{count:,} images", flush=True)
        with tempfile.TemporaryDirectory(prefix="kindred-scale-") as folder:
            bench.generate(Path(folder, "pictures"), count, args.image_size or 96)
            for stage, measured in measure(args, folder).items():
                figures |= {f"scale/{count}/{stage}/{name}": value for name, value in measured.items()}
                rows.append((count, stage, *(round(value) for value in measured.values())))
    small, large = min(args.counts), max(args.counts)
    for stage in STAGES:
        megabytes = [
            sum(figures[f"scale/{n}/{stage}/{who}_megabytes"] for who in ("driver", "workers")) for n in (small, large)
        ]
        figures[f"scale/{stage}/growth"] = megabytes[1] / megabytes[0]
    bench.report(rows, figures, args.json)
    for stage in ("ingest", "featurize"):
        print(
            f"{stage}: {figures[f'scale/{stage}/growth']:.2f} times the memory for {large / small:.1f} times the images"
        )


def measure(args: argparse.Namespace, folder: str) -> dict[str, dict[str, float]]:
    """Memory and seconds of each stage on the pictures in a folder."""
    form = {**bench.defaults(), "dataset": "image_folder", "path": f"{folder}/pictures", "limit": None}
    form |= {"extractor": args.extractor, "image_size": args.image_size, "weights": args.weights}
    form |= {"labels": args.labels, "labels_per_class": None, "seed": 0}
    env = {**os.environ, "KINDRED_DATA": f"{folder}/data"}
    os.environ["KINDRED_DATA"] = env["KINDRED_DATA"]
    run, results = runs.run_folder("benchmark", "one"), {}
    for stage in STAGES:
        arguments = json.dumps({name: form[name] for name in stages.ARGUMENTS[stage]})
        command = [sys.executable, __file__, "--master", args.master, "--inside", run, stage, arguments]
        with Path(folder, f"{stage}.log").open("wb") as log:
            results[stage] = watch(subprocess.Popen(command, env=env, stdout=log, stderr=log))
        if results[stage].pop("status"):
            raise RuntimeError(Path(folder, f"{stage}.log").read_text(errors="replace")[-2000:])
        print(
            f"{stage}: {', '.join(f'{name} {value:,.0f}' for name, value in results[stage].items())}",
            flush=True,
        )
    return results


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
