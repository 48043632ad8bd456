"""One event stream in flight.

It has no task of its own: the consumer's await carries it on until something is ready. Nothing is
read before everything that was handed over is taken, so a slow consumer slows the server, and one
that pauses waits for no byte that could be late. Where a slow consumer is to lose events instead, a
task reads on.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import warnings
from itertools import repeat
from typing import Protocol

from ..defaults import BACKSTOP_SECONDS
from ..engine.guest import Guest
from ..engine.messages import (
    Abort,
    Connected,
    Credential,
    Disconnected,
    Done,
    Events,
    Failed,
    Read,
    Send,
)
from ..errors import (
    RonBufferingWarning,
    RonCapabilityError,
    RonClosedError,
    RonError,
    RonRequestError,
    RonStreamError,
)
from ..events import Event
from ..middleware import Chain
from ..request import Request
from .exchanges import Exchanges
from .inflight import Close, InboxItem, InFlight, Lost, Overdue, Restart
from .limits import Limits
from .loops import LoopState
from .progress import Entry, Progress
from .sessions import Session


class Carrier(Protocol):
    """What a stream needs of the calls that it is one of."""

    exchanges: Exchanges

    def leave(self, call: InFlight, outcome: object) -> None:
        """Leaves nothing of a call that ends."""

    def relieve(self, loop: LoopState) -> None:
        """Nothing is carried on here any more."""

    def is_crossing_here(self) -> bool:
        """Whether the calling code interrupts a crossing of its own thread."""

    def put_off(self, stream: Stream) -> None:
        """Ends a stream when a call begins."""

    def wall_ns(self) -> int:
        """The wall clock in nanoseconds since 1970."""


class Stream(InFlight):
    """A stream in flight, from this side.

    Attributes:
        progress: what has come of it.
        ended: whether nothing is left of it.
    """

    __slots__ = (
        "_arrival",
        "_carried",
        "_carrier",
        "_error",
        "_given_up",
        "_reader",
        "_untold",
        "_warned",
        "ended",
        "progress",
    )

    max_attempts = math.inf
    held_below = 0
    # It holds the connection for long, and one that was idle may be dead.
    is_fresh = True
    may_become_get = True

    def __init__(
        self,
        id_: int,
        limits: Limits,
        guest: Guest,
        loop: LoopState,
        request: Request,
        session: Session,
        middleware: Chain,
        *,
        carrier: Carrier,
        progress: Progress,
    ) -> None:
        super().__init__(id_, limits, guest, loop, request, session, middleware)
        self.progress = progress
        self.ended = False
        self._carrier = carrier
        self._carried = False
        self._warned = False
        self._given_up = False
        self._error: BaseException | None = None
        self._untold: RonError | None = None
        self._reader: asyncio.Task[None] | None = None
        self._arrival: asyncio.Future[None] | None = None

    @property
    def backstop(self) -> float:
        """Soon after its client's right to it ends: by itself it may take as long as it likes."""
        return self.loop.now() + self.limits.guard.time_left_ns() + BACKSTOP_SECONDS * 1e9

    @property
    def max_asks(self) -> float:
        """As of a call, one more for each request, and one a second: a provider that fails is asked
        again before each connection, after a wait."""
        seconds = (self.loop.now() - self.started) // 10**9
        return InFlight.max_attempts + self.attempts + seconds

    @property
    def status(self) -> int | None:
        """The status of its last good answer, or None."""
        return 200 if self.progress.connections else None

    @property
    def request_id(self) -> str | None:
        """Its ``X-Request-Id``, once a connection stood."""
        return self.progress.request_id

    async def more(self) -> None:
        """Waits until something is ready or the stream has ended.

        Raises:
            RonError: it has ended in that, which is raised once.
        """
        if self.guest.process != os.getpid():
            raise RonClosedError(
                "the subscription is that of the parent process; subscribe again in this one",
                code="closed",
            )
        if not self.ended:
            if not self.loop.is_current():
                raise RonRequestError(
                    "the subscription belongs to another event loop, on which it began; take its "
                    "events there",
                    code="subscription_in_use",
                )
            if self.progress.reads_ahead:
                await self._wait_for_reader()
            else:
                await self._carry_on()
        if self.ended and not self.progress.ready and self._error is not None:
            error, self._error = self._error, None
            if self._untold is not None:
                await self._tell_middleware(self._untold)
            raise error

    async def _carry_on(self) -> None:
        if self._carried:
            raise _in_use()
        ready = self.progress.ready
        self._carried = True
        self.loop.calls += 1
        self.adopt()
        try:
            while not (ready or self.ended):
                await self._step()
        except BaseException as error:
            await self._fail(error)
            raise
        finally:
            self._carried = False
            self.loop.calls -= 1
            self._carrier.relieve(self.loop)

    async def _wait_for_reader(self) -> None:
        if self._arrival is not None:
            raise _in_use()
        if self._reader is None:
            self._reader = self.loop.loop.create_task(self._read_on())
        self._arrival = self.loop.loop.create_future()
        try:
            if not (self.progress.ready or self.ended):
                await self._arrival
        except BaseException as error:
            self.end(error)
            raise
        finally:
            self._arrival = None

    async def _read_on(self) -> None:
        """What the task does that reads on while the consumer is slow."""
        ready = self.progress.ready
        self._carried = True
        self.loop.calls += 1
        self.adopt()
        try:
            while not self.ended:
                await self._step()
                if ready:
                    self._wake()
        except asyncio.CancelledError:
            if not self.ended:
                text = "the task that reads the stream was cancelled; subscribe again"
                self._error = RonClosedError(text, code="closed")
                self.end(self._error)
        except Exception as error:
            self._error = error
            self._untold = error if isinstance(error, RonError) else None
            self.end(error)
        finally:
            self._carried = False
            self.loop.calls -= 1
            self.end()
            self._carrier.relieve(self.loop)

    async def _step(self) -> None:
        """Does the next thing that the inbox says."""
        if not self.inbox:
            await self.wait()
            return
        item = self.take()
        progress = self.progress
        match item:
            case Events():
                self._take(item)
            case Connected():
                progress.state = "open"
                progress.connections += 1
                progress.request_id = self.limits.redactor.scrub(item.request_id)
                self._warn(buffered=item.buffered)
            case Disconnected():
                self._lose(item)
            case Done():
                self.over = True
                self.end()
            case Close():
                self.end()
            case Restart():
                guest = self.guest
                self._carrier.exchanges.cross(guest, lambda: guest.restart(self.id), self)
            case Overdue():
                # The component may know it still, so the stream is not over.
                raise self.overdue()
            case _:
                if isinstance(item, Send):
                    progress.state = "connecting"
                await self._carrier.exchanges.carry_out(self, item)

    def _take(self, events: Events) -> None:
        progress = self.progress
        progress.duplicates += events.duplicates
        progress.heartbeats += events.heartbeats
        columns = (events.types, events.data, events.ids, events.retries)
        entries: list[Entry] = [*map(Event, *columns, repeat(self._carrier.wall_ns()))]
        if "" in events.types:
            entries = [
                text if not kind else entry
                for kind, text, entry in zip(events.types, events.data, entries, strict=True)
            ]
        progress.arrived(events.last_event_id, entries)

    def _lose(self, told: Disconnected) -> None:
        """A connection has ended."""
        progress = self.progress
        error = self.error(Failed(self.id, told.kind, told.report))
        self._given_up = told.wait is None
        progress.state = "waiting"
        if progress.tells_losses and not progress.closed:
            progress.put([error])
        self._warn(buffered=told.buffered)

    def _warn(self, *, buffered: bool) -> None:
        if buffered and not self._warned:
            self._warned = True
            warnings.warn(
                "something on the way, as the gateway does, holds answers back until they are "
                "whole, so that this stream gives nothing until it ends; subscribe at the service "
                "itself, with RonClient(the service's URL).node.subscribe(...), or poll",
                RonBufferingWarning,
                stacklevel=2,
            )

    def error(self, failed: Failed) -> RonError:
        """In what a connection ended, as of any call; or why no other is made, which knows in what
        the last one ended."""
        error = super().error(failed)
        if not self._given_up:
            self.progress.last_error = error
        elif isinstance(error, RonStreamError):
            error.last_error = error.__cause__ = self.progress.last_error
        return error

    def overdue(self) -> RonError:
        """The error of a stream that outlived the right to it."""
        return RonCapabilityError(
            "the caveats of this client have expired, and the component did not end the stream",
            code="expired",
            attempts=self.attempts,
        )

    async def _fail(self, error: BaseException) -> None:
        self.end(error)
        if isinstance(error, RonError):
            await self._tell_middleware(error)

    async def _tell_middleware(self, error: RonError) -> None:
        self._untold = None
        if self.middleware:
            await self.middleware.run("after_error", self.request, error)

    def end(self, error: BaseException | None = None) -> None:
        """Ends it: nothing is left of it on either side."""
        if self.ended:
            return
        self.ended = True
        self.progress.state = "closed"
        try:
            self._carrier.leave(self, self if error is None else error)
        finally:
            self.inbox.clear()
            self._wake()
            if self._reader is not None and self._reader is not asyncio.current_task():
                self._reader.cancel()

    def _wake(self) -> None:
        """Wakes the consumer that waits for the task which reads."""
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)

    def leave_loop(self) -> None:
        """Its loop ends, with its connections; it may be that nobody carries it on."""
        if not self._carried:
            self.abort_all()

    def restart(self) -> None:
        """Has another connection made, from any thread. Of a stream that nobody carries on at the
        moment it is made when somebody does."""
        if not self.ended:
            self.deliver(Restart(self.id))

    def close(self) -> None:
        """Ends it, from any thread: at once, or as soon as its loop runs."""
        if self.ended or self.guest.process != os.getpid():
            return
        if self._carrier.is_crossing_here():
            # A signal's handler may be in the middle of a crossing.
            self._carrier.put_off(self)
        elif self.loop.loop.is_closed():
            # What was open was closed with the loop, and the task that reads was cancelled.
            self.open.clear()
            self._reader = None
            self.end()
        else:
            self.deliver(Close(self.id))

    def abandon(self) -> None:
        """As :meth:`close`, but a moment later: for finalizers, which may run in the middle of
        anything."""
        if self.ended or self.guest.process != os.getpid():
            return
        try:
            self.loop.call_soon_threadsafe(self._receive, Close(self.id), None)
        except RuntimeError:
            # The loop is closed.
            self._carrier.put_off(self)

    def deliver(self, item: InboxItem, wake_at: int | None = None) -> None:
        """As of any call. But if it is to ask for a token while its consumer has its loop stand
        still, as that of a blocking client does, other calls would wait for the consumer."""
        if isinstance(item, Credential) and not self.loop.loop.is_running():
            # Where no thread can be started, whoever carries it on asks.
            with contextlib.suppress(RuntimeError):
                self.credentials.start_thread(self._ask_beside)
                return
        super().deliver(item, wake_at)

    def _ask_beside(self) -> None:
        """Asks for a token on a thread of its own."""
        try:
            given = asyncio.run(self.credentials.ask())
        except BaseException as error:
            # There is nobody to raise it to.
            given = f"token_provider raised {type(error).__name__:.60}"
        if not self.ended:
            # The calls are told.
            with contextlib.suppress(RonError):
                self._carrier.exchanges.give(self, given, None)

    def _receive(self, item: InboxItem, wake_at: int | None) -> None:
        if self.ended:
            return
        reads_on = self._reader is not None and self._reader is not asyncio.current_task()
        if isinstance(item, Close) and (reads_on or not self._carried):
            self.end()
            return
        if not self._carried:
            # Nobody may come for it for long.
            match item:
                case Abort():
                    self._stop(item.exchange)
                case Done():
                    self._conclude(None)
                    return
                case Lost(error=error):
                    self._conclude(error)
                    return
                case Failed():
                    self._conclude(self.error(item))
                    return
                case Overdue():
                    self._conclude(self.overdue(), over=False)
                    return
        super()._receive(item, wake_at)

    def _stop(self, exchange: int) -> None:
        """Drops an exchange, and what was still to be done for it."""
        for item in [*self.inbox]:
            if isinstance(item, Send | Read) and item.exchange == exchange:
                self.inbox.remove(item)
        self.abort(exchange)

    def _conclude(self, error: RonError | None, *, over: bool = True) -> None:
        """It has ended while nobody carries it on; who does is told.

        Args:
            error: in what.
            over: whether the component has ended it.
        """
        self.over = over
        for item in self.inbox:
            if isinstance(item, Events):
                self._take(item)
        self._error = self._untold = error
        self.end(error)


def _in_use() -> RonRequestError:
    return RonRequestError(
        "another task waits for events of this subscription; let one at a time take them, or "
        "subscribe twice",
        code="subscription_in_use",
    )
