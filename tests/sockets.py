"""Where a tree of processes listens."""

import contextlib
import ipaddress
import threading
from collections.abc import Iterator

import psutil


def beyond_loopback(pid: int) -> set[str]:
    """The sockets of a process and of all below it on which other machines could reach them: `program address:port`."""
    return {f"{name} {ip}:{port}" for name, ip, port in listening(pid) if not is_loopback(ip)}


def listening(pid: int) -> set[tuple[str, str, int]]:
    """The listening sockets of a process and of all below it: program, address, port."""
    sockets = set()
    for process in [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]:
        with contextlib.suppress(psutil.NoSuchProcess):
            for c in process.net_connections("inet"):
                if c.status == psutil.CONN_LISTEN:
                    sockets.add((process.name(), c.laddr.ip, c.laddr.port))
    return sockets


def is_loopback(ip: str) -> bool:
    address = ipaddress.ip_address(ip)
    mapped = getattr(address, "ipv4_mapped", None)  # as Java writes 127.0.0.1
    return (mapped or address).is_loopback


@contextlib.contextmanager
def watched(pid: int) -> Iterator[set[str]]:
    """The sockets `beyond_loopback` that were there at any second of the block."""
    seen: set[str] = set()
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(1):
            with contextlib.suppress(psutil.NoSuchProcess):
                seen.update(beyond_loopback(pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        ended.set()
        watcher.join()
