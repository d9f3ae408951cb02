"""Clients that send nothing, half a request or a slow one do not keep others out."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from kindred.serving.page import slow_clients
from kindred.serving.page.slow_clients import GuardedProtocol

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = b"POST /body HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf"
release = threading.Event()
pytestmark = pytest.mark.slow


def hello(request: Request) -> Response:
    return PlainTextResponse("hello")


def big(request: Request) -> Response:
    return PlainTextResponse("x" * 50_000_000)


def held(request: Request) -> Response:
    release.wait(20)
    return PlainTextResponse("done")


async def body(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """The port of a server with short limits."""
    for name, seconds in {"HEADER_SECONDS": 0.6, "BODY_SECONDS": 0.6, "READ_SECONDS": 0.6}.items():
        monkeypatch.setattr(slow_clients, name, seconds)
    routes = [Route("/", hello), Route("/big", big), Route("/held", held), Route("/body", body, methods=["POST"])]
    config = uvicorn.Config(Starlette(routes=routes), port=0, log_level="critical", http=GuardedProtocol)
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    release.clear()
    yield listening.getsockname()[1]
    release.set()
    server.should_exit = True
    thread.join(10)
    listening.close()


def connected(port: int, sent: bytes = b"") -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port), 10)
    client.sendall(sent)
    return client


def status(port: int, request: bytes = GET) -> int:
    with connected(port, request) as client:
        return int(client.recv(100).split()[1])


def seconds_until_closed(client: socket.socket) -> float:
    started = time.monotonic()
    with contextlib.suppress(ConnectionError):
        while client.recv(2**20):
            pass
    client.close()
    return time.monotonic() - started


@pytest.mark.parametrize("sent", [b"", GET[:-6], POST], ids=["idle", "half a header", "half a body"])
def test_many_clients_that_send_nothing_more_keep_nobody_out(
    port: int, sent: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HEADER_SECONDS", "BODY_SECONDS"):
        monkeypatch.setattr(slow_clients, name, 60.0)
    with contextlib.ExitStack() as stack:
        for _ in range(300):
            stack.enter_context(connected(port, sent))

        assert [status(port) for _ in range(5)] == [200] * 5


@pytest.mark.parametrize("sent", [b"", GET[:-6], POST, GET, GET + GET[:9]], ids=lambda sent: str(len(sent)))
def test_a_client_that_sends_nothing_more_is_left(port: int, sent: bytes) -> None:
    assert 0.4 < seconds_until_closed(connected(port, sent)) < 5


def test_a_header_that_trickles_in_is_left(port: int) -> None:
    client, started = connected(port, GET[:20]), time.monotonic()

    with contextlib.suppress(ConnectionError):
        while time.monotonic() - started < 5:
            client.sendall(b"X")
            time.sleep(0.05)

    assert time.monotonic() - started < 4
    client.close()


def test_a_client_that_does_not_read_its_answer_is_left(port: int) -> None:
    client = connected(port, GET.replace(b"/ ", b"/big "))
    time.sleep(2)

    received = 0
    with contextlib.suppress(ConnectionError):
        while part := client.recv(2**20):
            received += len(part)

    assert received < 50_000_000
    client.close()


def test_clients_that_do_not_read_their_answers_keep_nobody_out(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slow_clients, "READ_SECONDS", 60.0)
    monkeypatch.setattr(slow_clients, "MAX_REQUESTS", 3)
    with contextlib.ExitStack() as stack:
        for _ in range(10):
            stack.enter_context(connected(port, 2 * GET.replace(b"/ ", b"/big ")))  # the second waits for the first
            time.sleep(0.05)
        time.sleep(0.3)

        assert [status(port) for _ in range(5)] == [200] * 5


def test_a_request_that_takes_long_is_answered(port: int) -> None:
    client = connected(port, GET.replace(b"/ ", b"/held "))
    time.sleep(1.2)
    release.set()

    assert client.recv(100).startswith(b"HTTP/1.1 200")
    client.close()


def test_above_the_limit_of_requests_at_work_there_is_a_503(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slow_clients, "MAX_REQUESTS", 3)
    with contextlib.ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(connected(port, GET.replace(b"/ ", b"/held ")))
        time.sleep(0.3)

        assert status(port) == 503
        release.set()
        time.sleep(0.3)
        assert status(port) == 200


def test_several_requests_on_one_connection_are_answered(port: int) -> None:
    with connected(port) as client:
        for _ in range(3):
            client.sendall(GET)
            assert client.recv(1000).startswith(b"HTTP/1.1 200")
            time.sleep(0.4)
