"""Downloads from a small server on this machine."""

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from kindred.runtime import downloads
from kindred.runtime.errors import InputError

CONTENT = bytes(range(256)) * 40
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Handler(BaseHTTPRequestHandler):
    """Serves CONTENT at /ranges (which knows ranges), /plain (which does not) and /broken (which hangs up half-way)."""

    requests: list[tuple[str, str | None]]

    def do_GET(self) -> None:
        byte_range = self.headers.get("Range")
        self.requests.append((self.path, byte_range))
        if self.path not in ("/ranges", "/plain", "/broken"):
            self.send_error(404)
            return
        start = int(byte_range.removeprefix("bytes=").rstrip("-")) if byte_range and self.path != "/plain" else 0
        if start >= len(CONTENT):
            self.send_error(416)
            return
        body = CONTENT[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if self.path == "/broken" else body)

    def log_message(self, *_: object) -> None:
        """No log."""


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str | None]]:
    """The paths and ranges that the server was asked for."""
    received: list[tuple[str, str | None]] = []
    monkeypatch.setattr(Handler, "requests", received, raising=False)
    return received


@pytest.fixture
def server(requests: list) -> Iterator[str]:
    """The address of the server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "folder" / "file"


def part_of(target: Path, content: bytes) -> Path:
    """What an earlier try left."""
    target.parent.mkdir()
    part = target.with_name(target.name + ".part")
    part.write_bytes(content)
    return part


def test_a_file_is_downloaded_whole_and_once(server: str, requests: list, target: Path, messages: list[str]) -> None:
    downloads.fetch(f"{server}/plain", target, SHA256, messages.append)

    file = downloads.fetch(f"{server}/plain", target, SHA256, messages.append)

    assert file.read_bytes() == CONTENT
    assert requests == [("/plain", None)]
    assert [path.name for path in target.parent.iterdir()] == ["file"]


def test_a_download_is_resumed_where_it_broke_off(
    server: str, requests: list, target: Path, messages: list[str]
) -> None:
    part_of(target, CONTENT[:1000])

    downloads.fetch(f"{server}/ranges", target, SHA256, messages.append)

    assert target.read_bytes() == CONTENT
    assert requests == [("/ranges", "bytes=1000-")]


def test_it_starts_again_where_the_server_knows_no_ranges(server: str, target: Path, messages: list[str]) -> None:
    part_of(target, CONTENT[:1000])

    downloads.fetch(f"{server}/plain", target, SHA256, messages.append)

    assert target.read_bytes() == CONTENT


def test_nothing_is_fetched_where_only_the_check_was_left(server: str, target: Path, messages: list[str]) -> None:
    part_of(target, CONTENT)

    downloads.fetch(f"{server}/ranges", target, SHA256, messages.append)

    assert target.read_bytes() == CONTENT


def test_a_connection_that_breaks_keeps_what_came(server: str, target: Path, messages: list[str]) -> None:
    with pytest.raises(InputError, match="cannot download .*/broken: .*; fetch it by hand") as caught:
        downloads.fetch(f"{server}/broken", target, SHA256, messages.append)

    assert "\n" not in str(caught.value)
    assert target.with_name("file.part").read_bytes() == CONTENT[: len(CONTENT) // 2]
    assert downloads.fetch(f"{server}/ranges", target, SHA256, messages.append).read_bytes() == CONTENT


def test_a_wrong_checksum_is_reported_and_the_file_is_not_kept(server: str, target: Path, messages: list[str]) -> None:
    with pytest.raises(InputError, match=f"has the SHA-256 {SHA256}, not 0123"):
        downloads.fetch(f"{server}/plain", target, "0123", messages.append)

    assert not list(target.parent.iterdir())


def test_a_spoilt_part_is_thrown_away_so_that_the_next_try_works(
    server: str, target: Path, messages: list[str]
) -> None:
    part_of(target, b"spoilt")
    with pytest.raises(InputError, match="SHA-256"):
        downloads.fetch(f"{server}/ranges", target, SHA256, messages.append)

    downloads.fetch(f"{server}/ranges", target, SHA256, messages.append)

    assert target.read_bytes() == CONTENT


def test_a_file_that_is_not_there_is_reported_in_one_line(server: str, target: Path, messages: list[str]) -> None:
    with pytest.raises(InputError, match=r"cannot download .*/nowhere: Not Found; fetch it by hand") as caught:
        downloads.fetch(f"{server}/nowhere", target, SHA256, messages.append)

    assert "\n" not in str(caught.value)
    assert not target.exists()


def test_a_server_that_is_not_there_is_reported_in_one_line(target: Path, messages: list[str]) -> None:
    with pytest.raises(InputError, match="cannot download http://127.0.0.1:1/file: .*refused") as caught:
        downloads.fetch("http://127.0.0.1:1/file", target, SHA256, messages.append)

    assert "\n" not in str(caught.value)


def test_a_file_that_is_there_needs_no_server(target: Path, messages: list[str]) -> None:
    target.parent.mkdir()
    target.write_bytes(b"mine")

    assert downloads.fetch("http://127.0.0.1:1/file", target, SHA256, messages.append).read_bytes() == b"mine"
