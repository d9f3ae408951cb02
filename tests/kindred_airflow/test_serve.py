"""`make up`: ports, servers, passwords."""

import os
import socket
import sys

import pytest

from kindred.runtime import java
from kindred.runtime.errors import InputError
from kindred_airflow import logins, serve


def test_a_port_is_the_environments_or_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SEARCH_PORT", raising=False)
    monkeypatch.setattr(socket.socket, "connect_ex", lambda *_: 111)  # nobody answers

    assert serve.free_port("SEARCH_PORT", 8090) == 8090
    monkeypatch.setenv("SEARCH_PORT", "9000")
    assert serve.free_port("SEARCH_PORT", 8090) == 9000


@pytest.mark.parametrize("text", ["0", "65536", "many", "-1"])
def test_what_is_no_port_is_refused_by_its_name(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEARCH_PORT", text)

    with pytest.raises(InputError, match=f"SEARCH_PORT must be a port, 1 to 65535, not '{text}'"):
        serve.free_port("SEARCH_PORT", 8090)


def test_a_port_that_is_taken_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SEARCH_PORT", "9000")
    monkeypatch.setattr(socket.socket, "connect_ex", lambda *_: 0)

    with pytest.raises(InputError, match="port 9000 is taken; choose another with SEARCH_PORT="):
        serve.free_port("SEARCH_PORT", 8090)


def test_no_server_of_logs_is_started_and_no_secret_is_in_a_command_line(data, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(java, "java_home", lambda: "/java")
    monkeypatch.delenv("AIRFLOW__API__HOST", raising=False)

    env = serve._environment(8081, 5001)
    login = serve._login_of_mlflow("the password")
    programs = serve._programs(env, 5001)

    assert env["AIRFLOW__API__HOST"] == "127.0.0.1"
    assert [name for name, words in programs.items() if "--skip-serve-logs" in words] == ["scheduler", "triggerer"]
    assert not {word for words in programs.values() for word in words} & set(login.values())
    assert programs["mlflow"][-4:-2] == ["--port", "5001"]


def test_the_password_is_printed_on_a_console_and_into_no_file(
    tmp_path, capfd, monkeypatch: pytest.MonkeyPatch
) -> None:
    passwords = tmp_path / "passwords"
    password = logins.admin_password(passwords)
    env = {serve.PASSWORDS_FILE: str(passwords), "KINDRED_MLFLOW_UI": "http://127.0.0.1:5000"}
    reader, writer = os.pipe()

    with os.fdopen(writer, "w") as console, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", console)
        serve._print_addresses(env, 8080)
    with (tmp_path / "up.log").open("w") as file, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", file)
        serve._print_addresses(env, 8080)

    with os.fdopen(reader) as printed:
        assert f"user admin, password {password}\n" in printed.read()
    assert password not in (tmp_path / "up.log").read_text()
    assert f"user admin, the password in {passwords}\n" in (tmp_path / "up.log").read_text()
