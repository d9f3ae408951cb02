"""A Spark driver that is kept alive between the stages of a run on one machine: `submit.py` stands in for spark-submit
and hands a stage to `server.py`, which Spark's own spark-submit has started, and which forks a process for it.
"""

import os
import sys
from pathlib import Path

from kindred.runtime.errors import InputError

VARIABLE = "KINDRED_DRIVER"
KEPT, COLD = "kept", "cold"


def environment(master: str) -> dict[str, str]:
    """What lets a job find the stand-in for spark-submit. Empty where each stage has a driver of its own: on a cluster,
    where KINDRED_DRIVER says so, outside a command of make (whose folder of temporary files the socket is in), where an
    event log is kept, which Spark closes only with the driver, and on systems other than Linux, whose libraries may not
    survive a fork.

    Raises InputError for another value of KINDRED_DRIVER.
    """
    choice = os.environ.get(VARIABLE) or KEPT
    if choice not in (KEPT, COLD):
        raise InputError(f"{VARIABLE} must be {KEPT} or {COLD}, not {choice!r}")
    scratch, logged = os.environ.get("KINDRED_SCRATCH"), os.environ.get("KINDRED_EVENT_LOG")
    if choice == COLD or not master.startswith("local") or not scratch or logged or sys.platform != "linux":
        return {}
    return {"PATH": os.pathsep.join([str(Path(__file__).parent), os.environ.get("PATH", os.defpath)])}
