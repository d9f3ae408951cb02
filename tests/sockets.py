"""The processes that a command has started, and where they listen."""

import contextlib
import ipaddress
import threading
from collections.abc import Iterator

import psutil


def beyond_loopback(pid: int) -> set[str]:
    """The sockets of a process and of its tree on which other machines could reach them: `program address:port`."""
    return {f"{name} {ip}:{port}" for name, ip, port in listening(pid) if not is_loopback(ip)}


def listening(pid: int) -> set[tuple[str, str, int]]:
    """The listening sockets of a process and of its tree: program, address, port. The system's list is read once: to
    ask each process for its own reads it again each time, a tenth of a core of a test that looks every second.
    """
    processes, sockets = {process.pid: process for process in tree(pid)}, set()
    for c in psutil.net_connections("tcp"):
        if c.status == psutil.CONN_LISTEN and c.pid in processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                sockets.add((processes[c.pid].name(), c.laddr.ip, c.laddr.port))
    return sockets


def tree(pid: int) -> list[psutil.Process]:
    """A process, all below it, and those that a command has started in a tree by name (`processes.py`): a kept driver
    belongs to none of them.
    """
    processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    if names := {name for process in processes if (name := _tree_name(process))}:
        known = {process.pid for process in processes}
        processes += [p for p in psutil.process_iter() if p.pid not in known and _tree_name(p) in names]
    return processes


def _tree_name(process: psutil.Process) -> str | None:
    with contextlib.suppress(psutil.Error):
        return process.environ().get("KINDRED_TREE")
    return None


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
