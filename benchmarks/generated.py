"""Runs of any size to measure with: features generated with class structure, and images in STL-10's numbers."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from kindred.data.datasets import stl10
from kindred.features.featurize import Extractor
from kindred.runtime import arrow, storage, tables
from kindred.runtime.stage import Stage

DIMENSIONS = 1280
CLASSES = [f"class{number}" for number in range(10)]
FACTORS = 96  # that an image's features come of
DECAY = 0.6  # of the factors' standard deviations: 2 / rank^DECAY
SPREAD = 0.7  # of the classes' means of a factor, times its standard deviation
NOISE = 0.1  # in each feature
BLOCK = 25_000  # images in a file
TEST_SHARE, TRAIN_SHARE = 0.04, 0.06
GENUINE = {"train": 5000, "test": 8000, "unlabeled": 100_000}  # images of STL-10
CROP = 80  # px of 96


def features(count: int, seed: int = 0) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Blocks of features [b, 1280] float32 that are never negative, like a network's, and their classes [b]."""
    rng = np.random.default_rng(seed)
    scales = 2 / np.arange(1, FACTORS + 1) ** DECAY
    means = rng.normal(size=(len(CLASSES), FACTORS)) * scales * SPREAD
    mixing = rng.normal(size=(FACTORS, DIMENSIONS)) / FACTORS**0.5
    bias = rng.normal(size=DIMENSIONS) * 0.3
    for start in range(0, count, BLOCK):
        n = min(BLOCK, count - start)
        labels = rng.integers(0, len(CLASSES), n)
        factors = means[labels] + rng.normal(size=(n, FACTORS)) * scales
        values = (factors @ mixing + bias).astype(np.float32)
        yield np.maximum(values + NOISE * rng.standard_normal((n, DIMENSIONS), np.float32), 0), labels


def write_ingest(s: Stage, count: int, **form: Any) -> str:
    """The tables of `count` images that are one small picture; all labels are known."""
    picture = io.BytesIO()
    Image.fromarray(np.full((8, 8, 3), 128, np.uint8)).save(picture, "PNG")
    sizes = dict.fromkeys(tables.SPLITS, 0)
    for number, (_, labels) in enumerate(features(count)):
        ids, splits = _names(number, len(labels))
        fixed = {"height": 8, "width": 8, "channels": 3, "content": picture.getvalue()}
        columns = {"image_id": ids, "split": splits, "origin": [f"{image_id}.png" for image_id in ids]}
        _write(s, "images", number, {**columns, **{name: [value] * len(ids) for name, value in fixed.items()}})
        _write(s, "truth", number, {"image_id": ids, "label": np.array(CLASSES)[labels]})
        for split in splits:
            sizes[split] += 1
    s.write_rows("rejected", arrow.schema("rejected").empty_table())
    s.figures = {f"ingest/{split}": size for split, size in sizes.items()}
    s.facts = {"classes": CLASSES, "height": 8, "width": 8, "median_longer_side": 8, "channels": 3}
    s.facts |= {"test_labels": sizes["test"], "dataset": {"name": "generated", "digest": "0" * 12, "source": "none"}}
    return f"{count:,} images"


def write_features(s: Stage, count: int, **form: Any) -> str:
    """The table of their features."""
    for number, (values, _) in enumerate(features(count)):
        ids, splits = _names(number, len(values))
        _write(s, "features", number, {"image_id": ids, "split": splits, "features": arrow.lists(values)})
    extractor = Extractor("pixels", height=8, width=8, channels=3, fingerprint="0" * 12, graph=None)
    s.facts, s.figures = vars(extractor), {"featurize/images": count, "featurize/dimensions": DIMENSIONS}
    return f"{count:,} images, {DIMENSIONS:,} features each"


def write_stl10(folder: Path, archive: str) -> None:
    """STL-10's files with its numbers of images, each a crop of a genuine one of the same part, resized and flipped by
    its number.
    """
    source = Path(storage.local(stl10._folder(storage.uri(archive), print)))
    folder.mkdir(parents=True)
    (folder / "class_names.txt").write_bytes((source / "class_names.txt").read_bytes())
    rng = np.random.default_rng(0)
    for split, count in GENUINE.items():
        name = stl10.FILES[split]
        genuine = np.memmap(source / name, np.uint8, "r").reshape(-1, 3, stl10.SIDE, stl10.SIDE)
        with (folder / name).open("wb") as file:
            for number in range(count):
                file.write(_varied(genuine[number % len(genuine)], number // len(genuine), rng).tobytes())
        if split != "unlabeled":
            labels = np.fromfile(source / f"{split}_y.bin", np.uint8)
            np.resize(labels, count).tofile(folder / f"{split}_y.bin")


def _varied(image: np.ndarray, version: int, rng: np.random.Generator) -> np.ndarray:
    """A version of an image [3, 96, 96]; 0 is the image."""
    if not version:
        return image
    top, left = rng.integers(0, stl10.SIDE - CROP + 1, 2)
    crop = Image.fromarray(image[:, top : top + CROP, left : left + CROP].transpose(1, 2, 0))
    pixels = np.asarray(crop.resize((stl10.SIDE, stl10.SIDE), Image.Resampling.BILINEAR)).transpose(2, 0, 1)
    return np.ascontiguousarray(pixels[:, ::-1] if version % 2 else pixels)  # the file holds columns first


def _names(block: int, count: int) -> tuple[list[str], list[str]]:
    """The ids of a block's images in no order, like hashes, and their splits."""
    ids = [f"{(block * BLOCK + row) * 0x9E3779B97F4A7C15 % 2**64:016x}" for row in range(count)]
    test, train = round(count * TEST_SHARE), round(count * TRAIN_SHARE)
    return ids, [tables.TEST] * test + [tables.TRAIN] * train + [tables.UNLABELED] * (count - test - train)


def _write(s: Stage, table: str, number: int, columns: dict) -> None:
    """One file of a table."""
    s.tables[table] = storage.join(s.folder, table)
    folder = Path(storage.local(s.tables[table]))
    folder.mkdir(parents=True, exist_ok=True)
    schema = arrow.schema(table)
    rows = arrow.completed(pa.table(columns), table, schema.names).select(schema.names)
    pq.write_table(rows.cast(schema), folder / f"part-{number:05d}.parquet")
