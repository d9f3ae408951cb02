"""`make up` and `make down`: ports, and the process that serves."""

import json
import os
import socket
import subprocess
import sys

import psutil
import pytest

from kindred.runtime.errors import InputError
from kindred_airflow import serve


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


def test_down_ends_the_process_that_serves_and_no_other(data, capsys) -> None:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
    data.mkdir()
    started = psutil.Process(process.pid).create_time()

    (data / "up.json").write_text(json.dumps({"pid": os.getpid(), "started": started}))  # an old file, a pid used again
    assert serve.down() == 0
    still_there = process.poll() is None
    (data / "up.json").write_text(json.dumps({"pid": process.pid, "started": started}))
    assert serve.down() == 0

    assert still_there
    assert process.poll() is not None
    assert capsys.readouterr().out == "nothing is up\ndown\n"
