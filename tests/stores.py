"""An S3 server as a process of its own, and a proxy in front of one that can be told to fail."""

import contextlib
import http.client
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

READY_SECONDS = 60
KEY = {"AWS_ACCESS_KEY_ID": "kindred", "AWS_SECRET_ACCESS_KEY": "of-the-tests", "AWS_DEFAULT_REGION": "us-east-1"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def moto() -> Iterator[str]:
    """The address of moto's server."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        until = time.monotonic() + READY_SECONDS
        while time.monotonic() < until and server.poll() is None:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/moto-api/", timeout=5):
                break
            time.sleep(0.1)
        else:
            raise TimeoutError(f"moto's server was not ready within {READY_SECONDS} s")
        yield address
    finally:
        server.kill()
        server.wait()


class Proxy:
    """Passes requests on to a store, but for the headers that it is to `ignore`, unless `refuse(method, path)` gives a
    status (and a body), or `hold(method, path)` keeps one waiting; `cut` shortens an answer to so many bytes. Remembers
    all requests.
    """

    def __init__(self, store: str) -> None:
        self.store = store.removeprefix("http://")
        self.ignore: tuple[str, ...] = ()
        self.refuse: Callable[[str, str], int | tuple[int, str] | None] = lambda method, path: None
        self.hold: Callable[[str, str], bool] = lambda method, path: False
        self.cut: Callable[[str, str], int | None] = lambda method, path: None
        self.requests: list[tuple[str, str, dict]] = []
        self.one_at_a_time = threading.Lock()

    def count(self, method: str, part: str) -> int:
        return sum(sent == method and part in path for sent, path, _ in self.requests)


@contextlib.contextmanager
def proxy(store: str, port: int = 0) -> Iterator[tuple[str, Proxy]]:
    """The address of a proxy to a store, and the proxy; at a free port where none is given."""
    here, no_lock = Proxy(store), contextlib.nullcontext()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            here.requests.append((self.command, self.path, dict(self.headers)))
            if refusal := here.refuse(self.command, self.path):
                status, text = refusal if isinstance(refusal, tuple) else (refusal, "")
                text = "" if self.command == "HEAD" else text
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())
                return
            if here.hold(self.command, self.path):
                while here.hold(self.command, self.path):
                    time.sleep(0.05)
                self.close_connection = True
                return
            headers = {name: value for name, value in self.headers.items() if name not in here.ignore}
            # S3 promises that a conditional put is one step; moto looks and puts in two.
            with here.one_at_a_time if "If-None-Match" in self.headers or "If-Match" in self.headers else no_lock:
                behind = http.client.HTTPConnection(here.store, timeout=60)
                behind.request(self.command, self.path, body, headers)
                got = behind.getresponse()
                content = got.read()
                behind.close()
            self.send_response(got.status)
            hidden = ("transfer-encoding", "connection", "content-length")
            for name, value in got.getheaders():
                if name.lower() not in hidden:
                    self.send_header(name, value)
            length = got.getheader("Content-Length") if self.command == "HEAD" else str(len(content))
            self.send_header("Content-Length", length or "0")
            self.end_headers()
            length_sent = here.cut(self.command, self.path)
            self.wfile.write(content if length_sent is None else content[:length_sent])
            if length_sent is not None:
                self.close_connection = True

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = answer

        def log_message(self, *_: object) -> None:
            """Nothing: pytest shows what matters."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", here
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
