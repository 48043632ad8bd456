"""Routes of the development node's own, which no RON node has.

Real nodes have nothing under ``/app`` but a health check and a site (``protocol.md`` 1.4). These
give tests and demonstrations something to call.
"""

from __future__ import annotations

import asyncio

from aiohttp import web

from .answers import json_answer, problem, text_answer

_MAX_DELAY_MS = 60_000


def add_to(router: web.UrlDispatcher, prefix: str) -> None:
    """Adds ``hello?name=``, ``echo`` (any method), ``problem`` and ``delay?ms=``."""
    router.add_get(f"{prefix}/hello", _hello)
    router.add_route("*", f"{prefix}/echo", _echo)
    router.add_get(f"{prefix}/problem", _problem)
    router.add_get(f"{prefix}/delay", _delay)


async def _hello(request: web.Request) -> web.Response:
    name = request.query.get("name", "world")
    return json_answer({"ok": True, "message": f"hello, {name}"})


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
    """What an app answers whose own backend is down."""
    return problem(
        502, "upstream_unavailable", "upstream connect error", retryable=True, reason="connect"
    )


async def _delay(request: web.Request) -> web.Response:
    text = request.query.get("ms", "500")
    if not (text.isascii() and text.isdigit()):
        return text_answer("ms is no number", 400)
    milliseconds = min(int(text), _MAX_DELAY_MS)
    await asyncio.sleep(milliseconds / 1000)
    return json_answer({"ok": True, "slept_ms": milliseconds})
