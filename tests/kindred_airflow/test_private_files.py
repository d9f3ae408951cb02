"""Files that other accounts cannot read."""

import stat
from pathlib import Path

import pytest

from kindred_airflow import command, private_files


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_what_a_command_makes_is_its_accounts_alone(data) -> None:
    def main() -> None:
        (data / "runs").mkdir(parents=True)
        (data / "runs" / "run.json").write_text("{}")

    with pytest.raises(SystemExit):
        command.exit_with(main)

    assert (mode(data), mode(data / "runs"), mode(data / "runs" / "run.json")) == (0o700, 0o700, 0o600)


@pytest.mark.parametrize(
    "name",
    [
        "airflow/airflow.db",
        "airflow/runs.db",
        "airflow/simple_auth_manager_passwords.json.generated",
        "airflow/setup.log",
        "logs/airflow.log",
        "mlflow.db",
        "mlflow.db-wal",
        "mlflow_users.db",
    ],
)
def test_what_an_earlier_version_left_open_is_narrowed(name: str, data) -> None:
    (data / name).parent.mkdir(parents=True)
    (data / name).write_text("secret")

    private_files.narrow(data)

    assert mode(data / name) == 0o600
    assert data == (data / name).parent or mode((data / name).parent) == 0o700


def test_rights_of_the_owner_and_other_files_stay(data) -> None:
    (data / "logs").mkdir(parents=True)
    (data / "logs" / "old.log").touch(0o444)
    (data / "report.html").touch(0o644)

    private_files.narrow(data)

    assert mode(data / "logs" / "old.log") == 0o400
    assert mode(data / "report.html") == 0o644
    assert mode(data) == 0o755  # a folder that was there before may be meant for others


def test_what_cannot_be_narrowed_is_reported_in_one_line(data, capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    data.mkdir()
    (data / "mlflow.db").touch(0o644)
    monkeypatch.setattr(Path, "chmod", lambda *_: None)  # a disk that knows no rights

    private_files.narrow(data)

    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"kindred: other accounts can read {data}/mlflow.db; set KINDRED_DATA to")


def test_where_nothing_is_there_nothing_is_said(data, capsys) -> None:
    private_files.narrow(data)

    assert capsys.readouterr().err == ""
