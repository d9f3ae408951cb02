"""OpenVINO, a package of its own beside the environment: whether it is there, and its import without telemetry."""

import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any

from kindred.runtime.errors import InputError

NAME = "openvino"
INSTALL = ".venv/bin/python -m pip install openvino==2026.4.1"


def check() -> None:
    """Raise InputError where it is not installed."""
    if importlib.util.find_spec(NAME) is None:
        raise InputError(f"precision int8_openvino needs the package openvino: {INSTALL}")


def imported() -> Any:
    """The package. Raises InputError where it is not installed."""
    check()
    modules: dict[str, ModuleType | None] = sys.modules  # type: ignore[assignment]
    modules["openvino_telemetry"] = None  # cannot be imported: else OpenVINO's import reports to Google Analytics
    return importlib.import_module(NAME)
