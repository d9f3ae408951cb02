"""What the set-up says while it fetches and installs the packages."""

import importlib.machinery
import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

PROGRAM = Path(__file__).parents[1] / "bin" / "pip_progress"


@pytest.fixture(scope="module")
def pip_progress() -> ModuleType:
    loader = importlib.machinery.SourceFileLoader("pip_progress", str(PROGRAM))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("pip_progress", loader))
    loader.exec_module(module)
    return module


def test_large_packages_are_named_with_what_has_been_fetched_before(pip_progress: ModuleType) -> None:
    output = [
        "Collecting numpy==2.3.1 (from -r requirements.txt (line 9))",
        "  Downloading numpy-2.3.1-cp312-cp312-manylinux_2_28_x86_64.whl (16.6 MB)",
        "  Downloading https://index.example/packages/tensorflow-2.20.0-cp312-cp312-linux.whl.metadata (4.5 kB)",
        "  Using cached tensorflow_cpu-2.20.0-cp312-cp312-manylinux_2_17_x86_64.whl (262.7 MB)",
        "  Downloading tiny-1.0-py3-none-any.whl (900 B)",
        "Installing collected packages: numpy, tensorflow_cpu, tiny",
    ]

    assert list(pip_progress.lines(output)) == [
        "17 MB so far; next: tensorflow_cpu 2.20.0 (263 MB)",
        "installs 3 packages (279 MB), a minute or two",
    ]


def test_many_small_packages_are_summed_up(pip_progress: ModuleType) -> None:
    output = [f"  Downloading part{n}-1.0-py3-none-any.whl (40.0 MB)" for n in range(12)]

    assert list(pip_progress.lines(output)) == [
        "200 MB so far; next: part5 1.0 (40 MB)",
        "440 MB so far; next: part11 1.0 (40 MB)",
    ]


def test_what_pip_cannot_install_ends_with_its_error_and_status(tmp_path: Path) -> None:
    (tmp_path / "lock.txt").write_text(f"{tmp_path}/no-such-package\n")

    done = subprocess.run(
        [sys.executable, str(PROGRAM), str(tmp_path / "lock.txt")], capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert "no-such-package" in done.stderr
