"""Whether the places that the environment names are there, before the first stage: the store, MLflow, Spark's master,
the cache. Each is asked once or twice, so a wrong variable is told within a minute.
"""

import os
import re
import shutil
import socket
from pathlib import Path

from kindred.runtime import runs, s3, tracking
from kindred.runtime.errors import InputError

CONNECT_SECONDS = 10
LEAST_MEGABYTES = 512  # for graphs and indexes in the cache


def check(master: str) -> None:
    """Raise InputError, in one line that names the variable to mend, for a place that is missing or closed; `master`
    is Spark's.
    """
    if s3.is_s3(runs.data_root()):
        s3.check(runs.data_root())
    tracking.check()
    check_master(master)
    check_space(runs.cache_folder())


def check_master(master: str) -> None:
    """At least one of the masters of spark://host:port,host:port answers; anything else is the cluster's own matter."""
    if not master.startswith("spark://"):
        return
    reasons = []
    for place in master.removeprefix("spark://").split(","):
        found = re.fullmatch(r"\[?([^\]]+?)\]?:(\d+)", place)
        if not found:
            raise InputError(f"{master!r} is no address of Spark's master; mend AIRFLOW_CONN_SPARK_DEFAULT")
        try:
            socket.create_connection((found[1], int(found[2])), CONNECT_SECONDS).close()
            return
        except OSError as error:
            reasons.append(error.strerror or str(error))
    raise InputError(f"no Spark master answers at {master} ({reasons[0]}); mend AIRFLOW_CONN_SPARK_DEFAULT")


def check_space(folder: Path) -> None:
    free = shutil.disk_usage(folder).free // 2**20
    if free < LEAST_MEGABYTES:
        variable = "KINDRED_CACHE" if os.environ.get("KINDRED_CACHE") else "KINDRED_DATA"
        raise InputError(f"{folder} has {free} MiB left, too little; make room, or mend {variable}")
