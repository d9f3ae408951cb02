"""`make predict`: label a folder of images with a finished run."""

import os
import sys
from pathlib import Path

from kindred import runs
from kindred.errors import InputError
from kindred_airflow.run import run


def main() -> int:
    """The command line of `make predict`: its values come from the environment, where make puts them."""
    name, images = os.environ.get("RUN"), os.environ.get("IMAGES")
    if not name or not images:
        known = runs.known_runs("self_training")
        hint = f"; finished runs: {', '.join(known[-9:])}" if known else "; `make run` makes a run"
        raise InputError(f"say which run and which images: make predict RUN=name IMAGES=folder{hint}")
    source = runs.find_run(name, "self_training")
    images = images if "://" in images else str(Path(images).expanduser().absolute())
    folder, status = run("predict", {"run": source, "images": images}, os.environ.get("RUN_ID"))
    if status == 0:
        print(f"\n  {runs.local(folder)}/predictions.csv")
    return status


if __name__ == "__main__":
    try:
        sys.exit(main())
    except InputError as error:
        sys.exit(f"kindred: {error}")
