"""Counters, and records of calls for metrics systems."""

from __future__ import annotations

import asyncio
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord:
    """How a call went: what a metrics hook is given. It holds no secret.

    Attributes:
        method: the method.
        path: the path as the caller gave it, without query and credential.
        status: the status of the answer, or None if there was none.
        error: the code of the error, or None if the call succeeded.
        attempts: how many HTTP requests were sent.
        duration: seconds for the whole call.
        bytes_sent: size of the content, once for each attempt.
        bytes_received: size of the answer's content.
        request_id: the ``X-Request-Id`` of the call, if it got that far.
    """

    method: str
    path: str
    status: int | None
    error: str | None
    attempts: int
    duration: float
    bytes_sent: int
    bytes_received: int
    request_id: str | None


MetricsHook = Callable[[CallRecord], None]
"""Called after each call, on the thread and loop of the call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """Counters of a client and of all derived from the same root, since it was made.

    Attributes:
        calls: calls begun.
        errors: calls that failed or were cancelled.
        attempts: HTTP requests sent.
        retries: HTTP requests beyond the first of a call.
        bytes_sent: bytes of content sent.
        bytes_received: bytes of content received.
        in_flight: calls under way.
        budget: tokens left for retries, of 500 (``docs/retries.md``).
    """

    calls: int
    errors: int
    attempts: int
    retries: int
    bytes_sent: int
    bytes_received: int
    in_flight: int
    budget: int


class Counters:
    """The counters of one event loop, which counts without a lock."""

    __slots__ = (
        "attempts",
        "bytes_received",
        "bytes_sent",
        "calls",
        "errors",
        "loop",
        "retries",
    )

    def __init__(self, loop: asyncio.AbstractEventLoop | None = None) -> None:
        self.loop = None if loop is None else weakref.ref(loop)
        self.calls = 0
        self.errors = 0
        self.attempts = 0
        self.retries = 0
        self.bytes_sent = 0
        self.bytes_received = 0

    def add(self, other: Counters) -> None:
        """Adds the figures of another."""
        self.calls += other.calls
        self.errors += other.errors
        self.attempts += other.attempts
        self.retries += other.retries
        self.bytes_sent += other.bytes_sent
        self.bytes_received += other.bytes_received


class CounterSet:
    """The counters of all loops of a root client."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._ended = Counters()
        self._live: list[Counters] = []

    def of(self, loop: asyncio.AbstractEventLoop) -> Counters:
        """New counters for a loop. Those of loops that are gone are added up."""
        counters = Counters(loop)
        with self._lock:
            live = []
            for other in self._live:
                its_loop = None if other.loop is None else other.loop()
                if its_loop is None or its_loop.is_closed():
                    self._ended.add(other)
                else:
                    live.append(other)
            self._live = [*live, counters]
        return counters

    def total(self) -> Counters:
        """The sum."""
        total = Counters()
        with self._lock:
            for counters in (self._ended, *self._live):
                total.add(counters)
        return total
