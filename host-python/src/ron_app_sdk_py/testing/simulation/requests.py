"""What was sent, and what came of it: for handlers, assertions and traces."""

from __future__ import annotations

from urllib.parse import urlsplit

from ...headers import Headers
from ...redact import Redactor
from ...transport.protocol import TransportRequest
from .clock import VirtualClock


class SimulatedRequest:
    """One HTTP request.

    The credential reads ``[redacted]`` wherever it stands, but in ``content``, and so do the values
    of fields whose names say that they are secret. ``repr`` shows neither query, nor headers, nor
    content.

    Attributes:
        number: 1 for the first of the simulation.
        at: when it was sent, in virtual seconds.
        method: the method.
        path: the path as it was sent, behind that of the base URL: ``/app/hello``, or ``/healthz``
            for a call beside the app plane.
        query: the query as it was sent, without ``?``.
        headers: the header section but for ``Host``, ``Content-Length`` and ``Connection``.
        content: the body, or None.
        sent: whether bytes of it may have gone out: False when no connection came about.
        received: whether the server got all of it.
        status: the status of the answer, or None while there is none.
        ended: how it ended: ``complete``, ``cancelled``, ``aborted`` after its head, a case of
            ``wasi:http/types.error-code``, or None while it is under way.
        ended_at: when that was, in virtual seconds, or None.
    """

    __slots__ = (
        "_trace",
        "at",
        "content",
        "ended",
        "ended_at",
        "headers",
        "method",
        "number",
        "path",
        "query",
        "received",
        "sent",
        "status",
    )

    def __init__(
        self, number: int, request: TransportRequest, prefix: str, redactor: Redactor, trace: Trace
    ) -> None:
        parts = urlsplit(redactor.scrub(request.url))
        self.number = number
        self.at = trace.now
        self.method = request.method
        self.path = parts.path.removeprefix(prefix)
        self.query = parts.query
        self.headers = Headers(redactor.fields(request.headers))
        self.content = request.content
        self.sent = False
        self.received = False
        self.status: int | None = None
        self.ended: str | None = None
        self.ended_at: float | None = None
        self._trace = trace
        trace.write(
            number,
            f"{self.method} {self.path} id={self.request_id} key={self.idempotency_key} "
            f"bytes={len(self.content or b'')}",
        )

    @property
    def request_id(self) -> str | None:
        """The ``X-Request-Id``: one for all requests of a call."""
        return self.headers.get("x-request-id")

    @property
    def idempotency_key(self) -> str | None:
        """The ``Idempotency-Key``: one for all requests of a call, or None."""
        return self.headers.get("idempotency-key")

    @property
    def last_event_id(self) -> str:
        """The ``Last-Event-ID`` after which an event stream goes on; empty if none was sent."""
        sent = self.headers.get("last-event-id") or ""
        return sent.encode("latin-1").decode("utf-8", "replace")

    def answered(self, status: int) -> None:
        """The head of an answer is here."""
        self.status = status
        self._trace.write(self.number, f"status {status}")

    def end(self, how: str) -> None:
        """It is over, unless it was already."""
        if self.ended is None:
            self.ended, self.ended_at = how, self._trace.now
            self._trace.write(self.number, how)

    def __repr__(self) -> str:
        how = self.ended or "under way"
        return f"SimulatedRequest({self.number}, {self.method!r}, {self.path!r}, {how!r})"


class Trace:
    """What happened on the network, line by line: virtual seconds to the nanosecond, number of the
    request, event.

    Args:
        clock: the clock.

    Attributes:
        requests: all requests, in the order sent.
    """

    def __init__(self, clock: VirtualClock) -> None:
        self.requests: list[SimulatedRequest] = []
        self._clock = clock
        self._lines: list[str] = []

    @property
    def now(self) -> float:
        """Virtual seconds since the start."""
        return self._clock.now_ns / 1e9

    def begin(self, request: TransportRequest, prefix: str, redactor: Redactor) -> SimulatedRequest:
        """Takes a request down."""
        taken = SimulatedRequest(len(self.requests) + 1, request, prefix, redactor, self)
        self.requests.append(taken)
        return taken

    def write(self, number: int, event: str) -> None:
        """Takes an event down."""
        seconds, nanoseconds = divmod(self._clock.now_ns, 10**9)
        self._lines.append(f"{seconds}.{nanoseconds:09} #{number} {event}")

    def __str__(self) -> str:
        return "\n".join(self._lines)
