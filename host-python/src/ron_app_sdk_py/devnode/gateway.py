"""svc-gateway: its routes and request ids (``protocol.md`` 1.2 and 1.3)."""

from __future__ import annotations

import itertools
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from .answers import json_answer, text_answer
from .faithful import SERVER_VERSION, axum_errors, note
from .faithful import application as faithful_application
from .forwarding import PREFIX
from .proxy import Proxy
from .registry import PREFIX as REGISTRY
from .registry import Registry
from .upstream import session

_MAX_BODY_BYTES = 2 * 1024 * 1024
_PROXY = web.AppKey("proxy", Proxy)
_REQUEST_ID = web.RequestKey("request_id", str)

Upstream = Callable[[], AbstractAsyncContextManager[str]]
"""Makes the upstream available while the context is open, and tells its URL."""


def application(upstream: Upstream, registry: Registry, *, ready: bool) -> web.Application:
    """The gateway, and a registry beside it.

    Args:
        upstream: where ``/app/*`` goes; opened when the application starts.
        registry: answers ``/registry/*``, in which the gateway has no part.
        ready: whether ``/readyz`` says so.
    """
    app = faithful_application(client_max_size=_MAX_BODY_BYTES)
    app.middlewares.extend((_request_ids(), axum_errors))
    app.router.add_get("/healthz", _text("ok"))
    app.router.add_get("/readyz", _text("ready") if ready else _text("not ready", 503))
    app.router.add_get("/version", _version(int(time.time())))
    app.router.add_route("*", PREFIX + "{tail:(?s:.+)}", _app)
    registry.add_to(app.router)

    async def open_proxy(app: web.Application) -> AsyncIterator[None]:
        async with upstream() as url, session() as opened:
            app[_PROXY] = Proxy(url, opened)
            yield

    app.cleanup_ctx.append(open_proxy)
    return app


def _request_ids() -> Middleware:
    """Keeps the request id, or makes one from a counter: ``protocol.md`` 1.3, point 12.

    Routes that don't exist, ``/readyz`` and the registry are outside of the layer that does this.
    """
    counter = itertools.count(1)

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith(("/readyz", REGISTRY)) or isinstance(
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
                "version": SERVER_VERSION,
                "built_at_unix": started,
                "note": note("svc-gateway"),
            }
        )

    return handler


async def _app(request: web.Request) -> web.Response:
    if not request.raw_path.startswith(PREFIX):
        raise web.HTTPNotFound  # RON's router, unlike aiohttp's, does not decode before it routes.
    return await request.app[_PROXY].answer(request, request[_REQUEST_ID])
