"""Five encoded images in a Parquet file."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pictures import encoded, noise


def make(folder: Path) -> Path:
    images = [encoded(noise(seed=seed)) for seed in range(5)]
    splits = ["train", "train", "test", "unlabelled", "unlabeled"]
    return put_table(folder, image=images, label=["cat", "dog", "cat", None, None], split=splits)


def put_table(folder: Path, **columns: Any) -> Path:
    """A Parquet file, in a folder of its own."""
    folder.mkdir(parents=True)
    pq.write_table(pa.table(columns), folder / "part.parquet")
    return folder
