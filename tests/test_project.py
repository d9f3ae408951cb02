"""What pyproject.toml says of Kindred agrees with the code and with what sets it up."""

import re
import tomllib
from pathlib import Path

import pytest
from setuptools.config import pyprojecttoml

import kindred

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.mark.filterwarnings("ignore::setuptools.warnings.SetuptoolsWarning")
def test_the_version_stands_once_in_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)

    project = pyprojecttoml.read_configuration("pyproject.toml", expand=True)["project"]

    assert "version" not in PROJECT
    assert project["version"] == kindred.__version__
    assert re.fullmatch(r"\d+\.\d+\.\d+", kindred.__version__)


def test_the_versions_of_python_are_those_that_the_setup_accepts() -> None:
    accepted = re.search(
        r"\((\d, \d+)\) <= sys.version_info\[:2\] <= \((\d), (\d+)\)", (ROOT / "bin/setup").read_text()
    )

    oldest, major, newest = accepted.groups()

    assert PROJECT["requires-python"] == f">={oldest.replace(', ', '.')},<{major}.{int(newest) + 1}"
