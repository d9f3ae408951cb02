"""Speed of the featurize stage against bare processes of one thread each, one a core, in alternating rounds.

    python benchmarks/featurize.py --dataset stl10 --path DIR --extractor mobilenet_v2 --images 4000 --json FILE

All decode and resize the same images and run the same batches in ONNX Runtime; the bare processes also run batches of
32. The stage is timed from its first to its last batch. A second table says where its cores' time goes. JSON names
(medians of the rounds): featurize/ratio_to_two_processes (a process for each core), featurize/ratio_of_batches (the
bare processes with the stage's batches to those with 32), featurize/images_per_second, featurize/core_ms/...
"""

import argparse
import multiprocessing
import statistics
import threading
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing.synchronize import Barrier
from typing import Any

import bench
import psutil
from bench import run_stage
from pyspark.sql import Observation

from kindred.data import images
from kindred.features import extractor_setup, featurize, graph_cache
from kindred.runtime import cpu, file_names, marks, storage
from kindred.runtime.run_reader import RunReader
from kindred.runtime.stage import Stage

SAMPLING_SECONDS = 0.05
COSTS = {  # where the time of the cores goes
    "decode": "decode and resize",
    "network": "network",
    "python": "Arrow and Python",
    "java": "Spark's JVM",
    "idle": "idle, or of other programs",
}


def main() -> None:
    parser = bench.argument_parser(__doc__)
    parser.set_defaults(dataset="stl10", extractor="mobilenet_v2")
    parser.add_argument("--images", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    bench.start(args.master)
    with bench.temporary_run() as folder:
        contents, extractor = prepare(folder, args)
        print(f"{len(contents):,} images, batches of {extractor.graph_images}; {cpu.cores()} cores", flush=True)
        with BareProcesses(contents, extractor) as pool:
            rounds = [one_round(i, folder, extractor, args, len(contents), pool) for i in range(args.rounds + 1)][1:]
    middle = {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}
    figures = {f"featurize/{name}": value for name, value in middle.items()} | {"featurize/images": len(contents)}
    print(f"\n{args.dataset}, {args.extractor}; medians of {len(rounds)} rounds")
    ours, bare, bare_32 = (middle[f"{way}images_per_second"] for way in ("", "bare_", "bare_32_"))
    print(f"{'time of the cores':26}  ms an image  share")
    total = sum(middle[f"core_ms/{name}"] for name in COSTS)
    for name, cost in COSTS.items():
        print(f"{cost:26}  {middle[f'core_ms/{name}']:11.3f}  {middle[f'core_ms/{name}'] / total:5.3f}")
    print()
    to_bare, of_batches = middle["ratio_to_two_processes"], middle["ratio_of_batches"]
    rows = [
        ("way", "images/s", "ratio of the stage"),
        ("featurize stage", ours, 1.0),
        ("bare processes, the same batches", bare, to_bare),
        ("bare processes, batches of 32", bare_32, to_bare * of_batches),
    ]
    bench.report(rows, figures, args.json, args.not_quiet)


def one_round(
    number: int, folder: str, extractor: featurize.Extractor, args: argparse.Namespace, count: int, pool: Any
) -> dict[str, float]:
    """All ways in turn. The first round is no measurement: code is compiled and files are read then."""
    bare, parts = pool(extractor.graph_images)
    bare_32, _ = pool(featurize.BATCH)
    ours, used = the_stage(storage.join(folder, f"round-{number}"), folder, extractor, args)
    spent = {  # ms of a core for an image
        "decode": parts["decode"],
        "network": parts["network"],
        "python": used["python"] * 1000 / count - parts["decode"] - parts["network"],
        "java": used["java"] * 1000 / count,
        "idle": (cpu.cores() / ours * 1000) - (used["python"] + used["java"]) * 1000 / count,
    }
    print(f"stage {ours:.1f}, bare {bare:.1f}, bare with 32 {bare_32:.1f} images/s", flush=True)
    return {
        "images_per_second": ours,
        "bare_images_per_second": bare,
        "bare_32_images_per_second": bare_32,
        "ratio_to_two_processes": ours / bare,
        "ratio_of_batches": bare / bare_32,
        **{f"core_ms/{name}": value for name, value in spent.items()},
    }


def prepare(folder: str, args: argparse.Namespace) -> tuple[list[bytes], featurize.Extractor]:
    """A run with the first images by id, as all of them read them, and the extractor."""
    whole = storage.join(folder, "whole")
    facts = run_stage("ingest", whole, dataset=args.dataset, path=args.path or None, limit=None, leaks="drop")["facts"]
    subset = Stage("ingest", folder, {})
    frame = RunReader(whole, "featurize").read("images").orderBy("image_id", "split").limit(args.images)
    written = subset.write("images", frame)
    subset.facts = facts
    marks.commit(subset.home, subset.mark(0, ""))
    contents = [bytes(row.content) for row in written.select("content").toLocalIterator()]
    extractor = extractor_setup.for_dataset(args.extractor, args.image_size, args.weights, facts)
    extractor_setup.fit_to_images(extractor, written, print)
    return contents, extractor


def the_stage(
    run: str, source: str, extractor: featurize.Extractor, args: argparse.Namespace
) -> tuple[float, dict[str, float]]:
    """Images per second of the stage, made anew, and the CPU-seconds of its processes from first to last batch."""
    storage.put_json(storage.join(run, "ingest", file_names.MARK), marks.mark_of(storage.join(source, "ingest")))
    attempt = Stage("featurize", run, {})
    attempt.prepared = extractor
    arguments = {"extractor": args.extractor, "image_size": args.image_size, "weights": args.weights}
    job, times = bench.job_module("featurize"), Observation()
    job.Observation = lambda: times
    with CpuSampler() as sampler:
        job.main(attempt, **arguments, preprocessing="", output="")
    return attempt.figures["featurize/images_per_second"], sampler.between(times.get["start"], times.get["end"])


class CpuSampler:
    """The CPU-seconds of Spark's JVM and of its Python workers, sampled while a block runs."""

    def __init__(self) -> None:
        self.java = next(child for child in psutil.Process().children(recursive=True) if child.name() == "java")
        self.samples: list[tuple[float, dict[str, float]]] = []
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.sample)

    def __enter__(self) -> "CpuSampler":
        self.thread.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self.ended.set()
        self.thread.join()

    def sample(self) -> None:
        while not self.ended.wait(SAMPLING_SECONDS):
            workers = self.java.children(recursive=True)
            seconds = {"java": seconds_of(self.java), "python": sum(map(seconds_of, workers))}
            self.samples.append((time.time(), seconds))

    def between(self, start: float, end: float) -> dict[str, float]:
        """What was used between two times."""
        (_, before), (_, after) = (min(self.samples, key=lambda one: abs(one[0] - at)) for at in (start, end))
        return {name: after[name] - before[name] for name in after}


def seconds_of(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return times.user + times.system


class BareProcesses:
    """A process for each core, with one thread and its part of the images; called with a number of images a batch:
    images per second of all together, and the CPU-ms of an image's parts.
    """

    def __init__(self, contents: list[bytes], extractor: featurize.Extractor) -> None:
        self.contents, self.extractor, self.count = contents, extractor, cpu.cores()

    def __enter__(self) -> Any:
        context = multiprocessing.get_context("spawn")
        path = str(graph_cache.path(self.extractor.graph)) if self.extractor.graph else None
        arguments = self.contents, self.extractor, path, self.count, context.Value("i", 0), context.Barrier(self.count)
        self.pool = ProcessPoolExecutor(self.count, context, set_up, arguments)
        return self.run

    def __exit__(self, *failure: object) -> None:
        self.pool.shutdown()

    def run(self, size: int) -> tuple[float, dict[str, float]]:
        results = list(self.pool.map(bare_loop, [size] * self.count))
        seconds = max(end for _, end, _, _ in results) - min(start for start, _, _, _ in results)
        decode, network = (sum(result[i] for result in results) * 1000 / len(self.contents) for i in (2, 3))
        return len(self.contents) / seconds, {"decode": decode, "network": network}


def set_up(
    contents: list[bytes], extractor: featurize.Extractor, path: str | None, count: int, taken: Any, barrier: Barrier
) -> None:
    """Once in each bare process: its images, its session, and a first batch, which is slower everywhere."""
    global SETTING
    with taken.get_lock():
        number, taken.value = taken.value, taken.value + 1
    session = extractor.session(path) if path else None
    own = contents[number::count]
    SETTING = own, extractor, session, barrier
    extractor.features([images.decode(own[0])], session=session)


def bare_loop(size: int) -> tuple[float, float, float, float]:
    """When it began and ended, and the CPU-seconds of decoding and of the network."""
    own, extractor, session, barrier = SETTING
    barrier.wait()
    started, decoding, network = time.time(), 0.0, 0.0
    for start in range(0, len(own), size):
        at = time.process_time()
        pixels = [extractor.resized(images.decode(content)) for content in own[start : start + size]]
        decoded = time.process_time()
        if session:
            extractor.output(session.get_outputs()[0].name, pixels, session)
        else:
            extractor.features(pixels)
        decoding, network = decoding + decoded - at, network + time.process_time() - decoded
    return started, time.time(), decoding, network


if __name__ == "__main__":
    main()
