"""One call in flight: its inbox, and what this side holds for it."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections import deque
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, ClassVar, TypeVar

from ..defaults import BACKSTOP_SECONDS, MAX_RETRIES
from ..engine.guest import Guest
from ..engine.messages import Attempts, Done, Failed, Item, Pairs
from ..errors import RonError, RonNetworkError, RonTimeoutError, broken
from ..middleware import Chain
from ..request import Request
from ..response import Response
from ..transport.protocol import TransportFailure, TransportResponse
from .credentials import Credentials
from .limits import Limits
from .loops import LoopState
from .reports import report_error, timeline
from .sessions import Session

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Lost:
    """An item from this side: the instance that the call ran on is gone."""

    call: int
    error: RonError


@dataclass(frozen=True, slots=True)
class Overdue:
    """An item from this side: the component has not ended the call in time."""

    call: int


@dataclass(frozen=True, slots=True)
class Restart:
    """An item from this side: the consumer of a stream wants another connection."""

    call: int


@dataclass(frozen=True, slots=True)
class Close:
    """An item from this side: nobody wants a stream's events any more."""

    call: int


InboxItem = Item | Lost | Overdue | Restart | Close
"""What an inbox holds."""


class InterruptedByInboxError(Exception):
    """Something in the inbox is more urgent than the network."""


class InFlight:
    """A call in flight, from this side.

    Attributes:
        id: its id.
        limits: what this side enforces for it.
        guest: the instance that it runs on.
        loop: what belongs to its event loop.
        request: what was asked for.
        session: the session that it belongs to.
        middleware: whose attempts it shows.
        asked: how often the component wanted a token for it.
        attempts: how many HTTP requests were sent.
        bytes_received: size of the content received.
        started: when it began, on the loop's clock, in nanoseconds.
        timeout: how long it may take, in seconds.
        inbox: what it is to do next.
        open: answers whose content is still to be read, by exchange.
        held: answers with their content, by exchange.
        over: whether the component has ended it.
        waiting_bytes: about what the component has handed to it, while others were carried on,
            since it last took all.
        max_attempts: how many requests may be sent for it at most.
        held_below: answers below this status are read to their end before the component hears of
            them.
        is_fresh: whether each of its requests goes out on a connection of its own.
        may_become_get: whether a redirect may turn its method into GET.
        told: what became of its attempts, once the component has told.
        failures_before: how many calls failed in a row before it, without a pause.
        failure: in what the last attempt failed, as the transport says, or None.
    """

    __slots__ = (
        "_cancelling",
        "_interrupted",
        "_task",
        "_waiter",
        "_waiting_for_network",
        "asked",
        "attempts",
        "bytes_received",
        "failure",
        "failures_before",
        "guest",
        "held",
        "id",
        "inbox",
        "limits",
        "loop",
        "middleware",
        "open",
        "over",
        "request",
        "session",
        "started",
        "timeout",
        "told",
        "waiting_bytes",
    )

    # The first, those after it, and two that were refused for their credential.
    max_attempts: ClassVar[float] = MAX_RETRIES + 3
    held_below: ClassVar[int] = 400
    is_fresh: ClassVar[bool] = False
    may_become_get: ClassVar[bool] = False

    def __init__(
        self,
        id_: int,
        limits: Limits,
        guest: Guest,
        loop: LoopState,
        request: Request,
        session: Session,
        middleware: Chain,
    ) -> None:
        self.id = id_
        self.limits = limits
        self.guest = guest
        self.loop = loop
        self.request = request
        self.session = session
        self.middleware = middleware
        self.asked = 0
        self.attempts = 0
        self.bytes_received = 0
        self.failures_before = 0
        self.started = loop.now()
        self.timeout = limits.timeout if request.timeout is None else float(request.timeout)
        self.inbox: deque[InboxItem] = deque()
        self.open: dict[int, TransportResponse] = {}
        self.held: dict[int, tuple[TransportResponse, bytes]] = {}
        self.over = False
        self.waiting_bytes = 0
        self.told: Attempts | None = None
        self.failure: TransportFailure | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._waiting_for_network = False
        self._interrupted = False
        self.adopt()

    def adopt(self) -> None:
        """Has the running task carry it on."""
        self._task = asyncio.current_task()
        # Whoever cleans up after a cancellation may call too.
        self._cancelling = self._task.cancelling() if self._task is not None else 0

    @property
    def backstop(self) -> float:
        """When this side ends it, if the component has not, on the loop's clock, in nanoseconds."""
        return self.started + (self.timeout + BACKSTOP_SECONDS) * 1e9

    @property
    def max_asks(self) -> float:
        """How many tokens may be asked for by now."""
        return self.max_attempts

    @property
    def credentials(self) -> Credentials:
        """Where tokens for it come from.

        Raises:
            RonSandboxError: its session has no provider.
        """
        if self.session.credentials is None:
            raise broken("asks for a token where there is no provider")
        return self.session.credentials

    def deliver(self, item: InboxItem, wake_at: int | None = None) -> None:
        """Puts an item into the inbox from any thread, and has its loop wake up in time."""
        if self.loop.is_current():
            self._receive(item, wake_at)
            return
        # A closed loop has ended its calls.
        with contextlib.suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self._receive, item, wake_at)

    def _receive(self, item: InboxItem, wake_at: int | None) -> None:
        self.inbox.append(item)
        self.loop.arm(wake_at)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
        else:
            self._interrupt()

    def _interrupt(self) -> None:
        """Cancels the wait for the network, if there is one."""
        if not self._waiting_for_network or self._interrupted or self._task is None:
            return
        if self._task is asyncio.current_task(self.loop.loop):
            # Another call, in this one's middleware, runs. A task that cancels itself is cancelled
            # at its next wait, which may be one of the caller's.
            self.loop.loop.call_soon(self._interrupt)
            return
        self._interrupted = True
        self._task.cancel()

    def may_send(self, method: str) -> bool:
        """Whether a method is the one that the caller has asked for, or what a redirect may turn it
        into."""
        asked = self.request.method
        return method in (asked, asked.upper()) or (self.may_become_get and method == "GET")

    def take(self) -> InboxItem:
        """The next thing in the inbox, which is not empty."""
        item = self.inbox.popleft()
        if not self.inbox:
            self.waiting_bytes = 0
        return item

    async def wait(self) -> None:
        """Waits until something is in the inbox."""
        self._waiter = self.loop.loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    async def io(self, work: Coroutine[Any, Any, T]) -> T:
        """Waits for the network, or for middleware.

        Raises:
            InterruptedByInboxError: the inbox has something; the work was cancelled, or not begun.
        """
        if self.inbox:
            # It came before anybody waited, so it will interrupt nobody.
            work.close()
            raise InterruptedByInboxError
        self._waiting_for_network = True
        try:
            result = await work
        except (asyncio.CancelledError, TransportFailure) as error:
            self._waiting_for_network = False
            if self._end_interruption():
                raise InterruptedByInboxError from None
            if isinstance(error, TransportFailure):
                self._check_not_cancelled()
            raise
        finally:
            self._waiting_for_network = False
            interrupted = self._interrupted
            self._end_interruption()
        if interrupted:
            raise InterruptedByInboxError
        self._check_not_cancelled()
        return result

    def _end_interruption(self) -> bool:
        """Takes back our own cancellation; tells whether it was the only one."""
        if not self._interrupted or self._task is None:
            return False
        self._interrupted = False
        return self._task.uncancel() <= self._cancelling

    def _check_not_cancelled(self) -> None:
        """Raises the cancellation that somebody on the way has lost, as aiohappyeyeballs 2.7 does
        between the first connection and the end of the other attempts."""
        if self._task is not None and self._task.cancelling() > self._cancelling:
            raise asyncio.CancelledError

    def body(self, segments: Pairs) -> bytes:
        """The body of a request: what this side holds, and what the component made."""
        held = self.request.content or b""
        if segments == [("held", str(len(held)))]:
            return held
        parts, at = [], 0
        try:
            for kind, value in segments:
                if kind == "bytes":
                    parts.append(bytes.fromhex(value))
                elif kind == "held" and 0 <= (size := int(value)) <= len(held) - at:
                    parts.append(held[at : at + size])
                    at += size
                else:
                    raise ValueError
        except ValueError:
            raise broken("wants a body that nobody holds") from None
        return b"".join(parts)

    def abort(self, exchange: int) -> None:
        """Drops an exchange."""
        self.held.pop(exchange, None)
        response = self.open.pop(exchange, None)
        if response is not None:
            response.abort()

    def abort_all(self) -> None:
        """Drops every exchange."""
        for exchange in list(self.open):
            self.abort(exchange)
        self.held.clear()

    def leave_loop(self) -> None:
        """Its loop ends; so has its task, which has dropped what it held."""

    def answer(self, done: Done) -> Response:
        """The answer that ``done`` names."""
        held = self.held.pop(done.exchange, None) if done.exchange is not None else None
        if held is None:
            raise broken("names an answer that nobody holds")
        response, content = held
        return Response(
            response.status,
            response.headers,
            content,
            attempts=done.attempts,
            request_id=done.request_id,
            timeline=functools.partial(timeline, self.told, self.limits.redactor),
            redactor=self.limits.redactor,
        )

    def overdue(self) -> RonError:
        """The error of a call that this side ends."""
        return RonTimeoutError(
            f"the call's {self.timeout:g} s have passed, and the component did not end it",
            code="overall_timeout",
            attempts=self.attempts,
        )

    def error(self, failed: Failed) -> RonError:
        """The error that ``failed`` reports, with what the transport knows of it."""
        error = report_error(failed, self.limits.redactor)
        error.timeline = timeline(self.told, self.limits.redactor)
        # The time of the call passes whatever the last attempt met.
        late = isinstance(error, RonTimeoutError) and error.phase == "overall"
        if self.failure is not None and isinstance(error, RonNetworkError) and not late:
            error.reason = self.failure.reason
            if self.failure.detail:
                error.add_note(f"transport: {self.failure.detail}")
        if len(error.timeline) > 1:
            error.add_note(str(error.timeline))
        return error
