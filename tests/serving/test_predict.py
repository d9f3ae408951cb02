"""The files of a folder or a bucket, labelled in a worker's batches."""

import csv
import io
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import Row

from kindred.data import sources
from kindred.learning.networks import Layer, Network
from kindred.runtime import storage
from kindred.serving import predict
from pictures import encoded, noise

NAMES = ["1.png", "2.png", "bad.png", "below/3.png"]
CONTENT = {name: b"no image" if name == "bad.png" else encoded(noise(seed=i)) for i, name in enumerate(NAMES)}


@pytest.fixture(params=["disk", pytest.param("bucket", marks=pytest.mark.slow)])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Pictures, one that is none, and a hidden file."""
    place = f"file://{tmp_path}" if request.param == "disk" else f"{request.getfixturevalue('bucket')}/new"
    for name, content in {**CONTENT, ".hidden": b""}.items():
        storage.put_bytes(f"{place}/{name}", content)
    return place


def test_each_picture_gets_a_label_and_what_is_none_a_reason(folder: str) -> None:
    extractor = SimpleNamespace(resized=lambda p: p, features=lambda pixels, threads: np.zeros((len(pixels), 3)))
    network = SimpleNamespace(probabilities=lambda features: np.tile([0.25, 0.75], (len(features), 1)), thresholds=None)
    known = SimpleNamespace(none_of_these=lambda features: np.ones(len(features), bool))
    files = [file.uri for file in sources.images_to_label(folder, lambda line: None)]
    refused = ("file:///pipe.png", "a named pipe, not a file")
    frames = [pd.DataFrame([*((file, None) for file in files), refused], columns=["origin", "reason"])]

    model = predict.Model(extractor, network, ["cat", "dog"], known)
    rows = pd.concat(predict._label(model, frames)).set_index("origin")

    by_name = {origin.rsplit("/", 1)[1]: row for origin, row in rows.iterrows()}
    assert {name: row["label"] for name, row in by_name.items()} == {
        **{"1.png": "dog", "2.png": "dog", "3.png": "dog"},
        "bad.png": None,
        "pipe.png": None,
    }
    assert [by_name[name]["none_of_these"] for name in ("1.png", "bad.png")] == [True, None]
    assert by_name["1.png"]["confidence"] == 0.75
    assert by_name["pipe.png"]["reason"] == "a named pipe, not a file"
    assert by_name["bad.png"]["reason"] == "no image of a known format (text)"


def test_of_several_labels_the_label_is_the_set_with_the_probability_that_it_is_right() -> None:
    extractor = SimpleNamespace(features=lambda pixels, threads: np.zeros((len(pixels), 1)))
    network = Network((Layer(np.zeros((1, 3)), np.log([3, 1, 1 / 3])),), thresholds=(0.7, 0.6, 0.2))

    (row,) = predict.Model(extractor, network, ["sea", "sky", "tree"], None).rows(["file:///1.png"], [noise(2, 2)])

    origin, label, confidence, none_of_these, probabilities, reason = row
    assert (origin, label, none_of_these, reason) == ("file:///1.png", "sea|tree", None, None)
    assert confidence == pytest.approx(0.75 * 0.5 * 0.25)
    assert probabilities.tolist() == pytest.approx([0.75, 0.5, 0.25])


def test_the_list_of_labelled_images_has_sets_as_they_are_joined() -> None:
    file = io.BytesIO()
    row = Row(**dict(zip(predict.COLUMNS, ["file:///1.png", "sea|tree", 0.5, None, [0.75, 0.25], None], strict=True)))

    predict.write_csv([row], ["sea", "tree"], file)

    (written,) = csv.DictReader(file.getvalue().decode().splitlines())
    assert (written["label"], written["confidence"], written["none_of_these"]) == ("sea|tree", "0.5000000", "")
    assert json.loads(written["probabilities"]) == {"sea": 0.75, "tree": 0.25}
