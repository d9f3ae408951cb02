"""Seven images of trees and mountains in the layout of Open Images, one of both and one of neither."""

import json
from collections.abc import Sequence
from pathlib import Path

from pictures import encoded, noise

TREE, PALM, MOUNTAIN, ORANGE, FRUIT = "/m/07j7r", "/m/0cdl1", "/m/09d_r", "/m/0cyhj_", "/m/02xwb"
PARAMS = {"classes": ["tree", MOUNTAIN]}
NAMES = {TREE: "Tree", PALM: "Palm tree", MOUNTAIN: "Mountain", ORANGE: "Orange", "/m/0jc_p": "Orange", FRUIT: "Fruit"}
HIERARCHY = {
    "LabelName": "/m/0bl9f",
    "Subcategory": [
        {"LabelName": TREE, "Subcategory": [{"LabelName": PALM}]},
        {"LabelName": MOUNTAIN},
        {"LabelName": FRUIT, "Subcategory": [{"LabelName": ORANGE}]},
    ],
}
HUMAN = "oidv7-val-annotations-human-imagelabels.csv"
MACHINE = "oidv7-val-annotations-machine-imagelabels.csv"
TRAIN = "train-annotations-human-imagelabels-boxable.csv"

Label = tuple[str, str, float]  # image, class, confidence


def make(folder: Path) -> Path:
    put_names(folder)
    put_labels(folder / "v7" / HUMAN, [("a1", TREE, 1), ("a2", TREE, 1), ("a2", MOUNTAIN, 0), ("a3", MOUNTAIN, 1)])
    labels = [*((f"b{i}", (TREE, MOUNTAIN)[i % 2], 1) for i in range(4)), ("b4", TREE, 0), ("b4", MOUNTAIN, 0)]
    put_labels(folder / TRAIN, [*labels, ("b5", TREE, 1), ("b5", MOUNTAIN, 1)])
    put_images(folder / "validation", "a1", "a2", "a3")
    put_images(folder / "train", *(f"b{i}" for i in range(6)))
    put_rotations(folder / "validation-images-with-rotation.csv", {"a1": "90.0", "a2": ""})
    return folder


def put_names(folder: Path) -> None:
    """Class names and the hierarchy."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"{one},{name}" for one, name in NAMES.items()]
    (folder / "oidv7-class-descriptions.csv").write_text("\n".join(["LabelName,DisplayName", *lines, ""]))
    (folder / "bbox_labels_600_hierarchy.json").write_text(json.dumps(HIERARCHY))


def put_labels(path: Path, labels: Sequence[Label], source: str = "verification") -> None:
    """A table of labels, of people unless `source` is machine."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{image},{source},{label},{confidence}" for image, label, confidence in labels]
    path.write_text("\n".join(["ImageID,Source,LabelName,Confidence", *lines, ""]))


def put_rotations(path: Path, degrees: dict[str, str]) -> None:
    """A table of images with the official 12 columns."""
    header = (
        "ImageID,Subset,OriginalURL,OriginalLandingURL,License,AuthorProfileURL,Author,Title,OriginalSize,OriginalMD5,"
        "Thumbnail300KURL,Rotation"
    )
    lines = [f'{image},validation,,,,,,"Trees,\n""tall"" ones",7,,,{turn}' for image, turn in degrees.items()]
    path.write_text("\n".join([header, *lines, ""]))


def put_images(folder: Path, *ids: str) -> None:
    """Different JPEGs, wider than high."""
    folder.mkdir(parents=True, exist_ok=True)
    for image in ids:
        (folder / f"{image}.jpg").write_bytes(encoded(noise(8, 16, 3, seed=int(image, 16)), "JPEG"))
