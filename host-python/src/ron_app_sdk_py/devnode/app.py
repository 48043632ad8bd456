"""The routes of the development node."""

from __future__ import annotations

import asyncio
import itertools

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from .._version import __version__

STAND_IN = "a stand-in for svc-gateway, not a RON node"
"""What the node says of itself."""

_MAX_DELAY_MS = 60_000
_MAX_BODY_BYTES = 2 * 1024 * 1024


def application() -> web.Application:
    """The node as an aiohttp application.

    Routes: ``/healthz``, ``/readyz``, ``/version``, ``/app/healthz``, ``/app/hello``,
    ``/app/echo`` (any method), ``/app/problem`` and ``/app/delay?ms=``.
    """
    app = web.Application(
        middlewares=[_request_id(), _empty_errors], client_max_size=_MAX_BODY_BYTES
    )
    app.router.add_get("/healthz", _text("ok"))
    app.router.add_get("/readyz", _text("ready"))
    app.router.add_get("/version", _version)
    app.router.add_get("/app/healthz", _app_healthz)
    app.router.add_get("/app/hello", _hello)
    app.router.add_route("*", "/app/echo", _echo)
    app.router.add_get("/app/problem", _problem)
    app.router.add_get("/app/delay", _delay)
    return app


def _request_id() -> Middleware:
    """Echoes the request id, or makes one from a counter: ``protocol.md`` 1.3, point 12."""
    counter = itertools.count(1)

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.headers.get("x-request-id")
        response = await handler(request)
        response.headers["x-request-id"] = given or f"r-{next(counter):016x}"
        return response

    return middleware


@web.middleware
async def _empty_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Routes that don't exist answer with nothing: ``protocol.md`` 1.13."""
    try:
        return await handler(request)
    except web.HTTPRequestEntityTooLarge:
        return web.Response(
            status=413, text="Failed to buffer the request body: length limit exceeded"
        )
    except web.HTTPMethodNotAllowed as error:
        return web.Response(status=405, headers={"allow": error.headers["allow"]})
    except web.HTTPNotFound:
        return web.Response(status=404)


def _text(text: str) -> Handler:
    async def handler(_request: web.Request) -> web.Response:
        return web.Response(text=text)

    return handler


async def _version(_request: web.Request) -> web.Response:
    return web.json_response({"name": "devnode", "version": __version__, "note": STAND_IN})


async def _app_healthz(_request: web.Request) -> web.Response:
    return web.json_response({"ok": True, "note": "app plane mounted"})


async def _hello(request: web.Request) -> web.Response:
    name = request.query.get("name", "world")
    return web.json_response({"ok": True, "message": f"hello, {name}"})


async def _echo(request: web.Request) -> web.Response:
    """Gives back the content as it came, with what was asked for in headers."""
    return web.Response(
        body=await request.read(),
        headers={
            "content-type": request.headers.get("content-type", "application/octet-stream"),
            "x-echo-method": request.method,
            "x-echo-target": request.raw_path,
            "x-echo-idempotency-key": request.headers.get("idempotency-key", ""),
        },
    )


async def _problem(_request: web.Request) -> web.Response:
    """The gateway's answer when its upstream is down: ``protocol.md`` 2.2, G1."""
    return web.json_response(
        {
            "code": "upstream_unavailable",
            "message": "upstream connect error",
            "retryable": True,
            "reason": "connect",
        },
        status=502,
    )


async def _delay(request: web.Request) -> web.Response:
    text = request.query.get("ms", "500")
    if not (text.isascii() and text.isdigit()):
        return web.Response(status=400, text="ms is no number")
    milliseconds = min(int(text), _MAX_DELAY_MS)
    await asyncio.sleep(milliseconds / 1000)
    return web.json_response({"ok": True, "slept_ms": milliseconds})
