"""What httpcore2 and httpx2 have in common: an exchange's body, answer and failures.

Both name their exceptions alike, so names tell what happened, whichever of the two raised.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import aclosing
from typing import Any

import h11

from .content import Content, declared_length
from .failures import connect_failure, detail, find, lost_failure
from .limits import check_header_section
from .pieces import turns
from .protocol import TransportFailure, TransportRequest

RawHeaders = list[tuple[bytes, bytes]]

_TIME_OUTS = {
    "ConnectTimeout": "connection-timeout",
    "PoolTimeout": "connection-timeout",
    "ReadTimeout": "connection-read-timeout",
    "WriteTimeout": "connection-write-timeout",
}
_METHODS_WITHOUT_CONTENT = frozenset({"GET", "HEAD", "OPTIONS"})


class Body:
    """The body of a request, piece by piece."""

    def __init__(self, content: bytes | None) -> None:
        self._content = content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._content:
            for turn in turns(self._content):
                for piece in turn:
                    yield bytes(piece)
                await asyncio.sleep(0)


class Closing:
    """Connections that are being closed while nobody waits for it."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Closes one."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def wait(self) -> None:
        """Waits for all."""
        await asyncio.gather(*self._tasks, return_exceptions=True)


def raw_headers(request: TransportRequest, host: bytes) -> RawHeaders:
    """The header section: what was asked for, with ``Host`` and ``Content-Length``."""
    headers = [(b"Host", host)]
    headers += [
        # White space around a value is none of it (RFC 9110, section 5.5), and h11 sends none.
        (name.encode("ascii"), value.strip(" \t").encode("latin-1"))
        for name, value in request.headers
    ]
    if request.content is not None or request.method not in _METHODS_WITHOUT_CONTENT:
        headers.append((b"Content-Length", b"%d" % len(request.content or b"")))
    return headers


def time_outs(request: TransportRequest) -> dict[str, float | None]:
    """The time-outs of a request until the head of its answer, in the form of both libraries. They
    look at ``read`` again when the body is first read."""
    return {
        "connect": request.connect_timeout,
        "read": request.first_byte_timeout,
        "write": request.write_timeout,
        "pool": None,
    }


class Httpx2Response:
    """An answer: see :class:`~.protocol.TransportResponse`.

    Args:
        method: the method of the request.
        status: the status code.
        headers: the header section.
        stream: the library's body: an async iterable of bytes with ``aclose``.
        failures: the library's exceptions.
        closing: takes connections that are to be closed.
    """

    __slots__ = (
        "_chunks",
        "_closing",
        "_failures",
        "_method",
        "_over",
        "_reading",
        "_rest",
        "_stream",
        "headers",
        "status",
    )

    def __init__(
        self,
        method: str,
        status: int,
        headers: RawHeaders,
        stream: Any,
        *,
        failures: tuple[type[Exception], ...],
        closing: Closing,
    ) -> None:
        self.status = status
        self._method = method
        self._stream = stream
        self._failures = failures
        self._closing = closing
        self._chunks = stream.__aiter__()
        self._rest = b""
        self._over = False
        self._reading = False
        try:
            check_header_section(headers)
        except TransportFailure:
            self.abort()
            raise
        self.headers = [
            (name.decode("latin-1"), value.decode("latin-1")) for name, value in headers
        ]

    async def read_all(self, max_bytes: int) -> bytes:
        """Reads the body to its end."""
        try:
            declared = declared_length(self._method, self.status, self.headers)
            content = Content(max_bytes, declared)
            async for part in self._chunks:
                content.add(part)
        except self._failures as error:
            raise exchange_failure(error, head_seen=True) from None
        finally:
            await self._close()
        return content.value()

    async def read(self, max_bytes: int) -> bytes:
        """Reads some bytes of the body, none at its end."""
        if self._over:
            raise TransportFailure("connection-terminated", "read after its end")
        try:
            while not self._rest:
                self._rest = await self._next()
        except StopAsyncIteration:
            await self._close()
            return b""
        except self._failures as error:
            await self._close()
            raise exchange_failure(error, head_seen=True) from None
        except BaseException:
            # The library has closed the connection. What it would say next is that the body ended.
            await self._close()
            raise
        part, self._rest = self._rest[:max_bytes], self._rest[max_bytes:]
        return part

    async def _next(self) -> bytes:
        self._reading = True
        try:
            part: bytes = await anext(self._chunks)
        finally:
            self._reading = False
        return part

    def abort(self) -> None:
        """Closes the connection unless the body was read to its end."""
        if not self._over:
            self._closing.start(self._close())

    async def _close(self) -> None:
        if not self._over:
            self._over = True
            if self._reading:
                # Who reads hears of it, and so do the chunks.
                await self._stream.aclose()
                return
            async with aclosing(self._stream), aclosing(self._chunks):
                await _close_with_surplus(self._stream)


async def _close_with_surplus(stream: Any) -> None:
    """Closes the connection if more has come than the answer. h11 would take that for the next
    one, which RFC 9112, section 6.3, forbids; nothing public tells."""
    while inner := getattr(stream, "_stream", None) or getattr(stream, "_httpcore_stream", None):
        stream = inner
    connection: Any = getattr(stream, "_connection", None)
    state = getattr(connection, "_h11_state", None)
    if state is not None and state.trailing_data[0]:
        # The pool keeps no connection whose stream is closed.
        await connection._network_stream.aclose()


def exchange_failure(error: BaseException, *, head_seen: bool = False) -> TransportFailure:
    """The failure that an exception of either library means."""
    names = {cls.__name__ for cls in type(error).__mro__}
    for name, code in _TIME_OUTS.items():
        if name in names:
            return TransportFailure(code, detail(error))
    if "ConnectError" in names:
        return connect_failure(error)
    if "NetworkError" in names or "OSError" in names:
        return lost_failure(error, head_seen=head_seen)
    if "RemoteProtocolError" in names:
        return _answer_failure(error, head_seen=head_seen)
    return TransportFailure("internal-error", type(error).__name__)


def _answer_failure(error: BaseException, *, head_seen: bool) -> TransportFailure:
    """What is wrong with an answer."""
    cause = find(error, h11.RemoteProtocolError)
    if cause is None or "peer closed connection" in str(cause):
        return lost_failure(error, head_seen=head_seen)
    if cause.error_status_hint == 431 and not head_seen:
        return TransportFailure("HTTP-response-header-section-size", detail(error))
    return TransportFailure("HTTP-protocol-error", detail(error))
