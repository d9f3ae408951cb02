"""Speed of the featurize stage against a bare loop in one process, and against Keras, in alternating runs.

    python benchmarks/featurize.py --dataset stl10 --path DIR --extractor mobilenet_v2 --images 4000 --json FILE

Each of them decodes and resizes the same images. The stage is timed from its first to its last batch. JSON names:
featurize/ratio_to_onnxruntime (median of the rounds' ratios), featurize/ratio_to_keras, featurize/images_per_second ...
"""

import argparse
import multiprocessing
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

import bench
import numpy as np
from bench import run_stage

from kindred.data import images
from kindred.features import extractor_setup, featurize, graph_cache, onnx_graphs
from kindred.runtime import cpu, file_names, marks, storage
from kindred.runtime.run_reader import RunReader
from kindred.runtime.stage import Stage


def main() -> None:
    parser = bench.argument_parser(__doc__)
    parser.set_defaults(dataset="stl10", extractor="mobilenet_v2")
    parser.add_argument("--images", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-keras", action="store_true", help="leave Keras out, which needs TensorFlow and minutes")
    args = parser.parse_args()
    bench.start(args.master)
    rounds = []
    with bench.temporary_run() as folder:
        contents, extractor = prepare(folder, args)
        keras_rate = None
        for i in range(args.rounds):
            bare = bare_loop(contents, extractor)
            ours = the_stage(storage.join(folder, f"round-{i}"), folder, extractor, args)
            if not args.no_keras:
                keras_rate = in_a_fresh_process(keras_predict, contents[:1000], extractor, args)
            rounds.append((bare, ours, keras_rate))
            print(
                f"round {i + 1}: bare loop {bare:.1f}, stage {ours:.1f}, Keras predict {keras_rate or 0:.1f} images/s",
                flush=True,
            )
    bare, ours = (statistics.median(r[i] for r in rounds) for i in (0, 1))
    figures = {
        "featurize/images": len(contents),
        "featurize/images_per_second": ours,
        "featurize/onnxruntime_images_per_second": bare,
        "featurize/ratio_to_onnxruntime": statistics.median(r[1] / r[0] for r in rounds),
    }
    rows = [
        ("way", "images/s", "ratio"),
        ("featurize stage", ours, 1.0),
        ("bare loop, ONNX Runtime", bare, bare / ours),
    ]
    if not args.no_keras:
        keras_rate = statistics.median(r[2] for r in rounds)
        figures["featurize/keras_images_per_second"] = keras_rate
        figures["featurize/ratio_to_keras"] = statistics.median(r[1] / r[2] for r in rounds)
        rows.append(("bare loop, Keras predict", keras_rate, keras_rate / ours))
    print(f"\n{args.dataset}, {args.extractor}, {len(contents):,} images; medians of {len(rounds)} rounds")
    bench.report(rows, figures, args.json, args.not_quiet)


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


def the_stage(run: str, source: str, extractor: featurize.Extractor, args: argparse.Namespace) -> float:
    """Images per second of the stage, made anew."""
    storage.put_json(storage.join(run, "ingest", file_names.MARK), marks.mark_of(storage.join(source, "ingest")))
    attempt = Stage("featurize", run, {})
    attempt.prepared = extractor
    arguments = {"extractor": args.extractor, "image_size": args.image_size, "weights": args.weights}
    bench.job_module("featurize").main(attempt, **arguments, preprocessing="", output="")
    return attempt.figures["featurize/images_per_second"]


def bare_loop(contents: list[bytes], extractor: featurize.Extractor) -> float:
    """Images per second of one process that decodes, resizes and runs batches in ONNX Runtime on all cores."""
    session = onnx_graphs.session(str(graph_cache.path(extractor.graph)), threads=cpu.cores())
    name = session.get_inputs()[0].name
    return timed(contents, extractor, lambda batch: session.run(None, {name: batch}))


def in_a_fresh_process(measure: Callable[..., float], *arguments: Any) -> float:
    """What `measure` returns there: TensorFlow has all threads, though the export in this process left it one."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(measure, *arguments).result()


def keras_predict(contents: list[bytes], extractor: featurize.Extractor, args: argparse.Namespace) -> float:
    """Images per second of the same loop with plain Keras `predict`."""
    import keras

    applications = {
        "mobilenet": "MobileNet",
        "mobilenet_v2": "MobileNetV2",
        "resnet50": "ResNet50",
        "inception_v3": "InceptionV3",
    }
    shape = (extractor.height, extractor.width, extractor.channels)
    build = getattr(keras.applications, applications[args.extractor])
    model = build(include_top=False, weights=None, pooling="avg", input_shape=shape)
    return timed(contents, extractor, lambda batch: model.predict(batch / np.float32(127.5) - 1, verbose=0))


def timed(contents: list[bytes], extractor: featurize.Extractor, run) -> float:
    size = (extractor.height, extractor.width)

    def batch(start: int) -> np.ndarray:
        pixels = [images.decode(content) for content in contents[start : start + featurize.BATCH]]
        return np.stack([images.fit(image, size, extractor.channels) for image in pixels])

    run(batch(0))  # the first one is slower everywhere
    started = time.perf_counter()
    for start in range(0, len(contents), featurize.BATCH):
        run(batch(start))
    return len(contents) / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
