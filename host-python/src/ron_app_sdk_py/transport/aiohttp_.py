"""The default transport: aiohttp, with everything off that it does unasked.

aiohttp sends a request again when a kept connection turns out to be closed, keeps cookies, adds
headers, rounds time-outs above five seconds up and rewrites URLs. The settings below forbid each;
tests that count at the server hold them to it.
"""

from __future__ import annotations

import errno
import functools
import io
import ipaddress
import math
import socket

import aiohttp
from aiohttp import http_exceptions
from aiohttp.abc import ResolveResult
from yarl import URL

from ..defaults import KEEPALIVE_SECONDS, MAX_RESPONSE_HEADER_BYTES
from .protocol import TransportFailure, TransportRequest

_UNASKED_HEADERS = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
_METHODS_WITH_CONTENT = frozenset({"POST", "PUT", "PATCH"})
_WHOLE_BYTES = 256 * 1024
"""A longer body is sent piece by piece, so that it does not hold the loop."""
_UNREACHABLE = frozenset({errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL})


class AiohttpTransport:
    """A transport for the running event loop."""

    def __init__(self) -> None:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0,
                resolver=_Resolver(),
                keepalive_timeout=KEEPALIVE_SECONDS,
                timeout_ceil_threshold=math.inf,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            raise_for_status=False,
            skip_auto_headers=_UNASKED_HEADERS,
            timeout=aiohttp.ClientTimeout(total=None, ceil_threshold=math.inf),
            max_line_size=MAX_RESPONSE_HEADER_BYTES,
            max_field_size=MAX_RESPONSE_HEADER_BYTES,
            middlewares=(_never_again,),
        )

    async def send(self, request: TransportRequest) -> AiohttpResponse:
        """Sends a request: see :class:`~.protocol.Transport`."""
        content: bytes | io.BytesIO | None = request.content
        if content is None and request.method in _METHODS_WITH_CONTENT:
            content = b""
        elif isinstance(content, bytes) and len(content) > _WHOLE_BYTES:
            content = io.BytesIO(content)
        try:
            response = await self._session.request(
                request.method,
                URL(request.url, encoded=True),
                headers=request.headers,
                data=content,
                allow_redirects=False,
                timeout=_timeout(
                    request.connect_timeout,
                    request.first_byte_timeout,
                    request.between_bytes_timeout,
                ),
            )
        except _FAILURES as error:
            raise _failure(error) from None
        return AiohttpResponse(response)

    async def close(self) -> None:
        """Closes every connection."""
        await self._session.close()


class AiohttpResponse:
    """An answer: see :class:`~.protocol.TransportResponse`."""

    __slots__ = ("_response", "headers", "status")

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status = response.status
        self.headers = [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in response.raw_headers
        ]

    async def read_all(self, max_bytes: int) -> bytes:
        """Reads the body to its end."""
        content = self._response.content
        parts: list[bytes] = []
        size = 0
        try:
            while not content.at_eof():
                part = await content.readany()
                size += len(part)
                if size > max_bytes:
                    self._response.close()
                    raise TransportFailure("HTTP-response-body-size", str(size))
                parts.append(part)
        except _FAILURES as error:
            self._response.close()
            raise _failure(error, head_seen=True) from None
        except BaseException:
            self._response.close()
            raise
        self._response.release()
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def read(self, max_bytes: int) -> bytes:
        """Reads some bytes of the body, none at its end."""
        content = self._response.content
        try:
            while not content.at_eof():
                part = await content.read(max_bytes)
                if part:
                    return part
        except _FAILURES as error:
            self._response.close()
            raise _failure(error, head_seen=True) from None
        return b""

    def abort(self) -> None:
        """Closes the connection unless the body was read to its end."""
        self._response.close()


class _LostError(Exception):
    """Stands in for the errors on which aiohttp would send the request again."""

    def __init__(self, original: aiohttp.ClientConnectionError) -> None:
        super().__init__()
        self.original = original


_FAILURES = (_LostError, aiohttp.ClientError, OSError, http_exceptions.HttpProcessingError)


async def _never_again(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    try:
        return await handler(request)
    except aiohttp.ClientConnectionError as error:
        raise _LostError(error) from None


class _Resolver(aiohttp.ThreadedResolver):
    """Resolves ``localhost`` to this machine only (RFC 6761, section 6.3)."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await super().resolve(host, port, family)
        if host != "localhost":
            return found
        local = [entry for entry in found if ipaddress.ip_address(entry["host"]).is_loopback]
        if not local:
            raise OSError(None, "localhost does not resolve to a loopback address")
        return local


@functools.lru_cache(maxsize=64)
def _timeout(
    connect: float | None, first_byte: float | None, between_bytes: float | None
) -> aiohttp.ClientTimeout:
    silences = [seconds for seconds in (first_byte, between_bytes) if seconds is not None]
    return aiohttp.ClientTimeout(
        total=None,
        connect=connect,
        sock_read=min(silences, default=None),
        ceil_threshold=math.inf,
    )


def _failure(error: BaseException, *, head_seen: bool = False) -> TransportFailure:
    """The failure that a library's exception means. Its text may hold header values and is left."""
    if isinstance(error, _LostError):
        error = error.original
    number = getattr(error, "errno", None)
    detail = type(error).__name__ + (f", errno {number}" if isinstance(number, int) else "")
    return TransportFailure(_code(error, number, head_seen=head_seen), detail)


def _code(error: BaseException, number: object, *, head_seen: bool) -> str:
    match error:
        case aiohttp.ClientConnectorDNSError():
            return "DNS-error"
        case aiohttp.ClientConnectorCertificateError():
            return "TLS-certificate-error"
        case aiohttp.ClientConnectorSSLError():
            return "TLS-protocol-error"
        case aiohttp.ConnectionTimeoutError():
            return "connection-timeout"
        case aiohttp.SocketTimeoutError() | TimeoutError():
            return "connection-read-timeout"
        case aiohttp.ClientConnectorError():
            return "destination-unavailable" if number in _UNREACHABLE else "connection-refused"
        case aiohttp.ClientPayloadError():
            return "HTTP-response-incomplete"
        case aiohttp.ClientConnectionError() | OSError():
            return "HTTP-response-incomplete" if head_seen else "connection-terminated"
        case aiohttp.ClientResponseError() if _is_too_long(error):
            return "HTTP-response-header-section-size"
    return "HTTP-protocol-error"


def _is_too_long(error: BaseException | None) -> bool:
    """Whether a header over the limit stands at the root of an error."""
    while error is not None:
        if isinstance(error, http_exceptions.LineTooLong):
            return True
        error = error.__cause__
    return False
