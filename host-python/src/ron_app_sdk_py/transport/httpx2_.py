"""The other transport: httpcore2, which is the transport level of httpx2.

Driven there, it keeps no cookies, follows nothing, reads no environment, adds no headers and sends
nothing twice.
"""

from __future__ import annotations

import functools
from urllib.parse import urlsplit

import httpcore2

from ..defaults import KEEPALIVE_SECONDS
from .httpx2_connect import Connector
from .httpx2_exchange import (
    Body,
    Closing,
    Httpx2Response,
    exchange_failure,
    raw_headers,
    time_outs,
)
from .protocol import TransportRequest, TransportSettings
from .sockets import acknowledge_timeout

_FAILURES = (
    httpcore2.NetworkError,
    httpcore2.ProtocolError,
    httpcore2.TimeoutException,
    OSError,
)


class Httpx2Transport:
    """A transport for the running event loop."""

    def __init__(self, settings: TransportSettings) -> None:
        self._closing = Closing()
        # Https goes through a tunnel, http in absolute form.
        self._forwarding = settings.proxy if settings.ssl_context is None else None
        self._pool = httpcore2.AsyncConnectionPool(
            ssl_context=settings.ssl_context,
            max_connections=None,
            keepalive_expiry=KEEPALIVE_SECONDS,
            network_backend=Connector(settings),
        )

    async def send(self, request: TransportRequest) -> Httpx2Response:
        """Sends a request: see :class:`~.protocol.Transport`."""
        url, host = split_url(request.url)
        headers = raw_headers(request, host)
        if self._forwarding is not None:
            url.target = request.url.encode("ascii")
            if self._forwarding.authorization is not None:
                value = self._forwarding.authorization.encode("ascii")
                headers.append((b"Proxy-Authorization", value))
        limits = time_outs(request)
        sent = httpcore2.Request(
            request.method,
            url,
            headers=headers,
            content=Body(request.content),
            extensions={"timeout": limits},
        )
        if request.fresh:
            await self._drop_idle()
        within = acknowledge_timeout.set(request.acknowledge_timeout)
        try:
            response = await self._pool.handle_async_request(sent)
        except _FAILURES as error:
            failure = exchange_failure(error)
            if failure.of_connection:
                await self._drop_idle()
            raise failure from None
        finally:
            acknowledge_timeout.reset(within)
        limits["read"] = request.between_bytes_timeout
        return Httpx2Response(
            request.method,
            response.status,
            response.headers,
            response.stream,
            failures=_FAILURES,
            closing=self._closing,
        )

    async def _drop_idle(self) -> None:
        for connection in self._pool.connections:
            if connection.is_idle():
                # One that is promised to a request already is refused to it: it gets another.
                await connection.aclose()

    async def close(self) -> None:
        """Closes every connection."""
        await self._closing.wait()
        await self._pool.aclose()


def split_url(url: str) -> tuple[httpcore2.URL, bytes]:
    """A URL in the library's form, with its target untouched, and the value of ``Host``."""
    scheme_ends = url.index("://") + 3
    target_starts = url.find("/", scheme_ends)
    origin = url if target_starts < 0 else url[:target_starts]
    scheme, host, port, authority = _origin(origin)
    target = "/" if target_starts < 0 else url[target_starts:]
    return httpcore2.URL(scheme=scheme, host=host, port=port, target=target), authority


@functools.lru_cache(maxsize=64)
def _origin(origin: str) -> tuple[bytes, bytes, int | None, bytes]:
    parts = urlsplit(origin)
    host = parts.hostname or ""
    return (
        parts.scheme.encode("ascii"),
        host.encode("ascii"),
        parts.port,
        parts.netloc.encode("ascii"),
    )
