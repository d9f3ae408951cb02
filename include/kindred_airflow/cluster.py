"""The cluster of docker-compose.yaml: what its services need made before they start, and Spark's history server.

python -m kindred_airflow.cluster init      databases, bucket, pool, the user admin; nothing where they are there
python -m kindred_airflow.cluster history   the pages of past jobs, from KINDRED_EVENT_LOG
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

from kindred.runtime import java, s3, s3_objects, storage
from kindred.runtime.errors import InputError
from kindred_airflow import command, logins

HISTORY = "org.apache.spark.deploy.history.HistoryServer"
CONNECT_SECONDS = 10


def init() -> None:
    """Make what is missing. Raises InputError where a server is not there or refuses."""
    for name in ("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "MLFLOW_BACKEND_STORE_URI"):
        make_database(name)
    make_bucket(storage.data_root())
    if log := os.environ.get("KINDRED_EVENT_LOG"):
        make_folder(log)
    passwords = Path(_required("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"))
    logins.write_passwords(passwords, {logins.ADMIN: _required("AIRFLOW_ADMIN_PASSWORD")})
    airflow = str(Path(sys.executable).parent / "airflow")
    slots = os.environ.get("KINDRED_SPARK_SLOTS", "1")
    for arguments in (["db", "migrate"], ["pools", "set", "spark", slots, "Spark jobs"]):
        subprocess.run([airflow, *arguments], check=True)


def make_database(variable: str) -> None:
    """The PostgreSQL database that an environment variable names."""
    import psycopg
    from psycopg import sql
    from sqlalchemy.engine import make_url

    url = make_url(_required(variable))
    try:
        with psycopg.connect(
            host=url.host,
            port=url.port,
            user=url.username,
            password=url.password,
            dbname="postgres",
            autocommit=True,
            connect_timeout=CONNECT_SECONDS,
        ) as server:
            known = server.execute("select 1 from pg_database where datname = %s", [url.database]).fetchone()
            if not known:
                server.execute(sql.SQL("create database {}").format(sql.Identifier(url.database or "")))
    except psycopg.OperationalError as error:
        reason = str(error).strip().splitlines()[-1]
        raise InputError(f"PostgreSQL at {url.host}:{url.port} refuses: {reason}; fix {variable}") from None


def make_bucket(uri: str) -> None:
    """The bucket of a URI, unless it is there; raises InputError where objects cannot be put into it."""
    from botocore.exceptions import ClientError

    bucket, _ = s3.split(uri)
    with s3.as_input_errors(uri):
        store = s3.client(s3.FIRST_ATTEMPTS)
        try:
            store.head_bucket(Bucket=bucket)
        except ClientError as error:
            if s3.code_of(error) not in s3.MISSING | {"NoSuchBucket"}:
                raise
            store.create_bucket(Bucket=bucket)
    s3_objects.check(uri)


def make_folder(uri: str) -> None:
    """An empty folder of a bucket: Spark wants it to be there before it writes a log."""
    bucket, key = s3.split(uri)
    with s3.as_input_errors(uri):
        s3.client().put_object(Bucket=bucket, Key=f"{key.rstrip('/')}/", Body=b"")


def history(port: int) -> None:
    """Become Spark's history server, at this port."""
    history_settings = {
        "spark.history.fs.logDirectory": _required("KINDRED_EVENT_LOG"),
        "spark.history.ui.port": str(port),
    }
    settings = {**java.object_store(), **history_settings}
    options = " ".join(f"-D{name}={value}" for name, value in settings.items() if "ClassPath" not in name)
    jars = f"{os.environ['KINDRED_JARS']}/*" if os.environ.get("KINDRED_JARS") else ""
    os.environ |= {"SPARK_HISTORY_OPTS": options, "SPARK_DAEMON_CLASSPATH": jars}
    spark_class = str(Path(sys.executable).parent / "spark-class")
    os.execv(spark_class, [spark_class, HISTORY])


def _required(name: str) -> str:
    """An environment variable; raises InputError where it is not set."""
    value = os.environ.get(name)
    if not value:
        raise InputError(f"{name} is not set; `make env` writes what docker-compose.yaml needs")
    return value


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m kindred_airflow.cluster", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("init")
    commands.add_parser("history").add_argument("--port", type=int, default=18080)
    arguments = parser.parse_args()
    if arguments.command == "init":
        init()
    else:
        history(arguments.port)


if __name__ == "__main__":
    command.exit_with(main)
