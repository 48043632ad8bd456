"""The default transport: aiohttp, with everything off that it does unasked.

aiohttp sends a request again when a kept connection turns out to be closed, keeps cookies, adds
headers, rounds time-outs above five seconds up, rewrites URLs, writes methods in capitals and waits
for ever for a server that takes no bytes. What follows forbids each; tests that look at the
server's side hold it to that.
"""

from __future__ import annotations

import asyncio
import functools
import math
import socket
import ssl
from contextvars import ContextVar
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import aiohttp
from aiohttp import http_exceptions, payload
from aiohttp.abc import AbstractResolver, AbstractStreamWriter, ResolveResult
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.tracing import Trace
from yarl import URL

from ..defaults import (
    KEEPALIVE_SECONDS,
    MAX_RESPONSE_HEADER_BYTES,
    MAX_RESPONSE_HEADER_FIELDS,
    WRITE_PIECE_BYTES,
)
from .closing import abort
from .content import Content, declared_length
from .failures import (
    connect_failure,
    detail,
    find,
    lost_failure,
    name_failure,
    proxy_failure,
    proxy_refusal,
    tls_failure,
)
from .limits import check_header_section
from .pieces import turns
from .protocol import TransportFailure, TransportRequest, TransportSettings
from .proxy import Proxy
from .resolver import Resolver
from .sockets import acknowledge_within, open_socket

_UNASKED_HEADERS = frozenset({"accept", "accept-encoding", "user-agent"})
_UNASKED_OF_OTHERS = _UNASKED_HEADERS | {"content-type"}
"""What else is set for methods that may have content, even where there is none."""


class AiohttpTransport:
    """A transport for the running event loop."""

    def __init__(self, settings: TransportSettings) -> None:
        self._proxy: str | None = None
        self._proxy_headers: dict[str, str] = {}
        if settings.proxy is not None:
            self._proxy = f"http://{settings.proxy.authority}"
            if settings.proxy.authorization is not None:
                self._proxy_headers = {"Proxy-Authorization": settings.proxy.authorization}
        self._connector = _Connector(settings)
        self._session = aiohttp.ClientSession(
            connector=self._connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            raise_for_status=False,
            timeout=aiohttp.ClientTimeout(total=None, ceil_threshold=math.inf),
            max_line_size=MAX_RESPONSE_HEADER_BYTES,
            max_field_size=MAX_RESPONSE_HEADER_BYTES,
            max_headers=MAX_RESPONSE_HEADER_FIELDS,
            middlewares=(_never_again,),
        )

    async def send(self, request: TransportRequest) -> AiohttpResponse:
        """Sends a request: see :class:`~.protocol.Transport`."""
        method, headers = request.method, _as_text(request.headers)
        if self._proxy_headers and not request.url.startswith("https:"):
            # What aiohttp calls the proxy's headers are those of CONNECT only.
            headers = [*headers, *self._proxy_headers.items()]
        content: bytes | _Body | None = request.content
        if isinstance(content, bytes) and len(content) > WRITE_PIECE_BYTES:
            content = _Body(content, request.write_timeout)
        sending = _Sending(request.fresh, request.acknowledge_timeout)
        outer = _sending.set(sending)
        try:
            response = await self._session.request(
                method,
                URL(request.url, encoded=True),
                headers=headers,
                skip_auto_headers=_missing(
                    _UNASKED_HEADERS if method == "GET" and content is None else _UNASKED_OF_OTHERS,
                    headers,
                ),
                data=content,
                allow_redirects=False,
                timeout=_timeout(request.connect_timeout, request.first_byte_timeout),
                proxy=self._proxy,
                proxy_headers=self._proxy_headers,
                middlewares=None if method.isupper() else (_never_again, _Spelled(method)),
            )
        except _FAILURES as error:
            sending.abort()
            failure = _failure(error)
            if failure.of_connection:
                self._connector.distrust_idle()
            raise failure from None
        except BaseException:
            sending.abort()
            raise
        finally:
            # What the event loop keeps of this context lives as long as the connection.
            sending.transport = None
            _sending.reset(outer)
        try:
            check_header_section(response.raw_headers)
        except TransportFailure:
            _abort(response)
            raise
        if request.between_bytes_timeout != request.first_byte_timeout:
            _set_read_timeout(response, request.between_bytes_timeout)
        return AiohttpResponse(method, response, request.between_bytes_timeout)

    async def close(self) -> None:
        """Closes every connection."""
        await self._session.close()


class AiohttpResponse:
    """An answer: see :class:`~.protocol.TransportResponse`."""

    __slots__ = (
        "_between_bytes_timeout",
        "_lost",
        "_method",
        "_reads",
        "_response",
        "headers",
        "status",
    )

    def __init__(
        self, method: str, response: aiohttp.ClientResponse, between_bytes_timeout: float | None
    ) -> None:
        self._method = method
        self._response = response
        self._between_bytes_timeout = between_bytes_timeout
        self._reads = False
        self.status = response.status
        self.headers = [
            (name.decode("latin-1"), value.decode("latin-1"))
            for name, value in response.raw_headers
        ]
        self._lost: BaseException | None = None
        if not response.content.is_eof():
            self._watch()

    def _watch(self) -> None:
        """Has a lost connection end the body, and keeps the reason.

        aiohttp closes a connection on which the framing of a body breaks and leaves the body's
        reader waiting for ever; of a reset it only keeps the text.
        """
        content, connection = self._response.content, self._response.connection
        protocol = None if connection is None else connection.protocol
        closed = None if protocol is None else protocol.closed
        if closed is None:
            self._end()
            return
        closed.add_done_callback(self._closed)

        def ended() -> None:
            closed.remove_done_callback(self._closed)
            # One callback stays, or asyncio complains of what nobody asked the future for.
            closed.remove_done_callback(_retrieve)
            closed.add_done_callback(_retrieve)

        content.on_eof(ended)

    def _closed(self, closed: asyncio.Future[None]) -> None:
        self._lost = _retrieve(closed)
        self._end()

    def _end(self) -> None:
        content = self._response.content
        if not content.is_eof() and content.exception() is None:
            content.set_exception(_FramingError())

    async def read_all(self, max_bytes: int) -> bytes:
        """Reads the body to its end."""
        stream = self._response.content
        try:
            declared = None
            if not stream.is_eof():
                declared = declared_length(self._method, self.status, self.headers)
            content = Content(max_bytes, declared)
            while not stream.at_eof():
                content.add(await stream.readany())
        except _FAILURES as error:
            self.abort()
            raise _failure(self._lost or error, head_seen=True) from None
        except BaseException:
            self.abort()
            raise
        self._response.release()
        return content.value()

    async def read(self, max_bytes: int) -> bytes:
        """Reads some bytes of the body, none at its end."""
        content = self._response.content
        if not self._reads:
            # aiohttp's time-out passes while nobody reads, too.
            self._reads = True
            _set_read_timeout(self._response, None)
        try:
            while not content.at_eof():
                part = _waiting_bytes(content, max_bytes)
                if not part and not content.is_eof():
                    async with asyncio.timeout(self._between_bytes_timeout):
                        part = await content.read(max_bytes)
                if part:
                    return part
        except _FAILURES as error:
            self.abort()
            raise _failure(self._lost or error, head_seen=True) from None
        return b""

    def abort(self) -> None:
        """Closes the connection unless the body was read to its end."""
        _abort(self._response)


def _waiting_bytes(content: aiohttp.StreamReader, max_bytes: int) -> bytes:
    """What has come and was not read yet. Once the connection is lost aiohttp would not give it,
    and nobody might send it again."""
    lost = content.exception()
    if lost is None:
        return content.read_nowait(max_bytes)
    # Declared to take exceptions only, though None is what it begins with.
    content.set_exception(None)  # type: ignore[arg-type]
    part = content.read_nowait(max_bytes)
    content.set_exception(lost)
    if not part:
        raise lost
    return part


def _set_read_timeout(response: aiohttp.ClientResponse, seconds: float | None) -> None:
    """Has the connection of an answer, until its next request, take so long a silence."""
    connection = response.connection
    if connection is not None and connection.protocol is not None:
        connection.protocol.read_timeout = seconds
        connection.protocol.start_timeout()


def _abort(response: aiohttp.ClientResponse) -> None:
    """Closes the connection of an answer at once. aiohttp would wait for the peer to take what is
    left to write, perhaps for ever."""
    connection = response.connection
    if connection is not None and connection.transport is not None:
        abort(connection.transport)
    response.close()


def _abort_unless_kept(protocol: ResponseHandler, transport: asyncio.Transport) -> None:
    """Closes the connection at once if it is not to be used again. Over TLS aiohttp would wait for
    the peer to agree, longer than the event loop may run."""
    if protocol.should_close:
        abort(transport)


@dataclass(slots=True)
class _Sending:
    """What the connector must know of a request, and on what it is sent.

    Attributes:
        fresh: as of the request.
        acknowledge_timeout: as of the request.
        transport: the connection, once it has one.
    """

    fresh: bool
    acknowledge_timeout: float | None
    transport: asyncio.Transport | None = None

    def abort(self) -> None:
        """Closes the connection at once."""
        if self.transport is not None:
            abort(self.transport)


_sending: ContextVar[_Sending] = ContextVar("sending")


@dataclass(slots=True)
class _Use:
    """The use of a connection.

    Attributes:
        trust: the connector's when the connection was made.
        acknowledge_timeout: what was set on the socket.
    """

    trust: int
    acknowledge_timeout: float | None = None


class _Connector(aiohttp.TCPConnector):
    """Connects, and says in what it failed: later aiohttp's exceptions don't tell any more."""

    def __init__(self, settings: TransportSettings) -> None:
        super().__init__(
            limit=0,
            ssl=settings.ssl_context or True,
            resolver=_Resolver(),
            use_dns_cache=False,
            keepalive_timeout=KEEPALIVE_SECONDS,
            timeout_ceil_threshold=math.inf,
            socket_factory=open_socket,
        )
        self._for_proxy = settings.proxy
        self._uses: WeakKeyDictionary[object, _Use] = WeakKeyDictionary()
        self._trust = 0

    def distrust_idle(self) -> None:
        """Has the connections that there are now closed instead of used again: one was found
        dead."""
        self._trust += 1

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        sending = _sending.get()
        while True:
            try:
                connection = await super().connect(req, traces, timeout)
            except TimeoutError:
                raise
            except (aiohttp.ClientError, OSError, http_exceptions.HttpProcessingError) as error:
                raise _connect_failure(error, req, self._for_proxy) from None
            protocol, transport = connection.protocol, connection.transport
            if protocol is None or transport is None:
                return connection
            connection.add_callback(functools.partial(_abort_unless_kept, protocol, transport))
            use = self._uses.get(protocol)
            if use is None:
                use = self._uses[protocol] = _Use(self._trust)
            elif sending.fresh or use.trust != self._trust:
                abort(transport)
                connection.close()
                continue
            sending.transport = transport
            seconds = sending.acknowledge_timeout
            if use.acknowledge_timeout != seconds:
                use.acknowledge_timeout = seconds
                acknowledge_within(transport, seconds)
            return connection


class _Resolver(AbstractResolver):
    """Resolves names as the other transport does."""

    def __init__(self) -> None:
        self._resolver = Resolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        return [
            ResolveResult(
                hostname=host,
                host=_scoped(*address),
                port=port,
                family=found,
                proto=protocol,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for found, _, protocol, _, address in await self._resolver.addresses(host, port)
        ]

    async def close(self) -> None:
        """Leaves lookups to themselves."""


def _scoped(host: str, port: int, flow: int = 0, scope: int = 0) -> str:
    """An address with its zone (RFC 4007, section 11), which link-local ones need."""
    return f"{host}%{scope}" if scope else host


class _Body(payload.Payload):
    """A long body, sent piece by piece, each within the write time-out."""

    def __init__(self, content: bytes, write_timeout: float | None) -> None:
        super().__init__(content)
        self._content = content
        self._write_timeout = write_timeout

    @property
    def size(self) -> int:
        return len(self._content)

    @property
    def autoclose(self) -> bool:
        return True

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        return self._content.decode(encoding, errors)

    async def write(self, writer: AbstractStreamWriter) -> None:
        clock = asyncio.get_running_loop().time
        try:
            async with asyncio.timeout(None) as limit:
                for turn in turns(self._content):
                    for piece in turn:
                        if self._write_timeout is not None:
                            limit.reschedule(clock() + self._write_timeout)
                        await writer.write(piece)
                        await writer.drain()
                    limit.reschedule(None)
                    await asyncio.sleep(0)
        except TimeoutError:
            raise _WriteTimeoutError from None


class _WriteTimeoutError(TimeoutError):
    """The server took no bytes. aiohttp hands time-outs on as they are."""


class _FramingError(aiohttp.ClientPayloadError):
    """The framing of a body is broken."""


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


class _Spelled:
    """Sends the method as it is spelled: methods are case-sensitive (RFC 9110, section 9.1)."""

    def __init__(self, method: str) -> None:
        self._method = method

    async def __call__(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        request.method = self._method
        return await handler(request)


def _as_text(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Fields whose values are latin-1 as aiohttp takes them, which sends UTF-8."""
    if "".join([value for _, value in headers]).isascii():
        return headers
    try:
        return [(name, value.encode("latin-1").decode()) for name, value in headers]
    except UnicodeError:
        raise TransportFailure("internal-error", "the value of a field is not UTF-8") from None


def _missing(names: frozenset[str], headers: list[tuple[str, str]]) -> frozenset[str] | None:
    """Those of the names that are not in a header section. To name fewer, and most often none, is
    cheaper than to tell the session to skip all."""
    return names - {name.lower() for name, _ in headers} or None


@functools.lru_cache(maxsize=64)
def _timeout(connect: float | None, first_byte: float | None) -> aiohttp.ClientTimeout:
    return aiohttp.ClientTimeout(
        total=None, connect=connect, sock_read=first_byte, ceil_threshold=math.inf
    )


def _connect_failure(
    error: BaseException, request: aiohttp.ClientRequest, proxy: Proxy | None
) -> TransportFailure:
    """The failure that an exception before the request was sent means."""
    match error:
        case aiohttp.ClientConnectorDNSError():
            return name_failure(error, proxy=proxy)
        case aiohttp.ClientHttpProxyError() if proxy is not None:
            return proxy_refusal(proxy, error.status)
        case aiohttp.ClientProxyConnectionError():
            return connect_failure(error, proxy=proxy)
        case aiohttp.ClientConnectorCertificateError(certificate_error=ssl.SSLError() as original):
            return tls_failure(original)
        case aiohttp.ClientConnectorSSLError(os_error=ssl.SSLError() as original):
            return tls_failure(original)
        case aiohttp.ClientConnectorError():
            return connect_failure(error, secure=request.is_ssl())
    if proxy is not None:
        return proxy_failure(proxy, "closed", detail(error))
    return connect_failure(error, secure=request.is_ssl())


def _failure(error: BaseException, *, head_seen: bool = False) -> TransportFailure:
    """The failure that an exception after that means."""
    if isinstance(error, _LostError):
        error = error.original
    match error:
        case _WriteTimeoutError():
            code = "connection-write-timeout"
        case aiohttp.ConnectionTimeoutError():
            code = "connection-timeout"
        case TimeoutError():
            code = "connection-read-timeout"
        case _FramingError():
            code = "HTTP-protocol-error"
        case aiohttp.ClientPayloadError() | aiohttp.ClientConnectionError() | OSError():
            return lost_failure(error, head_seen=head_seen)
        case _ if _is_too_long(error):
            code = "HTTP-response-header-section-size"
        case _:
            code = "HTTP-protocol-error"
    return TransportFailure(code, detail(error))


def _retrieve(closed: asyncio.Future[None]) -> BaseException | None:
    """Why a connection was closed."""
    return None if closed.cancelled() else closed.exception()


def _is_too_long(error: BaseException) -> bool:
    """Whether a header over the limit stands at the root of an error."""
    if find(error, http_exceptions.LineTooLong) is not None:
        return True
    message = find(error, http_exceptions.BadHttpMessage)
    return message is not None and "Too many headers" in message.message
