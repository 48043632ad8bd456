"""Carries calls between the component and the transports.

The component says what to do; a call's own coroutine does it, one command after another. An output
may hold items of other calls, which go to those calls' inboxes, in whatever thread and loop they
run. While a coroutine waits for the network it can be interrupted by its inbox: that is how
deadlines and ``close`` reach it.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import threading
import weakref
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from .engine.guest import Begin, Clock, Guest
from .engine.messages import Abort, Done, Failed, Item, Opened, Output, Pairs, Read, Send
from .errors import (
    RonClosedError,
    RonConfigError,
    RonError,
    RonNetworkError,
    RonRequestError,
    RonSandboxError,
    from_report,
)
from .response import Response
from .transport.protocol import (
    Transport,
    TransportFactory,
    TransportFailure,
    TransportRequest,
    TransportResponse,
)

T = TypeVar("T")

_HELD_BELOW = 400
"""Answers below this status are read to their end before the component hears of them."""


@dataclass(frozen=True, slots=True)
class Session:
    """A session of the component, kept here so that it can be opened again after a trap.

    Attributes:
        id: its id.
        parent: the session it is derived from, or None.
        settings: what it was opened with.
    """

    id: int
    parent: int | None
    settings: Pairs

    def __repr__(self) -> str:
        return f"Session({self.id})"


class Calls:
    """The sessions and calls of one root client.

    Args:
        transport: makes the transport of an event loop.
        max_response_bytes: largest body that is read.
        clock: time and randomness of the component; the system's by default.
        private_api: whether the engine may use its fast path.
    """

    def __init__(
        self,
        transport: TransportFactory,
        *,
        max_response_bytes: int,
        clock: Clock | None = None,
        private_api: bool = True,
    ) -> None:
        self._transport = transport
        self._max_response_bytes = max_response_bytes
        self._make_guest: Callable[[], Guest] = lambda: Guest(clock, private_api=private_api)
        self._lock = threading.Lock()
        self._guest: Guest | None = None
        self._sessions: dict[int, Session] = {}
        self._in_flight: dict[int, _Call] = {}
        self._ids = itertools.count(1)
        self._loops: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Loop] = (
            weakref.WeakKeyDictionary()
        )
        self._closed = False

    def open(self, settings: Pairs, parent: Session | None = None) -> Session:
        """Opens a session.

        Raises:
            RonConfigError: the component refuses the settings.
            RonSandboxError: the component can't be loaded.
        """
        session = Session(next(self._ids), parent.id if parent else None, settings)
        with self._lock:
            _open(self._usable_guest(), session)
            self._sessions[session.id] = session
        return session

    def close_session(self, session: Session) -> None:
        """Closes a session; its calls end with :class:`RonClosedError`."""
        with self._lock:
            self._sessions.pop(session.id, None)
            guest = self._guest
        if guest is not None and guest.usable:
            self._cross(guest, lambda: guest.close(session.id))

    def end(self) -> None:
        """Closes all sessions; every call in flight ends with :class:`RonClosedError`."""
        self._closed = True
        for session in list(self._sessions.values()):
            self.close_session(session)

    async def close_loop(self) -> None:
        """Closes the connections of the running loop."""
        state = self._loops.pop(asyncio.get_running_loop(), None)
        if state is not None:
            await state.close()

    async def perform(self, session: Session, begin: Begin, content: bytes | None) -> Response:
        """Performs a call.

        Raises:
            RonError: it failed.
        """
        if self._closed:
            raise RonClosedError("the client was closed; open a new one", code="closed")
        with self._lock:
            guest = self._usable_guest()
        call = _Call(next(self._ids), guest, self._loop(), content)
        self._in_flight[call.id] = call
        try:
            self._cross(guest, lambda: guest.begin(session.id, call.id, begin), call)
            return await self._run(call)
        except BaseException:
            # First the sockets, then the component, so that nothing can arrive for a call that is
            # gone.
            call.abort_all()
            if not call.over and guest.usable:
                self._cross(guest, lambda: guest.cancel(call.id))
            raise
        finally:
            del self._in_flight[call.id]

    def stats(self) -> dict[str, int]:
        """What the component holds: for tests and metrics."""
        with self._lock:
            guest = self._usable_guest()
        return guest.stats()

    async def _run(self, call: _Call) -> Response:
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
                case other:
                    raise _broken(f"sent {type(other).__name__} to a call")

    async def _send(self, call: _Call, send: Send) -> None:
        guest = call.guest
        try:
            response = await call.io(self._exchange(call, send))
        except _InterruptedError:
            return
        except TransportFailure as failure:
            call.detail = failure.detail
            code, detail = failure.code, failure.detail
            self._cross(guest, lambda: guest.failure(call.id, send.exchange, code, detail), call)
            return
        status, headers = response.status, response.headers
        self._cross(guest, lambda: guest.response(call.id, send.exchange, status, headers), call)

    async def _exchange(self, call: _Call, send: Send) -> TransportResponse:
        request = TransportRequest(
            send.method,
            send.url,
            send.headers,
            call.body(send),
            _seconds(send.connect_timeout),
            _seconds(send.first_byte_timeout),
            _seconds(send.between_bytes_timeout),
        )
        response = await call.loop.transport.send(request)
        if response.status < _HELD_BELOW:
            content = await response.read_all(self._max_response_bytes)
            call.held[send.exchange] = (response, content)
        else:
            call.open[send.exchange] = response
        return response

    async def _read(self, call: _Call, read: Read) -> None:
        guest = call.guest
        response = call.open.get(read.exchange)
        if response is None:
            raise _broken("reads from an exchange that is not open")
        try:
            content = await call.io(response.read(read.max_bytes))
        except _InterruptedError:
            return
        except TransportFailure as failure:
            del call.open[read.exchange]
            code, detail = failure.code, failure.detail
            self._cross(guest, lambda: guest.failure(call.id, read.exchange, code, detail), call)
            return
        if not content:
            del call.open[read.exchange]
        end = not content
        self._cross(guest, lambda: guest.data(call.id, read.exchange, content, end=end), call)

    def _usable_guest(self) -> Guest:
        """The instance, or a fresh one with all sessions opened again. Needs the lock."""
        guest = self._guest
        if guest is None or not guest.usable:
            guest = self._make_guest()
            for session in self._sessions.values():
                _open(guest, session)
            self._guest = guest
        return guest

    def _cross(
        self, guest: Guest, crossing: Callable[[], Output], call: _Call | None = None
    ) -> None:
        """Calls the component and hands out what it answers; ``call`` is the one that runs now."""
        try:
            output = crossing()
        except RonSandboxError as error:
            self._lose(guest, error, call)
            raise
        wake_at = output.wake_at
        for item in output.items:
            if item.call == 0 and isinstance(item, Failed):
                raise _error(item)
            target = self._in_flight.get(item.call)
            if target is call and target is not None:
                target.inbox.append(item)
            elif target is not None:
                target.deliver(item, wake_at)
        state = call.loop if call is not None else self._running_loop()
        if state is not None:
            state.arm(wake_at)

    def _lose(self, guest: Guest, error: RonSandboxError, current: _Call | None) -> None:
        """Ends the calls of an instance that trapped."""
        guest.instance.dead = True
        for call in list(self._in_flight.values()):
            if call.guest is guest and call is not current:
                lost = RonSandboxError(
                    f"the component trapped while this call was in flight: {error.message}",
                    code=error.code,
                )
                call.deliver(Lost(call.id, lost))

    def _loop(self) -> _Loop:
        loop = asyncio.get_running_loop()
        state = self._loops.get(loop)
        if state is None:
            state = _Loop(loop, self._transport(), self._tick)
            with self._lock:
                self._loops[loop] = state
        return state

    def _running_loop(self) -> _Loop | None:
        try:
            return self._loops.get(asyncio.get_running_loop())
        except RuntimeError:
            return None

    def _tick(self) -> None:
        """Time has passed on some loop."""
        guest = self._guest
        if guest is None or not guest.usable or not self._in_flight:
            return
        try:
            self._cross(guest, guest.tick)
        except RonSandboxError:
            return  # Its calls have been told.


@dataclass(frozen=True, slots=True)
class Lost:
    """An item from this side: the instance that the call ran on is gone."""

    call: int
    error: RonError


class _InterruptedError(Exception):
    """Something in the inbox is more urgent than the network."""


class _Call:
    """A call in flight, from this side."""

    __slots__ = (
        "_interrupted",
        "_task",
        "_waiter",
        "_waiting_for_network",
        "content",
        "detail",
        "guest",
        "held",
        "id",
        "inbox",
        "loop",
        "open",
        "over",
    )

    def __init__(self, id_: int, guest: Guest, loop: _Loop, content: bytes | None) -> None:
        self.id = id_
        self.guest = guest
        self.loop = loop
        self.content = content
        self.inbox: deque[Item | Lost] = deque()
        self.open: dict[int, TransportResponse] = {}
        self.held: dict[int, tuple[TransportResponse, bytes]] = {}
        self.over = False
        self.detail = ""
        self._task = asyncio.current_task()
        self._waiter: asyncio.Future[None] | None = None
        self._waiting_for_network = False
        self._interrupted = False

    def deliver(self, item: Item | Lost, wake_at: int | None = None) -> None:
        """Puts an item into the inbox from any thread, and has its loop wake up in time."""
        if self.loop.is_current():
            self._receive(item, wake_at)
            return
        # A closed loop has ended its calls.
        with contextlib.suppress(RuntimeError):
            self.loop.call_soon_threadsafe(self._receive, item, wake_at)

    def _receive(self, item: Item | Lost, wake_at: int | None) -> None:
        self.inbox.append(item)
        self.loop.arm(wake_at)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
        elif self._waiting_for_network and not self._interrupted and self._task is not None:
            self._interrupted = True
            self._task.cancel()

    async def wait(self) -> None:
        """Waits until something is in the inbox."""
        self._waiter = self.loop.loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    async def io(self, work: Awaitable[T]) -> T:
        """Waits for the network.

        Raises:
            _InterruptedError: the inbox has something; the work was cancelled.
        """
        self._waiting_for_network = True
        try:
            result = await work
        except asyncio.CancelledError:
            self._waiting_for_network = False
            if self._end_interruption():
                raise _InterruptedError from None
            raise
        finally:
            self._waiting_for_network = False
        if self._interrupted:
            self._end_interruption()
            raise _InterruptedError
        return result

    def _end_interruption(self) -> bool:
        """Takes back our own cancellation; tells whether it was the only one."""
        if not self._interrupted or self._task is None:
            return False
        self._interrupted = False
        return self._task.uncancel() == 0

    def body(self, send: Send) -> bytes | None:
        """The body of a request: what this side holds, and what the component made."""
        if send.body is None:
            return None
        held = self.content or b""
        if send.body == [("held", str(len(held)))]:
            return held
        parts, at = [], 0
        try:
            for kind, value in send.body:
                if kind == "bytes":
                    parts.append(bytes.fromhex(value))
                elif kind == "held" and at + int(value) <= len(held):
                    parts.append(held[at : at + int(value)])
                    at += int(value)
                else:
                    raise ValueError
        except ValueError:
            raise _broken("wants a body that nobody holds") from None
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

    def answer(self, done: Done) -> Response:
        """The answer that ``done`` names."""
        held = self.held.pop(done.exchange, None) if done.exchange is not None else None
        if held is None:
            raise _broken("names an answer that nobody holds")
        response, content = held
        return Response(
            response.status,
            response.headers,
            content,
            attempts=done.attempts,
            request_id=done.request_id,
        )

    def error(self, failed: Failed) -> RonError:
        """The error that ``failed`` reports, with the class and errno of the library's."""
        error = _error(failed)
        if self.detail and isinstance(error, RonNetworkError):
            error.add_note(f"transport: {self.detail}")
        return error


class _Loop:
    """What belongs to one event loop: a transport and one timer."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, transport: Transport, tick: Callable[[], None]
    ) -> None:
        # The dictionary of loops is weak, so this must not keep the loop.
        self._loop = weakref.ref(loop)
        self.transport = transport
        self._tick = tick
        self._timer: asyncio.TimerHandle | None = None
        self._wake_at = 0

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop.

        Raises:
            RuntimeError: it is gone.
        """
        loop = self._loop()
        if loop is None:
            raise RuntimeError("the event loop is gone")
        return loop

    def is_current(self) -> bool:
        """Whether the calling code runs on this loop."""
        try:
            return asyncio.get_running_loop() is self._loop()
        except RuntimeError:
            return False

    def call_soon_threadsafe(self, callback: Callable[..., object], *args: object) -> None:
        """As the method of the loop."""
        self.loop.call_soon_threadsafe(callback, *args)

    def arm(self, wake_at: int | None) -> None:
        """Has a tick sent at that time, unless one comes earlier: an early one asks again."""
        if wake_at is None or (self._timer is not None and self._wake_at <= wake_at):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._wake_at = wake_at
        # The monotonic clock of asyncio is that of the component, in seconds.
        self._timer = self.loop.call_at(wake_at / 1e9, self._fire)

    def _fire(self) -> None:
        self._timer = None
        self._tick()

    async def close(self) -> None:
        """Closes the transport and stops the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        await self.transport.close()


def _open(guest: Guest, session: Session) -> None:
    try:
        if session.parent is None:
            output = guest.open(session.id, session.settings)
        else:
            output = guest.derive(session.parent, session.id, session.settings)
    except RonRequestError as error:
        raise RonConfigError(error.message, code="invalid_config") from None
    match output.items:
        case [Opened()]:
            return
        case [Failed() as failed]:
            raise _error(failed)
    raise _broken("did not open a session")


def _error(failed: Failed) -> RonError:
    try:
        return from_report(failed.kind, json.loads(failed.report))
    except (ValueError, KeyError, TypeError):
        return _broken("reported an error that can't be read")


def _broken(what: str) -> RonSandboxError:
    return RonSandboxError(f"the component {what}", code="abi")


def _seconds(nanoseconds: int | None) -> float | None:
    return None if nanoseconds is None else nanoseconds / 1e9
