"""Connections of the httpx2 transport: name, TCP, proxy and TLS within one time-out.

httpcore2 has a time-out for each of them and its exceptions lose their causes on the way up, so the
whole way is gone here, and each failure is told where it happens.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Iterable

import httpcore2

from .failures import connect_failure, detail, name_failure, proxy_failure, proxy_refusal
from .localhost import LOCALHOST, loopback_only
from .protocol import TransportFailure, TransportSettings
from .proxy import Proxy

_LOST = (httpcore2.NetworkError, httpcore2.ProtocolError, OSError)


class Connector(httpcore2.AsyncNetworkBackend):
    """Connects to origins, through the proxy if there is one.

    Args:
        settings: with a TLS context, TLS is spoken on every connection; else on none.
    """

    def __init__(self, settings: TransportSettings) -> None:
        self._secure = settings.ssl_context is not None
        self._proxy = settings.proxy
        self._tcp = httpcore2.AnyIOBackend()

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
                    stream = await self._connect(host, port, None)
                else:
                    stream = await self._connect(self._proxy.host, self._proxy.port, self._proxy)
                    if self._secure:
                        await _open_tunnel(stream, self._proxy, host, port)
        except TimeoutError as error:
            raise TransportFailure("connection-timeout", detail(error)) from None
        return _BeforeTls(stream, deadline) if self._secure else stream

    async def _connect(
        self, host: str, port: int, proxy: Proxy | None
    ) -> httpcore2.AsyncNetworkStream:
        try:
            addresses = await _local_addresses(port) if host == LOCALHOST else [host]
        except OSError as error:
            raise name_failure(error, proxy=proxy) from None
        for address in addresses:
            try:
                return await self._tcp.connect_tcp(address, port)
            except UnicodeError as error:
                raise name_failure(error, proxy=proxy) from None
            except httpcore2.ConnectError as error:
                failure = connect_failure(error, secure=self._secure, proxy=proxy)
        raise failure


class _BeforeTls(httpcore2.AsyncNetworkStream):
    """A connection on which TLS is to be spoken, within what is left of the time to connect."""

    def __init__(self, stream: httpcore2.AsyncNetworkStream, deadline: float | None) -> None:
        self._stream = stream
        self._deadline = deadline

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        try:
            async with asyncio.timeout_at(self._deadline):
                # A certificate has no dot at the end of its names.
                name = None if server_hostname is None else server_hostname.rstrip(".")
                return await self._stream.start_tls(ssl_context, name)
        except TimeoutError as error:
            await self.aclose()
            raise TransportFailure("connection-timeout", detail(error)) from None
        except httpcore2.ConnectError as error:
            raise connect_failure(error, secure=True) from None
        except BaseException:
            await self.aclose()
            raise

    async def aclose(self) -> None:
        await self._stream.aclose()


async def _local_addresses(port: int) -> list[str]:
    """The loopback addresses of ``localhost``."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(LOCALHOST, port, type=socket.SOCK_STREAM)
    return loopback_only(str(address[0]) for *_, address in found)


async def _open_tunnel(
    stream: httpcore2.AsyncNetworkStream, proxy: Proxy, host: str, port: int
) -> None:
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
