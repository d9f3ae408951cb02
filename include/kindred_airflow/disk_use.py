"""What the data folder holds, by kind."""

import os
import re
from pathlib import Path

from kindred.runtime import caches, file_sizes, runs, storage
from kindred.runtime.file_sizes import Files

RUNS, OTHER = "runs", "other"
KINDS = {  # the first pattern that a path below KINDRED_DATA begins with says its kind
    RUNS: r"runs/",
    "clusterings and cells": r"datasets/[^/]+/featurize/[^/]+/(?:advise_k|cluster|cell)/",
    "features": r"datasets/[^/]+/featurize/",
    "datasets": r"datasets/",
    caches.SERVED: rf"{runs.CACHE}/{caches.SERVED_FOLDER}/",
    "cache": rf"{runs.CACHE}/",
    "MLflow's artefacts": r"mlartifacts/",
    "MLflow's databases": r"\.?mlflow\w*\.db",
    "logs": r"logs/|airflow/logs/",
    "Airflow's databases": r"airflow/",
    OTHER: "",
}


def by_kind(files: Files) -> dict[str, int]:
    """The bytes of each kind in KINDRED_DATA, which has these files, and where the environment places the cache and
    MLflow's artefacts elsewhere, there; in the order of KINDS.
    """
    sizes = dict.fromkeys(KINDS, 0)
    for path, size in files.sizes.items():
        sizes[next(kind for kind, pattern in KINDS.items() if re.match(pattern, path))] += size
    if cache := os.environ.get("KINDRED_CACHE"):
        served = file_sizes.of_paths([Path(cache, caches.SERVED_FOLDER)])
        sizes[caches.SERVED] += served
        sizes["cache"] += file_sizes.of_paths([Path(cache)]) - served
    if (artifacts := os.environ.get("KINDRED_ARTIFACTS")) and not _lies_in(artifacts, storage.data_root()):
        sizes["MLflow's artefacts"] += sum(file_sizes.of(artifacts).sizes.values())
    return {kind: size for kind, size in sizes.items() if size}


def _lies_in(uri: str, root: str) -> bool:
    return f"{uri}/".startswith(f"{root.rstrip('/')}/")
