"""What Airflow runs in the place of spark-submit: hands the job to a kept driver, and starts one where none is free.

Its output and its status are the job's. Ended by a signal it closes the connection, and the server ends the job.
Started by a Python without site packages: only the standard library is there.
"""

import fcntl
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

FLAGS = ("--verbose", "--supervise")  # options without a value
SAME = ("AWS_", "JAVA_", "HADOOP_", "KINDRED_", "LC_", "LD_", "PYSPARK_", "PYTHON", "SPARK_", "_SPARK_")
POLL_SECONDS = 0.05
ACCEPTED, BUSY = b"+", b"-"  # what a driver says at first; nothing where it is just ending


def main(arguments: list[str]) -> int:
    """Run a job in a kept driver: the first one that is free, or a new one. Its exit status."""
    options, job = split(arguments)
    request: dict[str, object] = {"arguments": job, "folder": os.getcwd(), "environment": dict(os.environ)}
    folder = Path(os.environ["KINDRED_SCRATCH"], "driver")
    folder.mkdir(mode=0o700, exist_ok=True)
    os.chdir(folder)  # the path of a socket may have 107 bytes only
    identity, number, offset = key(options, dict(os.environ)), 0, None
    while True:
        name = f"{identity}-{number}"
        if (driver := _connect(name)) is None:
            start(name, options)
            offset = 0
            continue
        with driver:
            answer = _answer(driver)
            if answer == ACCEPTED:
                log = Path(f"{name}.log")
                offset = log.stat().st_size if offset is None else offset
                return submit(driver, request) or follow(driver, log, offset)
            number, offset = number + (answer == BUSY), None


def split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """The options of spark-submit without the job's name, and the job with its arguments.

    >>> split(["--master", "local[2]", "--name", "kindred-gate", "--verbose", "gate.py", "--stage", "gate"])
    (['--master', 'local[2]', '--verbose'], ['gate.py', '--stage', 'gate'])
    """
    options: list[str] = []
    left = list(arguments)
    while left and left[0].startswith("-"):
        option = [left.pop(0)] if left[0] in FLAGS else [left.pop(0), left.pop(0)]
        if option[0] != "--name":
            options += option
    return options, left


def key(options: list[str], environment: dict[str, str]) -> str:
    """Names the drivers that a job may use: those with its options, and its environment as far as Spark may see it."""
    same = sorted((name, value) for name, value in environment.items() if name.startswith(SAME))
    return hashlib.sha256(json.dumps([options, same]).encode()).hexdigest()[:16]


def start(name: str, options: list[str]) -> None:
    """Start the driver `name`, and wait until it listens. Ends with its output and status where it does not."""
    with open(f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if driver := _connect(name):  # another job has started it in the meantime
            driver.close()
            return
        Path(name).unlink(missing_ok=True)  # of one that has ended
        Path(f"{name}.log").unlink(missing_ok=True)
        here = Path(__file__).parent
        path = os.pathsep.join(p for p in os.environ["PATH"].split(os.pathsep) if Path(p) != here)
        command = [shutil.which("spark-submit", path=path) or "spark-submit", "--name", "kindred", *options]
        with open(f"{name}.log", "wb") as log:
            process = subprocess.Popen(
                [*command, str(here / "server.py"), str(Path(name).absolute())],
                env={**os.environ, "PATH": path},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        while (driver := _connect(name)) is None:
            if (status := process.poll()) is not None:
                sys.stdout.write(Path(f"{name}.log").read_text(errors="replace"))
                sys.exit(status if status > 0 else 1)
            time.sleep(POLL_SECONDS)
        driver.close()


def submit(driver: socket.socket, request: dict[str, object]) -> int:
    """Send a job, and the standard files that it gets; 1 where the driver is gone, else 0."""
    try:
        socket.send_fds(driver, [b" "], [0, 1, 2])
        driver.sendall(json.dumps(request).encode() + b"\n")
    except ConnectionError:
        return 1
    return 0


def follow(driver: socket.socket, log: Path, offset: int) -> int:
    """Print what the driver's JVM writes until the job ends; the job's exit status, 1 where the driver is gone."""
    driver.settimeout(POLL_SECONDS)
    with log.open("rb") as lines:
        lines.seek(offset)
        while True:
            status = _answer(driver)
            sys.stdout.buffer.write(lines.read())
            sys.stdout.buffer.flush()
            if status is not None:
                return status[0] if status else 1


def _answer(driver: socket.socket) -> bytes | None:
    """A byte; empty where the driver is gone, None where nothing has come within the timeout."""
    try:
        return driver.recv(1)
    except TimeoutError:
        return None
    except ConnectionError:
        return b""


def _connect(name: str) -> socket.socket | None:
    driver = socket.socket(socket.AF_UNIX)
    try:
        driver.connect(name)
    except (FileNotFoundError, ConnectionRefusedError):
        driver.close()
        return None
    return driver


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
