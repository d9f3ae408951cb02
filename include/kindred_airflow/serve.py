"""`make up` and `make down`: Airflow's UI and scheduler and MLflow's UI on this machine, until Ctrl-C."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import psutil

from kindred.runtime.errors import InputError
from kindred_airflow import command, machine
from kindred_airflow.processes import end_tree

DATABASE = "airflow.db"
READY_SECONDS = 240


def up() -> int:
    """Serve until Ctrl-C (or `make down`); the exit status, 0 where it was asked to end."""
    airflow_port, mlflow_port = free_port("AIRFLOW_PORT", 8080), free_port("MLFLOW_PORT", 5000)
    state = machine.data_folder() / "up.json"
    if running := _running(state):
        raise InputError(f"already up, as process {running}; `make down` ends it")
    env = _environment(airflow_port, mlflow_port)
    machine.prepare(env, DATABASE)
    logs = machine.data_folder() / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    servers: dict[str, subprocess.Popen[bytes]] = {}
    try:
        for name, program in _programs(env, mlflow_port).items():
            with (logs / f"{name}.log").open("a") as log:
                servers[name] = subprocess.Popen(program, env=env, stdout=log, stderr=log, start_new_session=True)
        state.write_text(json.dumps({"pid": os.getpid(), "started": psutil.Process().create_time()}))
        print(f"Starting Airflow and MLflow, about a minute; logs: {logs}", flush=True)
        addresses = {
            "airflow": f"http://127.0.0.1:{airflow_port}/api/v2/monitor/health",
            "mlflow": f"http://127.0.0.1:{mlflow_port}/health",
        }
        for name, address in addresses.items():
            _wait_until_healthy(name, address, servers, logs)
        _print_addresses(Path(env["AIRFLOW_HOME"]), airflow_port, mlflow_port)
        while True:
            _raise_if_ended(servers, logs)
            time.sleep(1)
    except KeyboardInterrupt:
        print("\nEnding ...", flush=True)
        return 0
    finally:
        for server in servers.values():
            end_tree(server.pid)
        state.unlink(missing_ok=True)


def down() -> int:
    """End what `up` serves; the exit status."""
    state = machine.data_folder() / "up.json"
    pid = _running(state)
    if pid is None:
        state.unlink(missing_ok=True)
        print("nothing is up")
        return 0
    process = psutil.Process(pid)
    process.terminate()
    try:
        process.wait(60)
    except psutil.TimeoutExpired:
        raise InputError(f"process {pid} does not end") from None
    print("down")
    return 0


def _environment(airflow_port: int, mlflow_port: int) -> dict[str, str]:
    """The environment of Airflow and MLflow as servers."""
    env = machine.environment(DATABASE)
    env["AIRFLOW__API__PORT"] = str(airflow_port)
    env["AIRFLOW__API__BASE_URL"] = f"http://127.0.0.1:{airflow_port}"
    env["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] = f"http://127.0.0.1:{airflow_port}/execution/"
    with socket.socket() as free:  # of the server for task logs, which has no page of its own
        free.bind(("127.0.0.1", 0))
        env["AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT"] = str(free.getsockname()[1])
    env.setdefault("KINDRED_MLFLOW_UI", f"http://127.0.0.1:{mlflow_port}")
    return env


def _programs(env: dict[str, str], mlflow_port: int) -> dict[str, list[str]]:
    """The command lines of the two servers."""
    bin_folder = Path(sys.executable).parent
    return {
        "airflow": [str(bin_folder / "airflow"), "standalone"],
        "mlflow": [
            *(str(bin_folder / "mlflow"), "server", "--backend-store-uri", env["MLFLOW_TRACKING_URI"]),
            *("--artifacts-destination", env["KINDRED_ARTIFACTS"], "--host", "127.0.0.1", "--port", str(mlflow_port)),
            *("--workers", "1"),
        ],
    }


def _print_addresses(home: Path, airflow_port: int, mlflow_port: int) -> None:
    passwords = json.loads((home / "simple_auth_manager_passwords.json.generated").read_text())
    user, password = next(iter(passwords.items()))
    print(f"  Airflow  http://127.0.0.1:{airflow_port}   user {user}, password {password}")
    print(f"  MLflow   http://127.0.0.1:{mlflow_port}")
    print("Ctrl-C ends both.", flush=True)


def _wait_until_healthy(name: str, address: str, servers: dict[str, subprocess.Popen[bytes]], logs: Path) -> None:
    """Wait until a server answers that it is healthy."""
    until = time.monotonic() + READY_SECONDS
    while time.monotonic() < until:
        _raise_if_ended(servers, logs)
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:
                content = answer.read().decode()
        except OSError:  # not yet
            content = ""
        if content and (name != "airflow" or _healthy(json.loads(content))):
            return
        time.sleep(1)
    raise InputError(f"{name} was not ready within {READY_SECONDS} s; see {logs / name}.log")


def _healthy(parts: dict[str, Any]) -> bool:
    """Whether all parts of Airflow say so."""
    return all(
        (parts.get(part) or {}).get("status") == "healthy" for part in ("metadatabase", "scheduler", "dag_processor")
    )


def _raise_if_ended(servers: dict[str, subprocess.Popen[bytes]], logs: Path) -> None:
    for name, server in servers.items():
        if (status := server.poll()) is not None:
            raise InputError(f"{name} ended with status {status}; see {logs / name}.log")


def _running(state: Path) -> int | None:
    """The process that serves, if there is one."""
    try:
        known = json.loads(state.read_text())
        if psutil.Process(known["pid"]).create_time() == known["started"]:
            return known["pid"]
    except (FileNotFoundError, psutil.NoSuchProcess, json.JSONDecodeError):
        pass
    return None


def free_port(name: str, default: int) -> int:
    """The port that an environment variable names, or the default. Raises InputError where that is none, or taken."""
    text = os.environ.get(name) or str(default)
    if not text.isdigit() or not 1 <= int(text) <= 65535:
        raise InputError(f"{name} must be a port, 1 to 65535, not {text!r}")
    with socket.socket() as probe:
        if probe.connect_ex(("127.0.0.1", int(text))) == 0:
            raise InputError(f"port {text} is taken; choose another with {name}=...")
    return int(text)


if __name__ == "__main__":
    command.exit_with({"up": up, "down": down}[sys.argv[1]])
