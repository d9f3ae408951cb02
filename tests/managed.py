"""A data folder with runs whose stages are small, but are done and committed as those of real runs are."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest

from kindred.runtime import marks, run_lifecycle, runs, s3, stages, storage, tracking
from kindred.runtime.job import execute
from kindred.runtime.run_reader import RunReader
from kindred.runtime.stage import Stage

DAY = 24 * 3600
_numbers = count(1)


@pytest.fixture
def no_mlflow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs without MLflow."""
    monkeypatch.setattr(tracking, "start_run", lambda dag_id, name, params, tags: f"mlflow-of-{name}")
    monkeypatch.setattr(tracking, "experiment_of", lambda run_id: "1")
    monkeypatch.setattr(tracking, "resume_run", lambda run_id: None)
    monkeypatch.setattr(tracking, "end_run", lambda folder, figures, reports, status, tags: None)


def old_attempts(monkeypatch: pytest.MonkeyPatch, days: float) -> None:
    """Let attempts begin so many days ago."""
    began = int((time.time() - days * DAY) * 10**9)
    monkeypatch.setattr(marks, "new_attempt", lambda: f"{began + next(_numbers):020d}-{next(_numbers):08x}")


def ingest(s: Stage, *, dataset: str) -> str:
    s.put_file("images.bin", dataset.encode() * 100)
    return dataset


def ingest_home(s: Stage, *, dataset: str) -> str:
    return storage.join(runs.dataset_folder(dataset, "0123456789ab"), stages.INGEST)


def featurize(s: Stage, *, extractor: str) -> str:
    s.put_file("features.bin", s.file(stages.INGEST, "images.bin") + extractor.encode())
    return extractor


def featurize_home(s: Stage, *, extractor: str) -> str:
    return storage.join(s.folder_of(stages.INGEST).rsplit("/", 1)[0], stages.FEATURIZE, f"{extractor}-0123456789ab")


def gate(s: Stage, *, seed: int) -> str:
    s.put_file("network.bin", s.file(stages.FEATURIZE, "features.bin") + bytes([seed]))
    s.figures = {"final/test/accuracy": 0.9 + seed / 1000}
    return "accepted"


def make_run(name: str, dataset: str, extractor: str = "pixels", seed: int = 0, close: bool = True) -> str:
    """A run of three stages, of which two do what other runs share; its folder."""
    params = {"run_name": name, "dataset": dataset, "extractor": extractor, "seed": seed}
    defaults = {"dataset": "digits", "extractor": "pixels", "seed": 0}
    run = run_lifecycle.open_run("self_training", f"manual__{name}", params, defaults=defaults)
    execute(ingest, ingest_home, Stage(stages.INGEST, run, {"dataset": dataset}), time.time())
    execute(featurize, featurize_home, Stage(stages.FEATURIZE, run, {"extractor": extractor}), time.time())
    execute(gate, None, Stage(stages.GATE, run, {"seed": seed}), time.time())
    if close:
        run_lifecycle.close_run(run, succeeded=True)
    return run


def content(run: str) -> tuple[bytes, ...]:
    """What the run's stages have left, read by its marks."""
    reader = RunReader(run, "test")
    files = {stages.INGEST: "images.bin", stages.FEATURIZE: "features.bin", stages.GATE: "network.bin"}
    return tuple(reader.file(stage, file) for stage, file in files.items())


def opened(made: list[str]) -> list[str]:
    """Those of some runs that a test is to open: all on a disk, the first two in a bucket, where each takes seconds."""
    return made if storage.data_root().startswith("file://") else made[:2]


def is_whole(run: str) -> bool:
    """Whether a run can be found and all of it be read."""
    return runs.find_run(run) == run and len(content(run)) == 3


def moved_to(bucket: str, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let KINDRED_DATA be in a bucket, with what the folder `data` holds: to make it there would take many requests."""
    name = bucket.removeprefix("s3a://")

    def put(path: Path) -> None:
        s3.client().put_object(Bucket=name, Key=f"data/{path.relative_to(data)}", Body=path.read_bytes())

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(put, [path for path in data.rglob("*") if path.is_file()]))
    monkeypatch.setenv("KINDRED_CACHE", str(data.parent / "cache"))
    monkeypatch.setenv("KINDRED_DATA", f"{bucket}/data")


@pytest.fixture(params=["disk", pytest.param("bucket", marks=pytest.mark.slow)])
def settled(
    request: pytest.FixtureRequest, data: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[list[str]], list[str]]:
    """Called with the folders of runs that were made on the disk, what they are from then on: there, or in a bucket."""

    def settle(made: list[str]) -> list[str]:
        before = storage.data_root()
        if request.param == "bucket":
            moved_to(request.getfixturevalue("bucket"), data, monkeypatch)
        return [run.replace(before, storage.data_root()) for run in made]

    return settle
