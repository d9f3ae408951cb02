"""What an earlier version saved (see tests/saved/README.md) can still be used, and gives what it gave then."""

import csv
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.dataset as ds
import pytest
from bench import job_module

from kindred.data import images
from kindred.evaluation import challenged_runs
from kindred.report import comparison_page
from kindred.runtime import file_names, runs, stages, storage
from kindred.runtime.run_reader import RunReader
from kindred.runtime.stage import Stage
from kindred.search import image_index
from kindred.serving import champion

ARCHIVE = Path(__file__).parent / "saved" / "digits.tar.xz"
INCLUDE = Path(__file__).parents[1] / "include"
PREDICT = """
import json, sys
import pandas as pd
from mlflow import pyfunc

pictures = [bytes.fromhex(line) for line in sys.stdin.read().split()]
answer = pyfunc.load_model(sys.argv[1]).predict(pd.DataFrame({"image": pictures}))
import kindred
print(json.dumps({"code": kindred.__file__, "classes": list(answer.columns), "rows": answer.to_numpy().tolist()}))
"""


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive, unpacked; its data name their own folder."""
    place = tmp_path_factory.mktemp("saved")
    with tarfile.open(ARCHIVE) as archive:
        archive.extractall(place, filter="data")
    for path in [*place.rglob("*.json"), *place.rglob("MLmodel")]:
        path.write_text(path.read_text().replace("{DATA}", str(place / "data")))
    shutil.copytree(place / "model" / "code", place / "model_hog" / "code")
    return place


@pytest.fixture(scope="module")
def recorded(saved: Path) -> dict[str, Any]:
    """What the earlier version read, found and predicted."""
    content: dict[str, Any] = json.loads((saved / "recorded.json").read_text())
    return content


@pytest.fixture
def run(saved: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The run's folder, where KINDRED_DATA is that of the earlier version."""
    monkeypatch.setenv("KINDRED_DATA", str(saved / "data"))
    return runs.find_run("saved")


def test_the_tables_of_a_run_have_their_rows(run: str, recorded: dict[str, Any]) -> None:
    reader = RunReader(run, "report")

    assert {name: reader.rows(name).num_rows for name in recorded["rows"]} == recorded["rows"]
    truth = reader.rows("truth").to_pylist()
    assert {row["image_id"]: row["label"] for row in truth} == recorded["truth"]
    final = reader.rows("predictions_final", where=ds.field("split") == "test").to_pylist()
    assert {row["image_id"]: [row["prediction"], row["probabilities"]] for row in final} == recorded[
        "predictions_final"
    ]


def test_figures_facts_and_params_of_a_run_are_read(run: str) -> None:
    reader = RunReader(run, "report")
    figures = json.loads(storage.read_bytes(storage.join(run, file_names.METRICS)))

    merged: dict[str, float] = {}
    for stage in stages.ORDER:
        merged |= reader.figures_of(stage) if reader.finished(stage) else {}

    assert merged == figures
    assert reader.facts_of(stages.INGEST)["classes"] == [str(number) for number in range(10)]
    assert reader.facts_of(stages.FEATURIZE)["name"] == reader.params()["extractor"] == "pixels"
    assert reader.arguments_of(stages.CHOOSE_LABELS)["labels_per_class"] == 3


def test_the_index_of_a_run_gives_the_same_neighbours(run: str, recorded: dict[str, Any]) -> None:
    index, test_images = image_index.open_index(run), champion.bundle_of_run(run).queries
    queries = test_images.images(recorded["queries"])

    neighbours = {
        name: {
            side: [[list(n[:7]) for n in answer.neighbours] for answer in index.search(queries, 5, name, farthest)]
            for side, farthest in (("nearest", False), ("farthest", True))
        }
        for name in recorded["neighbours"]
    }

    assert neighbours == recorded["neighbours"]
    assert set(index.images(index.ids()).origins or []) == {None}  # which no index held then


def test_the_bundle_of_a_run_turns_a_picture_into_the_same_query(run: str, recorded: dict[str, Any]) -> None:
    bundle = champion.bundle_of_run(run)
    picture = bundle.pictures.file(recorded["query"]["id"])
    assert picture is not None

    query = bundle.model.as_query(images.decode(picture))

    assert bundle.queries.ids() == recorded["queries"]
    assert query.names("ids") == [recorded["query"]["id"]]
    np.testing.assert_allclose(query.vectors("features"), [recorded["query"]["features"]], atol=1e-6)
    np.testing.assert_allclose(query.vectors("probabilities"), [recorded["query"]["probabilities"]], atol=1e-6)


def test_the_pointer_to_the_champion_is_followed(run: str, recorded: dict[str, Any]) -> None:
    current = champion.ChampionFollower().current()

    assert current.name == recorded["served"]["name"] == "self_training/saved"
    assert len(current.gallery) == 5


@pytest.mark.slow
def test_two_runs_are_compared_with_the_same_scores(run: str, recorded: dict[str, Any], tmp_path: Path) -> None:
    again = tmp_path / "again"
    shutil.copytree(storage.local(run), again)

    compared = comparison_page.compare([run, f"file://{again}"])

    assert b"</html>" in compared.html
    texts = recorded["compared"]["table"], compared.csv.decode()
    before, now = (list(csv.DictReader(text.splitlines())) for text in texts)
    assert [list(row.values()) for row in now] == [list(row.values()) for row in before]


def test_a_champion_of_an_earlier_version_is_challenged(run: str, tmp_path: Path) -> None:
    again = tmp_path / "again"
    shutil.copytree(storage.local(run), again)

    compared = challenged_runs.compare(run, f"file://{again}")

    assert compared.challenge is not None
    figures = json.loads(storage.read_bytes(storage.join(run, file_names.METRICS)))
    assert compared.challenge.images == figures["final/test/images"]
    assert compared.challenge.scores["accuracy"].champion == pytest.approx(figures["final/test/accuracy"])
    assert compared.challenge.scores["log_loss"].champion == pytest.approx(figures["final/test/log_loss"])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["model", "model_hog"])
@pytest.mark.parametrize("first", ["", "import kindred.serving.bundle"], ids=["without", "with this version"])
def test_a_model_in_mlflow_predicts_the_same_with_this_version_loaded_and_without(
    saved: Path, recorded: dict[str, Any], run: str, name: str, first: str, tmp_path: Path
) -> None:
    pictures = champion.bundle_of_run(run).pictures
    content = "\n".join((pictures.file(image_id) or b"").hex() for image_id in recorded[name])
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    if first:
        environment["PYTHONPATH"] = str(INCLUDE)

    command = [sys.executable, "-c", first + PREDICT, str(saved / name)]
    done = subprocess.run(
        command, input=content, env=environment, cwd=tmp_path, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])
    assert Path(answer["code"]).parents[1] == (INCLUDE if first else saved / name / "code")
    assert answer["classes"] == [str(number) for number in range(10)]
    np.testing.assert_allclose(answer["rows"], list(recorded[name].values()), atol=1e-6)


@pytest.mark.spark
def test_the_run_labels_a_folder_of_images_the_same(
    run: str, recorded: dict[str, Any], tmp_path: Path, spark: object
) -> None:
    pictures = champion.bundle_of_run(run).pictures
    for image_id in recorded["labelled"]:
        (tmp_path / f"{image_id}.png").write_bytes(pictures.file(image_id) or b"")
    stage = Stage("predict", f"file://{tmp_path}/run", {})

    job_module("predict").main(stage, run=run, images=str(tmp_path))

    rows = csv.DictReader((tmp_path / "run" / file_names.PREDICTIONS).read_text().splitlines())
    labelled = {Path(row["origin"]).stem: [row["label"], json.loads(row["probabilities"])] for row in rows}
    assert {name: row[0] for name, row in labelled.items()} == {
        name: row[0] for name, row in recorded["labelled"].items()
    }
    for image_id, (_, _, probabilities) in recorded["labelled"].items():
        assert labelled[image_id][1] == pytest.approx(probabilities, abs=1e-6)
