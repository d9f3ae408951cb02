"""The file that says which `make up` serves this data folder: its process, and the tree that it has started."""

import contextlib
import json
import os
from pathlib import Path
from typing import Any

import psutil

from kindred_airflow import machine, processes

END_SECONDS = 30  # for `make up` to end its tree, before it is killed


def path() -> Path:
    """Where it is, while something is up; after a crash it may be older."""
    return machine.data_folder() / "up.json"


def write(tree: str) -> None:
    """Say that this process serves, by the processes of this tree."""
    content = {"pid": os.getpid(), "started": psutil.Process().create_time(), "tree": tree}
    path().write_text(json.dumps(content))


def running() -> list[int]:
    """The processes that serve: `make up`'s own, and where that was killed what it has left."""
    content = _content()
    runner = _runner(content)
    left = {process.pid for process in processes.members(content["tree"])} if "tree" in content else set()
    return [runner.pid] if runner else sorted(left)


def end() -> bool:
    """End what serves, and nothing else; whether anything did."""
    content = _content()
    runner, ended = _runner(content), 0
    if runner:
        with contextlib.suppress(psutil.NoSuchProcess):
            runner.terminate()
            with contextlib.suppress(psutil.TimeoutExpired):
                runner.wait(END_SECONDS)
            runner.kill()
    if "tree" in content:
        ended = processes.end(content["tree"])
    path().unlink(missing_ok=True)
    return runner is not None or ended > 0


def _content() -> dict[str, Any]:
    try:
        content = json.loads(path().read_text())
        return content if isinstance(content, dict) else {}
    except (FileNotFoundError, ValueError):
        return {}


def _runner(content: dict[str, Any]) -> psutil.Process | None:
    """The process that wrote the file, unless another one has its number now."""
    try:
        process = psutil.Process(content["pid"])
        return process if process.create_time() == content["started"] else None
    except (KeyError, TypeError, ValueError, psutil.NoSuchProcess):
        return None
