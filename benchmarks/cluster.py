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
    options = bench.parser(__doc__)
    options.add_argument("--images", type=int, default=4000)
    options.add_argument("--side", type=int, default=96, help="of an image, px")
    options.add_argument("--repeats", type=int, default=3)
    options.add_argument("--inside", help=argparse.SUPPRESS)
    o = options.parse_args()
    if o.inside:
        print("seconds", featurize(o))
        return
    figures, rows = {}, [("workers", "seconds", "images/s")]
    with tempfile.TemporaryDirectory(prefix="kindred-cluster-") as place:
        pictures = Path(place, "pictures")
        bench.generate(pictures, o.images, o.side)
        for workers in (1, 2):
            with cluster(Path(place, f"{workers}"), workers) as master:
                times = [timed(o, place, pictures, master) for _ in range(o.repeats)]
            figures[f"cluster/{workers}/seconds"] = statistics.median(times)
            rows.append((workers, statistics.median(times), round(o.images / statistics.median(times))))
    figures["cluster/speed_up"] = figures["cluster/1/seconds"] / figures["cluster/2/seconds"]
    bench.report(rows, figures, o.json)
    print(f"two workers are {figures['cluster/speed_up']:.2f} times as fast as one")


@contextlib.contextmanager
def cluster(place: Path, workers: int) -> Iterator[str]:
    """A master and workers of one core; the master's address."""
    place.mkdir()
    port, page = free_port(), free_port()
    env = {**os.environ, **java.environment(), "JAVA_HOME": java.java_home(), "SPARK_LOCAL_IP": "127.0.0.1"}
    env |= {"PYTHONPATH": str(bench.ROOT / "include"), "SPARK_WORKER_CORES": "1", "SPARK_WORKER_MEMORY": "2g"}
    env["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), env["PATH"]])  # where spark-class looks for Spark
    command = str(Path(sys.executable).parent / "spark-class")
    deploy, master = "org.apache.spark.deploy", f"spark://127.0.0.1:{port}"
    ports = ["--host", "127.0.0.1", "--port", str(port), "--webui-port", str(page)]
    begun = [[command, f"{deploy}.master.Master", *ports]]
    for number in range(workers):
        work = str(place / f"work-{number}")
        begun.append([command, f"{deploy}.worker.Worker", "--webui-port", "0", "--work-dir", work, master])
    processes = []
    try:
        with (place / "log").open("wb") as log:
            for one in begun:
                processes.append(subprocess.Popen(one, env=env, stdout=log, stderr=log, start_new_session=True))
        until = time.monotonic() + READY_SECONDS
        while living(page) < workers:
            if time.monotonic() > until:
                said = (place / "log").read_text(errors="replace")[-2000:]
                raise TimeoutError(f"the workers were not ready within {READY_SECONDS} s:\n{said}")
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


def timed(o, place: str, pictures: Path, master: str) -> float:
    """The seconds of the map stage, in a process of its own."""
    given = ["--extractor", o.extractor, "--weights", o.weights, "--master", master, "--inside", str(pictures)]
    given += ["--image-size", str(o.image_size)] if o.image_size else []
    env = {**os.environ, "KINDRED_DATA": f"{place}/data", "SPARK_LOCAL_IP": "127.0.0.1"}
    done = subprocess.run([sys.executable, __file__, *given], env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return float(done.stdout.split("seconds")[-1])


def featurize(o) -> float:
    """Images into features, the images once for all; the features are thrown away."""
    bench.start(o.master)
    run = runs.run_folder("benchmark", "one")
    bench.run_stage("ingest", run, dataset="image_folder", path=o.inside, limit=None, leaks="drop")
    mark = bench.run_stage("featurize", run, extractor=o.extractor, image_size=o.image_size, weights=o.weights)
    shutil.rmtree(storage.local(mark["folder"]).rsplit("/", 1)[0])
    return mark["figures"]["featurize/images"] / mark["figures"]["featurize/images_per_second"]


if __name__ == "__main__":
    main()
