"""`make up` and `make down`: Airflow's UI and scheduler and MLflow's UI on this machine, until Ctrl-C."""

import json
import os
import secrets
import socket
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from kindred.runtime import mlflow_pages
from kindred.runtime.errors import InputError
from kindred.runtime.stages import SELF_TRAINING
from kindred_airflow import command, logins, machine, up_file
from kindred_airflow.processes import Tree

DATABASE = "airflow.db"
READY_SECONDS = 240
PASSWORDS_FILE = "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"


def up() -> int:
    """Serve until a signal or `make down` ends it: raises Stopped then."""
    if running := up_file.running():
        raise InputError(f"already up, as process {', '.join(map(str, running))}; `make down` ends it")
    airflow_port, mlflow_port = free_port("AIRFLOW_PORT", 8080), free_port("MLFLOW_PORT", 5000)
    logs = machine.data_folder() / "logs"
    logs.mkdir(parents=True, exist_ok=True)
    try:
        with Tree(_environment(airflow_port, mlflow_port)) as tree:
            up_file.write(tree.name)
            machine.prepare(tree.env, DATABASE)
            servers = _start(tree, mlflow_port, logs)
            print(f"Starting Airflow and MLflow, about a minute; logs: {logs}", flush=True)
            addresses = {
                "api-server": f"http://127.0.0.1:{airflow_port}/api/v2/monitor/health",
                "mlflow": f"http://127.0.0.1:{mlflow_port}/health",
            }
            for name, address in addresses.items():
                _wait_until_healthy(name, address, servers, logs)
            _print_addresses(tree.env, airflow_port)
            while True:
                _raise_if_ended(servers, logs)
                time.sleep(1)
    finally:
        up_file.path().unlink(missing_ok=True)


def down() -> int:
    """End what `up` serves, and what an `up` that was killed has left; the exit status."""
    print("down" if up_file.end() else "nothing is up")
    return 0


def _start(tree: Tree, mlflow_port: int, logs: Path) -> dict[str, subprocess.Popen[bytes]]:
    """Start the servers."""
    login = _login_of_mlflow(logins.admin_password(Path(tree.env[PASSWORDS_FILE])))
    servers = {}
    for name, program in _programs(tree.env, mlflow_port).items():
        own = login if name == "mlflow" else {}
        with (logs / f"{name}.log").open("a") as log:
            servers[name] = tree.start(program, env=own, cwd=machine.data_folder(), stdout=log, stderr=log)
    return servers


def _environment(airflow_port: int, mlflow_port: int) -> dict[str, str]:
    """The environment of Airflow and MLflow as servers."""
    env = machine.environment(DATABASE)
    env["AIRFLOW__API__PORT"] = str(airflow_port)
    env["AIRFLOW__API__BASE_URL"] = f"http://127.0.0.1:{airflow_port}"
    env["AIRFLOW__CORE__EXECUTION_API_SERVER_URL"] = f"http://127.0.0.1:{airflow_port}/execution/"
    # The log of a running task is read from the disk. By the name of its host Airflow would ask for it there too: none.
    env["AIRFLOW__CORE__HOSTNAME_CALLABLE"] = "builtins.str"
    env.setdefault(PASSWORDS_FILE, str(Path(env["AIRFLOW_HOME"], logins.PASSWORDS)))
    env.setdefault("KINDRED_MLFLOW_UI", f"http://127.0.0.1:{mlflow_port}")
    return env


def _login_of_mlflow(password: str) -> dict[str, str]:
    """What MLflow's server finds in its environment: the user, and a key for its forms as long as it runs."""
    return {
        "MLFLOW_AUTH_CONFIG_PATH": str(Path(__file__).with_name("mlflow_auth.ini")),
        "MLFLOW_AUTH_ADMIN_USERNAME": logins.ADMIN,
        "MLFLOW_AUTH_ADMIN_PASSWORD": password,
        "MLFLOW_FLASK_SERVER_SECRET_KEY": secrets.token_hex(32),
    }


def _programs(env: dict[str, str], mlflow_port: int) -> dict[str, list[str]]:
    """The command lines of the servers. Airflow's are started one by one: `airflow standalone` would serve logs on all
    addresses of the machine, and print a new password into its log.
    """
    airflow = str(Path(sys.executable).parent / "airflow")
    return {
        "api-server": [airflow, "api-server"],
        "scheduler": [airflow, "scheduler", "--skip-serve-logs"],
        "dag-processor": [airflow, "dag-processor"],
        "triggerer": [airflow, "triggerer", "--skip-serve-logs"],
        "mlflow": [
            *(sys.executable, "-m", "kindred_airflow.mlflow_server"),
            *("--backend-store-uri", env["MLFLOW_TRACKING_URI"], "--artifacts-destination", env["KINDRED_ARTIFACTS"]),
            *("--host", "127.0.0.1", "--port", str(mlflow_port), "--workers", "1"),
        ],
    }


def _print_addresses(env: dict[str, str], airflow_port: int) -> None:
    """The addresses and the login; where the output is a file, the name of the file with the password instead."""
    passwords, mlflow = Path(env[PASSWORDS_FILE]), mlflow_pages.runs_of(SELF_TRAINING, env)
    into_file = stat.S_ISREG(os.fstat(sys.stdout.fileno()).st_mode)
    password = f"the password in {passwords}" if into_file else f"password {logins.admin_password(passwords)}"
    print(f"  Airflow  http://127.0.0.1:{airflow_port}   user {logins.ADMIN}, {password}")
    print(f"  MLflow   {mlflow}   the same user and password")
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
        if content and (name != "api-server" or _healthy(json.loads(content))):
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
