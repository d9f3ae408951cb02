"""What a listing shows of the images that a form names, before Spark starts."""

from pathlib import Path
from typing import Any

import pytest

from dataset_samples.image_folder import make, put_images
from kindred.data import input_check, sources
from kindred.runtime.errors import InputError


@pytest.mark.parametrize(
    ("values", "line"),
    [
        ({"dataset": "image_folder", "path": "{}/gone"}, "no such file or folder: {}/gone"),
        (
            {"dataset": "image_folder", "path": None},
            "dataset image_folder needs a path: the folder that holds the images",
        ),
        ({"dataset": "image_folder", "path": "{}/empty"}, "no image in {}/empty"),
        (
            {"dataset": "image_folder", "path": "{}/one"},
            "all labels in {}/one are of one class, 'cat', 2 images; a classifier needs two or more",
        ),
        (
            {"dataset": "image_folder", "path": "{}/few"},
            "class 'dog' has no training image in {}/few: only test images; add images, or take it out",
        ),
        (
            {"extractor": "hog", "precision": "int8"},
            "precision int8 is for networks, and hog is none; these are: efficientnet_lite0, efficientnet_lite1, "
            "efficientnet_lite2, inception_v3, mobilenet, mobilenet_v2, onnx, resnet50",
        ),
        (
            {"reranker": "verified", "local_features": "none"},
            "reranker verified compares keypoints: choose local_features (orb, sift, surf)",
        ),
        (
            {"reranker": "none", "local_features": "none", "embedder": "half_whitened", "augment": "flips"},
            "augment flips is for embedders that learn from features and labels "
            "(arcface, siamese, softmax, supcon, triplet), not for half_whitened",
        ),
        (
            {"reranker": "auto", "local_features": "none", "embedder": "convnet", "extractor": "auto"},
            "embedder convnet learns from pixels: set extractor to pixels and image_size to 48",
        ),
        (
            {"dataset": "image_folder", "path": "{}/one", "reranker": "auto", "local_features": "none"},
            "no query image in {}/one: put the images to match into query/ and gallery/, or name these splits in "
            "labels.csv",
        ),
        (
            {"dataset": "digits", "path": None, "task": "multi_label"},
            "dataset digits has one label an image; task multi_label is for image_folder, open_images",
        ),
        (
            {"dataset": "parquet", "path": "{}/gone", "task": "multi_label"},
            "dataset parquet has one label an image; task multi_label is for image_folder, open_images",
        ),
        ({"dataset": "digits", "task": "both"}, "unknown task 'both'; known: single_label, multi_label"),
        (
            {"dataset": "image_folder", "path": "{}/one", "task": "multi_label", "classifier": "multilayer_perceptron"},
            "classifier multilayer_perceptron learns one label an image; for task multi_label: logistic_regression, "
            "neural_network",
        ),
        (
            {"dataset": "image_folder", "path": "{}/one", "task": "multi_label", "label_choice": "representatives"},
            "label_choice representatives gives one label an image; for multi_label: random, all",
        ),
        (
            {"dataset": "image_folder", "path": "{}/one", "task": "multi_label", "attack": True},
            "attacks are on classifiers of one label an image; with task multi_label set attack to false",
        ),
        ({"dataset": "parquet", "path": "{}/gone"}, "no such file or folder: {}/gone"),
        ({"dataset": "stl10", "path": "{}/gone"}, "no such file or folder: {}/gone"),
        ({"dataset": "digits", "path": "/x"}, "dataset digits comes with scikit-learn and takes no path; got '/x'"),
        ({"path": "{}/gone", "extractor": "pixels"}, "no such file or folder: {}/gone"),
        (
            {"dataset": "svhn"},
            "unknown dataset 'svhn'; known: digits, fashion_mnist, image_folder, open_images, parquet, stl10",
        ),
        ({"extractor": "onnx", "weights": "{}/gone"}, "no such file: {}/gone"),
        ({"run": "first", "images": "{}/gone"}, "no such file or folder: {}/gone"),
        ({"run": "first", "images": "{}/empty"}, "no file in {}/empty"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(values: dict[str, Any], line: str, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    put_images(tmp_path / "one", "cat/1.png", "cat/2.png")
    put_images(tmp_path / "few", "train/cat/1.png", "train/cow/2.png", "test/dog/3.png")
    given = {name: value.format(tmp_path) if isinstance(value, str) else value for name, value in values.items()}

    with pytest.raises(InputError) as caught:
        input_check.check(given)

    assert str(caught.value) == line.format(tmp_path)


def test_images_that_are_too_large_to_learn_from_their_pixels_are_refused() -> None:
    form = {"reranker": "auto", "local_features": "none", "embedder": "autoencoder", "extractor": "pixels"}

    input_check.check({**form, "image_size": 48})

    with pytest.raises(InputError, match="embedder autoencoder takes images of 16 to 128 px a side, not 224: set"):
        input_check.check({**form, "image_size": 224})


def test_what_is_there_passes(tmp_path: Path) -> None:
    path = str(make(tmp_path / "images"))

    input_check.check({"dataset": "image_folder", "path": path})
    input_check.check({"dataset": "image_folder", "path": path, "task": "multi_label", "attack": False})
    input_check.check({"dataset": "digits", "path": None, "task": "single_label", "attack": True})
    input_check.check({"dataset": "digits", "path": None})
    input_check.check({"dataset": "fashion_mnist", "path": None})  # which would be downloaded
    input_check.check({"dataset": "digits", "path": None, "extractor": "auto", "weights": "imagenet"})
    input_check.check({"run": "first", "images": path})
    input_check.check({"run": "first"})


def test_a_failure_that_may_pass_is_left_to_the_stage(monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(path: str) -> None:
        raise ConnectionError("slow down")

    monkeypatch.setattr(sources, "list_files", busy)

    input_check.check({"images": "s3://bucket/images"})


def test_what_has_passed_has_the_identity_of_its_files_alone() -> None:
    form = {"dataset": "image_folder", "path": "/photos", "seed": 0}

    assert input_check.identity({**form, "seed": 1}) == input_check.identity(form)
    assert len({input_check.identity({**form, name: "x"}) for name in ("dataset", "path", "images", "seed")}) == 4
    assert input_check.identity({**form, "task": "multi_label"}) != input_check.identity(form)
