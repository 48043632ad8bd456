"""Routes of the development node's own, which no RON node has.

Real nodes have nothing under ``/app`` but a health check and a site (``protocol.md`` 1.4). These
give tests and demonstrations something to call.
"""

from __future__ import annotations

import asyncio
import json

from aiohttp import web

from .answers import json_answer, problem

_MAX_DELAY_MS = 60_000
_MAX_EVENTS = 10_000
_MAX_ITEMS = 10_000


def add_to(router: web.UrlDispatcher, prefix: str) -> None:
    """Adds ``hello?name=``, ``echo`` (any method), ``collection?n=&page_size=&page_token=``,
    ``problem``, ``delay?ms=`` and ``events?n=&ms=``."""
    router.add_get(f"{prefix}/hello", _hello)
    router.add_route("*", f"{prefix}/echo", _echo)
    router.add_get(f"{prefix}/collection", _collection)
    router.add_get(f"{prefix}/problem", _problem)
    router.add_get(f"{prefix}/delay", _delay)
    router.add_get(f"{prefix}/events", _events, allow_head=False)


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


async def _collection(request: web.Request) -> web.Response:
    """A page of ``n`` items."""
    count = _number(request, "n", 3, _MAX_ITEMS)
    size = max(1, _number(request, "page_size", 2, _MAX_ITEMS))
    start = _number(request, "page_token", 0, _MAX_ITEMS)
    end = min(start + size, count)
    items = [{"name": f"item {number}"} for number in range(start, end)]
    return json_answer({"items": items, "next_page_token": str(end) if end < count else None})


async def _problem(_request: web.Request) -> web.Response:
    """What an app answers whose own backend is down."""
    return problem(
        502, "upstream_unavailable", "upstream connect error", retryable=True, reason="connect"
    )


async def _delay(request: web.Request) -> web.Response:
    milliseconds = _number(request, "ms", 500, _MAX_DELAY_MS)
    await asyncio.sleep(milliseconds / 1000)
    return json_answer({"ok": True, "slept_ms": milliseconds})


async def _events(request: web.Request) -> web.StreamResponse:
    """A stream of ``n`` events, ``ms`` apart, that goes on after ``Last-Event-ID``. The gateway
    holds it back until it ends, as the real one does."""
    count = _number(request, "n", 2, _MAX_EVENTS)
    apart = _number(request, "ms", 0, _MAX_DELAY_MS)
    last = request.headers.get("last-event-id", "")
    first = int(last) + 1 if last.isascii() and last.isdigit() else 0
    response = web.StreamResponse(
        headers={"content-type": "text/event-stream", "cache-control": "no-cache"}
    )
    await response.prepare(request)
    for number in range(first, count):
        if number > first:
            await asyncio.sleep(apart / 1000)
        data = json.dumps({"i": number})
        await response.write(f"id: {number}\nevent: tick\ndata: {data}\n\n".encode())
    return response


def _number(request: web.Request, name: str, default: int, most: int) -> int:
    text = request.query.get(name, str(default))
    if not (text.isascii() and text.isdigit()):
        raise web.HTTPBadRequest(text=f"{name} is no number")
    return min(int(text), most)
