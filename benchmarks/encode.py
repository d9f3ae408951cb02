"""What it costs to store pixels as PNG files and to read them again: Kindred's writer beside Pillow's.

    python benchmarks/encode.py --stl10 STL10 --fashion-mnist FASHION_MNIST --json FILE

Milliseconds of CPU an image, on one thread, medians of rounds in which the ways take turns, and bytes a file. JSON
names: encode/<data>/<way>/encode_cpu_ms | decode_cpu_ms | bytes.
"""

import argparse
import gzip
import io
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import bench
import numpy as np
from PIL import Image

from kindred.data import images, png_files

ROUNDS = 5
IMAGES = 500


def pillow(level: int) -> Callable[[np.ndarray], bytes]:
    """Pillow's writer, with a level of zlib's."""

    def write(pixels: np.ndarray) -> bytes:
        file = io.BytesIO()
        Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(file, "PNG", compress_level=level)
        return file.getvalue()

    return write


WAYS = {"kindred": png_files.encode, **{f"pillow_{level}": pillow(level) for level in (0, 1, 6)}}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--stl10", metavar="DIR", help="the folder that holds stl10_binary")
    parser.add_argument("--fashion-mnist", metavar="DIR", help="the folder of its four files")
    bench.output_options(parser)
    args = parser.parse_args()
    figures: dict[str, float] = {}
    rows: list[tuple[str | float, ...]] = [("data, way", "encode ms", "decode ms", "bytes")]
    for name, pixels in read(args).items():
        for way, measured in measure(pixels).items():
            figures |= {f"encode/{name}/{way}/{key}": value for key, value in measured.items()}
            rows.append((f"{name}, {way}", *measured.values()))
    bench.report(rows, figures, args.json)


def read(args: argparse.Namespace) -> dict[str, list[np.ndarray]]:
    """The first images of each dataset that is there, uint8 [h, w, channels]."""
    from sklearn.datasets import load_digits

    grey = {"digits": np.round(load_digits().images * 255 / 16).astype(np.uint8)}
    if args.fashion_mnist:
        file = gzip.open(Path(args.fashion_mnist, "t10k-images-idx3-ubyte.gz")).read()
        grey["fashion_mnist"] = np.frombuffer(file, np.uint8)[16:].reshape(-1, 28, 28)
    found = {name: list(pixels[:IMAGES, :, :, None]) for name, pixels in grey.items()}
    if args.stl10:
        values = np.fromfile(next(Path(args.stl10).rglob("train_X.bin")), np.uint8).reshape(-1, 3, 96, 96)
        found["stl10"] = list(np.ascontiguousarray(values[:IMAGES].transpose(0, 3, 2, 1)))
    return found


def measure(pixels: list[np.ndarray]) -> dict[str, dict[str, float]]:
    """For each way the milliseconds of writing and reading an image, and the bytes of its file."""
    spent: dict[str, list[tuple[float, float]]] = {way: [] for way in WAYS}
    sizes = {}
    for _ in range(ROUNDS):
        for way, write in WAYS.items():
            started = time.process_time()
            files = [write(one) for one in pixels]
            written = time.process_time()
            for file in files:
                images.decode(file)
            spent[way].append((written - started, time.process_time() - written))
            sizes[way] = sum(map(len, files)) / len(files)
    ms = {way: [1000 * statistics.median(part) / len(pixels) for part in zip(*spent[way], strict=True)] for way in WAYS}
    return {way: {"encode_cpu_ms": ms[way][0], "decode_cpu_ms": ms[way][1], "bytes": sizes[way]} for way in WAYS}


if __name__ == "__main__":
    main()
