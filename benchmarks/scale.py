"""Peak memory, time and CPU time of each stage on many images, on this machine.

    python benchmarks/scale.py --features 20000 100000 1000000 --json FILE
    python benchmarks/scale.py --stl10 ARCHIVE --extractor mobilenet_v2 --image-size 96 --labels 1000 --json FILE
    python benchmarks/scale.py --counts 20000 60000 --extractor mobilenet_v2 --image-size 96 --json FILE

The images are features generated with class structure (`--features`: from choose_labels on), 113,000 made from the
genuine images of STL-10 by crops and flips (`--stl10`), or generated pictures (`--counts`). Each stage runs in a
process of its own, as in a DAG without a kept driver. Memory is resident memory at its highest, of pages that
processes share their part: of the whole tree, of the driver's JVM and Python, and of Spark's Python workers. JSON
names: scale/<images>/<stage>/megabytes | driver_megabytes | workers_megabytes | seconds | cpu_seconds,
scale_run/<images>/<figure> for a few figures of the stages, and scale/<stage>/growth, the largest count's memory over
the smallest's.
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
import generated
import psutil

from kindred.runtime import java, job, marks, runs, stages, storage
from kindred.runtime.stage import Stage

STAGES = stages.ORDER[: stages.ORDER.index(stages.EVALUATE) + 1]
GENERATED = STAGES[STAGES.index(stages.CHOOSE_LABELS) :]  # those after the features
FIGURES = ("base/test/accuracy", "final/test/accuracy", "pseudo/precision", "pseudo/graph_recall", "gate/accepted")
SAMPLE_SECONDS = 1.0  # reading it costs 50 ms of a core: five times a second, the stages had a quarter of a core less


def main() -> None:
    parser = bench.argument_parser(__doc__)
    parser.add_argument("--counts", type=int, nargs="+", default=[20000, 60000], help="of pictures to generate")
    parser.add_argument("--features", type=int, nargs="+", metavar="COUNT", help="of images, features alone")
    parser.add_argument("--stl10", metavar="ARCHIVE", help="images in STL-10's numbers, made of those in its archive")
    parser.add_argument("--labels", type=int, default=100)
    parser.add_argument("--folder", help="for the data, some GB; default: a temporary one")
    parser.add_argument("--stages", nargs="+", default=STAGES, choices=STAGES, help="of these, in their order")
    parser.add_argument("--inside", nargs=3, metavar=("RUN", "STAGE", "ARGUMENTS"), help="do one stage, here")
    args = parser.parse_args()
    if args.inside:
        run, name, arguments = args.inside
        bench.start(args.master, session=False)
        bench.run_stage(name, run, **json.loads(arguments))
        return
    counts = args.features or ([sum(generated.GENUINE.values())] if args.stl10 else args.counts)
    figures: dict[str, float] = {}
    rows = [("images", "stage", "MB", "driver MB", "workers MB", "seconds", "CPU-s")]
    for count in counts:
        print(f"{count:,} images", flush=True)
        with tempfile.TemporaryDirectory(prefix="kindred-scale-", dir=args.folder) as folder:
            results, found = measure(args, folder, count)
        figures |= {f"scale_run/{count}/{name}": value for name, value in found.items()}
        for stage, measured in results.items():
            figures |= {f"scale/{count}/{stage}/{name}": value for name, value in measured.items()}
            rows.append((count, stage, *(round(value) for value in measured.values())))
    if len(counts) > 1:
        small, large = min(counts), max(counts)
        for stage in results:
            small_mb, large_mb = (figures[f"scale/{n}/{stage}/megabytes"] for n in (small, large))
            figures[f"scale/{stage}/growth"] = large_mb / small_mb
    bench.report(rows, figures, args.json)


def measure(args: argparse.Namespace, folder: str, count: int) -> tuple[dict[str, dict[str, float]], dict[str, float]]:
    """Memory and times of each stage, and FIGURES of the run."""
    form = {**bench.defaults(), "limit": None, "labels": args.labels, "labels_per_class": None, "seed": 0}
    form |= {"extractor": args.extractor, "image_size": args.image_size, "weights": args.weights}
    env = {**os.environ, "KINDRED_DATA": f"{folder}/data", **java.environment()}
    os.environ["KINDRED_DATA"] = env["KINDRED_DATA"]
    run = runs.run_folder("benchmark", "one")
    if args.features:
        for name, main in ((stages.INGEST, generated.write_ingest), (stages.FEATURIZE, generated.write_features)):
            given = {"count": count, "extractor": "pixels", "weights": ""}
            job.execute(main, None, Stage(name, run, given), time.time())
    elif args.stl10:
        generated.write_stl10(Path(folder, "stl10"), args.stl10)
        form |= {"dataset": "stl10", "path": f"{folder}/stl10"}
    else:
        bench.generate(Path(folder, "pictures"), count, args.image_size or 96)
        form |= {"dataset": "image_folder", "path": f"{folder}/pictures"}
    results = {}
    for stage in [stage for stage in (GENERATED if args.features else STAGES) if stage in args.stages]:
        arguments = json.dumps({name: form[name] for name in stages.ARGUMENTS[stage]})
        command = [sys.executable, __file__, "--master", args.master, "--inside", run, stage, arguments]
        with Path(folder, f"{stage}.log").open("wb") as log:
            results[stage] = watch(subprocess.Popen(command, env=env, stdout=log, stderr=log))
        if results[stage].pop("status"):
            raise RuntimeError(Path(folder, f"{stage}.log").read_text(errors="replace")[-2000:])
        print(f"{stage}: {', '.join(f'{name} {value:,.0f}' for name, value in results[stage].items())}", flush=True)
    done = [marks.mark_of(storage.join(run, stage)) or {} for stage in results]
    figures = {name: value for mark in done for name, value in mark["figures"].items()}
    return results, {name: figures[name] for name in FIGURES if name in figures}


def watch(process: subprocess.Popen) -> dict[str, float]:
    """The highest memory of a process and what is below it, by who they are, until it ends, and its CPU time."""
    began, cpu = time.monotonic(), {}
    highest = {"megabytes": 0.0, "driver_megabytes": 0.0, "workers_megabytes": 0.0}
    while process.poll() is None:
        now = dict.fromkeys(highest, 0.0)
        try:
            parts = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        except psutil.NoSuchProcess:
            break
        for part in parts:
            try:
                works = any("pyspark.daemon" in word for word in part.cmdline())
                megabytes, times = part.memory_full_info().pss / 1e6, part.cpu_times()  # shared pages count once
            except psutil.Error:
                continue
            cpu[part.pid] = times.user + times.system
            now["workers_megabytes" if works else "driver_megabytes"] += megabytes
            now["megabytes"] += megabytes
        highest = {name: max(highest[name], now[name]) for name in highest}
        time.sleep(SAMPLE_SECONDS)
    process.wait()
    return {
        **highest,
        "seconds": time.monotonic() - began,
        "cpu_seconds": sum(cpu.values()),
        "status": process.returncode,
    }


if __name__ == "__main__":
    main()
