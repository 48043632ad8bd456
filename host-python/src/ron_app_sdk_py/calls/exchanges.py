"""Carries out what the component says of a call's exchanges: to send, to read, to abort."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..engine.guest import Guest
from ..engine.messages import Abort, Credential, Failed, Output, Read, Send
from ..errors import RonRequestError, broken
from ..middleware import Attempt
from ..transport.protocol import TransportFailure, TransportRequest, TransportResponse
from .credentials import Token
from .guard import check_added, check_form, refused
from .inflight import InboxItem, InFlight, InterruptedByInboxError, Lost

_SMALL_READ_BYTES = 1024


class Exchanges:
    """The exchanges of calls.

    Attributes:
        cross: calls the component for a call, and hands out what it answers.
    """

    def __init__(
        self, cross: Callable[[Guest, Callable[[], Output], InFlight | None], None]
    ) -> None:
        self.cross = cross

    async def carry_out(self, call: InFlight, item: InboxItem) -> None:
        """Does what an item says that any call may get.

        Raises:
            RonError: the item ends the call in that.
        """
        match item:
            case Send():
                if call.open or call.held:
                    # Answers that nobody asks for would pile up.
                    raise broken("wants a request sent before it has dropped the last answer")
                if call.attempts >= call.max_attempts:
                    raise broken(f"wants more than {call.attempts} requests sent for a call")
                if not call.may_send(item.method):
                    raise refused("a request of another method than was asked for")
                check_form(item.headers, bare=call.request.node == "omit")
                await self.send(call, item)
            case Read():
                await self.read(call, item)
            case Abort(exchange=exchange):
                call.abort(exchange)
            case Credential():
                if call.asked >= call.max_asks:
                    raise broken(f"asks for more than {call.asked} tokens for a call")
                call.asked += 1
                await self.ask(call)
            case Failed():
                call.over = True
                raise call.error(item)
            case Lost(error=error):
                call.over = True
                raise error
            case _:
                raise broken(f"sent {type(item).__name__} to a call")

    async def ask(self, call: InFlight) -> None:
        """Asks the provider for a token, unless the inbox has something more urgent."""
        while call.inbox and isinstance(call.inbox[0], Abort):
            # An answer that was refused is dropped, and it is for another attempt that it asks.
            await self.carry_out(call, call.take())
        try:
            given = await call.io(call.credentials.ask())
        except InterruptedByInboxError:
            return
        self.give(call, given, call)

    def give(self, call: InFlight, given: Token | str, current: InFlight | None) -> None:
        """Gives the component the token that it asked a call for, or tells it why there is none.

        Args:
            call: the call.
            given: the token or the reason.
            current: the call that runs now, or None.
        """
        guest = call.guest
        if isinstance(given, str):
            self.cross(guest, lambda: guest.no_credential(call.id, given), current)
        else:
            self.cross(guest, lambda: guest.credential(call.id, *given), current)

    async def send(self, call: InFlight, send: Send) -> None:
        """Sends a request and tells the component what became of it, unless the inbox has something
        more urgent.

        Raises:
            RonError: it may not be sent.
        """
        guard, node = call.limits.guard, call.request.node is not None
        guard.check(send.url, send.headers, node=node)
        attempt = None
        try:
            if call.middleware.sees_attempts:
                redactor = call.limits.redactor
                url, headers = redactor.scrub(send.url), redactor.fields(send.headers)
                method = redactor.scrub(send.method)
                attempt = Attempt(call.attempts + 1, method, url, headers)
                await call.io(call.middleware.run("before_attempt", attempt))
                added = list(attempt.added)
                check_added(added, send.headers)
                send = send._replace(headers=send.headers + added)
            content = None if send.body is None else call.body(send.body)
            guard.check_rights(send.method, send.url, len(content or b""), node=node)
            outcome = await self._attempt(call, send, attempt)
            if attempt is not None:
                await call.io(call.middleware.run("after_attempt", attempt))
        except InterruptedByInboxError:
            return
        guest = call.guest
        if isinstance(outcome, TransportFailure):
            code, detail = outcome.code, outcome.detail
            self.cross(guest, lambda: guest.failure(call.id, send.exchange, code, detail), call)
            return
        status, headers = outcome.status, outcome.headers
        try:
            self.cross(guest, lambda: guest.response(call.id, send.exchange, status, headers), call)
        except RonRequestError:
            # Fields that can't be framed came from the server, so the caller is not to blame.
            code = "HTTP-protocol-error"
            self.cross(guest, lambda: guest.failure(call.id, send.exchange, code, ""), call)

    async def _attempt(
        self, call: InFlight, send: Send, attempt: Attempt | None
    ) -> TransportResponse | TransportFailure:
        counters = call.loop.counters
        counters.attempts += 1
        lost, call.failure = call.failure, None
        fresh = call.is_fresh or (lost is not None and lost.of_connection)
        if call.attempts:
            counters.retries += 1
        call.attempts += 1
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
        if response.status < call.held_below:
            received = await response.read_all(call.limits.max_response_bytes)
            counters.bytes_received += len(received)
            call.bytes_received += len(received)
            call.held[send.exchange] = (response, received)
        else:
            call.open[send.exchange] = response
        return response

    async def read(self, call: InFlight, read: Read) -> None:
        """Reads some bytes of an answer for the component, unless the inbox has something more
        urgent."""
        guest = call.guest
        response = call.open.get(read.exchange)
        if response is None:
            raise broken("reads from an exchange that is not open")
        if read.max_bytes < 1:
            raise broken("wants no bytes of an answer read, or all at once")
        try:
            content = await call.io(response.read(read.max_bytes))
        except InterruptedByInboxError:
            return
        except TransportFailure as failure:
            call.open.pop(read.exchange, None)
            call.failure = failure
            code, detail = failure.code, failure.detail
            self.cross(guest, lambda: guest.failure(call.id, read.exchange, code, detail), call)
            return
        if not content:
            call.open.pop(read.exchange, None)
        elif read.max_bytes < _SMALL_READ_BYTES:
            # What has arrived in one piece is not to keep the loop from others, byte by byte.
            await asyncio.sleep(0)
        end = not content
        call.loop.counters.bytes_received += len(content)
        call.bytes_received += len(content)
        self.cross(guest, lambda: guest.data(call.id, read.exchange, content, end=end), call)


def _seconds(nanoseconds: int | None) -> float | None:
    return None if nanoseconds is None else nanoseconds / 1e9
