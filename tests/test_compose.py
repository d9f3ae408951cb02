"""docker-compose.yaml, the image and .env: valid, complete, and closed to strangers."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import jsonschema
import pytest
import yaml

from cluster import compose
from kindred.runtime import partitioning

ROOT = Path(__file__).parents[1]
SCHEMA = json.loads((ROOT / "tests/cluster/compose-spec.json").read_text())
SECRET = re.compile(r"PASSWORD|SECRET|_KEY$")


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """What `make env` writes."""
    return compose.read_env(written_env(tmp_path).read_text())


def written_env(folder: Path, cores: int = 64, gigabytes: int = 64) -> Path:
    """What `make env` writes on a machine of this size, by what Docker says of it."""
    (folder / "bin").mkdir(parents=True)
    (folder / "bin/env").write_text((ROOT / "bin/env").read_text())
    docker = f'#!/bin/sh\ncase "$*" in *NCPU*) echo {cores};; *MemTotal*) echo {gigabytes * 2**30 - 2**28};; esac\n'
    (folder / "bin/docker").write_text(docker)
    (folder / "bin/docker").chmod(0o755)
    path = os.pathsep.join([str(folder / "bin"), os.environ["PATH"]])
    subprocess.run(["sh", str(folder / "bin/env")], check=True, capture_output=True, env={**os.environ, "PATH": path})
    return folder / ".env"


def cores_of(env: dict[str, str]) -> set[float]:
    return {float(service["deploy"]["resources"]["limits"]["cpus"]) for service in compose.services(env).values()}


@pytest.mark.parametrize(("cores", "most"), [(1, 1), (2, 2), (3, 3), (4, 4), (64, 4)])
def test_no_container_is_given_more_cores_than_the_machine_has(tmp_path: Path, cores: int, most: int) -> None:
    """Docker refuses to start it otherwise."""
    env = compose.read_env(written_env(tmp_path, cores).read_text())

    assert max(cores_of(env)) == most


def test_on_a_small_machine_the_sizes_of_memory_are_half(tmp_path: Path) -> None:
    large, small = (compose.read_env(written_env(tmp_path / str(g), 2, g).read_text()) for g in (16, 8))

    sizes = ("SCHEDULER_LIMIT", "SPARK_WORKER_MEMORY", "SPARK_WORKER_LIMIT", "KINDRED_EXECUTOR_MEMORY")
    assert [large[name] for name in sizes] == ["8g", "4g", "6g", "2g"]
    assert [small[name] for name in sizes] == ["4g", "2g", "3g", "1g"]


def test_without_docker_the_sizes_are_those_of_this_machine(tmp_path: Path) -> None:
    written_env(tmp_path)
    (tmp_path / ".env").unlink()
    (tmp_path / "bin/docker").write_text("#!/bin/sh\nexit 1\n")
    path = os.pathsep.join([str(tmp_path / "bin"), os.environ["PATH"]])

    subprocess.run(["sh", str(tmp_path / "bin/env")], check=True, capture_output=True, env={**os.environ, "PATH": path})

    assert max(cores_of(compose.read_env((tmp_path / ".env").read_text()))) == min(4, os.cpu_count() or 1)


def test_the_database_is_ready_once_it_answers_by_tcp(env) -> None:
    """While it is initialised, it answers on its socket alone."""
    test = compose.services(env)["postgres"]["healthcheck"]["test"]

    assert test[:4] == ["CMD", "pg_isready", "--host", "127.0.0.1"]


def test_the_file_is_valid_by_the_published_schema(env) -> None:
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    whole = yaml.load(compose.VARIABLE.sub(lambda found: env[found[1]], compose.text()), compose.LOADER)

    jsonschema.validate(whole, SCHEMA)
    whole["services"]["mlflow"]["comand"] = "mlflow"
    with pytest.raises(jsonschema.ValidationError, match="comand"):
        jsonschema.validate(whole, SCHEMA)


def test_every_variable_is_in_the_env_file_and_none_is_there_for_nothing(env) -> None:
    assert compose.variables() == set(env)


def test_without_a_value_nothing_starts(env) -> None:
    assert all(":?" in found[0] for found in re.finditer(r"\$\{[^}]+\}", compose.text()))
    for name in env:
        with pytest.raises(KeyError, match=name):
            compose.services({**env, name: ""})


def test_the_example_is_what_is_generated_without_its_secrets(env) -> None:
    made = subprocess.run(["sh", "bin/env", "example"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    example = compose.read_env(made)

    assert (ROOT / ".env.example").read_text() == made
    assert list(example) == list(env)
    assert {name for name, value in example.items() if not value} == {name for name in env if SECRET.search(name)}
    assert {name: env[name] for name in env if example[name]} == {n: v for n, v in example.items() if v}


def test_a_job_is_cut_as_it_is_without_the_file(env) -> None:
    for variable, default in (partitioning.IMAGES_PER_TASK, partitioning.BATCH_IMAGES, partitioning.BATCH_MEGABYTES):
        assert env[variable] == str(default)


def test_passwords_are_long_and_no_two_alike(tmp_path: Path) -> None:
    envs = [compose.read_env(written_env(tmp_path / name).read_text()) for name in "ab"]

    secrets = [value for env in envs for name, value in env.items() if SECRET.search(name)]
    assert len(set(secrets)) == len(secrets) == 20
    assert min(map(len, secrets)) >= 20


def test_an_env_file_is_its_owners_and_is_never_overwritten(tmp_path: Path) -> None:
    path = written_env(tmp_path)
    before = path.read_text()

    again = subprocess.run(["sh", str(tmp_path / "bin/env")], capture_output=True, text=True, check=False)

    assert path.stat().st_mode & 0o777 == 0o600
    assert again.returncode == 1
    assert again.stderr == "kindred: .env exists already; move it away first\n"
    assert path.read_text() == before


def test_only_pages_are_published_and_only_here(env) -> None:
    services = compose.services(env)

    published = {name: port for name, service in services.items() for port in service.get("ports", [])}
    assert set(published) == {"airflow-api-server", "mlflow", "spark-master", "spark-history"}
    assert all(port.startswith("127.0.0.1:") for port in published.values())


def test_every_service_is_limited_and_watched_and_comes_back(env) -> None:
    for name, service in compose.services(env).items():
        assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}, name
        assert service["restart"] == ("no" if name == "init" else "unless-stopped"), name
        assert "test" in service["healthcheck"] or name == "init"
        assert set(service.get("depends_on", {})) <= set(compose.services(env)), name


def test_no_secret_stands_in_a_command_or_in_the_repository(env) -> None:
    services = compose.services(env)
    secrets = {value for name, value in env.items() if SECRET.search(name)}

    assert not any(secret in str(service.get("command")) for service in services.values() for secret in secrets)
    assert not any(secret in str(service["healthcheck"]) for service in services.values() for secret in secrets)
    assert "/.env" in (ROOT / ".gitignore").read_text().splitlines()


def test_all_of_spark_knows_the_secret_and_asks_for_it(env) -> None:
    services = compose.services(env)
    settings = dict(
        line.split(None, 1)
        for line in (ROOT / "docker/spark-defaults.conf").read_text().splitlines()
        if line and not line.startswith("#")
    )

    assert settings["spark.authenticate"] == settings["spark.network.crypto.enabled"] == "true"
    for name in ("spark-master", "spark-worker", "airflow-scheduler"):
        assert services[name]["environment"]["_SPARK_AUTH_SECRET"] == env["SPARK_SECRET"]
        assert services[name]["environment"]["SPARK_CONF_DIR"] == "/opt/kindred/docker"


def test_a_changed_variable_reaches_each_service_that_uses_it(env) -> None:
    services = compose.services({**env, "S3_BUCKET": "photos"})

    assert services["spark-worker"]["environment"]["KINDRED_DATA"] == "s3a://photos/data"
    assert services["mlflow"]["command"].endswith("s3://photos/mlflow")


def test_the_image_has_the_files_that_the_services_name(env) -> None:
    copied = re.findall(r"^COPY (?!--from)(\S+) /opt/kindred/(\S+)$", (ROOT / "Dockerfile").read_text(), re.M)
    shown = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]

    assert all(source == target and (ROOT / source).exists() for source, target in copied)
    assert all(source.split("/")[0] in shown for source, _ in copied)
    made = {"jars", "venv"}
    for service in compose.services(env).values():
        for path in re.findall(r"/opt/kindred/(\w+)", str(service)):
            assert path in made | {target for _, target in copied}


def test_the_image_runs_as_a_user_who_is_not_root() -> None:
    stages = re.split(r"^FROM ", (ROOT / "Dockerfile").read_text(), flags=re.M)[1:]

    for stage in stages[1:]:  # the first only builds
        assert re.search(r"^USER (store|kindred)$", stage, re.M)
        assert "HEALTHCHECK" in stage


def test_the_jars_fit_pysparks_hadoop() -> None:
    import sys

    import pyspark

    wanted = re.search(r"^HADOOP=(\S+)$", (ROOT / "bin/install").read_text(), re.M)[1]
    done = subprocess.run(
        ["sh", "bin/install", "check", sys.prefix], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert (Path(pyspark.__file__).parent / f"jars/hadoop-client-api-{wanted}.jar").exists()
    assert "PySpark does not contain" not in done.stderr


@pytest.mark.skipif(not shutil.which("curl"), reason="no curl here, with which `bin/install jars` downloads")
def test_a_jar_that_was_changed_is_not_installed(tmp_path: Path) -> None:
    """From a Maven repository in a folder, whose first jar is another file."""
    repository = tmp_path / "maven"
    path = re.search(r"^66bd\w+ (\S+)$", (ROOT / "bin/install").read_text(), re.M)[1].replace("$HADOOP", "3.5.0")
    (repository / path).parent.mkdir(parents=True)
    (repository / path).write_bytes(b"another")

    done = subprocess.run(
        ["sh", "bin/install", "jars", str(tmp_path / "jars")],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "MAVEN": f"file://{repository}"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 1
    assert "has the wrong checksum; it is not installed" in done.stderr
    assert not list((tmp_path / "jars").glob("*.jar"))
