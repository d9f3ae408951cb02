"""What the report costs, and how well it finds near duplicates: seconds of the stage beyond the start of its job, and
CPU seconds of all its processes.

    python benchmarks/report.py --dataset stl10 --path DIR --extractor mobilenet_v2 --labels 100 --json FILE

The figures are of the second of two reports in one session, whose workers and modules are there; `first` is the other
one, in a session that has made the run, as a kept driver has. `found` is the share of the injected edits (encoded
again, mirrored, shifted, brightened) that are found, by a threshold that other edits set; `flagged` is the share of the
images that nobody injected a twin of and that are in a pair nevertheless: real near duplicates are among them. JSON
names: report/<dataset>/seconds|first_seconds|cpu_seconds|first_cpu_seconds|megabytes|found|flagged,
near_duplicates/<dataset>/found|flagged|pairs.
"""

import time

import bench
import psutil

from kindred.runtime import file_names, storage
from kindred.runtime.run_reader import RunReader


def main() -> None:
    parser = bench.self_training_parser(__doc__)
    parser.add_argument("--labels", type=int, default=100, help="given labels in all, stratified")
    parser.add_argument("--projection", default="pca", help="of the embedding map")
    args = parser.parse_args()
    bench.start(args.master)
    with bench.temporary_run() as folder:
        bench.self_train(folder, args, args.labels, seed=0)
        seconds, cpu, size = [], [], 0
        for _ in range(2):
            storage.delete(storage.join(folder, "report", file_names.MARK))  # else it would be reused
            started, before = time.monotonic(), cpu_seconds()
            mark = bench.run_stage("report", folder, projection=args.projection)
            seconds.append(time.monotonic() - started)
            cpu.append(cpu_seconds() - before)
            size = len(RunReader(folder, "evaluate").file("report", file_names.REPORT)) / 1e6
    found = {
        name.split("/")[1]: value for name, value in mark["figures"].items() if name.startswith("near_duplicates/")
    }
    named = {"report": {"first_seconds": seconds[0], "seconds": seconds[1], "megabytes": size}}
    named["report"] |= {"first_cpu_seconds": cpu[0], "cpu_seconds": cpu[1]}
    named["report"] |= {"found": found["found_all"], "flagged": found["flagged"]}
    named["near_duplicates"] = {"found": found["found_all"], "flagged": found["flagged"], "pairs": found["pairs"]}
    named["near_duplicates"] |= {k: v for k, v in found.items() if k.startswith("found_") and k != "found_all"}
    figures = {f"{kind}/{args.dataset}/{name}": value for kind, own in named.items() for name, value in own.items()}
    bench.report([("figure", "value"), *((name, float(value)) for name, value in figures.items())], figures, args.json)


def cpu_seconds() -> float:
    """Of this process, the JVM and its Python workers."""
    own = psutil.Process()
    return sum(sum(part.cpu_times()[:4]) for part in (own, *own.children(recursive=True)))


if __name__ == "__main__":
    main()
