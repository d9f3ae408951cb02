"""The kept driver: a job of spark-submit that listens on a Unix socket, and forks a process for each stage.

The process of a stage begins with the environment, the folder and the files of who has submitted it. It connects to
the JVM only if it opens a Spark session. Here nothing of a stage runs, so no stage sees the Python objects of another;
Spark's are divided in `spark_session`. A stage that does not end well (its process, or who submitted it, is killed; an
error of Spark, such as full memory) takes the driver with it: the next try has a new one.
"""

import contextlib
import json
import os
import runpy
import select
import signal
import socket
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any, NoReturn

import psutil

from kindred.runtime import job, spark_session

IDLE_SECONDS = 60.0  # between two stages, until the driver ends
POLL_SECONDS = 0.05
PARENT_SECONDS = 1.0
END_SECONDS = 5.0  # for a stage to end by itself, before it is killed
KEEPING = (0, job.BAD_INPUT)  # exit statuses after which the driver stays
ACCEPTED, BUSY = b"+", b"-"  # as in submit.py


def main(address: str) -> None:
    """Serve one stage after another, until none has come for a while, one has not ended well, or the JVM is gone."""
    jvm = os.getppid()
    os.chdir(Path(address).parent)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(Path(address).name)
        listener.listen()
        idle_since = time.monotonic()
        while os.getppid() == jvm and time.monotonic() - idle_since < IDLE_SECONDS:
            if not _readable(listener):
                continue
            client, _ = listener.accept()
            with client:
                request, files = receive(client)
                status = serve(listener, client, request, files) if request else 0
                end_workers(jvm)
                _send(client, bytes([status]))
            if status not in KEEPING:
                return
            idle_since = time.monotonic()


def receive(client: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """Take a job: what it is to begin with, and its standard files. Both empty where the other end is gone."""
    client.settimeout(END_SECONDS)
    _send(client, ACCEPTED)
    try:
        _, files, _, _ = socket.recv_fds(client, 1, 3)
        with client.makefile("rb") as lines:
            line = lines.readline()
    except (ConnectionError, TimeoutError):
        return {}, []
    return (json.loads(line), files) if line.endswith(b"\n") else ({}, [])


def serve(listener: socket.socket, client: socket.socket, request: dict[str, Any], files: list[int]) -> int:
    """Run one stage; its exit status, 1 where a signal has ended it or who submitted it is gone."""
    process = os.fork()
    if process == 0:
        listener.close()
        client.close()
        run(request, files)
    for file in files:
        os.close(file)
    while True:
        ended, status = os.waitpid(process, os.WNOHANG)
        if ended:
            return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 1
        ready, _, _ = select.select([listener, client], [], [], POLL_SECONDS)
        if listener in ready:
            other, _ = listener.accept()
            with other:
                _send(other, BUSY)
        if client in ready:  # it has nothing to say any more: it is gone
            _end(process)
            return 1


def run(request: dict[str, Any], files: list[int]) -> NoReturn:
    """Become the process of a stage, as if spark-submit had started it."""
    server, status = os.getppid(), 1
    os.setsid()
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    gateway = {name: os.environ[name] for name in ("PYSPARK_GATEWAY_PORT", "PYSPARK_GATEWAY_SECRET")}
    os.environ.clear()
    os.environ.update(request["environment"] | gateway | {spark_session.KEPT: "1"})
    os.chdir(request["folder"])
    sys.argv = request["arguments"]
    sys.path[0] = str(Path(sys.argv[0]).parent)
    threading.Thread(target=_end_without, args=(server,), daemon=True).start()
    try:
        runpy.run_path(sys.argv[0], run_name="__main__")
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    except Exception:
        traceback.print_exc()
    if status in KEEPING:
        spark_session.release()
    sys.exit(status)


def end_workers(jvm: int) -> None:
    """End the JVM's Python workers, which would keep the memory of their stage."""
    with contextlib.suppress(psutil.NoSuchProcess):
        for process in psutil.Process(jvm).children():
            if process.pid != os.getpid():
                process.terminate()


def _readable(listener: socket.socket) -> bool:
    return bool(select.select([listener], [], [], POLL_SECONDS)[0])


def _send(client: socket.socket, content: bytes) -> None:
    with contextlib.suppress(ConnectionError):  # it is gone
        client.sendall(content)


def _end(process: int) -> None:
    os.killpg(process, signal.SIGTERM)
    until = time.monotonic() + END_SECONDS
    while time.monotonic() < until:
        if os.waitpid(process, os.WNOHANG)[0]:
            return
        time.sleep(POLL_SECONDS)
    os.killpg(process, signal.SIGKILL)
    os.waitpid(process, 0)


def _end_without(server: int) -> None:
    while os.getppid() == server:
        time.sleep(PARENT_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main(*sys.argv[1:])
