"""The map stage of featurize on a Spark cluster of this machine: two workers of one core against one.

    python benchmarks/cluster.py --extractor hog --images 4000 --repeats 3 --json FILE

Starts a master and workers with PySpark's own spark-class, and nothing else: no Airflow, no MLflow. Images are
generated. The map stage's time is from its first batch to its last. JSON names: cluster/<workers>/seconds (median),
cluster/speed_up.
"""

import argparse
import contextlib
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import bench

from kindred.runtime import java, runs, storage

READY_SECONDS = 120


def main() -> None:
    parser = bench.argument_parser(__doc__)
    parser.add_argument("--images", type=int, default=4000)
    parser.add_argument("--side", type=int, default=96, help="of an image, px")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--inside", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.inside:
        print("seconds", featurize(args))
        return
    figures, rows = {}, [("workers", "seconds", "images/s")]
    with tempfile.TemporaryDirectory(prefix="kindred-cluster-") as folder:
        pictures = Path(folder, "pictures")
        bench.generate(pictures, args.images, args.side)
        for workers in (1, 2):
            with cluster(Path(folder, f"{workers}"), workers) as master:
                times = [timed(args, folder, pictures, master) for _ in range(args.repeats)]
            figures[f"cluster/{workers}/seconds"] = statistics.median(times)
            rows.append((workers, statistics.median(times), round(args.images / statistics.median(times))))
    figures["cluster/speed_up"] = figures["cluster/1/seconds"] / figures["cluster/2/seconds"]
    rows.append(("speed_up", figures["cluster/speed_up"], ""))
    bench.report(rows, figures, args.json, args.not_quiet)


@contextlib.contextmanager
def cluster(folder: Path, workers: int) -> Iterator[str]:
    """A master and workers of one core; the master's address."""
    folder.mkdir()
    port, page = free_port(), free_port()
    env = {**os.environ, **java.environment(), "JAVA_HOME": java.java_home(), "SPARK_LOCAL_IP": "127.0.0.1"}
    env |= {"PYTHONPATH": str(bench.ROOT / "include"), "SPARK_WORKER_CORES": "1", "SPARK_WORKER_MEMORY": "2g"}
    env["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), env["PATH"]])  # where spark-class looks for Spark
    spark_class = str(Path(sys.executable).parent / "spark-class")
    deploy, master = "org.apache.spark.deploy", f"spark://127.0.0.1:{port}"
    ports = ["--host", "127.0.0.1", "--port", str(port), "--webui-port", str(page)]
    commands = [[spark_class, f"{deploy}.master.Master", *ports]]
    for number in range(workers):
        work = str(folder / f"work-{number}")
        commands.append([spark_class, f"{deploy}.worker.Worker", "--webui-port", "0", "--work-dir", work, master])
    processes = []
    try:
        with (folder / "log").open("wb") as log:
            for command in commands:
                processes.append(subprocess.Popen(command, env=env, stdout=log, stderr=log, start_new_session=True))
        until = time.monotonic() + READY_SECONDS
        while living(page) < workers:
            if time.monotonic() > until:
                log_text = (folder / "log").read_text(errors="replace")[-2000:]
                raise TimeoutError(f"the workers were not ready within {READY_SECONDS} s:\n{log_text}")
            time.sleep(0.5)
        yield master
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait(30)


def living(page: int) -> int:
    """How many workers the master knows."""
    with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{page}/json/", timeout=5) as answer:
        return json.load(answer)["aliveworkers"]
    return 0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def timed(args: argparse.Namespace, folder: str, pictures: Path, master: str) -> float:
    """The seconds of the map stage, in a process of its own."""
    options = ["--extractor", args.extractor, "--weights", args.weights, "--master", master, "--inside", str(pictures)]
    options += ["--image-size", str(args.image_size)] if args.image_size else []
    env = {**os.environ, "KINDRED_DATA": f"{folder}/data", "SPARK_LOCAL_IP": "127.0.0.1"}
    command = [sys.executable, __file__, *options]
    finished = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if finished.returncode:
        raise RuntimeError(finished.stderr[-2000:])
    return float(finished.stdout.split("seconds")[-1])


def featurize(args: argparse.Namespace) -> float:
    """Images into features, the images once for all; the features are thrown away."""
    bench.start(args.master)
    run = runs.run_folder("benchmark", "one")
    bench.run_stage("ingest", run, dataset="image_folder", path=args.inside, limit=None, leaks="drop")
    arguments = {"extractor": args.extractor, "image_size": args.image_size, "weights": args.weights}
    mark = bench.run_stage("featurize", run, **arguments, preprocessing="", output="")
    shutil.rmtree(storage.local(mark["folder"]).rsplit("/", 1)[0])
    return mark["figures"]["featurize/images"] / mark["figures"]["featurize/images_per_second"]


if __name__ == "__main__":
    main()
