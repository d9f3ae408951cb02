"""Peak memory and time of decoding one big picture in each format that is read.

    python benchmarks/decode.py
    python benchmarks/decode.py --megapixels 48 --json figures.json

Each format is decoded in a process of its own: the peak is what its resident memory grows by, the pixels that it ends
with (3 bytes each) and the file's own bytes not counted.
"""

import argparse
import io
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import bench
import numpy as np
from PIL import Image

from kindred.data import images

ROUNDS = 3
Writer = Callable[[Image.Image], bytes]


def saved(kind: str, mode: str = "RGB", **settings: object) -> Writer:
    """A function that encodes a picture."""

    def write(picture: Image.Image) -> bytes:
        file = io.BytesIO()
        picture.convert(mode).save(file, kind, **settings)
        return file.getvalue()

    return write


def grey_of_16_bits(picture: Image.Image) -> bytes:
    """A PNG with 16 bits a pixel."""
    file = io.BytesIO()
    Image.fromarray(np.asarray(picture.convert("L"), np.uint16) * 257).save(file, "PNG")
    return file.getvalue()


WRITERS: dict[str, Writer] = {
    "JPEG": saved("JPEG", quality=90),
    "progressive JPEG": saved("JPEG", quality=90, progressive=True),
    "CMYK JPEG": saved("JPEG", "CMYK", quality=90),
    "PNG": saved("PNG", compress_level=1),
    "PNG with transparency": saved("PNG", "RGBA", compress_level=1),
    "PNG of 16 bits": grey_of_16_bits,
    "TIFF": saved("TIFF", compression="tiff_lzw"),
    "BMP": saved("BMP"),
    "GIF": saved("GIF"),
    "WebP": saved("WEBP", quality=90, method=0),
    "AVIF": saved("AVIF", quality=90, speed=10),
    "JPEG 2000": saved("JPEG2000", quality_mode="rates", quality_layers=[10]),
}


def photograph(megapixels: float) -> Image.Image:
    """A picture of soft shapes and a little noise, 3 wide to 2 high, which compresses as a photograph does."""
    height = round((megapixels * 1e6 / 1.5) ** 0.5)
    rng = np.random.default_rng(0)
    shapes = Image.fromarray(rng.integers(0, 256, (32, 48, 3), np.uint8))
    soft = np.asarray(shapes.resize((round(height * 1.5), height), Image.Resampling.BICUBIC), np.int16)
    noise = rng.integers(-6, 7, soft.shape, np.int16)
    return Image.fromarray(np.clip(soft + noise, 0, 255).astype(np.uint8))


def decode(path: str) -> None:
    """Write the pixels, the growth of the peak of resident memory in bytes, and the seconds of the median round."""
    content = Path(path).read_bytes()
    images.decode(images.encode(np.zeros((16, 16, 3), np.uint8)))  # loads what decoding needs
    before, seconds, pixels = _peak(), [], np.zeros(0, np.uint8)
    for _ in range(ROUNDS):
        del pixels
        start = time.perf_counter()
        pixels = images.decode(content)
        seconds.append(time.perf_counter() - start)
    grown = _peak() - before - pixels.nbytes
    sys.stdout.write(json.dumps([pixels.shape[0] * pixels.shape[1], grown, statistics.median(seconds)]))


def _peak() -> int:
    """Of this process's resident memory, in bytes. (On Linux `getrusage` would give that of the process that started
    this one, where it was higher.)
    """
    status = Path("/proc/self/status")
    if status.exists():
        lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(lines["VmHWM"].split()[0]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megapixels", type=float, default=12, help="of the picture")
    bench.output_options(parser)
    parser.add_argument("--decode", metavar="FILE", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.decode:
        decode(args.decode)
        return
    figures: dict[str, float] = {}
    picture = photograph(args.megapixels)
    rows: list[tuple[str | float, ...]] = [("format", "megabytes", "bytes a pixel", "seconds")]
    with tempfile.TemporaryDirectory() as folder:
        for name, write in WRITERS.items():
            path = Path(folder, "picture")
            path.write_bytes(write(picture))
            command = [sys.executable, __file__, "--decode", str(path)]
            pixels, grown, seconds = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
            rows.append((name, path.stat().st_size / 1e6, grown / pixels, seconds))
            figures |= {f"decode/{name}/bytes_per_pixel": grown / pixels, f"decode/{name}/seconds": seconds}
    bench.report(rows, figures, args.json)


if __name__ == "__main__":
    main()
