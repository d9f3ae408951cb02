"""Whether the places that the environment names are there, before the first stage: the store, MLflow, Spark's master,
the cache. Each is tried once or twice, so a wrong variable is reported within a minute.
"""

import base64
import http.client
import os
import re
import shutil
import socket
import urllib.error
import urllib.request
from pathlib import Path

from kindred.runtime import runs, s3, s3_objects, storage
from kindred.runtime.errors import InputError

CONNECT_SECONDS = 10  # to wait for Spark's master
TRACKING_SECONDS = 20  # to wait for MLflow's server, which asks its database first
MINIMUM_MEGABYTES = 512  # for graphs and indexes in the cache


def check(master: str) -> None:
    """Raise InputError, in one line that names the variable to fix, for a place that is missing or closed; `master`
    is Spark's.
    """
    if s3.is_s3(storage.data_root()):
        s3_objects.check(storage.data_root())
    check_tracking()
    check_master(master)
    check_space(runs.cache_folder())


def check_tracking() -> None:
    """Raise InputError, within seconds, where MLFLOW_TRACKING_URI is a server that does not answer or refuses. Asked
    without MLflow's own client, which would try for minutes.
    """
    server = os.environ.get("MLFLOW_TRACKING_URI", "")
    if not server.startswith(("http://", "https://")):
        return
    request = urllib.request.Request(f"{server.rstrip('/')}/api/2.0/mlflow/experiments/search?max_results=1")
    user, password = (os.environ.get(f"MLFLOW_TRACKING_{name}", "") for name in ("USERNAME", "PASSWORD"))
    if user:
        request.add_header("Authorization", f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}")
    try:
        urllib.request.urlopen(request, timeout=TRACKING_SECONDS).close()
    except urllib.error.HTTPError as error:
        if error.code in (401, 403):
            names = "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"
            raise InputError(f"MLflow at {server} does not know the user; fix {names}") from None
        raise InputError(f"MLflow at {server} answers with status {error.code}; fix MLFLOW_TRACKING_URI") from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise InputError(f"no MLflow server answers at {server} ({reason}); fix MLFLOW_TRACKING_URI") from None


def check_master(master: str) -> None:
    """Raise InputError unless one of the masters of spark://host:port,host:port answers. Others are not checked."""
    if not master.startswith("spark://"):
        return
    reasons = []
    for address in master.removeprefix("spark://").split(","):
        match = re.fullmatch(r"\[?([^\]]+?)\]?:(\d+)", address)
        if not match:
            raise InputError(f"{master!r} is no address of Spark's master; fix AIRFLOW_CONN_SPARK_DEFAULT")
        try:
            socket.create_connection((match[1], int(match[2])), CONNECT_SECONDS).close()
            return
        except OSError as error:
            reasons.append(error.strerror or str(error))
    raise InputError(f"no Spark master answers at {master} ({reasons[0]}); fix AIRFLOW_CONN_SPARK_DEFAULT")


def check_space(folder: Path) -> None:
    """Raise InputError where the disk of a folder is nearly full."""
    free = shutil.disk_usage(folder).free // 2**20
    if free < MINIMUM_MEGABYTES:
        variable = "KINDRED_CACHE" if os.environ.get("KINDRED_CACHE") else "KINDRED_DATA"
        raise InputError(f"{folder} has {free} MiB left, too little; make room, or fix {variable}")
