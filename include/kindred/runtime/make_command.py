"""A command of make, to be copied as it is."""

import shlex
import sys
from pathlib import Path

from kindred.runtime import storage

ROOT = Path(__file__).parents[3]  # of the checkout


def text(target: str, **values: str) -> str:
    """The command with these values, and with the data folder and the environment where they are not make's defaults.

    >>> text("run", RUN_ID="my $run").startswith("make run RUN_ID='my $$run'")
    True
    """
    folder = storage.local(storage.data_root())
    if folder != str(ROOT / "data"):
        values["KINDRED_DATA"] = folder
    if sys.prefix != str(ROOT / ".venv"):
        values["VENV"] = sys.prefix
    return " ".join(
        ["make", target, *(f"{name}={shlex.quote(value.replace('$', '$$'))}" for name, value in values.items())]
    )
