"""Exact search against other ways to search, on the same vectors, in one run; and single queries in big galleries.

    python benchmarks/search.py --path FASHION_MNIST            queries per second in batches
    python benchmarks/search.py --batches 100000            the same in a generated gallery of 1,280 features
    python benchmarks/search.py --approximate 1000000       approximate against exact search in such a gallery
    python benchmarks/search.py --large 100000 1000000          single queries in generated galleries of 1,280 features
    python benchmarks/search.py --http 100000                   8 clients at once, over HTTP

The galleries of `--batches` and `--approximate` are those of generated.py. The others' are mixtures of 10 classes with
variances that fall along their axes as those of embeddings do (`--flat`: the same in all directions, which no bound can
shorten). What is generated lies in a temporary folder. Build times are CPU-seconds of one thread.
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
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import bench
import generated
import numpy as np
from threadpoolctl import threadpool_limits

from kindred.features.featurize import Extractor
from kindred.learning.networks import Layer, Network
from kindred.runtime import file_names
from kindred.runtime.checked_copy import Checksum
from kindred.runtime.variants import APPROXIMATE, EXACT, SEARCH_MODES
from kindred.search import cells, file_shards, image_index, index_files, lower_bounds, shards
from kindred.search.answers import Answer
from kindred.search.cells import Cells
from kindred.search.distances import distance
from kindred.search.gallery import Gallery
from kindred.search.image_index import Index
from kindred.search.lower_bounds import LowerBound
from kindred.search.shards import Images
from kindred.serving import bundle

K = 10
ROUNDS = 3
QUERIES = 500  # of the comparison with approximate search
ALONE = 50  # of them, one at a time
WIDTH = 1280
CLIENTS = 8
REQUESTS = 50
Way = Callable[[np.ndarray, int], np.ndarray]  # queries, threads -> rows [q, K]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--path", help="the folder of Fashion-MNIST's four files")
    parser.add_argument("--queries", type=int, default=2000, help="of the test images")
    parser.add_argument("--batches", type=int, nargs="*", default=[], help="sizes of generated galleries")
    parser.add_argument("--approximate", type=int, help="the size of a generated gallery")
    parser.add_argument("--large", type=int, nargs="*", default=[], help="sizes of generated galleries")
    parser.add_argument(
        "--http", type=int, nargs="*", default=[], help="sizes of generated galleries behind the server"
    )
    parser.add_argument("--flat", action="store_true", help="generate them without any structure")
    bench.output_options(parser)
    args = parser.parse_args()
    figures: dict[str, float] = {}
    if args.path:
        gallery, queries = (read_idx(Path(args.path, f"{name}-images-idx3-ubyte.gz")) for name in ("train", "t10k"))
        figures |= in_batches(gallery, queries[: args.queries], "search")
    for count in args.batches:
        every = np.concatenate([block for block, _ in generated.features(count + args.queries)])
        figures |= in_batches(every[:count], every[count:], f"search_{count}")
    if args.approximate:
        figures |= approximate(args.approximate)
    for count in args.large:
        figures |= one_by_one(count, args.flat)
    for count in args.http:
        figures |= over_http(count, args.flat)
    bench.report([("figure", "value"), *figures.items()], figures, args.json, args.not_quiet)


def in_batches(gallery: np.ndarray, queries: np.ndarray, head: str) -> dict[str, float]:
    """Queries per second by one thread, the median of the rounds in which the ways take turns; the recall of each, and
    how long what it needs takes to build. Exact search and faiss's flat index by two threads as well.
    """
    figures: dict[str, float] = {}
    index = image_index.build(as_images(gallery), ["?"], APPROXIMATE)
    ways = {
        "exact": ours(index, "l2", EXACT),
        "exact_cosine": ours(index, "cosine", EXACT),
        "approximate_l2": ours(index, "l2", APPROXIMATE),
        "numpy": lambda q, threads: brute_force(q, gallery),
    }
    for name, make in OTHERS.items():
        started = time.process_time()
        try:
            ways[name] = make(gallery)
        except ModuleNotFoundError as error:
            print(f"{name}: {error.name} is not installed, so it is left out")
            continue
        figures[f"{head}/{name}/build_seconds"] = time.process_time() - started
    seconds: dict[tuple[str, int], list[float]] = {(name, 1): [] for name in ways}
    seconds |= {(name, 2): [] for name in ("exact", "faiss_flat")}
    neighbours = {}
    for _, (name, threads) in itertools.product(range(ROUNDS), seconds):
        subset = queries[: len(queries) // 4] if name == "numpy" else queries
        with threadpool_limits(threads):
            started = time.perf_counter()
            neighbours[name] = ways[name](subset, threads)
            seconds[name, threads].append((time.perf_counter() - started) / len(subset))
    distances = distance("l2").between(queries[:200], gallery)
    for name in ways:
        figures[f"{head}/{name}/queries_per_second"] = 1 / statistics.median(seconds[name, 1])
        if name != "exact_cosine":
            figures[f"{head}/{name}/recall"] = recall(distances, neighbours[name])
    for threads, place in ((1, "one_thread"), (2, "two_threads")):
        ratio = median_ratio(seconds["faiss_flat", threads], seconds["exact", threads])
        figures[f"{head}/{place}/ratio_to_faiss_flat"] = ratio
    return figures


def ours(index: Index, name: str, mode: str) -> Way:
    """Our index, by so many threads."""
    return lambda q, threads: rows_of(replace(index, threads=threads).search(Images(q), K, name, mode=mode))


def faiss_way(index: Any, **parameters: Any) -> Way:
    """An index of faiss, by so many threads."""
    import faiss

    def way(queries: np.ndarray, threads: int) -> np.ndarray:
        faiss.omp_set_num_threads(threads)
        rows: np.ndarray = index.search(queries, K, **parameters)[1]
        return rows

    return way


def flat(gallery: np.ndarray) -> Way:
    import faiss

    index = faiss.IndexFlatL2(gallery.shape[1])
    index.add(gallery)
    return faiss_way(index)


def hnsw(gallery: np.ndarray) -> Way:
    """32 links, 40 candidates at the construction, 60 at the search."""
    import faiss

    index = faiss.IndexHNSWFlat(gallery.shape[1], 32)
    index.hnsw.efConstruction, index.hnsw.efSearch = 40, 60
    faiss.omp_set_num_threads(1)
    index.add(gallery)
    return faiss_way(index)


def ivf_pq(gallery: np.ndarray) -> Way:
    """Product quantisation by 4 bits of 2 coordinates each, 1 cell in 20 looked into, 40 K results compared in full."""
    import faiss

    faiss.omp_set_num_threads(1)
    cells = 4 * int(len(gallery) ** 0.5)
    index = faiss.index_factory(gallery.shape[1], f"IVF{cells},PQ{gallery.shape[1] // 2}x4fs,RFlat")
    index.train(gallery[: 64 * cells])
    index.add(gallery)
    within = faiss.SearchParametersIVF(nprobe=max(1, cells // 20))
    return faiss_way(index, params=faiss.IndexRefineSearchParameters(k_factor=40, base_index_params=within))


def usearch(gallery: np.ndarray) -> Way:
    """As it comes."""
    from usearch.index import Index as Usearch

    index = Usearch(ndim=gallery.shape[1], metric="l2sq")
    index.add(np.arange(len(gallery)), gallery, threads=1)
    return lambda q, threads: index.search(q, K, threads=threads).keys.astype(np.int64)


OTHERS = {"faiss_flat": flat, "faiss_hnsw": hnsw, "faiss_ivf_pq": ivf_pq, "usearch": usearch}


def approximate(count: int) -> dict[str, float]:
    """Approximate search against exact search in a generated gallery on disk, one thread each, in turns."""
    head = "search/approximate"
    with tempfile.TemporaryDirectory() as folder:
        blocks = generated.features(count + QUERIES)
        started = time.process_time()
        queries = write_approximate(f"file://{folder}", blocks, count)
        written = time.process_time()
        about = image_index.open_folder(f"file://{folder}").measured().about
        figures = {f"{head}/build_seconds": written - started, f"{head}/measure_seconds": time.process_time() - written}
        index = replace(image_index.open_folder(f"file://{folder}"), about=about)  # without what measuring kept
        touch(index)
        ways, rows, seconds = {mode: ours(index, "l2", mode) for mode in SEARCH_MODES}, {}, {}
        started = time.process_time()
        ways[APPROXIMATE](queries[:1], 1)
        figures[f"{head}/first_search_seconds"] = time.process_time() - started
        for _, mode in itertools.product(range(ROUNDS), SEARCH_MODES):
            with threadpool_limits(1):
                started = time.perf_counter()
                rows[mode] = ways[mode](queries, 1)
                seconds.setdefault(mode, []).append((time.perf_counter() - started) / len(queries))
                alone = time.perf_counter()
                for query in queries[:ALONE]:
                    ways[mode](query[None], 1)
                seconds.setdefault(f"{mode}_alone", []).append((time.perf_counter() - alone) / ALONE)
        found = [len(set(some) & set(every)) / K for some, every in zip(rows[APPROXIMATE], rows[EXACT], strict=True)]
        said = index.search(Images(queries[:1]), K, "l2", mode=APPROXIMATE)[0].recall
    figures |= {f"{head}/{name}_queries_per_second": 1 / statistics.median(took) for name, took in seconds.items()}
    figures[f"{head}/ratio_to_exact"] = median_ratio(seconds[EXACT], seconds[APPROXIMATE])
    figures[f"{head}/ratio_to_exact_alone"] = median_ratio(seconds[f"{EXACT}_alone"], seconds[f"{APPROXIMATE}_alone"])
    return {**figures, f"{head}/recall": float(np.mean(found)), f"{head}/recall_said": said or 1.0}


def write_approximate(folder: str, blocks: Iterator[tuple[np.ndarray, np.ndarray]], count: int) -> np.ndarray:
    """Write the index of the first `count` rows of blocks of features; the rows after them, as queries."""
    bounds: dict[str, LowerBound] = {}
    by_distance: dict[str, Cells] = {}
    checksums: dict[str, Checksum] = {}
    kept, numbers = np.empty((0, WIDTH), np.float32), 0
    wanted = max(lower_bounds.SAMPLE_SIZE, cells.PER_CELL * cells.cell_count(count))
    done = 0
    for block, _ in blocks:
        kept = np.concatenate([kept, block])
        if not bounds and len(kept) < min(wanted, count):
            continue  # the first rows are the sample
        if not bounds:
            sample = kept[: min(wanted, count)]
            bounds = lower_bounds.fit({"features": sample, "probabilities": np.ones((len(sample), 1))})
            by_distance = cells.fit(sample, count, bounds)
        while done < count and len(kept) >= min(shards.MAX_ROWS, count - done):
            part, kept = np.split(kept, [min(shards.MAX_ROWS, count - done)])
            shard = shards.make(as_images(part, done), bounds, by_distance)
            checksums |= shards.write(folder, numbers, shard)
            done, numbers = done + len(part), numbers + 1
    about = index_files.describe(["?"], {"features": WIDTH, "probabilities": 1})
    index_files.finish(folder, about, bounds, list(range(numbers)), checksums, by_distance)
    return kept


def median_ratio(slower: list[float], faster: list[float]) -> float:
    """The median of the rounds."""
    return statistics.median(one / other for one, other in zip(slower, faster, strict=True))


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
        file_shards.finish(f"file://{folder}/{bundle.PICTURES}", 1, [], {})
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
