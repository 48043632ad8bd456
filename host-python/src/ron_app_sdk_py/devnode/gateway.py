"""svc-gateway: its own routes, and the proxy for ``/app/*`` (``protocol.md`` 1.2 and 1.3)."""

from __future__ import annotations

import io
import itertools
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import aiohttp
from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from yarl import URL

from .._version import __version__
from .answers import json_answer, problem, text_answer
from .faithful import application as faithful_application
from .faithful import axum_errors
from .forwarding import PREFIX, text_fields, upstream_url
from .listening import MAX_HEAD_BYTES

STAND_IN = "a stand-in for svc-gateway, not a RON node"
"""What the node says of itself."""

STOOD_IN_VERSION = "0.1.0"
"""The version of RON's servers that the node behaves like."""

_MAX_BODY_BYTES = 2 * 1024 * 1024
_MAX_ANSWER_BYTES = 256 * 1024 * 1024
"""Largest answer that is buffered. The real gateway has no such bound."""
_MAX_REDIRECTS = 10
_WHOLE_BYTES = 1024 * 1024
"""A longer body is sent piece by piece: aiohttp warns of others."""
_UNASKED_HEADERS = ("Accept-Encoding", "Content-Type", "User-Agent")
_METHODS_WITH_CONTENT = frozenset({"POST", "PUT", "PATCH"})

_REQUEST_ID = web.RequestKey("request_id", str)

Upstream = Callable[[], AbstractAsyncContextManager[str]]
"""Makes the upstream available while the context is open, and tells its URL."""


def application(upstream: Upstream, *, ready: bool) -> web.Application:
    """The gateway.

    Args:
        upstream: where ``/app/*`` goes; opened when the application starts.
        ready: whether ``/readyz`` says so.
    """
    app = faithful_application(client_max_size=_MAX_BODY_BYTES)
    app.middlewares.extend((_request_ids(), axum_errors))
    app.router.add_get("/healthz", _text("ok"))
    app.router.add_get("/readyz", _text("ready") if ready else _text("not ready", 503))
    app.router.add_get("/version", _version(int(time.time())))
    app.router.add_route("*", PREFIX + "{tail:(?s:.+)}", _app)

    async def open_proxy(app: web.Application) -> AsyncIterator[None]:
        async with upstream() as url, _session() as session:
            app[_PROXY] = Proxy(url, session)
            yield

    app.cleanup_ctx.append(open_proxy)
    return app


class Proxy:
    """Passes requests on and buffers the answers.

    Args:
        base: where the app plane begins at the upstream.
        session: what to send with.
    """

    def __init__(self, base: str, session: aiohttp.ClientSession) -> None:
        self._base = base
        self._session = session

    async def answer(self, request: web.Request) -> web.Response:
        """The upstream's answer, or the gateway's own if there is none.

        Raises:
            HTTPRequestEntityTooLarge: the request's body is larger than 2 MiB.
        """
        try:
            url = upstream_url(self._base, request.raw_path)
        except UnicodeDecodeError:
            return text_answer("Invalid URL: Invalid UTF-8 in `tail`", 400)
        content = await request.read()
        try:
            response = await self._session.request(
                request.method,
                URL(url, encoded=True),
                headers=_request_headers(request),
                data=_content(request.method, content),
                max_redirects=_MAX_REDIRECTS,
            )
        except (_LostError, aiohttp.ClientError, OSError):
            return _unavailable("connect")
        async with response:
            try:
                body = await _whole(response)
            except (aiohttp.ClientError, OSError):
                return _unavailable("read")
        # Of several fields with one name, the last remains.
        headers = {name.lower(): value for name, value in text_fields(response.raw_headers)}
        return web.Response(status=response.status, headers=headers, body=body)


_PROXY = web.AppKey("proxy", Proxy)


class _LostError(Exception):
    """Stands in for the errors on which aiohttp would send a request again."""


async def _once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    try:
        return await handler(request)
    except aiohttp.ClientConnectionError as error:
        raise _LostError from error


def _session() -> aiohttp.ClientSession:
    """A session that adds nothing but ``Accept: */*``, as reqwest does, and waits for ever."""
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        trust_env=False,
        skip_auto_headers=_UNASKED_HEADERS,
        timeout=aiohttp.ClientTimeout(),
        max_line_size=MAX_HEAD_BYTES,
        max_field_size=MAX_HEAD_BYTES,
        middlewares=(_once,),
    )


def _request_headers(request: web.Request) -> list[tuple[str, str]]:
    # With Expect, aiohttp would wait for the upstream's consent; the content is here already.
    fields = [
        (name, value)
        for name, value in text_fields(request.raw_headers)
        if name.lower() != "expect"
    ]
    if "x-request-id" not in request.headers:
        fields.append(("x-request-id", request[_REQUEST_ID]))
    return fields


def _content(method: str, content: bytes) -> bytes | io.BytesIO | None:
    if not content:
        return b"" if method in _METHODS_WITH_CONTENT else None
    return io.BytesIO(content) if len(content) > _WHOLE_BYTES else content


async def _whole(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for part in response.content.iter_any():
        body += part
        if len(body) > _MAX_ANSWER_BYTES:
            raise aiohttp.ClientPayloadError
    return bytes(body)


def _unavailable(reason: str) -> web.Response:
    """G1: ``protocol.md`` 2.2."""
    return problem(
        502, "upstream_unavailable", f"upstream {reason} error", retryable=True, reason=reason
    )


def _request_ids() -> Middleware:
    """Keeps the request id, or makes one from a counter: ``protocol.md`` 1.3, point 12.

    Routes that don't exist, and ``/readyz``, are outside of the layer that does this.
    """
    counter = itertools.count(1)

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path == "/readyz" or isinstance(
            request.match_info.http_exception, web.HTTPNotFound
        ):
            return await handler(request)
        given = request.headers.get("x-request-id", "\0")
        kept = given.isascii() and given.isprintable()
        request_id = given if kept else f"r-{next(counter):016x}"
        request[_REQUEST_ID] = request_id
        response = await handler(request)
        response.headers["x-request-id"] = request_id
        return response

    return middleware


def _text(text: str, status: int = 200) -> Handler:
    async def handler(_request: web.Request) -> web.Response:
        return text_answer(text, status)

    return handler


def _version(started: int) -> Handler:
    async def handler(_request: web.Request) -> web.Response:
        # The real gateway's members, so that probes recognise it, and one that tells the truth.
        return json_answer(
            {
                "name": "svc-gateway",
                "version": STOOD_IN_VERSION,
                "built_at_unix": started,
                "note": f"ron-app-sdk-py {__version__} devnode: {STAND_IN}",
            }
        )

    return handler


async def _app(request: web.Request) -> web.Response:
    if not request.raw_path.startswith(PREFIX):
        raise web.HTTPNotFound  # RON's router, unlike aiohttp's, does not decode before it routes.
    return await request.app[_PROXY].answer(request)
