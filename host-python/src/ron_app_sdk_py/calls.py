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
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass

from .engine.guest import Begin, Clock, Guest
from .engine.messages import Abort, Done, Failed, Opened, Output, Pairs, Read, Send
from .errors import RonClosedError, RonConfigError, RonRequestError, RonSandboxError, broken
from .inflight import InFlight, InterruptedByInboxError, Lost, report_error
from .loops import LoopState, running_loop
from .response import Response
from .transport.protocol import (
    TransportFactory,
    TransportFailure,
    TransportRequest,
    TransportResponse,
    TransportSettings,
)

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
        settings: what all its transports share.
        max_response_bytes: largest body that is read.
        clock: time and randomness of the component; the system's by default.
        private_api: whether the engine may use its fast path.
    """

    def __init__(
        self,
        transport: TransportFactory,
        settings: TransportSettings,
        *,
        max_response_bytes: int,
        clock: Clock | None = None,
        private_api: bool = True,
    ) -> None:
        self._transport = transport
        self._settings = settings
        self._max_response_bytes = max_response_bytes
        self._make_guest: Callable[[], Guest] = lambda: Guest(clock, private_api=private_api)
        self._lock = threading.Lock()
        self._guest: Guest | None = None
        self._sessions: dict[int, Session] = {}
        self._in_flight: dict[int, InFlight] = {}
        self._ids = itertools.count(1)
        self._loops: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, LoopState] = (
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
            # A trap has told the calls already, and there is nothing left to close.
            with contextlib.suppress(RonSandboxError):
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
        call = InFlight(next(self._ids), guest, self._loop(), content)
        self._in_flight[call.id] = call
        try:
            self._cross(guest, lambda: guest.begin(session.id, call.id, begin), call)
            return await self._run(call)
        except BaseException:
            # First the sockets, then the component, so that nothing can arrive for a call that is
            # gone.
            call.abort_all()
            if not call.over and guest.usable:
                # What ended the call is what the caller must hear of.
                with contextlib.suppress(RonSandboxError):
                    self._cross(guest, lambda: guest.cancel(call.id))
            raise
        finally:
            del self._in_flight[call.id]

    def stats(self) -> dict[str, int]:
        """What the component holds: for tests and metrics."""
        with self._lock:
            guest = self._usable_guest()
        return guest.stats()

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
                    raise broken(f"sent {type(other).__name__} to a call")

    async def _send(self, call: InFlight, send: Send) -> None:
        guest = call.guest
        try:
            response = await call.io(self._exchange(call, send))
        except InterruptedByInboxError:
            return
        except TransportFailure as failure:
            call.failure = failure
            code, detail = failure.code, failure.detail
            self._cross(guest, lambda: guest.failure(call.id, send.exchange, code, detail), call)
            return
        status, headers = response.status, response.headers
        try:
            self._cross(
                guest, lambda: guest.response(call.id, send.exchange, status, headers), call
            )
        except RonRequestError:
            # Fields that can't be framed came from the server, so the caller is not to blame.
            code = "HTTP-protocol-error"
            self._cross(guest, lambda: guest.failure(call.id, send.exchange, code, ""), call)

    async def _exchange(self, call: InFlight, send: Send) -> TransportResponse:
        request = TransportRequest(
            send.method,
            send.url,
            send.headers,
            None if send.body is None else call.body(send.body),
            _seconds(send.connect_timeout),
            _seconds(send.first_byte_timeout),
            _seconds(send.between_bytes_timeout),
            self._settings.write_timeout,
        )
        response = await call.loop.transport.send(request)
        if response.status < _HELD_BELOW:
            content = await response.read_all(self._max_response_bytes)
            call.held[send.exchange] = (response, content)
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
        self, guest: Guest, crossing: Callable[[], Output], call: InFlight | None = None
    ) -> None:
        """Calls the component and hands out what it answers; ``call`` is the one that runs now."""
        try:
            output = crossing()
        except RonSandboxError as error:
            self._lose(guest, error, call)
            raise
        wake_at = output.wake_at
        refusal: Failed | None = None
        for item in output.items:
            target = self._in_flight.get(item.call)
            if target is None:
                refusal = item if item.call == 0 and isinstance(item, Failed) else refusal
            elif target is call:
                target.inbox.append(item)
            else:
                target.deliver(item, wake_at)
        state = call.loop if call is not None else self._running_loop()
        if state is not None:
            state.arm(wake_at)
        if refusal is not None:
            raise report_error(refusal)

    def _lose(self, guest: Guest, error: RonSandboxError, current: InFlight | None) -> None:
        """Ends the calls of an instance that trapped."""
        guest.instance.dead = True
        for call in list(self._in_flight.values()):
            if call.guest is guest and call is not current:
                lost = RonSandboxError(
                    f"the component trapped while this call was in flight: {error.message}",
                    code=error.code,
                )
                call.deliver(Lost(call.id, lost))

    def _loop(self) -> LoopState:
        loop = asyncio.get_running_loop()
        state = self._loops.get(loop)
        if state is None:
            state = LoopState(loop, self._transport(self._settings), self._tick)
            with self._lock:
                self._loops[loop] = state
        return state

    def _running_loop(self) -> LoopState | None:
        loop = running_loop()
        return None if loop is None else self._loops.get(loop)

    def _tick(self) -> None:
        """Time has passed on some loop."""
        guest = self._guest
        if guest is None or not guest.usable or not self._in_flight:
            return
        try:
            self._cross(guest, guest.tick)
        except RonSandboxError:
            return  # Its calls have been told.


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
            raise report_error(failed)
    raise broken("did not open a session")


def _seconds(nanoseconds: int | None) -> float | None:
    return None if nanoseconds is None else nanoseconds / 1e9
