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
from collections.abc import Callable

from ..defaults import RETRY_BUDGET
from ..engine.guest import Clock, Guest, SystemClock
from ..engine.messages import Abort, Attempts, Done, Failed, Log, Output, Pairs, Read, Send
from ..errors import (
    RonClosedError,
    RonError,
    RonOverloadError,
    RonRequestError,
    RonSandboxError,
    broken,
)
from ..middleware import NONE, Attempt, Chain
from ..request import Request
from ..response import Response
from ..transport.protocol import (
    Transport,
    TransportFailure,
    TransportRequest,
    TransportResponse,
)
from . import logs
from .guard import check_added
from .inflight import InFlight, InterruptedByInboxError, Lost, Overdue
from .limits import Limits
from .loops import Loops
from .metrics import CallRecord, CounterSet, Metrics, MetricsHook
from .pace import Pace
from .reports import report_error
from .sessions import Session, Sessions

_HELD_BELOW = 400
"""Answers below this status are read to their end before the component hears of them."""


class Calls:
    """The calls of one root client and of those derived from it.

    Args:
        make_transport: makes the transport of the running event loop.
        clock: all time and randomness there is; the system's by default.
        flow: the task or thread that the calling code belongs to.
        private_api: whether the engine may use its fast path.
    """

    def __init__(
        self,
        make_transport: Callable[[], Transport],
        *,
        clock: Clock | None = None,
        flow: Callable[[], object] = asyncio.current_task,
        private_api: bool = True,
    ) -> None:
        self._make_transport = make_transport
        self._clock = clock or SystemClock()
        self._sessions = Sessions(self._clock, private_api=private_api)
        self._ids = itertools.count(1)
        self._hooks: tuple[MetricsHook, ...] = ()
        self._pace = Pace(flow)
        self._closed = False
        self._inherited: list[object] = []
        self._start_in_process()

    def _start_in_process(self) -> None:
        self._process = os.getpid()
        self._in_flight: dict[int, InFlight] = {}
        self._counters = CounterSet()
        self._loops = Loops(self._make_transport, self._counters, self._tick, self._clock)

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

    def open(self, settings: Pairs, parent: Session | None = None) -> Session:
        """Opens a session: see :meth:`~.sessions.Sessions.open`."""
        self._check_usable()
        self._close_abandoned()
        try:
            return self._sessions.open(settings, parent)
        except BaseException as error:
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
        guest = self._sessions.guest
        if guest is None or not guest.usable:
            # The calls were told when the instance was lost.
            return
        for closed in forgotten:
            with contextlib.suppress(RonSandboxError):
                self._cross(guest, functools.partial(guest.close, closed.id), None)

    def abandon(self, session: Session) -> None:
        """As :meth:`close_session`, but later, when a call crosses anyway: for finalizers, which
        may run in the middle of a crossing."""
        self._sessions.abandon(session)

    def _close_abandoned(self) -> None:
        for session in self._sessions.take_abandoned():
            self.close_session(session)

    def end(self) -> None:
        """Closes all sessions; every call in flight ends with :class:`RonClosedError`."""
        self._closed = True
        for session in self._sessions.all():
            self.close_session(session)

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
                return guest.stats()["budget"]
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
        self._check_usable()
        loop = self._loops.running() or await self._loops.current()
        if loop.was_idle():
            await loop.hear()
        self._close_abandoned()
        begin = request.begin(logs.wanted_level())
        guest = self._sessions.usable_guest()
        # A warning may be an error, which must leave nothing behind.
        failures = self._pace.begin(loop.now())
        call = InFlight(next(self._ids), limits, guest, loop, request, middleware)
        counters = loop.counters
        counters.calls += 1
        self._in_flight[call.id] = call
        loop.calls += 1
        loop.back_up(call.backstop)
        try:
            self._cross(guest, lambda: guest.begin(session.id, call.id, begin), call)
            response = await self._run(call)
        except BaseException as error:
            counters.errors += 1
            self._drop(call)
            self._pace.failed(loop.now(), error, failures)
            if isinstance(error, RonSandboxError):
                # The component can't tell any more.
                error.attempts = call.attempts
            if isinstance(error, RonRequestError):
                limits.redactor.scrub_error(error)
            if self._hooks:
                self._record(call, error)
            raise
        finally:
            del self._in_flight[call.id]
            loop.calls -= 1
            loop.used()
            self._loops.relieve(loop)
        if self._hooks:
            self._record(call, response)
        return response

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
            match call.inbox.popleft():
                case Send() as send:
                    await self._send(call, send)
                case Done() as done:
                    call.over = True
                    return call.answer(done)
                case Attempts() as told:
                    call.told = told
                case Read() as read:
                    await self._read(call, read)
                case Abort(exchange=exchange):
                    call.abort(exchange)
                case Failed() as failed:
                    call.over = True
                    raise call.error(failed)
                case Lost(error=error):
                    call.over = True
                    raise error
                case Overdue():
                    # The component may know it still, so the call is not over.
                    raise call.overdue()
                case other:
                    raise broken(f"sent {type(other).__name__} to a call")

    async def _send(self, call: InFlight, send: Send) -> None:
        call.limits.guard.check(send.url, send.headers, node=call.request.node is not None)
        attempt = None
        try:
            if call.middleware.sees_attempts:
                attempt = Attempt(call.attempts + 1, send.method, send.url, send.headers)
                await call.io(call.middleware.run("before_attempt", attempt))
                added = list(attempt.added)
                check_added(added, send.headers)
                send = send._replace(headers=send.headers + added)
            outcome = await self._attempt(call, send, attempt)
            if attempt is not None:
                await call.io(call.middleware.run("after_attempt", attempt))
        except InterruptedByInboxError:
            return
        guest = call.guest
        if isinstance(outcome, TransportFailure):
            code, detail = outcome.code, outcome.detail
            self._cross(guest, lambda: guest.failure(call.id, send.exchange, code, detail), call)
            return
        status, headers = outcome.status, outcome.headers
        try:
            self._cross(
                guest, lambda: guest.response(call.id, send.exchange, status, headers), call
            )
        except RonRequestError:
            # Fields that can't be framed came from the server, so the caller is not to blame.
            code = "HTTP-protocol-error"
            self._cross(guest, lambda: guest.failure(call.id, send.exchange, code, ""), call)

    async def _attempt(
        self, call: InFlight, send: Send, attempt: Attempt | None
    ) -> TransportResponse | TransportFailure:
        counters = call.loop.counters
        counters.attempts += 1
        lost, call.failure = call.failure, None
        fresh = lost is not None and lost.of_connection
        if call.attempts:
            counters.retries += 1
        call.attempts += 1
        call.failure = None
        started = call.loop.now()
        outcome: TransportResponse | TransportFailure
        try:
            outcome = await call.io(self._exchange(call, send, fresh=fresh))
        except TransportFailure as failure:
            call.failure = outcome = failure
        if attempt is not None:
            attempt.duration = (call.loop.now() - started) / 1e9
            if isinstance(outcome, TransportFailure):
                attempt.failure = outcome.code
            else:
                attempt.status = outcome.status
        return outcome

    async def _exchange(self, call: InFlight, send: Send, *, fresh: bool) -> TransportResponse:
        content = None if send.body is None else call.body(send.body)
        request = TransportRequest(
            send.method,
            send.url,
            send.headers,
            content,
            _seconds(send.connect_timeout),
            _seconds(send.first_byte_timeout),
            _seconds(send.between_bytes_timeout),
            call.limits.write_timeout,
            call.limits.acknowledge_timeout(call.timeout, len(content or b"")),
            fresh,
        )
        counters = call.loop.counters
        if content is not None:
            counters.bytes_sent += len(content)
        response = await call.loop.transport.send(request)
        if response.status < _HELD_BELOW:
            received = await response.read_all(call.limits.max_response_bytes)
            counters.bytes_received += len(received)
            call.bytes_received += len(received)
            call.held[send.exchange] = (response, received)
        else:
            call.open[send.exchange] = response
        return response

    async def _read(self, call: InFlight, read: Read) -> None:
        guest = call.guest
        response = call.open.get(read.exchange)
        if response is None:
            raise broken("reads from an exchange that is not open")
        try:
            content = await call.io(response.read(read.max_bytes))
        except InterruptedByInboxError:
            return
        except TransportFailure as failure:
            del call.open[read.exchange]
            call.failure = failure
            code, detail = failure.code, failure.detail
            self._cross(guest, lambda: guest.failure(call.id, read.exchange, code, detail), call)
            return
        if not content:
            del call.open[read.exchange]
        end = not content
        call.loop.counters.bytes_received += len(content)
        call.bytes_received += len(content)
        self._cross(guest, lambda: guest.data(call.id, read.exchange, content, end=end), call)

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
        self._deliver(output, current)

    def _deliver(self, output: Output, current: InFlight | None) -> None:
        """Hands out items to the calls that they belong to."""
        wake_at = output.wake_at
        refusal: Failed | None = None
        told: list[Log] = []
        for item in output.items:
            if isinstance(item, Log):
                told.append(item)
                continue
            target = self._in_flight.get(item.call)
            if target is None:
                refusal = item if item.call == 0 and isinstance(item, Failed) else refusal
            elif target is current:
                target.inbox.append(item)
            else:
                target.deliver(item, wake_at)
        state = current.loop if current is not None else self._loops.running()
        if state is not None:
            state.arm(wake_at)
        # Handlers are the user's code: no call waits for what they do.
        for log in told:
            logs.write(log)
        if refusal is not None:
            raise report_error(refusal)

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

    def _record(self, call: InFlight, outcome: Response | BaseException) -> None:
        request = call.request
        answered = isinstance(outcome, Response)
        record = CallRecord(
            method=request.method,
            path=call.limits.redactor.scrub(request.path.partition("?")[0]),
            status=getattr(outcome, "status", None),
            error=None if answered else _error_name(outcome),
            attempts=call.attempts,
            duration=(call.loop.now() - call.started) / 1e9,
            bytes_sent=len(request.content or b"") * call.attempts,
            bytes_received=call.bytes_received,
            request_id=outcome.request_id if isinstance(outcome, Response | RonError) else None,
        )
        for hook in self._hooks:
            try:
                hook(record)
            except Exception:
                logs.tell_failure("a metrics hook failed")


def _loss(error: BaseException) -> RonSandboxError:
    """What the calls hear that ran on an instance which is gone."""
    if isinstance(error, RonSandboxError):
        text = f"the component trapped while this call was in flight: {error.message}"
        return RonSandboxError(text, code=error.code)
    return RonSandboxError(
        f"the component was interrupted by {type(error).__name__} while this call was in flight",
        code="interrupted",
    )


def _error_name(error: object) -> str:
    return error.code if isinstance(error, RonError) else type(error).__name__


def _seconds(nanoseconds: int | None) -> float | None:
    return None if nanoseconds is None else nanoseconds / 1e9
