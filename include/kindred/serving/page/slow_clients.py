"""Clients that send nothing, or slowly, do not keep others out: each wait for a client ends, and there is room for a
limited number of clients that are waited for.

What is waited for is the rest of a request, or that a client reads its answer. Connections whose request has come in
are at work and are never closed; above MAX_REQUESTS of these, further requests get status 503.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol

HEADER_SECONDS = 10.0  # for a request's line and headers, from the connection's start or the end of the last answer
BODY_SECONDS = 60.0  # for a request's body: 50 MB at 7 Mbit/s
READ_SECONDS = 20.0  # for the client to take more of an answer, when it is behind
MAX_WAITING = 128  # connections of an address that are waited for; above it the one that is waited for longest ends
MAX_REQUESTS = 64  # at work at the same time
BACKLOG = 128  # connections to accept at once: with MAX_WAITING below the usual limit of 1,024 open files


class GuardedProtocol(H11Protocol):
    """Uvicorn's HTTP/1.1 with these limits, for its option `http`."""

    _timer: asyncio.TimerHandle | None = None
    _read_timer: asyncio.TimerHandle | None = None
    _awaited: Any = None  # whose end is waited for: a cycle (its body), or the protocol itself (the next headers)
    _awaited_since: float | None = None  # on the loop's clock; None where the request has come in
    _behind_since: float | None = None  # None where the client reads its answer as it comes

    @property
    def waiting_since(self) -> float | None:
        """Since when the client is waited for, on the loop's clock; None where the server is at work."""
        return self._awaited_since if self._behind_since is None else self._behind_since

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)  # type: ignore[arg-type]
        self._watch()
        self._close_longest_waiting()

    def data_received(self, data: bytes) -> None:
        at_work = sum(other.waiting_since is None for other in self._others())
        self.limit_concurrency = 0 if at_work >= MAX_REQUESTS else None  # uvicorn's own counts idle connections too
        super().data_received(data)
        self._watch()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._watch()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._behind_since = self.loop.time()
        self._read_timer = self.loop.call_later(READ_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._behind_since = None
        _cancel(self._read_timer)

    def connection_lost(self, exc: Exception | None) -> None:
        _cancel(self._timer)
        _cancel(self._read_timer)
        super().connection_lost(exc)

    def _watch(self) -> None:
        """Start the clock where the client has to send something, and stop it where it has sent all."""
        request = self.cycle if self.cycle is not None and not self.cycle.response_complete else None
        awaited = self if request is None else request if request.more_body else None
        if awaited is self._awaited or self.transport.is_closing():
            return
        _cancel(self._timer)
        self._awaited, self._awaited_since = awaited, None
        if awaited is not None:
            seconds = HEADER_SECONDS if awaited is self else BODY_SECONDS
            self._timer, self._awaited_since = self.loop.call_later(seconds, self.transport.abort), self.loop.time()

    def _close_longest_waiting(self) -> None:
        address = self.client and self.client[0]
        same = [other for other in self._others() if other.client and other.client[0] == address]
        waiting = {other: other.waiting_since for other in same if other.waiting_since is not None}
        if len(waiting) >= MAX_WAITING:
            min(waiting, key=waiting.__getitem__).transport.abort()

    def _others(self) -> "list[GuardedProtocol]":
        return [other for other in self.connections if isinstance(other, GuardedProtocol) and other is not self]


def _cancel(timer: asyncio.TimerHandle | None) -> None:
    if timer is not None:
        timer.cancel()
