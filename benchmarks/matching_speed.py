"""How long a query takes over HTTP, one at a time, in a large gallery of image matching, by re-ranker.

    python benchmarks/matching_speed.py --images 100000 [--reranker verified_expansion]

Features and keypoints are generated: of each image as many as are stored of a picture. JSON names, medians of QUERIES:
generated/<re-ranker>/seconds and cpu_seconds.
"""

import argparse
import hashlib
import statistics
import tempfile
import time
from pathlib import Path

import bench
import generated
import numpy as np
from fastapi.testclient import TestClient

from kindred.features.featurize import Extractor
from kindred.features.keypoints import Keypoints, capacity
from kindred.features.local_features import sift
from kindred.learning.networks import Network
from kindred.runtime import file_names, variants
from kindred.search import file_shards, image_index, reranking
from kindred.search.reranking import Gallery, Query
from kindred.search.shards import Images
from kindred.serving import bundle
from kindred.serving.page.app import application

QUERIES = 20  # that are timed
UNITS = ("seconds", "cpu_seconds")
SAME = 5  # images that show the query's thing
DIFFERENT = 500  # images' generated keypoints: further images have those of others
PER_SHARD = 2048  # images, whose keypoints are one file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--reranker", nargs="+", choices=variants.names("reranker"))
    bench.output_options(parser)
    args = parser.parse_args()
    rerankers = args.reranker or variants.names("reranker")
    times = timed(args.images, rerankers)
    table = [(name, *(times[f"generated/{name}/{unit}"] for unit in UNITS)) for name in rerankers]
    bench.report([("re-ranker", *UNITS), *table], times, args.json, args.not_quiet)


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


if __name__ == "__main__":
    main()
