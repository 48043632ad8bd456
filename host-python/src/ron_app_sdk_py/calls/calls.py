"""Carries calls between the component and the transports.

The component says what to do; a call's own coroutine does it, one command after another. An output
may hold items of other calls, which go to those calls' inboxes, in whatever thread and loop they
run. While a coroutine waits for the network it can be interrupted by its inbox: that is how
deadlines and ``close`` reach it.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import math
import os
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..credentials import TokenProvider
from ..defaults import MAX_WAITING_BYTES, RETRY_BUDGET
from ..engine.guest import Begin, Clock, Guest, SystemClock
from ..engine.messages import Attempts, Done, Failed, Log, Output, size
from ..errors import (
    RonClosedError,
    RonError,
    RonOverloadError,
    RonRequestError,
    RonSandboxError,
    broken,
)
from ..middleware import NONE, Chain
from ..redact import Redactor
from ..request import Request
from ..response import Response
from ..secret import Secret
from ..transport.protocol import Transport
from . import logs
from .credentials import Credentials, StartThread, start_daemon
from .exchanges import Exchanges
from .inflight import InFlight, Lost, Overdue
from .limits import Limits
from .loops import Loops, LoopState, closed_transport
from .metrics import CallRecord, CounterSet, Metrics, MetricsHook
from .pace import Pace
from .reports import report_error
from .sessions import Session, Sessions, Settings

if TYPE_CHECKING:
    from .progress import Progress
    from .streams import Stream


class Calls:
    """The calls of one root client and of those derived from it.

    Args:
        make_transport: makes the transport of the running event loop.
        redactor: is told of the secrets of sessions, as long as they have calls.
        clock: all time and randomness there is; the system's by default.
        flow: the task or thread that the calling code belongs to.
        start_thread: calls token providers that are plain functions.
        private_api: whether the engine may use its fast path.
    """

    def __init__(
        self,
        make_transport: Callable[[], Transport],
        *,
        redactor: Redactor | None = None,
        clock: Clock | None = None,
        flow: Callable[[], object] = asyncio.current_task,
        start_thread: StartThread = start_daemon,
        private_api: bool = True,
    ) -> None:
        self._make_transport = make_transport
        self._redactor = redactor or Redactor()
        self._clock = clock or SystemClock()
        self._start_thread = start_thread
        self._sessions = Sessions(self._clock, private_api=private_api)
        self._ids = itertools.count(1)
        self._hooks: tuple[MetricsHook, ...] = ()
        self._pace = Pace(flow)
        self.exchanges = Exchanges(self._cross)
        self._closed = False
        self._ending: deque[tuple[Session, list[str]]] = deque()
        self._inherited: list[object] = []
        self._start_in_process()

    def _start_in_process(self) -> None:
        self._process = os.getpid()
        self._in_flight: dict[int, InFlight] = {}
        self._abandoned: deque[Stream] = deque()
        self._counters = CounterSet()
        self._loops = Loops(
            self._make_transport, self._counters, self._tick, self._leave_loop, self._clock
        )

    def _start_after_fork(self) -> None:
        """Leaves to the parent what is the parent's. Its sockets and its instance are kept, unused:
        destroying them could reach into the parent's connections."""
        self._inherited += [self._in_flight, self._loops, self._sessions.after_fork()]
        self._start_in_process()

    def _check_usable(self) -> None:
        if self._closed:
            raise RonClosedError("the client was closed; open a new one", code="closed")
        if self._process != os.getpid():
            self._start_after_fork()

    def open(
        self,
        settings: Settings,
        parent: Session | None = None,
        *,
        provider: TokenProvider | None = None,
    ) -> Session:
        """Opens a session: see :meth:`~.sessions.Sessions.open`. It keeps copies of the secrets
        among its settings, which are wiped when it is closed.

        Args:
            settings: its configuration, or what it differs in from its parent's.
            parent: the session that it is derived from.
            provider: gives its tokens, if the settings say ``token-provider``.
        """
        self._check_usable()
        self._close_abandoned()
        credentials = None
        if provider is not None:
            credentials = Credentials(provider, self._redactor, self._clock, self._start_thread)
        own = [
            (name, value.copy() if isinstance(value, Secret) else value) for name, value in settings
        ]
        secrets = [value for _, value in own if isinstance(value, Secret)]
        for secret in secrets:
            self._redactor.add(secret.get_secret_value())
        try:
            return self._sessions.open(own, parent, credentials)
        except BaseException as error:
            for secret in secrets:
                self._redactor.remove(secret.get_secret_value())
                secret.wipe()
            guest = self._sessions.guest
            if guest is not None and guest.instance.dead:
                self._lose(guest, None, error)
            raise

    def close_session(self, session: Session) -> None:
        """Closes a session and those derived from it; their calls end with
        :class:`RonClosedError`. From inside of a crossing, as a finalizer may, it is put off."""
        if self._process != os.getpid():
            self._start_after_fork()
        if self.is_crossing_here():
            self.abandon(session)
            return
        forgotten = self._sessions.forget(session)
        for ended in forgotten:
            self._ending.append((ended, [secret.get_secret_value() for secret in ended.secrets]))
            for secret in ended.secrets:
                secret.wipe()
        try:
            self._close(forgotten)
        finally:
            self._forget_secrets()

    def _close(self, sessions: list[Session]) -> None:
        guest = self._sessions.guest
        if guest is None or not guest.usable:
            # The calls were told when the instance was lost.
            return
        for closed in sessions:
            with contextlib.suppress(RonSandboxError):
                self._cross(guest, functools.partial(guest.close, closed.id), None)

    def _forget_secrets(self) -> None:
        """Forgets the secrets of sessions that were closed, once no call of theirs is under way."""
        ending = {session for session, _ in [*self._ending]}
        if any(call.session in ending for call in [*self._in_flight.values()]):
            return
        in_use = [session.credentials for session in self._sessions.all()]
        # Several threads may do this.
        with contextlib.suppress(IndexError):
            while True:
                session, texts = self._ending.popleft()
                for text in texts:
                    self._redactor.remove(text)
                if session.credentials is not None and session.credentials not in in_use:
                    session.credentials.drop()

    def abandon(self, session: Session) -> None:
        """As :meth:`close_session`, but later, when a call crosses anyway: for finalizers, which
        may run in the middle of a crossing."""
        self._sessions.abandon(session)

    def _close_abandoned(self) -> None:
        for session in self._sessions.take_abandoned():
            self.close_session(session)
        while self._abandoned:
            self._abandoned.popleft().close()

    def end(self) -> None:
        """Closes all sessions; every call in flight ends with :class:`RonClosedError`. The settings
        of transports, with the proxy's password, are dropped too."""
        self._closed = True
        for session in self._sessions.all():
            self.close_session(session)
        self._loops.retire()
        self._make_transport = closed_transport

    def is_crossing_here(self) -> bool:
        """Whether the calling code interrupts a crossing of its own thread: a signal's handler or a
        finalizer may."""
        guest = self._sessions.guest
        return guest is not None and guest.instance.is_held_here()

    async def close_loop(self) -> None:
        """Closes the connections of the running loop."""
        await self._loops.close_current()

    def add_hook(self, hook: MetricsHook) -> None:
        """Has ``hook`` called after each call."""
        self._hooks = (*self._hooks, hook)

    def metrics(self) -> Metrics:
        """The counters of all loops."""
        total = self._counters.total()
        return Metrics(
            calls=total.calls,
            errors=total.errors,
            attempts=total.attempts,
            retries=total.retries,
            bytes_sent=total.bytes_sent,
            bytes_received=total.bytes_received,
            in_flight=len(self._in_flight),
            budget=self._budget(),
        )

    def _budget(self) -> int:
        guest = self._sessions.guest
        if guest is not None and guest.usable and self._sessions.all():
            with contextlib.suppress(RonSandboxError, RonOverloadError):
                return guest.stats().get("budget", RETRY_BUDGET)
        return RETRY_BUDGET

    def stats(self) -> dict[str, int]:
        """What the component holds: for tests and metrics."""
        return self._sessions.usable_guest().stats()

    async def perform(
        self, session: Session, limits: Limits, request: Request, middleware: Chain = NONE
    ) -> Response:
        """Performs a call.

        Raises:
            RonError: it failed.
        """
        loop = await self._loop()
        begin = _begin(session, request)
        guest = self._sessions.usable_guest()
        # A warning may be an error, which must leave nothing behind.
        failures = self._pace.begin(loop.now())
        call = InFlight(next(self._ids), limits, guest, loop, request, session, middleware)
        call.failures_before = failures
        loop.calls += 1
        try:
            self._enter(call, begin)
            response = await self._run(call)
        except BaseException as error:
            self.leave(call, error)
            raise
        finally:
            loop.calls -= 1
            self.relieve(loop)
        self.leave(call, response)
        return response

    async def stream(
        self,
        session: Session,
        limits: Limits,
        request: Request,
        progress: Progress,
        middleware: Chain = NONE,
    ) -> Stream:
        """Begins a stream, which its consumer then carries on.

        Args:
            session: the session that it belongs to.
            limits: what this side enforces.
            request: what is asked for.
            progress: where what comes of it is put.
            middleware: whose attempts it shows.

        Raises:
            RonError: it can't begin.
        """
        # Who has no streams is not to load them.
        from .streams import Stream

        loop = await self._loop()
        begin = _begin(session, request)
        guest = self._sessions.usable_guest()
        failures = self._pace.begin(loop.now())
        stream = Stream(
            next(self._ids),
            limits,
            guest,
            loop,
            request,
            session,
            middleware,
            carrier=self,
            progress=progress,
        )
        stream.failures_before = failures
        try:
            self._enter(stream, begin)
        except BaseException as error:
            stream.end(error)
            raise
        return stream

    def _enter(self, call: InFlight, begin: Begin) -> None:
        call.loop.counters.calls += 1
        self._in_flight[call.id] = call
        call.limits.guard.check_time()
        call.loop.back_up(call.backstop)
        guest = call.guest
        self._cross(guest, lambda: guest.begin(call.session.id, call.id, begin), call)

    def leave(self, call: InFlight, outcome: object) -> None:
        """Leaves nothing of a call that ends.

        Args:
            call: the call.
            outcome: the exception that ends it, or else what has the status and the request id.
        """
        error = outcome if isinstance(outcome, BaseException) else None
        loop = call.loop
        try:
            if error is not None:
                loop.counters.errors += 1
            if error is not None or not call.over:
                self._drop(call)
        finally:
            self._in_flight.pop(call.id, None)
            loop.used()
            if self._ending:
                self._forget_secrets()
        if error is not None:
            self._pace.failed(loop.now(), error, call.failures_before)
        if isinstance(error, RonSandboxError):
            # The component can't tell any more.
            error.attempts = call.attempts
        if isinstance(error, RonRequestError):
            call.limits.redactor.scrub_error(error)
        if self._hooks:
            self._record(call, outcome)

    def relieve(self, loop: LoopState) -> None:
        """Has other loops take the timer of one on which nothing is carried on any more."""
        self._loops.relieve(loop)

    def put_off(self, stream: Stream) -> None:
        """Closes a stream when a call begins: for finalizers, which may run in the middle of a
        crossing."""
        self._abandoned.append(stream)

    def wall_ns(self) -> int:
        """The wall clock in nanoseconds since 1970."""
        return self._clock.wall_ns()

    async def _loop(self) -> LoopState:
        """The running loop, ready for another call."""
        self._check_usable()
        loop = self._loops.running() or await self._loops.current()
        if loop.was_idle():
            await loop.hear()
        self._close_abandoned()
        return loop

    def _drop(self, call: InFlight) -> None:
        # First the sockets, then the component, so that nothing can arrive for a call that is gone.
        call.abort_all()
        if not call.over and call.guest.usable:
            # What ended the call is what the caller must hear of.
            with contextlib.suppress(RonSandboxError):
                self._cross(call.guest, lambda: call.guest.cancel(call.id), call)

    async def _run(self, call: InFlight) -> Response:
        while True:
            if not call.inbox:
                await call.wait()
                continue
            item = call.take()
            match item:
                case Done():
                    call.over = True
                    return call.answer(item)
                case Attempts():
                    call.told = item
                case Overdue():
                    # The component may know it still, so the call is not over.
                    raise call.overdue()
                case _:
                    await self.exchanges.carry_out(call, item)

    def _cross(
        self, guest: Guest, crossing: Callable[[], Output], current: InFlight | None
    ) -> None:
        """Calls the component, for ``current`` if that is the call that runs now, and hands out
        what it answers."""
        try:
            output = crossing()
        except BaseException as error:
            # A signal's handler too may have raised in the middle of it.
            if isinstance(error, RonSandboxError) or guest.instance.dead:
                self._lose(guest, current, error)
            raise
        if not self._deliver(output, current):
            flood = broken("hands more to a call than it takes")
            self._lose(guest, current, flood)
            raise flood

    def _deliver(self, output: Output, current: InFlight | None) -> bool:
        """Hands out items to the calls that they belong to.

        Returns:
            Whether no call has more to take than it may.
        """
        wake_at = output.wake_at
        refusal: Failed | None = None
        bounded = True
        told: list[tuple[Log, Redactor | None]] = []
        for item in output.items:
            if isinstance(item, Log):
                teller = self._in_flight.get(item.call)
                told.append((item, None if teller is None else teller.limits.redactor))
                continue
            target = self._in_flight.get(item.call)
            if target is None:
                refusal = item if item.call == 0 and isinstance(item, Failed) else refusal
            elif target is current:
                target.inbox.append(item)
            elif bounded:
                target.waiting_bytes += size(item)
                bounded = target.waiting_bytes <= MAX_WAITING_BYTES
                target.deliver(item, wake_at)
        state = current.loop if current is not None else self._loops.running()
        if state is not None:
            state.arm(wake_at)
        # Handlers are the user's code: no call waits for what they do.
        for log, redactor in told:
            logs.write(log, redactor)
        if refusal is not None:
            # Of whatever kind it says: it is about a message, not about the call that runs.
            raise report_error(refusal._replace(kind="abi"))
        return bounded

    def _lose(self, guest: Guest, current: InFlight | None, error: BaseException) -> None:
        """Ends the other calls of an instance that trapped or was interrupted."""
        guest.instance.dead = True
        for call in list(self._in_flight.values()):
            if call.guest is guest and call is not current:
                call.deliver(Lost(call.id, _loss(error)))

    def _tick(self) -> None:
        """Time has passed on some loop."""
        self._end_overdue()
        guest = self._sessions.guest
        if guest is None or not guest.usable or not self._in_flight:
            return
        # The calls are told; a timer has nobody to tell.
        with contextlib.suppress(RonSandboxError):
            self._cross(guest, guest.tick, None)

    def _leave_loop(self, loop: LoopState) -> None:
        """A loop ends."""
        for call in list(self._in_flight.values()):
            if call.loop is loop:
                call.leave_loop()

    def _end_overdue(self) -> None:
        """Ends the running loop's calls that the component has not ended in time."""
        state = self._loops.running()
        if state is None or not state.is_past_backstop():
            return
        now, earliest = state.now(), math.inf
        for call in list(self._in_flight.values()):
            if call.loop is not state:
                continue
            if call.backstop <= now:
                call.deliver(Overdue(call.id))
            else:
                earliest = min(earliest, call.backstop)
        state.back_up(earliest)

    def _record(self, call: InFlight, outcome: object) -> None:
        request, scrub = call.request, call.limits.redactor.scrub
        request_id = getattr(outcome, "request_id", None)
        record = CallRecord(
            method=scrub(request.method),
            path=scrub(request.path.partition("?")[0]),
            status=getattr(outcome, "status", None),
            error=_error_name(outcome) if isinstance(outcome, BaseException) else None,
            attempts=call.attempts,
            duration=(call.loop.now() - call.started) / 1e9,
            bytes_sent=len(request.content or b"") * call.attempts,
            bytes_received=call.bytes_received,
            request_id=None if request_id is None else scrub(request_id),
        )
        for hook in self._hooks:
            try:
                hook(record)
            except Exception:
                logs.tell_failure("a metrics hook failed", call.limits.redactor)


def _begin(session: Session, request: Request) -> Begin:
    if session.credentials is not None and request.node != "omit":
        session.credentials.check_not_asking()
    return request.begin(logs.wanted_level())


def _loss(error: BaseException) -> RonSandboxError:
    """What the calls hear that ran on an instance which is gone."""
    if isinstance(error, RonSandboxError):
        text = f"the component trapped while this call was in flight: {error.message}"
        return RonSandboxError(text, code=error.code)
    return RonSandboxError(
        f"the component was interrupted by {type(error).__name__} while this call was in flight",
        code="interrupted",
    )


def _error_name(error: BaseException) -> str:
    return error.code if isinstance(error, RonError) else type(error).__name__
