"""Connections of the httpx2 transport: name, TCP, proxy and TLS within one time-out.

httpcore2 has a time-out for each of them and its exceptions lose their causes on the way up, so the
whole way is gone here, and each failure is told where it happens.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Iterable

import aiohappyeyeballs
import httpcore2

from .failures import connect_failure, detail, name_failure, proxy_failure, proxy_refusal
from .httpx2_stream import SocketStream
from .protocol import TransportFailure, TransportSettings
from .proxy import Proxy
from .resolver import Resolver
from .sockets import open_socket

_LOST = (httpcore2.NetworkError, httpcore2.ProtocolError, OSError)
_EYEBALLS_SECONDS = 0.25
"""RFC 8305, section 5, and what aiohttp and anyio take."""


class Connector(httpcore2.AsyncNetworkBackend):
    """Connects to origins, through the proxy if there is one.

    Args:
        settings: with a TLS context, TLS is spoken on every connection; else on none.
    """

    def __init__(self, settings: TransportSettings) -> None:
        self._secure = settings.ssl_context is not None
        self._proxy = settings.proxy
        self._resolver = Resolver()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Connects.

        Raises:
            TransportFailure: that failed.
        """
        deadline = None if timeout is None else asyncio.get_running_loop().time() + timeout
        try:
            async with asyncio.timeout_at(deadline):
                if self._proxy is None:
                    stream = await self._connect(host, port)
                else:
                    stream = await self._connect(self._proxy.host, self._proxy.port, self._proxy)
                    if self._secure:
                        await _open_tunnel(stream, self._proxy, host, port)
        except TimeoutError as error:
            raise TransportFailure("connection-timeout", detail(error)) from None
        return _BeforeTls(stream, deadline) if self._secure else stream

    async def _connect(self, host: str, port: int, proxy: Proxy | None = None) -> SocketStream:
        try:
            addresses = _literal(host, port) or await self._resolver.addresses(host, port)
        except OSError as error:
            raise name_failure(error, proxy=proxy) from None
        try:
            connected = await aiohappyeyeballs.start_connection(
                addresses, happy_eyeballs_delay=_EYEBALLS_SECONDS, socket_factory=open_socket
            )
        except OSError as error:
            raise connect_failure(error, proxy=proxy) from None
        loop = asyncio.get_running_loop()
        _, stream = await loop.create_connection(SocketStream, sock=connected)
        return stream


class _BeforeTls(httpcore2.AsyncNetworkStream):
    """A connection on which TLS is to be spoken, within what is left of the time to connect."""

    def __init__(self, stream: SocketStream, deadline: float | None) -> None:
        self._stream = stream
        self._deadline = deadline

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        # A certificate has no dot at the end of its names.
        name = None if server_hostname is None else server_hostname.rstrip(".")
        try:
            async with asyncio.timeout_at(self._deadline):
                return await self._stream.start_tls(ssl_context, name)
        except BaseException as error:
            await self.aclose()
            if isinstance(error, TimeoutError) and error.errno is None:
                raise TransportFailure("connection-timeout", detail(error)) from None
            if isinstance(error, OSError):
                raise connect_failure(error, secure=True) from None
            raise

    async def aclose(self) -> None:
        await self._stream.aclose()


def _literal(host: str, port: int) -> list[aiohappyeyeballs.AddrInfoType]:
    """The address that a host is, for which no name service is asked; none if it is a name."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return []
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    return [(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port))]


async def _open_tunnel(stream: SocketStream, proxy: Proxy, host: str, port: int) -> None:
    """Has the proxy connect to the origin (RFC 9110, section 9.3.6)."""
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    headers = [("Host", target)]
    if proxy.authorization is not None:
        headers.append(("Proxy-Authorization", proxy.authorization))
    url = httpcore2.URL(scheme="http", host=proxy.host, port=proxy.port, target=target)
    connection = httpcore2.AsyncHTTP11Connection(url.origin, stream)
    try:
        request = httpcore2.Request("CONNECT", url, headers=headers)
        response = await connection.handle_async_request(request)
        if not 200 <= response.status < 300:
            raise proxy_refusal(proxy, response.status)
    except _LOST as error:
        await stream.aclose()
        raise proxy_failure(proxy, "closed", detail(error)) from None
    except BaseException:
        await stream.aclose()
        raise
