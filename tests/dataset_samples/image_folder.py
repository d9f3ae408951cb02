"""Seven images in folders by split and class."""

from pathlib import Path

from pictures import encoded, noise


def make(folder: Path) -> Path:
    names = [
        "train/cat/1.png",
        "train/cat/2.png",
        "train/dog/3.png",
        "train/dog/4.png",
        "test/cat/5.png",
        "unlabeled/6.png",
        "unlabeled/7.png",
    ]
    return put_images(folder, *names)


def put_images(folder: Path, *names: str) -> Path:
    """A folder of different images."""
    for seed, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(encoded(noise(seed=seed)))
    return folder
