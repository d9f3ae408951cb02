"""Whether a run is at work: a small file in its folder, which the first and the last step of a DAG run put."""

import calendar
import socket
import time
from collections.abc import Callable
from typing import NamedTuple

from kindred.runtime import storage
from kindred.runtime.file_names import STATE

RUNNING, FINISHED, FAILED = "in progress", "finished", "failed"
STOPPED = "stopped"  # its processes have ended, but its last step was not reached
FORMAT = "%Y-%m-%dT%H:%M:%SZ"
Alive = Callable[[str], bool | None]
SILENT_SECONDS = 24 * 3600  # after which a run is taken for stopped where its processes cannot be seen


class State(NamedTuple):
    """`holder` is the name of the processes that do the run, where they have one, on the machine `host`; `opened` and
    `closed` are in seconds since the epoch, 0 where unknown.
    """

    state: str
    opened: float
    closed: float = 0.0
    holder: str = ""
    host: str = ""


def opened(run: str, holder: str) -> None:
    """The run in this folder is at work from now on."""
    _put(run, State(RUNNING, time.time(), holder=holder, host=socket.gethostname()))


def closed(run: str, succeeded: bool) -> None:
    """The run in this folder has come to its end."""
    before = find(run)
    _put(run, State(FINISHED if succeeded else FAILED, before.opened if before else 0.0, time.time()))


def find(run: str) -> State | None:
    """The state of the run in this folder, or None where it is not known: of an older version, or broken."""
    path = storage.join(run, STATE)
    try:
        fields = storage.find_json(path)
    except storage.UnreadableError:
        return None
    return None if fields is None else parse(fields)


def parse(fields: dict[str, object]) -> State:
    """A state as its file holds it."""
    state, opened, closed, holder, host = (str(fields.get(name) or "") for name in State._fields)
    return State(state, seconds(opened), seconds(closed), holder, host)


def seconds(text: str) -> float:
    """A moment in seconds since the epoch; 0 for a text that is none.

    >>> seconds("1970-01-02T00:00:00Z"), seconds("")
    (86400.0, 0.0)
    """
    try:
        return float(calendar.timegm(time.strptime(text, FORMAT)))
    except ValueError:
        return 0.0


def stamp(moment: float) -> str:
    """The text of a moment, as `seconds` reads it."""
    return time.strftime(FORMAT, time.gmtime(moment))


def is_running(state: State, active: float, alive: Alive, now: float) -> bool:
    """Whether a run is at work. `active` is when it last began something, in seconds since the epoch; `alive` says of
    a holder on this machine whether it lives, and None where that cannot be known: then a run is at work that has begun
    something within a day.

    >>> is_running(State(RUNNING, 1000, holder="a", host=socket.gethostname()), 1000, lambda name: False, now=2000)
    False
    >>> is_running(State(RUNNING, 1000), 1000, lambda name: False, now=2000)
    True
    """
    if state.state != RUNNING:
        return False
    known = alive(state.holder) if state.holder and state.host == socket.gethostname() else None
    return now - max(state.opened, active) < SILENT_SECONDS if known is None else known


def _put(run: str, state: State) -> None:
    times = {name: stamp(getattr(state, name)) for name in ("opened", "closed")}
    known = {name: text for name, text in times.items() if getattr(state, name)}
    storage.put_json(storage.join(run, STATE), {**state._asdict(), **{"opened": None, "closed": None}, **known})
