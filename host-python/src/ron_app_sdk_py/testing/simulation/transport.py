"""The simulated network: a transport that does what outcomes say, in virtual time.

It honours the time-outs of a request and the limits on answers as the real transports do.
"""

from __future__ import annotations

import asyncio
import math

from ...redact import Redactor
from ...transport.content import Content, declared_length
from ...transport.limits import check_header_section
from ...transport.protocol import TransportFailure, TransportRequest
from .outcomes import Head, Plan
from .requests import SimulatedRequest, Trace
from .script import Script


class SimulatedTransport:
    """A :class:`~ron_app_sdk_py.transport.Transport` without connections.

    Args:
        script: which outcome a request has.
        trace: where requests are taken down.
        prefix: the path of the client's base URL.
        redactor: knows the client's credential.
    """

    def __init__(self, script: Script, trace: Trace, prefix: str, redactor: Redactor) -> None:
        self._script = script
        self._trace = trace
        self._prefix = prefix
        self._redactor = redactor

    async def send(self, request: TransportRequest) -> SimulatedResponse:
        """Sends a request: see :class:`~ron_app_sdk_py.transport.Transport`.

        Raises:
            SimulationError: the script has no outcome for it.
        """
        taken = self._trace.begin(request, self._prefix, self._redactor)
        try:
            plan = self._script.outcome(taken).plan()
            head = await _exchange(plan, request, taken)
            taken.answered(head.status)
            check_header_section(
                [(name.encode("latin-1"), value.encode("latin-1")) for name, value in head.headers]
            )
        except TransportFailure as failure:
            taken.end(failure.code)
            raise
        except asyncio.CancelledError:
            taken.end("cancelled")
            raise
        except BaseException as error:
            taken.end(type(error).__name__)
            raise
        return SimulatedResponse(plan, head, request, taken)

    async def close(self) -> None:
        """Does nothing: there are no connections."""


class SimulatedResponse:
    """An answer: see :class:`~ron_app_sdk_py.transport.TransportResponse`."""

    def __init__(
        self, plan: Plan, head: Head, request: TransportRequest, taken: SimulatedRequest
    ) -> None:
        self.status = head.status
        self.headers = list(head.headers)
        self._taken = taken
        self._method = request.method
        self._time_out = request.between_bytes_timeout
        # RFC 9110, section 6.4.1: content of other answers is not sent.
        bare = request.method == "HEAD" or head.status in (204, 304)
        self._pieces = iter(() if bare else plan.pieces)
        self._ending = None if bare else plan.ending
        self._stalls = plan.stalls and not bare
        self._rest = b""
        self._coming: tuple[float, bytes] | None = None
        self._arrived = asyncio.get_running_loop().time()

    async def read_all(self, max_bytes: int) -> bytes:
        """Reads the body to its end."""
        try:
            declared = declared_length(self._method, self.status, self.headers)
            content = Content(max_bytes, declared)
            while part := await self._next(max_bytes + 1):
                content.add(part)
        except TransportFailure as failure:
            self._taken.end(failure.code)
            raise
        except asyncio.CancelledError:
            self._taken.end("cancelled")
            raise
        return content.value()

    async def read(self, max_bytes: int) -> bytes:
        """Reads some bytes of the body, none at its end."""
        try:
            return await self._next(max_bytes)
        except TransportFailure as failure:
            self._taken.end(failure.code)
            raise

    def abort(self) -> None:
        """Closes the connection unless the body was read to its end."""
        self._taken.end("aborted")

    async def _next(self, max_bytes: int) -> bytes:
        if not self._rest:
            # Whoever is cancelled while it comes has it to come still.
            wait, piece = self._coming = self._coming or next(self._pieces, (0.0, b""))
            await self._arrival(math.inf if self._stalls and not piece else wait)
            self._coming, self._rest = None, piece
        if not self._rest:
            if self._ending is not None:
                raise self._ending()
            self._taken.end("complete")
        part, self._rest = self._rest[:max_bytes], self._rest[max_bytes:]
        return part

    async def _arrival(self, wait: float) -> None:
        """Waits for what comes so long after the piece before, if it is not here already: the
        server sends on while nobody reads."""
        loop = asyncio.get_running_loop()
        late = loop.time() - self._arrived
        if late < wait or not late:
            await _pass(wait - late, self._time_out, "connection-read-timeout")
            self._arrived = loop.time()
        else:
            self._arrived += wait


async def _exchange(plan: Plan, request: TransportRequest, taken: SimulatedRequest) -> Head:
    """Goes as far as the head of the answer."""
    await _pass(plan.connect, request.connect_timeout, "connection-timeout")
    if plan.refusal is not None:
        raise plan.refusal()
    taken.sent = True
    if plan.takes is not None and len(request.content or b"") > plan.takes:
        await _pass(math.inf, request.write_timeout, "connection-write-timeout")
    taken.received = plan.received
    await _pass(plan.head_after, request.first_byte_timeout, "connection-read-timeout")
    if plan.head is None:
        raise plan.loss() if plan.loss is not None else TransportFailure("internal-error")
    return plan.head


async def _pass(seconds: float, time_out: float | None, code: str) -> None:
    """Lets time pass. What comes together with the time-out comes too late."""
    if time_out is not None and seconds >= time_out:
        await asyncio.sleep(time_out)
        raise TransportFailure(code, "TimeoutError")
    if math.isinf(seconds):
        await asyncio.get_running_loop().create_future()
    await asyncio.sleep(seconds)
