"""The services of docker-compose.yaml as processes of this machine: the same commands and the same variables, with the
names of hosts and the folders of the image replaced by addresses and folders here.
"""

import contextlib
import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

import stores
from cluster import compose
from cluster.compose import ROOT

READY_SECONDS = 300
# The ports that a service listens on inside its container.
PORTS = {
    "postgres": [5432],
    "object-store": [7070],
    "mlflow": [5000],
    "spark-master": [7077, 8080],
    "spark-worker": [8081],
    "spark-history": [18080],
    "airflow-api-server": [8080],
}
PUBLISHED = {
    "AIRFLOW_PORT": ("airflow-api-server", 8080),
    "MLFLOW_PORT": ("mlflow", 5000),
    "SPARK_UI_PORT": ("spark-master", 8080),
    "SPARK_HISTORY_PORT": ("spark-history", 18080),
}


def missing() -> str:
    """What this machine lacks to be the cluster; empty where it has all."""
    if not postgres_bin():
        return "no PostgreSQL; on Debian, install postgresql"
    if not jars().is_dir():
        return f"no jars in {jars()}; run `sh bin/install jars {jars()}`"
    return ""


def postgres_bin() -> Path | None:
    """The folder of PostgreSQL's programs, newest first."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: -int(path.parent.name))
    found = shutil.which("initdb")
    return next(
        (path for path in [*places, *([Path(found).parent] if found else [])] if (path / "initdb").exists()), None
    )


def jars() -> Path:
    """Where `bin/install jars` has put what Spark needs for s3a://."""
    return Path(os.environ.get("KINDRED_JARS") or Path(sys.prefix, "share", "kindred", "jars"))


class Cluster:
    """The services, started one by one; `end` ends all that is left of them."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.ports = {(name, port): stores.free_port() for name, ports in PORTS.items() for port in ports}
        self.env = self._variables()
        self.services = compose.services(self.env)
        self.processes: dict[str, subprocess.Popen] = {}
        self.orphans: list[psutil.Process] = []
        self.revived: list[str] = []
        self.proxies = contextlib.ExitStack()
        self.database = Path(tempfile.mkdtemp(prefix="kindred-postgres-"))  # where another user may enter
        for name in ("kindred/airflow", "kindred/mlflow", "kindred/cache", "logs", "docker", "objects"):
            (place / name).mkdir(parents=True)
        for path in (ROOT / "docker").iterdir():
            (place / "docker" / path.name).write_text(self.here(path.read_text()))

    def address(self, service: str, port: int) -> str:
        return f"127.0.0.1:{self.ports[service, port]}"

    def here(self, text: str) -> str:
        """A text of the compose file, as it reads on this machine."""
        text = text.replace('spark://spark-master", "port": 7077', f'spark://127.0.0.1", "port": {self._port("7077")}')
        for (name, port), here in self.ports.items():
            text = text.replace(f"{name}:{port}", f"127.0.0.1:{here}")
        places = {
            "/opt/kindred/venv": sys.prefix,
            "/opt/kindred/jars": str(jars()),
            "/opt/kindred/docker": str(self.place / "docker"),
            "/opt/kindred": str(ROOT),
            "/var/lib/kindred": str(self.place / "kindred"),
        }
        for there, place in places.items():
            text = text.replace(there, place)
        return text

    def environment(self, service: str) -> dict[str, str]:
        """What a service finds in its environment: the compose file's variables, and what the image sets."""
        from kindred.runtime import java

        given = {name: self.here(str(value)) for name, value in self.services[service]["environment"].items()}
        image = {
            **java.environment(),
            "JAVA_HOME": java.java_home(),
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PYTHONPATH": str(ROOT / "include"),
            "HOME": str(self.place),
        }
        # Where hosts have no names of their own, all of them are this one.
        machine = {"SPARK_LOCAL_IP": "127.0.0.1", "SPARK_LOCAL_DIRS": str(self.place / "local")}
        machine["SPARK_DAEMON_JAVA_OPTS"] = " ".join(java.FAST_START)  # they live for minutes
        logs = {f"AIRFLOW__LOGGING__{name}_LOG_SERVER_PORT": str(stores.free_port()) for name in ("WORKER", "TRIGGER")}
        return {**image, **machine, **logs, **given}

    def command(self, service: str) -> list[str]:
        text = self.here(self.services[service]["command"]).replace("--host 0.0.0.0", "--host 127.0.0.1")
        text = text.replace("--host spark-master", "--host 127.0.0.1")
        for port in PORTS.get(service, []):
            text = re.sub(rf"(port :?){port}\b", rf"\g<1>{self.ports[service, port]}", text)
        return compose.command({"command": text})

    def start(self, service: str, command: list[str] | None = None, name: str | None = None, **more: str) -> None:
        """Start a service (a second one of its kind under another `name`), its log beside the others'."""
        name = name or service
        folder = self.place / "kindred" / name
        folder.mkdir(exist_ok=True)
        env = {**self.environment(service), **more}
        with (self.place / "logs" / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                command or self.command(service),
                env=env,
                cwd=folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def start_postgres(self) -> None:
        """A database server as a user who is not root, which PostgreSQL refuses to be."""
        owner = _unprivileged()
        programs, port = postgres_bin(), self.ports["postgres", 5432]
        given = self.services["postgres"]["environment"]
        data = self.database / "data"
        if not data.exists():
            secret = self.database / "password"
            secret.write_text(given["POSTGRES_PASSWORD"])
            for path in (self.database, secret):
                if owner:
                    shutil.chown(path, owner)
            command = [programs / "initdb", "-D", data, "-U", given["POSTGRES_USER"], "-A", "scram-sha-256"]
            done = [*command, f"--pwfile={secret}", "--encoding=UTF8", "--locale=C"]
            subprocess.run(done, check=True, user=owner, stdout=subprocess.DEVNULL, cwd="/")
        options = ["-c", f"port={port}", "-c", "listen_addresses=127.0.0.1", "-k", str(self.database)]
        with (self.place / "logs" / "postgres.log").open("ab") as log:
            self.processes["postgres"] = subprocess.Popen(
                [programs / "postgres", "-D", data, *options],
                user=owner,
                cwd="/",
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        ready = [programs / "pg_isready", "-h", "127.0.0.1", "-p", str(port)]
        self.wait("postgres", lambda: subprocess.run(ready, capture_output=True, check=False).returncode == 0)

    def start_store(self) -> stores.Proxy:
        """The object store, and a proxy in front of it to which all others are sent."""
        behind = stores.free_port()
        service, store = self.services["object-store"], shutil.which("versitygw")
        if store:
            command = self.here(service["command"]).replace(":7070", f"127.0.0.1:{behind}").split()
            command = [store, *command[1:-1], str(self.place / "objects")]
        else:  # not the compose file's: this one knows no passwords
            command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(behind)]
        self.start("object-store", command, **service["environment"])
        path = "/health" if store else "/moto-api/"
        self.wait("object-store", lambda: answers(f"http://127.0.0.1:{behind}{path}"))
        port = self.ports["object-store", 7070]
        return self.proxies.enter_context(stores.proxy(f"http://127.0.0.1:{behind}", port))[1]

    def start_all(self) -> stores.Proxy:
        """All services, in the order of the compose file; the proxy to the object store."""
        self.start_postgres()
        proxy = self.start_store()
        self.start("init")
        if self.processes.pop("init").wait(READY_SECONDS):
            raise RuntimeError(f"init failed:\n{self.log('init')[-3000:]}")
        for name in ("mlflow", "spark-master", "airflow-api-server", "airflow-dag-processor", "airflow-triggerer"):
            self.start(name)
        self.wait("spark-master", lambda: answers(f"http://{self.address('spark-master', 8080)}/json/"))
        for number in (1, 2):
            self.start_worker(number)
        self.wait("spark-master", lambda: len(self.workers()) == 2)
        self.wait("mlflow", lambda: answers(f"http://{self.address('mlflow', 5000)}/health"))
        self.wait("airflow-api-server", lambda: answers(f"{self.api()}/version"))
        self.start("airflow-scheduler")
        self.wait("airflow-scheduler", lambda: self.health().get("scheduler") == "healthy")
        self.wait("airflow-dag-processor", lambda: self.call("GET", "dags/self_training")[0] == 200)
        return proxy

    def start_worker(self, number: int) -> None:
        """A worker of one core; its page's port is its own."""
        command = self.command("spark-worker")
        port = command.index("--webui-port") + 1
        command[port] = str(stores.free_port())
        work = str(self.place / f"work-{number}")
        self.start("spark-worker", command, f"spark-worker-{number}", SPARK_WORKER_DIR=work)

    def workers(self) -> list[dict]:
        """What the master says of its living workers."""
        with contextlib.suppress(OSError):
            page = f"http://{self.address('spark-master', 8080)}/json/"
            with urllib.request.urlopen(page, timeout=10) as answer:
                return [worker for worker in json.load(answer)["workers"] if worker["state"] == "ALIVE"]
        return []

    def wait(self, service: str, ready: Callable[[], Any], seconds: float = READY_SECONDS) -> Any:
        """What `ready` gives as soon as that is something. Raises RuntimeError, with the service's log, where it has
        ended or takes longer.
        """
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if found := ready():
                return found
            process = self.processes.get(service)
            if process is not None and process.poll() is not None:
                break
            time.sleep(0.5)
        raise RuntimeError(f"{service} is not ready:\n{self.log(service)[-3000:]}")

    def log(self, service: str) -> str:
        return (self.place / "logs" / f"{service}.log").read_text(errors="replace")

    def kill(self, name: str, how: int = signal.SIGKILL, alone: bool = False) -> None:
        """End a service and everything below it at once; `alone`: what is below it lives on, without a parent."""
        process = self.processes.pop(name)
        below = psutil.Process(process.pid).children(recursive=True)
        self.orphans += below if alone else []
        os.kill(process.pid, how)
        _end([] if alone else below)
        process.wait(60)

    def revive(self) -> None:
        """Start again what has ended by itself, as Compose does by the service's restart policy."""
        for name, process in list(self.processes.items()):
            service = re.sub(r"-\d+$", "", name)
            if process.poll() is not None and self.services[service]["restart"] == "unless-stopped":
                self.revived.append(name)
                self.start(service, list(process.args), name)

    def end(self) -> None:
        for name in reversed(list(self.processes)):
            with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
                self.kill(name, signal.SIGINT if name == "postgres" else signal.SIGKILL)
        _end(self.orphans)
        self.proxies.close()
        shutil.rmtree(self.database, ignore_errors=True)

    # Airflow's REST API

    def api(self) -> str:
        return f"http://{self.address('airflow-api-server', 8080)}/api/v2"

    def token(self) -> str:
        user = {"username": "admin", "password": self.env["AIRFLOW_ADMIN_PASSWORD"]}
        address = f"http://{self.address('airflow-api-server', 8080)}/auth/token"
        return request("POST", address, user)[1]["access_token"]

    def call(self, method: str, path: str, content: dict | None = None) -> tuple[int, dict]:
        return request(method, f"{self.api()}/{path}", content, self.token())

    def health(self) -> dict[str, str]:
        _, parts = request("GET", f"{self.api()}/monitor/health")
        return {name: (part or {}).get("status") for name, part in parts.items()}

    def trigger(self, conf: dict, dag: str = "self_training") -> str:
        """Start a DAG run; its id."""
        status, answer = self.call("POST", f"dags/{dag}/dagRuns", {"logical_date": None, "conf": conf})
        if status != 200:
            raise RuntimeError(f"{status}: {answer}")
        return answer["dag_run_id"]

    def state(self, run: str, dag: str = "self_training") -> str:
        return self.call("GET", f"dags/{dag}/dagRuns/{run}")[1].get("state", "")

    def task_state(self, run: str, task: str, dag: str = "self_training") -> str:
        return self.call("GET", f"dags/{dag}/dagRuns/{run}/taskInstances/{task}")[1].get("state") or ""

    def task_log(self, run: str, task: str) -> str:
        """Everything that a task's tries have written."""
        folder = self.place / "kindred/airflow/logs"
        found = sorted(folder.glob(f"dag_id=*/run_id={run}/task_id={task}/*.log"))
        return "\n".join(path.read_text(errors="replace") for path in found)

    def finish(self, run: str, seconds: float = 1500) -> str:
        """Wait until a DAG run ends; its state."""

        def ended() -> str | None:
            self.revive()
            state = self.state(run)
            return state if state in ("success", "failed") else None

        return self.wait("airflow-scheduler", ended, seconds)

    def _port(self, port: str) -> int:
        return self.ports["spark-master", int(port)]

    def _variables(self) -> dict[str, str]:
        """What `make env` writes, with ports that are free here, and small sizes."""
        folder = self.place / "env" / "bin"
        folder.mkdir(parents=True)
        shutil.copy(ROOT / "bin" / "env", folder)
        subprocess.run(["sh", folder / "env"], check=True, stdout=subprocess.DEVNULL)
        env = compose.read_env((self.place / "env" / ".env").read_text())
        ports = {name: str(self.ports[key]) for name, key in PUBLISHED.items()}
        sizes = {
            "SPARK_WORKER_CORES": "1",
            "SPARK_WORKER_MEMORY": "2g",
            "KINDRED_EXECUTOR_MEMORY": "1g",
            "KINDRED_MAX_CORES": "2",
            "KINDRED_DRIVER_MEMORY": "1g",
        }
        return {**env, **ports, **sizes}


def request(method: str, address: str, content: dict | None = None, token: str | None = None) -> tuple[int, dict]:
    """A call and its answer: status and JSON. Tried again while nobody answers."""
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
    data = None if content is None else json.dumps(content).encode()
    for attempt in range(30):
        asked = urllib.request.Request(address, data=data, headers=headers, method=method)
        try:
            with urllib.request.urlopen(asked, timeout=60) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code < 500 or attempt == 29:
                return error.code, {"detail": error.read().decode()}
        except OSError:
            if attempt == 29:
                raise
        time.sleep(1)
    raise AssertionError


def answers(address: str) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=10):
        return True
    return False


def _end(processes: list[psutil.Process]) -> None:
    """Kill processes and what is below them now."""
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            for part in [*process.children(recursive=True), process]:
                part.kill()


def _unprivileged() -> str | None:
    """A user for PostgreSQL where this process is root's."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"
