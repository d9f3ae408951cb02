"""Queries matched with a gallery: how good the order is after each step, and what a query costs.

    python benchmarks/matching.py --path FOLDER --extractor mobilenet_v2 --level instance
    python benchmarks/matching.py --stl10 ARCHIVE --extractor efficientnet_lite2 --embedder supcon --reranker none

FOLDER has query/, gallery/ and perhaps train/, or a labels.csv with these splits. `--level` says which embedders and
re-rankers are compared where none are named: those for classes of things, or those for one thing in several pictures.
`--stl10` makes such a folder of STL-10: of the labelled training images half, by the hash of their ids, are train, the
others the gallery; the test images are queries. JSON names, below <folder>/<extractor>/<embedder>/<reranker>/:
top_1_accuracy, top_3_accuracy, top_10_accuracy, mean_average_precision, each with _low and _high where there are 10
labels, mean_average_precision_by_group, queries, groups, and cpu_seconds_per_query.

`--generated IMAGES` times a query over HTTP, one at a time, in a gallery of generated features and keypoints (as many
as are stored of an image): generated/<re-ranker>/seconds and cpu_seconds, medians of QUERIES.
"""

import argparse
import hashlib
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import bench
import generated
import numpy as np
from fastapi.testclient import TestClient
from PIL import Image

from kindred.data.datasets import stl10
from kindred.evaluation.matching_scores import AVERAGE_PRECISION, SCORES
from kindred.features.featurize import Extractor
from kindred.features.keypoints import Keypoints, capacity
from kindred.features.local_features import sift
from kindred.learning.networks import Network
from kindred.runtime import file_names, stages, tables, variants
from kindred.search import file_shards, image_index, reranking
from kindred.search.reranking import Gallery, Query
from kindred.search.shards import Images
from kindred.serving import bundle
from kindred.serving.page.app import application

LEVELS = {
    "class": (
        ["none", "half_whitened", "softmax", "arcface", "siamese", "triplet", "supcon"],
        ["none", "k_reciprocal"],
    ),
    "instance": (
        ["none", "half_whitened"],
        ["none", "query_expansion", "k_reciprocal", "verified", "verified_expansion"],
    ),
}
QUERIES = 20  # that are timed
UNITS = ("seconds", "cpu_seconds")
SAME = 5  # images that show the query's thing
DIFFERENT = 500  # images' generated keypoints: further images have those of others
PER_SHARD = 2048  # images, whose keypoints are one file
COLUMNS = (*SCORES, f"{AVERAGE_PRECISION}_by_group", "cpu_seconds_per_query")


def main() -> None:
    parser = bench.argument_parser(__doc__ or "")
    parser.set_defaults(extractor="mobilenet_v2", dataset="image_folder")
    parser.add_argument("--stl10", metavar="ARCHIVE", help="make the folder of STL-10's images")
    parser.add_argument("--level", choices=list(LEVELS), default="instance")
    parser.add_argument("--embedder", nargs="+", choices=[variants.AUTO, *variants.names("embedder")])
    parser.add_argument("--reranker", nargs="+", choices=[variants.AUTO, *variants.names("reranker")])
    parser.add_argument("--local-features", default="sift", choices=variants.names("local_features"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--generated", type=int, metavar="IMAGES", help="time a query in a gallery of so many")
    args = parser.parse_args()
    if args.generated:
        rerankers = args.reranker or variants.names("reranker")
        times = timed(args.generated, rerankers)
        table = [(name, *(times[f"generated/{name}/{unit}"] for unit in UNITS)) for name in rerankers]
        bench.report([("re-ranker", *UNITS), *table], times, args.json, args.not_quiet)
        return
    if not (args.path or args.stl10):
        parser.error("one of --path, --stl10 and --generated is needed")
    args.limit, args.leaks, args.to_match = None, "drop", True
    bench.start(args.master)
    with tempfile.TemporaryDirectory(prefix="kindred-matching-") as made, bench.temporary_run() as run:
        if args.stl10:
            args.path = make_folder(args.stl10, Path(made) / "stl10")
        figures = compared(run, args)
    rows = [("embedder", "re-ranker", *COLUMNS)]
    for name in dict.fromkeys(name.rsplit("/", 1)[0] for name in figures):
        values = (figures.get(f"{name}/{column}", "-") for column in COLUMNS)
        rows.append((*name.split("/")[2:], *values))
    bench.report(rows, figures, args.json, args.not_quiet)


def compared(run: str, args: argparse.Namespace) -> dict[str, float]:
    """The figures of each embedder with each re-ranker."""
    embedders, rerankers = LEVELS[args.level]
    head, figures = f"{Path(args.path).name}/{args.extractor}", {}
    for embedder in args.embedder or embedders:
        for reranker in args.reranker or rerankers:
            needed = reranker != variants.AUTO and variants.load("reranker", reranker).NEEDS_KEYPOINTS
            values = {**vars(args), "embedder": embedder, "reranker": reranker, "matches": 10}
            values["local_features"] = args.local_features if needed else variants.NONE
            found = match(run, values)
            name = f"{head}/{embedder}/{reranker}"
            figures |= {f"{name}/{score}": value for score, value in found.items()}
            print(f"{name}: {', '.join(f'{score} {found[score]:.4f}' for score in SCORES)}", flush=True)
    return figures


def match(run: str, values: dict[str, Any]) -> dict[str, float]:
    """The figures of the last step of one run."""
    figures: dict[str, float] = {}
    for stage in stages.MATCHING_ORDER[:-1]:
        arguments = {name: values[name] for name in stages.MATCHING_ARGUMENTS[stage]}
        figures |= bench.run_stage(stage, run, stages.MATCHING_JOBS, **arguments)["figures"]
    last = f"matching/{stages.MATCHING_STEPS[-1]}/"
    scores = {name.removeprefix(last): value for name, value in figures.items() if name.startswith(last)}
    return scores | {"cpu_seconds_per_query": figures["match/cpu_seconds_per_query"]}


def timed(images: int, rerankers: list[str]) -> dict[str, float]:
    """Median seconds and CPU-seconds of a query over HTTP, client and server in one process, by re-ranker."""
    with tempfile.TemporaryDirectory(prefix="kindred-matching-") as folder:
        queries = write_bundle(Path(folder), images)
        opened, figures = bundle.open_folder(Path(folder), "generated"), {}
        client = TestClient(application(lambda: opened))
        for name in rerankers:
            asked, spent = {"rerank": name, "k": 10}, []
            for image_id in [queries[0], *queries]:  # the first one opens files
                started, cpu_started = time.time(), time.process_time()
                answer = client.get("/api/search", params={"image_id": image_id, **asked}).raise_for_status().json()
                spent.append((time.time() - started, time.process_time() - cpu_started))
                if variants.load("reranker", name).NEEDS_KEYPOINTS:
                    assert answer["match"] is True, answer
            for unit, values in zip(UNITS, zip(*spent[1:], strict=True), strict=True):
                figures[f"generated/{name}/{unit}"] = statistics.median(values)
            print(f"{name}: {figures[f'generated/{name}/seconds']:.3f} s", flush=True)
    return figures


def write_bundle(folder: Path, count: int) -> list[str]:
    """The search of a run of image matching, of generated features and keypoints; the ids of its queries. The nearest
    SAME images of each query have its keypoints.
    """
    vectors = np.concatenate([block for block, _ in generated.features(count + QUERIES)])
    vectors -= vectors.mean(axis=0)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    ids = [hashlib.md5(str(number).encode()).hexdigest() for number in range(len(vectors))]
    search = {"local_features": "sift", "min_inliers": reranking.MIN_INLIERS, "reranker": "verified_expansion"}
    for part, rows in ((bundle.QUERIES, slice(QUERIES)), (bundle.VECTORS, slice(QUERIES, None))):
        own = ids[rows]
        images = Images(vectors[rows], np.empty((len(own), 0), np.float32), own, [part] * len(own), ["made"] * len(own))
        image_index.build(images, [], **{bundle.MATCHING: search}).save(f"file://{folder}/{part}")
    rng, most = np.random.default_rng(0), capacity(sift.BYTES)
    contents = [
        Keypoints(rng.random((most, 2), np.float32) * 640, rng.integers(0, 256, (most, sift.BYTES), np.uint8), 640)
        for _ in range(DIFFERENT)
    ]
    stored = [one.to_bytes() for one in contents]
    keypoints_of = np.arange(len(ids)) % DIFFERENT
    gallery = Gallery(vectors[QUERIES:])
    for number in range(QUERIES):
        keypoints_of[QUERIES + reranking.nearest(Query(vectors[number]), gallery, SAME).rows] = number
    shards, checksums = -(-len(ids) // PER_SHARD), {}
    by_shard: dict[int, list[int]] = {}
    for row, image_id in enumerate(ids):
        by_shard.setdefault(file_shards.shard_of(image_id, shards), []).append(row)
    place = f"file://{folder}/{bundle.KEYPOINTS}"
    for shard, rows in by_shard.items():
        files = [stored[keypoints_of[row]] for row in rows]
        checksums |= file_shards.write(place, shard, [ids[row] for row in rows], files)
    file_shards.finish(place, shards, sorted(by_shard), checksums)
    file_shards.finish(f"file://{folder}/{bundle.PICTURES}", 1, [], {})
    (folder / file_names.GROUPS).write_bytes(bundle.groups_file({}))
    (folder / file_names.NETWORK).write_bytes(Network(()).to_bytes())
    (folder / file_names.DESCRIPTION).write_bytes(Extractor("hog", 1, 1, 1, "none", None).description([], 1))
    return ids[:QUERIES]


def make_folder(archive: str, folder: Path) -> str:
    """STL-10's labelled images as a folder of queries, a gallery and training images; its path."""
    rows = []
    for split in (tables.TRAIN, tables.TEST):
        uri = next(one.uri for one in stl10.sources(archive, print) if one.uri.endswith(stl10.FILES[split]))
        count = Path(uri.removeprefix("file://")).stat().st_size // stl10.IMAGE_BYTES
        rows += list(stl10.load(uri, 0, count))
    trained = sorted((row[1] for row in rows if row[0] == tables.TRAIN), key=_hash)
    learned = set(trained[: len(trained) // 2])
    for split, origin, label, height, width, _, pixels, _ in rows:
        part = tables.QUERY if split == tables.TEST else tables.TRAIN if origin in learned else tables.GALLERY
        path = folder / part / label / f"{origin.replace('#', '-')}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.frombytes("RGB", (width, height), pixels).save(path, compress_level=1)
    return str(folder)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


if __name__ == "__main__":
    main()
