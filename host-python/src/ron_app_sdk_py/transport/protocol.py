"""What a transport is: the contract between the client and an HTTP library."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Protocol

from .proxy import Proxy


@dataclass(frozen=True, slots=True)
class TransportSettings:
    """What all transports of a client share.

    Attributes:
        ssl_context: whom to trust and what to present, for https; None where only http is spoken.
        proxy: the HTTP proxy through which every request goes, or None.
    """

    ssl_context: ssl.SSLContext | None = None
    proxy: Proxy | None = None


@dataclass(slots=True)
class TransportRequest:
    """One HTTP request, to be sent as it is. Not frozen: that doubles the cost of making one.

    Attributes:
        method: the method.
        url: absolute, already encoded, not to be touched.
        headers: the header section but for ``Host``, ``Content-Length`` and ``Connection``.
        content: the body, or None. ``Content-Length`` is its size.
        connect_timeout: seconds for DNS, TCP and TLS together, or None.
        first_byte_timeout: seconds to the first byte of the answer, or None.
        between_bytes_timeout: seconds between bytes of the answer, or None. Of a body that is read
            piece by piece, only the time counts in which a piece is waited for.
        write_timeout: seconds in which the server takes the next 64 KiB of the body, or None.
        acknowledge_timeout: seconds in which the server's system acknowledges what it was sent, or
            None; for operating systems that can tell.
        fresh: whether to send it on a new connection: the call has lost one, and those that were
            idle with it may be as dead.
    """

    method: str
    url: str
    headers: list[tuple[str, str]]
    content: bytes | None
    connect_timeout: float | None
    first_byte_timeout: float | None
    between_bytes_timeout: float | None
    write_timeout: float | None
    acknowledge_timeout: float | None = None
    fresh: bool = False

    def __repr__(self) -> str:
        return f"TransportRequest({self.method!r}, {len(self.headers)} headers)"


_CONNECTION_FAILURES = frozenset(
    {"connection-terminated", "connection-read-timeout", "connection-write-timeout"}
)


class TransportFailure(Exception):
    """An exchange failed.

    Attributes:
        code: a case of ``wasi:http/types.error-code``, such as ``connection-refused``.
        detail: text without secrets: the class of the library's exception and its errno, what
            OpenSSL says of a certificate, what a proxy answered.
        reason: a name for what the code leaves open, such as ``expired`` (``docs/errors.md``), or
            None.
    """

    def __init__(self, code: str, detail: str = "", *, reason: str | None = None) -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail
        self.reason = reason

    @property
    def of_connection(self) -> bool:
        """Whether the connection may have been dead before the request was sent on it."""
        return self.code in _CONNECTION_FAILURES


class TransportResponse(Protocol):
    """The head of an answer, and the way to its body.

    Attributes:
        status: the status code.
        headers: names and values in the order received; values are latin-1.
    """

    status: int
    headers: list[tuple[str, str]]

    async def read_all(self, max_bytes: int) -> bytes:
        """Reads the body to its end and frees the connection.

        Raises:
            TransportFailure: it broke, or is larger than ``max_bytes``
                (``HTTP-response-body-size``).
        """

    async def read(self, max_bytes: int) -> bytes:
        """Reads 1 to ``max_bytes`` bytes, as soon as there are any; none at the end of the body.
        What came before it broke comes first. After a cancelled read the answer is aborted.

        Raises:
            TransportFailure: it broke, or was silent for too long.
        """

    def abort(self) -> None:
        """Closes the connection unless the body was read to its end."""


class Transport(Protocol):
    """Sends requests over connections that it keeps. It belongs to one event loop."""

    async def send(self, request: TransportRequest) -> TransportResponse:
        """Sends a request and waits for the head of its answer. Cancelling closes the connection.

        Raises:
            TransportFailure: no answer came.
        """

    async def close(self) -> None:
        """Closes every connection."""


class TransportFactory(Protocol):
    """Makes a transport for the running event loop."""

    def __call__(self, settings: TransportSettings, /) -> Transport:
        """A new transport with these settings."""
