"""Exact search against other ways to search, on the same vectors, in one run; and single queries in big galleries.

    python benchmarks/search.py --path FASHION_MNIST            queries per second in batches
    python benchmarks/search.py --large 100000 1000000          single queries in generated galleries of 1,280 features
    python benchmarks/search.py --http 100000                   8 clients at once, over HTTP

A generated gallery is a mixture of 10 classes with variances that fall along their axes as those of embeddings do
(`--flat`: the same in all directions, which no bound can shorten). It is written to a temporary folder.
"""

import argparse
import gzip
import http.client
import itertools
import json
import multiprocessing
import socket
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import bench
import numpy as np

from kindred.features.featurize import Extractor
from kindred.learning.networks import Layer, Network
from kindred.runtime import file_names
from kindred.runtime.checked_copy import Checksum
from kindred.search import image_index, index_files, lower_bounds, pictures, shards
from kindred.search.answers import Answer
from kindred.search.distances import distance
from kindred.search.gallery import Gallery
from kindred.search.image_index import Index
from kindred.search.shards import Images
from kindred.serving import bundle

K = 10
ROUNDS = 3
WIDTH = 1280
CLIENTS = 8
REQUESTS = 50


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--path", help="the folder of Fashion-MNIST's four files")
    parser.add_argument("--queries", type=int, default=2000, help="of the test images")
    parser.add_argument("--large", type=int, nargs="*", default=[], help="sizes of generated galleries")
    parser.add_argument(
        "--http", type=int, nargs="*", default=[], help="sizes of generated galleries behind the server"
    )
    parser.add_argument("--flat", action="store_true", help="generate them without any structure")
    bench.output_options(parser)
    args = parser.parse_args()
    figures: dict[str, float] = {}
    if args.path:
        figures |= in_batches(Path(args.path), args.queries)
    for count in args.large:
        figures |= one_by_one(count, args.flat)
    for count in args.http:
        figures |= over_http(count, args.flat)
    bench.report([("figure", "value"), *figures.items()], figures, args.json, args.not_quiet)


def in_batches(path: Path, count: int) -> dict[str, float]:
    """Queries per second, the median of the rounds in which the ways take turns, and the recall of each."""
    import faiss

    gallery, queries = (read_idx(path / f"{name}-images-idx3-ubyte.gz") for name in ("train", "t10k"))
    queries = queries[:count]
    index = image_index.build(as_images(gallery), ["?"])
    flat, graph = faiss.IndexFlatL2(gallery.shape[1]), faiss.IndexHNSWFlat(gallery.shape[1], 32)
    flat.add(gallery)
    graph.hnsw.efConstruction, graph.hnsw.efSearch = 40, 60
    started = time.perf_counter()
    graph.add(gallery)
    figures = {"search/faiss_hnsw/build_seconds": time.perf_counter() - started}
    ways: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "exact": lambda q: rows_of(index.search(Images(q), K, "l2")),
        "exact_cosine": lambda q: rows_of(index.search(Images(q), K, "cosine")),
        "numpy": lambda q: brute_force(q, gallery),
        "faiss_flat": lambda q: flat.search(q, K)[1],
        "faiss_hnsw": lambda q: graph.search(q, K)[1],
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    neighbours = {}
    for _, (name, way) in itertools.product(range(ROUNDS), ways.items()):
        faiss.omp_set_num_threads(index.threads)
        subset = queries[: count // 4] if name == "numpy" else queries
        started = time.perf_counter()
        neighbours[name] = way(subset)
        seconds[name].append((time.perf_counter() - started) / len(subset))
    distances = distance("l2").between(queries[:200], gallery)
    for name in ways:
        figures[f"search/{name}/queries_per_second"] = 1 / statistics.median(seconds[name])
        if name != "exact_cosine":
            figures[f"search/{name}/recall"] = recall(distances, neighbours[name])
    pairs = zip(seconds["faiss_flat"], seconds["exact"], strict=True)
    figures["search/ratio_to_faiss_flat"] = statistics.median(other / own for other, own in pairs)
    return figures


def one_by_one(count: int, flat: bool) -> dict[str, float]:
    """Milliseconds of single queries: by one thread, and by 8 at once; and how long it takes to open the index."""
    with tempfile.TemporaryDirectory() as folder:
        queries = write_gallery(Path(folder), count, flat)
        head, figures = f"search/{'flat' if flat else 'embeddings'}_{count}", {}
        for name in ("first_open_seconds", "open_seconds"):
            started = time.perf_counter()
            index = image_index.open_folder(f"file://{folder}")
            figures[f"{head}/{name}"] = time.perf_counter() - started
        touch(index)
        alone = [milliseconds(index, query, name) for query in queries[:20] for name in ("l2", "cosine")]
        figures |= {f"{head}/alone/p50_ms": quantile(alone, 0.5), f"{head}/alone/worst_ms": max(alone)}
        if count <= 100_000:
            with ThreadPoolExecutor(8) as clients:
                together = list(clients.map(lambda query: milliseconds(index, query, "l2"), queries))
            figures |= {f"{head}/8_threads/p{p}_ms": quantile(together, p / 100) for p in (50, 95)}
    return figures


def over_http(count: int, flat: bool) -> dict[str, float]:
    """Milliseconds of each answer to CLIENTS at a time, each of which sends REQUESTS queries without a pause."""
    with tempfile.TemporaryDirectory() as folder:
        queries = write_gallery(Path(folder, bundle.VECTORS), count, flat)
        one = image_index.open_folder(f"file://{folder}/{bundle.VECTORS}", only=[0])
        ids = [f"q{i:06d}" for i in range(len(queries))]
        queries_by_id = replace(as_images(queries), ids=ids)
        replace(one, gallery=Gallery()).add(queries_by_id).save(f"file://{folder}/{bundle.QUERIES}")
        pictures.finish(f"file://{folder}/{bundle.PICTURES}", 1, [], {})
        Path(folder, file_names.NETWORK).write_bytes(Network((Layer(np.zeros((WIDTH, 1)), np.zeros(1)),)).to_bytes())
        made_up = Extractor("hog", 1, 1, 1, "none", None)
        Path(folder, file_names.DESCRIPTION).write_bytes(made_up.description(["?"], 1))
        context, (near, far) = multiprocessing.get_context("spawn"), socket.socketpair()
        server = context.Process(target=serve, args=(folder, far), daemon=True)
        server.start()
        port = int(near.recv(16))
        try:
            query_seconds(port, ids[:20])  # the first ones are slower
            with ThreadPoolExecutor(CLIENTS) as clients:
                parts = [[ids[(client * 25 + i) % len(ids)] for i in range(REQUESTS)] for client in range(CLIENTS)]
                answers = clients.map(lambda part: query_seconds(port, part), parts)
                took = [seconds for answer in answers for seconds in answer]
        finally:
            server.terminate()
            server.join()
    head = f"search/{'flat' if flat else 'embeddings'}_{count}/http_{CLIENTS}_clients"
    return {f"{head}/p{p}_ms": 1000 * quantile(took, p / 100) for p in (50, 95)}


def serve(folder: str, parent: socket.socket) -> None:
    """The server, in a process of its own, which sends its port as soon as the gallery is in the page cache."""
    import uvicorn

    from kindred.serving.page.app import application

    opened = bundle.open_folder(Path(folder), "benchmark")
    touch(opened.gallery)
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(CLIENTS)
    parent.send(str(listening.getsockname()[1]).encode())
    server = uvicorn.Server(uvicorn.Config(application(lambda: opened), log_level="error"))
    server.run(sockets=[listening])


def query_seconds(port: int, ids: list[str]) -> list[float]:
    """Seconds of each answer, over one connection."""
    connection, took = http.client.HTTPConnection("127.0.0.1", port), []
    for image_id in ids:
        started = time.perf_counter()
        connection.request("GET", f"/api/search?image_id={image_id}&distance=l2&k={K}")
        answer = connection.getresponse()
        content = json.loads(answer.read())
        took.append(time.perf_counter() - started)
        assert len(content["nearest"]) == K, content
    return took


def touch(index: Index) -> None:
    """Have all of an index mapped, and in the page cache."""
    for shard in index.gallery.shards:
        for array in shard.arrays.values():
            array.view(np.uint8).reshape(-1)[::4096].max()


def write_gallery(folder: Path, count: int, flat: bool) -> np.ndarray:
    """Write the index of a generated gallery; 200 queries like it."""
    rng = np.random.default_rng(0)
    scale = np.ones(WIDTH) if flat else (1 + np.arange(WIDTH)) ** -0.5
    centres = (rng.normal(size=(10, WIDTH)) * scale).astype(np.float32)

    def draw(size: int) -> np.ndarray:
        noise = rng.standard_normal((size, WIDTH), np.float32) * scale.astype(np.float32)
        return noise + centres[rng.integers(0, 10, size)]

    sample = draw(lower_bounds.SAMPLE_SIZE)
    bounds = lower_bounds.fit({"features": sample, "probabilities": np.ones((len(sample), 1))})
    about = index_files.describe(["?"], {"features": WIDTH, "probabilities": 1})
    sizes = [min(shards.MAX_ROWS, count - start) for start in range(0, count, shards.MAX_ROWS)]
    checksums: dict[str, Checksum] = {}
    for number, size in enumerate(sizes):
        shard = shards.make(as_images(draw(size), number * shards.MAX_ROWS), bounds, {})
        checksums |= shards.write(f"file://{folder}", number, shard)
    index_files.finish(f"file://{folder}", about, bounds, list(range(len(sizes))), checksums, {})
    return draw(200)


def as_images(features: np.ndarray, start: int = 0) -> Images:
    size = len(features)
    ids = [f"{i:07d}" for i in range(start, start + size)]
    names = {"splits": ["unlabeled"] * size, "datasets": ["benchmark"] * size}
    origins: list[str | None] = [f"file:///home/someone/photographs/of-a-class/IMG_{image_id}.jpg" for image_id in ids]
    return Images(features, np.ones((size, 1), np.float32), ids, **names, origins=origins)


def milliseconds(index: Index, query: np.ndarray, name: str) -> float:
    started = time.perf_counter()
    index.search(Images(query[None]), K, name)
    return 1000 * (time.perf_counter() - started)


def quantile(values: list[float], share: float) -> float:
    return float(np.quantile(values, share))


def read_idx(path: Path) -> np.ndarray:
    """Images of an idx file, [n, pixels] from 0 to 1."""
    return np.frombuffer(gzip.decompress(path.read_bytes()), np.uint8, offset=16).reshape(-1, 784) / np.float32(255)


def rows_of(answers: list[Answer]) -> np.ndarray:
    return np.array([[int(neighbour.image_id) for neighbour in answer.neighbours] for answer in answers])


def brute_force(queries: np.ndarray, gallery: np.ndarray) -> np.ndarray:
    """By the usual matrix product in float32, 256 queries at a time."""
    squares, nearest = (gallery**2).sum(axis=1), []
    for start in range(0, len(queries), 256):
        distances = squares - 2 * queries[start : start + 256] @ gallery.T
        unsorted = np.argpartition(distances, K, axis=1)[:, :K]
        order = np.take_along_axis(distances, unsorted, 1).argsort(axis=1)
        nearest.append(np.take_along_axis(unsorted, order, 1))
    return np.concatenate(nearest)


def recall(distances: np.ndarray, neighbours: np.ndarray) -> float:
    """The share of answers [q, k] that are as near as the true k-th neighbour, by all distances in float64 [q, n]; of
    the first queries that both have.
    """
    rows = min(len(distances), len(neighbours))
    farthest = np.partition(distances[:rows], K - 1, axis=1)[:, K - 1 : K]
    answered = np.take_along_axis(distances[:rows], neighbours[:rows], 1)
    return float((answered <= farthest * (1 + 1e-9)).mean())


if __name__ == "__main__":
    main()
