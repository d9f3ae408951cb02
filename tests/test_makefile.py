"""make in checkouts, and with data folders, of any name."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from conftest import ROOT

SHOW = '--eval=show: ; @printf "%s\\n%s\\n%s\\n" "$$KINDRED_DATA" "$(BIN)" "$$PYTHONPATH"'


def make(folder: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess:
    shutil.copy(ROOT / "Makefile", folder)
    env = {**{k: v for k, v in os.environ.items() if k != "KINDRED_DATA"}, **env}
    return subprocess.run(["make", "-C", str(folder), "-s", *arguments], env=env, capture_output=True, text=True)


@pytest.mark.parametrize("data", ["data", "my data", "/a [2024] {x,y} #1 %20 *?/d", "a$b`c", "s3a://bucket/data"])
def test_a_checkout_with_spaces_gets_its_paths_and_the_data_folder_whole(data: str, tmp_path: Path) -> None:
    folder = tmp_path / "my clone é [1]"
    folder.mkdir()

    answer = make(folder, SHOW, "show", KINDRED_DATA=data)

    assert answer.stdout.splitlines() == [data, f"{folder}/.venv/bin", f"{folder}/include"]


def test_the_data_folder_is_the_checkouts_where_none_is_named(tmp_path: Path) -> None:
    assert make(tmp_path, SHOW, "show", "VENV=/opt/venv").stdout.splitlines()[:2] == ["data", "/opt/venv/bin"]


@pytest.mark.parametrize("character", [":", "$", "`", "\\", '"'])
def test_a_checkout_that_make_cannot_use_is_refused_in_one_line(character: str, tmp_path: Path) -> None:
    folder = tmp_path / f"a{character}b"
    folder.mkdir()

    answer = make(folder, "run")

    assert answer.returncode
    assert f"kindred: the path of this checkout holds {character}: move it to another folder" in answer.stderr
    assert len(answer.stderr.splitlines()) == 1
