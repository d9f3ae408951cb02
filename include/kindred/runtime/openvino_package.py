"""OpenVINO, a package of its own beside the environment: whether it is there, and its import without telemetry."""

import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any

from kindred.runtime.errors import InputError

NAME = "openvino"
INSTALL = "pip install --no-deps openvino==2026.4.1"  # its other dependencies are NumPy and the telemetry


def check() -> None:
    """Raise InputError where it is not installed."""
    if importlib.util.find_spec(NAME) is None:
        raise InputError(f"precision int8_openvino needs the package openvino: .venv/bin/python -m {INSTALL}")


def imported() -> Any:
    """The package. Its import reports to Google Analytics unless openvino_telemetry is missing, as it then seems.
    Raises InputError where it is not installed.
    """
    check()
    blocked: dict[str, ModuleType | None] = sys.modules  # type: ignore[assignment]  # None: cannot be imported
    blocked["openvino_telemetry"] = None
    return importlib.import_module(NAME)
