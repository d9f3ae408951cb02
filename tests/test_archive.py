"""The code as an archive, for workers that do not have it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kindred.runtime import java, variants

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> Path:
    return make(tmp_path_factory.mktemp("archive") / "kindred.zip")


def make(path: Path) -> Path:
    subprocess.run([sys.executable, str(ROOT / "bin/archive"), str(path)], check=True)
    return path


def output_of(archive: Path, program: str) -> str:
    """What a program prints in a Python that has Kindred from the archive alone."""
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, env={"PYTHONPATH": str(archive)}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_archive_has_all_variants(archive: Path) -> None:
    program = (
        "import json; from kindred.runtime import variants as v; print(json.dumps({k: v.names(k) for k in v.KINDS}))"
    )

    assert json.loads(output_of(archive, program)) == {kind: variants.names(kind) for kind in variants.KINDS}


@pytest.mark.slow
@pytest.mark.slow
def test_a_worker_extracts_features_with_the_code_of_the_archive(archive: Path) -> None:
    program = """
import numpy as np, kindred
from kindred.features.featurize import Extractor
from kindred.data.decoding import decode_batches
features = Extractor("hog", 32, 32, 1, "", None).features([np.zeros((32, 32, 1), np.uint8)] * 2)
print(kindred.__file__, *features.shape)
"""

    place, count, width = output_of(archive, program).split()

    assert place == f"{archive}/kindred/__init__.py"
    assert (int(count), int(width) > 1) == (2, True)


def test_the_same_code_gives_the_same_archive(archive: Path, tmp_path: Path) -> None:
    assert make(tmp_path / "again.zip").read_bytes() == archive.read_bytes()


def test_spark_sends_the_archive_where_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    without = java.submit_settings()
    monkeypatch.setenv("KINDRED_PY_FILES", "s3a://kindred/kindred.zip")

    assert "spark.submit.pyFiles" not in without
    assert java.submit_settings()["spark.submit.pyFiles"] == "s3a://kindred/kindred.zip"
