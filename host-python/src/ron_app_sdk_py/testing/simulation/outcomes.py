"""What can become of one HTTP request.

All times are in virtual seconds. Every outcome has ``connect``: how long name, TCP and TLS take
together. The codes are those of the real transports; a test holds them to that.
"""

from __future__ import annotations

import errno
import json as json_
import math
import socket
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from ...defaults import WRITE_PIECE_BYTES
from ...options import FieldMap
from ...transport.failures import connect_failure, lost_failure
from ...transport.protocol import TransportFailure

F = TypeVar("F")

_CERTIFICATE_REASONS = frozenset(
    {"expired", "not_yet_valid", "wrong_host", "self_signed", "unknown_issuer", "untrusted"}
)
_TLS_REASONS = _CERTIFICATE_REASONS | {
    "alert",
    "client_certificate",
    "closed",
    "not_tls",
    "protocol",
    "protocol_version",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The head of an answer.

    Attributes:
        status: the status code.
        headers: names and values.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """An outcome, step by step: what the transport does.

    Attributes:
        connect: seconds until the connection stands, or until ``refusal``; infinite for never.
        refusal: why no connection comes about, or None.
        takes: bytes of the request's body that the server takes, or None for all.
        received: whether the server gets the whole request.
        head_after: seconds from the request to the head, or to ``loss``; infinite for never.
        loss: why no head comes, or None.
        head: the head, or None.
        pieces: the body: seconds between the piece before and this one, and the piece. An empty
            one is the end.
        ending: why the body breaks off after them, or None if it ends there.
        stalls: whether after them nothing comes any more.
    """

    connect: float = 0.0
    refusal: Callable[[], TransportFailure] | None = None
    takes: int | None = None
    received: bool = True
    head_after: float = math.inf
    loss: Callable[[], TransportFailure] | None = None
    head: Head | None = None
    pieces: Iterable[tuple[float, bytes]] = ()
    ending: Callable[[], TransportFailure] | None = None
    stalls: bool = False


@dataclass(frozen=True, kw_only=True)
class Outcome(ABC):
    """What becomes of one HTTP request. Use the classes derived from it.

    Attributes:
        connect: seconds that name, TCP and TLS take together.

    Raises:
        ValueError: made with a time that is negative or not a number.
    """

    connect: float = 0.0

    def __post_init__(self) -> None:
        for name in ("connect", "after", "every"):
            seconds = getattr(self, name, 0.0)
            if not isinstance(seconds, int | float) or not 0 <= seconds < math.inf:
                raise ValueError(
                    f"{name} is {seconds!r:.40}; give 0 or more seconds, or for what never comes "
                    "Silence, Stalled or ConnectHangs"
                )

    @abstractmethod
    def plan(self) -> Plan:
        """The outcome, step by step."""


@dataclass(frozen=True, kw_only=True)
class _NoConnection(Outcome):
    """No connection comes about, so nothing is sent.

    Attributes:
        connect: seconds until that is known.
    """

    def plan(self) -> Plan:
        """The outcome, step by step."""
        return Plan(connect=self.connect, refusal=self._why, received=False)

    @abstractmethod
    def _why(self) -> TransportFailure:
        """What the transport reports."""


@dataclass(frozen=True, kw_only=True)
class Refused(_NoConnection):
    """The connection is refused."""

    def _why(self) -> TransportFailure:
        return connect_failure(ConnectionRefusedError(errno.ECONNREFUSED, "refused"))


@dataclass(frozen=True, kw_only=True)
class Unreachable(_NoConnection):
    """No route leads to the server."""

    def _why(self) -> TransportFailure:
        return connect_failure(OSError(errno.EHOSTUNREACH, "no route"))


@dataclass(frozen=True, kw_only=True)
class DnsFailure(_NoConnection):
    """The name does not resolve."""

    def _why(self) -> TransportFailure:
        return connect_failure(socket.gaierror(socket.EAI_NONAME, "no such name"))


@dataclass(frozen=True)
class TlsFailure(_NoConnection):
    """TLS fails.

    Attributes:
        reason: one of those of ``RonTlsError`` in ``docs/errors.md``.
    """

    reason: str = "expired"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.reason not in _TLS_REASONS:
            raise ValueError(
                f"reason is {self.reason!r:.40}; give one of {', '.join(sorted(_TLS_REASONS))}"
            )

    def _why(self) -> TransportFailure:
        what = "certificate" if self.reason in _CERTIFICATE_REASONS else "protocol"
        return TransportFailure(f"TLS-{what}-error", "SSLError", reason=self.reason)


@dataclass(frozen=True)
class ConnectHangs(Outcome):
    """Nobody answers the attempt to connect, or the resolver the question for the name."""

    def plan(self) -> Plan:
        """The outcome, step by step."""
        return Plan(connect=math.inf, received=False)


@dataclass(frozen=True)
class Silence(Outcome):
    """The server takes the request and never answers."""

    def plan(self) -> Plan:
        """The outcome, step by step."""
        return Plan(connect=self.connect)


@dataclass(frozen=True)
class Unread(Outcome):
    """The server takes the first 64 KiB of the request's body and no more, and never answers."""

    def plan(self) -> Plan:
        """The outcome, step by step."""
        return Plan(connect=self.connect, takes=WRITE_PIECE_BYTES, received=False)


@dataclass(frozen=True, kw_only=True)
class _Lost(Outcome):
    """The connection is lost before an answer.

    Attributes:
        after: seconds from the request to that.
        received: whether the server got the request first: the client can't know.
    """

    after: float = 0.0
    received: bool = True

    def plan(self) -> Plan:
        """The outcome, step by step."""
        return Plan(
            connect=self.connect, received=self.received, head_after=self.after, loss=self._why
        )

    @abstractmethod
    def _why(self) -> TransportFailure:
        """What the transport reports."""


@dataclass(frozen=True, kw_only=True)
class Reset(_Lost):
    """The connection is reset before an answer."""

    def _why(self) -> TransportFailure:
        return lost_failure(_reset(), head_seen=False)


@dataclass(frozen=True, kw_only=True)
class Closed(_Lost):
    """The server closes the connection before an answer."""

    def _why(self) -> TransportFailure:
        return lost_failure(EOFError(), head_seen=False)


@dataclass(frozen=True, kw_only=True)
class Garbage(_Lost):
    """The server answers with something that is not HTTP."""

    def _why(self) -> TransportFailure:
        return TransportFailure("HTTP-protocol-error", "not HTTP")


@dataclass(frozen=True)
class Answer(Outcome):
    """The server answers.

    Attributes:
        status: the status code, 200 to 999.
        json: content, to be encoded; its type becomes ``application/json``.
        content: content as bytes or text, instead of ``json``.
        headers: more fields. ``Content-Length`` is set unless it is given.
        retry_after: the value of ``Retry-After``, as it is.
        after: seconds from the request to the head of the answer.

    Raises:
        ValueError: made with a status or a time that can't be, or with both kinds of content.
    """

    status: int = 200
    json: Any = field(default=None, kw_only=True)
    content: bytes | str | None = field(default=None, kw_only=True)
    headers: FieldMap = field(default=(), kw_only=True, repr=False)
    retry_after: str | None = field(default=None, kw_only=True)
    after: float = field(default=0.0, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.status, int) or not 200 <= self.status <= 999:
            raise ValueError(f"status is {self.status!r:.40}; give a number from 200 to 999")
        if self.json is not None and self.content is not None:
            raise ValueError("json and content are both given; give one")

    def plan(self) -> Plan:
        """The outcome, step by step."""
        return Plan(
            connect=self.connect,
            head_after=self.after,
            head=Head(status=self.status, headers=self._fields()),
            pieces=self._pieces(self._body()),
            ending=self._ending(),
            stalls=self._stalls(),
        )

    def _body(self) -> bytes:
        if self.json is not None:
            return json_.dumps(self.json, separators=(",", ":")).encode()
        return self.content.encode() if isinstance(self.content, str) else self.content or b""

    def _fields(self) -> tuple[tuple[str, str], ...]:
        fields = _pairs(self.headers)
        names = {name.lower() for name, _ in fields}
        if self.json is not None and "content-type" not in names:
            fields.append(("content-type", "application/json"))
        if self.retry_after is not None:
            fields.append(("retry-after", self.retry_after))
        if "content-length" not in names:
            fields.append(("content-length", str(len(self._body()))))
        return tuple(fields)

    def _pieces(self, body: bytes) -> tuple[tuple[float, bytes], ...]:
        return ((0.0, body),) if body else ()

    def _ending(self) -> Callable[[], TransportFailure] | None:
        return None

    def _stalls(self) -> bool:
        return False


@dataclass(frozen=True)
class Drip(Answer):
    """The server answers, and sends the content a little at a time.

    Attributes:
        every: seconds between pieces.
        size: bytes of a piece.
    """

    every: float = field(default=1.0, kw_only=True)
    size: int = field(default=1, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.size, int) or self.size < 1:
            raise ValueError(f"size is {self.size!r:.40}; give 1 or more bytes")

    def _pieces(self, body: bytes) -> tuple[tuple[float, bytes], ...]:
        starts = range(0, len(body), self.size)
        return tuple((self.every, body[start : start + self.size]) for start in starts)


@dataclass(frozen=True)
class _Cut(Answer):
    """Of the content only a part comes.

    Attributes:
        keep: how many bytes of the content come.
    """

    keep: int = field(default=0, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.keep, int) or not 0 <= self.keep < len(self._body()):
            size = len(self._body())
            raise ValueError(f"keep is {self.keep!r:.40}; the content has {size} bytes, give fewer")

    def _pieces(self, body: bytes) -> tuple[tuple[float, bytes], ...]:
        return super()._pieces(body[: self.keep])


@dataclass(frozen=True)
class Truncated(_Cut):
    """The connection is lost in the middle of the answer's content.

    Attributes:
        reset: whether it is reset; else the server closes it.
    """

    reset: bool = field(default=False, kw_only=True)

    def _ending(self) -> Callable[[], TransportFailure]:
        error = _reset() if self.reset else EOFError()
        return lambda: lost_failure(error, head_seen=True)


@dataclass(frozen=True)
class Stalled(_Cut):
    """After a part of the answer's content nothing comes any more."""

    def _stalls(self) -> bool:
        return True


@dataclass(frozen=True)
class EventStream(Outcome):
    """The server answers 200 with an event stream. It sends on whether or not the client reads.

    Attributes:
        parts: what it sends, in order: text or bytes as they go over the wire, and numbers, which
            are seconds of silence. An iterator, which may go on for ever, serves one request.
        ends: what follows: ``end``, the end of the answer; ``close`` or ``reset``, the loss of
            the connection in the middle of it; or ``silence``, nothing any more.
        headers: more fields, or another ``Content-Type``. There is no ``Content-Length`` unless it
            is given.
        after: seconds from the request to the head of the answer.

    Raises:
        ValueError: made with a time that can't be or another kind of end; or the client reads on
            to a part that is nothing of that.
    """

    parts: Iterable[str | bytes | float] | str | bytes = ()
    ends: Literal["end", "close", "reset", "silence"] = field(default="end", kw_only=True)
    headers: FieldMap = field(default=(), kw_only=True, repr=False)
    after: float = field(default=0.0, kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.ends not in ("end", "close", "reset", "silence"):
            raise ValueError(f"ends is {self.ends!r:.40}; give end, close, reset or silence")

    def plan(self) -> Plan:
        """The outcome, step by step."""
        fields = _pairs(self.headers)
        if "content-type" not in {name.lower() for name, _ in fields}:
            fields.append(("content-type", "text/event-stream"))
        loss = {"close": EOFError(), "reset": _reset()}.get(self.ends)
        return Plan(
            connect=self.connect,
            head_after=self.after,
            head=Head(status=200, headers=tuple(fields)),
            pieces=self._pieces(),
            ending=None if loss is None else lambda: lost_failure(loss, head_seen=True),
            stalls=self.ends == "silence",
        )

    def _pieces(self) -> Iterator[tuple[float, bytes]]:
        pause = 0.0
        for part in [self.parts] if isinstance(self.parts, str | bytes) else self.parts:
            if isinstance(part, str | bytes):
                piece = part.encode() if isinstance(part, str) else part
                if piece:
                    yield pause, piece
                    pause = 0.0
            elif isinstance(part, int | float) and 0 <= part < math.inf:
                pause += part
            else:
                raise ValueError(
                    f"a part is {part!r:.40}; give text, bytes, or 0 or more seconds of silence"
                )
        if pause:
            yield pause, b""


def _pairs(fields: FieldMap) -> list[tuple[str, str]]:
    given = fields.items() if hasattr(fields, "items") else fields
    return [(name, value) for name, value in given]


def _reset() -> ConnectionResetError:
    return ConnectionResetError(errno.ECONNRESET, "reset")
