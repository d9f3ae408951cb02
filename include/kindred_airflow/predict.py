"""`make predict`: label a folder of images with a finished run."""

import os
from pathlib import Path

from kindred.runtime import file_names, runs, storage
from kindred_airflow import command
from kindred_airflow.run import run


def main() -> int:
    """The command line of `make predict`."""
    usage = "say which run and which images: make predict RUN=name IMAGES=folder"
    name, images = command.required("RUN", "IMAGES", usage=usage)
    source = runs.find_run(name)
    images = images if "://" in images else str(Path(images).expanduser().absolute())
    folder, status = run("predict", {"run": source, "images": images}, os.environ.get("RUN_ID"))
    if status == 0:
        print(f"\n  {storage.local(folder)}/{file_names.PREDICTIONS}")
    return status


if __name__ == "__main__":
    command.exit_with(main)
