"""The examples of docs/extending.md are variants that pass the contract tests of their kind."""

import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CONTRACTS = {  # the tests of each folder's variants
    "include/kindred/data/datasets": "tests/data/test_datasets.py",
    "include/kindred/features/extractors": "tests/features/test_extractors.py",
    "include/kindred/learning/classifiers": "tests/learning/test_classifiers.py",
    "include/kindred/learning/labellers": "tests/learning/test_labellers.py",
    "include/kindred/learning/clusterers": "tests/learning/test_clusterers.py",
    "include/kindred/learning/embedders": "tests/learning/test_embedders.py",
}
BLOCK = re.compile(r"^```python\n# ((?:include|tests)/\S+\.py)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
FILES = dict(BLOCK.findall((ROOT / "docs/extending.md").read_text()))
VARIANTS = [path for path in map(Path, FILES) if str(path.parent) in CONTRACTS]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the code with the files of the examples."""
    copy = tmp_path_factory.mktemp("extended")
    shutil.copy(ROOT / "pyproject.toml", copy)
    for folder in ("include", "tests", "benchmarks"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for name, content in FILES.items():
        assert not (copy / name).exists(), f"{name} is in the code, and an example in docs/extending.md"
        (copy / name).write_text(content)
    return copy


def run(folder: Path, *arguments: str) -> None:
    """Run a module of Python in a folder, with its own code alone."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-m", *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_there_is_an_example_of_each_kind() -> None:
    assert {str(path.parent) for path in VARIANTS} == CONTRACTS.keys()


@pytest.mark.parametrize(
    "variant",
    [pytest.param(path, marks=[pytest.mark.spark] if "datasets" in path.parts else []) for path in VARIANTS],
    ids=lambda path: path.stem,
)
def test_an_example_passes_the_contract_tests_of_its_kind(extended: Path, variant: Path, tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    tests = CONTRACTS[str(variant.parent)]

    run(extended, "pytest", "-p", "no:cacheprovider", tests, "-k", variant.stem, f"--junitxml={report}")

    suite = ElementTree.parse(report).getroot()[0].attrib
    assert int(suite["tests"]) > int(suite["skipped"])
    assert suite["failures"] == suite["errors"] == "0"


def test_the_examples_are_in_the_style_of_the_code(extended: Path) -> None:
    run(extended, "ruff", "check", "--no-cache", *FILES)
    run(extended, "ruff", "format", "--no-cache", "--check", "--diff", *FILES)
