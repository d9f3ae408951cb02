"""Seven images in the files of STL-10."""

import tarfile
from pathlib import Path

import numpy as np

from pictures import noise

CLASSES = [f"class{i}" for i in range(1, 11)]


def make(folder: Path) -> Path:
    folder.mkdir()
    for name, count in (("train", 3), ("test", 2), ("unlabeled", 2)):
        pictures = np.stack([noise(96, 96, 3, seed) for seed in range(count)])
        (folder / f"{name}_X.bin").write_bytes(pictures.transpose(0, 3, 2, 1).tobytes())
        if name != "unlabeled":
            (folder / f"{name}_y.bin").write_bytes(bytes(range(1, count + 1)))
    (folder / "class_names.txt").write_text("\n".join(CLASSES))
    return folder


def packed(folder: Path) -> Path:
    """The official archive of STL-10's files."""
    archive = folder.parent / "stl10_binary.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder, "stl10_binary")
    return archive
