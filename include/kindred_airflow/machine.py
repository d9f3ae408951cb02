"""One machine that does it all: the environment of its processes, and the databases and folders that they need."""

import fcntl
import json
import os
import secrets
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from typing import IO

from kindred.runtime import cpu, java, storage
from kindred.runtime.errors import InputError
from kindred_airflow import linked_folders, logins, moved_artifacts, private_files

ROOT = Path(__file__).parents[2]
MAX_LIGHT_TASKS = 16  # that run beside the Spark jobs, one for each core: each has a process, also while it is idle
CORES_PER_JOB = 4  # a machine gets one slot for so many cores: one Spark job fills that many
EXECUTOR = "kindred_airflow.executor.LocalExecutor"
BUNDLES = [  # folders of DAG files: those of the checkout, and those that are made of the projects
    {"name": "dags-folder", "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle", "kwargs": {}},
    {"name": "projects", "classpath": "kindred_airflow.project_bundle.ProjectBundle", "kwargs": {}},
]
AIRFLOW_COMMANDS = """
import json, sys
from airflow.__main__ import main
for command in json.loads(sys.argv[1]):
    sys.argv[1:] = command
    main()
"""  # in one process: its imports take seconds
Say = Callable[[str, str], None]  # takes a word, such as the name of a stage, and a line about it


def data_folder() -> Path:
    """The local folder that holds everything."""
    root = storage.local(storage.data_root())
    if "://" in root:
        raise InputError(f"KINDRED_DATA is {root}; on one machine it must be a local folder")
    return Path(root)


def tracking_uri() -> str:
    """MLflow's database on one machine."""
    return sqlite_url(data_folder() / "mlflow.db")


def sqlite_url(path: Path) -> str:
    """The address of a database for SQLAlchemy, which ends a path at `?` and knows no way to write one: where a folder
    has it, by a link.
    """
    if "?" in str(path):
        path = linked_folders.without_question_mark(path.parent) / path.name
    return f"sqlite:///{path}"


def use_tracking() -> None:
    """Let this process speak to MLflow: where the environment says, or to the database of this machine."""
    if not os.environ.get("MLFLOW_TRACKING_URI"):
        os.environ["MLFLOW_TRACKING_URI"] = tracking_uri()
        follow_moved_data()


def _print(word: str, text: str) -> None:
    print(f"  {word:14} {text}", flush=True)


def follow_moved_data(say: Say = _print) -> None:
    """Let MLflow's database of this machine name its artefacts where they are now."""
    if not os.environ.get("KINDRED_ARTIFACTS"):  # they are where a person has put them
        moved_artifacts.follow(data_folder() / "mlflow.db", data_folder(), lambda line: say("moved", line))


def environment(database: str) -> dict[str, str]:
    """The environment of Airflow and its jobs; `database` is the name of Airflow's SQLite file. What is set stays."""
    home = data_folder() / "airflow"
    bin_folder = Path(sys.executable).parent
    defaults = {
        "KINDRED_ARTIFACTS": moved_artifacts.address(data_folder()),
        "MLFLOW_TRACKING_URI": tracking_uri(),
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # of its own jobs, which nothing here uses
        "AIRFLOW_CONN_SPARK_DEFAULT": json.dumps(
            {"conn_type": "spark", "host": "local[*]", "extra": {"deploy-mode": "client"}}
        ),
        "AIRFLOW__CORE__EXECUTOR": EXECUTOR,
        "AIRFLOW__CORE__PARALLELISM": str(slots() + min(cpu.cores(), MAX_LIGHT_TASKS)),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"{sqlite_url(home / database)}?timeout=60",
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(BUNDLES),
        "AIRFLOW__API__HOST": "127.0.0.1",
        # A file that has changed is read at once; to read the others every half minute would take a sixth of a core.
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "300",
        # Of a busy machine, on which ten runs may start at once: the answers of Airflow's server to tasks, and what a
        # task does after its end.
        "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "60",
        "AIRFLOW__CORE__TASK_SUCCESS_OVERTIME": "300",
        "AIRFLOW__LOGGING__FILE_TASK_HANDLER_NEW_FILE_PERMISSIONS": "0o600",
        "AIRFLOW__LOGGING__FILE_TASK_HANDLER_NEW_FOLDER_PERMISSIONS": "0o700",
        "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        "SPARK_HOME": str(Path(sysconfig.get_path("purelib"), "pyspark")),  # its own search splits a path at spaces
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
        "PYTHONUNBUFFERED": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    fixed = {
        "KINDRED_DATA": str(data_folder()),
        "AIRFLOW_HOME": str(home),
        # The airflow.cfg that Airflow writes there once names both by where they were then.
        "AIRFLOW__LOGGING__BASE_LOG_FOLDER": str(home / "logs"),
        "AIRFLOW__LOGGING__DAG_PROCESSOR_CHILD_PROCESS_LOG_DIRECTORY": str(home / "logs" / "dag_processor"),
        "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(ROOT / "plugins"),
        "PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT / "include"), os.environ.get("PYTHONPATH")])),
        "PATH": os.pathsep.join([str(bin_folder), os.environ.get("PATH", os.defpath)]),
        "JAVA_HOME": java.java_home(),
        **java.environment(),
        **_utf8(),
    }
    return {**defaults, **os.environ, **fixed, "AIRFLOW__API_AUTH__JWT_SECRET": _secret(home)}


def _utf8() -> dict[str, str]:
    """A locale in which Java can name every file, where that of this process is not of UTF-8 (`LC_ALL=C`)."""
    current = next(filter(None, map(os.environ.get, ("LC_ALL", "LC_CTYPE", "LANG"))), "C")
    return {} if "utf8" in current.lower().replace("-", "") else {"LC_ALL": "C.UTF-8"}


def prepare(env: dict[str, str], database: str, say: Say = _print) -> None:
    """Make the databases and the pool, once for each version of Airflow and MLflow, and let no other account read them;
    a second caller waits for the first. `say` gets a word and a line for each step that takes seconds. Raises
    InputError where one fails.
    """
    home = Path(env["AIRFLOW_HOME"])
    home.mkdir(parents=True, exist_ok=True)
    logins.replace_open_password(home / logins.PASSWORDS)
    private_files.narrow(data_folder())
    ready = home / f".{database}.ready"
    versions = " ".join(f"{name} {metadata.version(name)}" for name in ("apache-airflow", "mlflow"))
    with (home / ".lock").open("w") as lock:
        _take(lock, say)
        follow_moved_data(say)
        if ready.exists() and ready.read_text() == versions:
            return
        log = home / "setup.log"
        if any(_make_databases(env, log, lambda text: say("first use", text))):
            raise InputError(f"the databases could not be set up; see {log}")
        ready.write_text(versions)


def _take(lock: IO[str], say: Say) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("waiting", "for another command, which sets up the databases")
        fcntl.flock(lock, fcntl.LOCK_EX)


def _make_databases(env: dict[str, str], log: Path, say: Callable[[str], None]) -> list[int]:
    """The exit statuses of the programs that make the databases and the pool; their output goes into `log`."""
    tracking = [sys.executable, "-c", "from kindred.runtime import tracking; tracking.client().search_experiments()"]
    commands = [["db", "migrate"], ["pools", "set", "spark", str(slots()), "Spark jobs"]]
    airflow = [sys.executable, "-c", AIRFLOW_COMMANDS, json.dumps(commands)]
    with log.open("ab") as output:
        # MLflow's experiment "Default" places its artefacts below the folder it is made in.
        making_tracking = subprocess.Popen(tracking, env=env, cwd=data_folder(), stdout=output, stderr=output)
        os.environ["JAVA_HOME"] = env["JAVA_HOME"]  # the archive's name depends on it
        if not java.class_archive().exists():
            say("stores Spark's classes, so that Spark starts in half the time from now on")
            java.write_class_archive(ROOT / "spark_jobs" / "warm_up.py", env, output)
        say("makes the database of Airflow")
        code = subprocess.run(airflow, env=env, stdout=output, stderr=output, check=False).returncode
        say("makes the database of MLflow")
        return [code, making_tracking.wait()]


def slots() -> int:
    """How many Spark jobs this machine runs at a time."""
    return int(os.environ.get("KINDRED_SPARK_SLOTS") or max(1, cpu.cores() // CORES_PER_JOB))


def _secret(home: Path) -> str:
    """A key for Airflow's tokens, made once and readable by its owner only."""
    path = home / "jwt_secret"
    if not path.exists():
        home.mkdir(parents=True, exist_ok=True)
        try:
            with open(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
                file.write(secrets.token_hex(64))
        except FileExistsError:  # another run made it in the meantime
            pass
    return path.read_text()
