"""The app behind the real gateway of which ``vectors/gateway_exchanges.jsonl`` has answers."""

from __future__ import annotations

import asyncio
import gzip

from aiohttp import web

PREFIX = "/v1/app"
PACKED = gzip.compress(b'{"message": "packed"}', mtime=0)


def application() -> web.Application:
    """An app with the recorded routes, below :data:`PREFIX`."""
    app = web.Application(client_max_size=64 * 1024 * 1024)
    app.router.add_get(f"{PREFIX}/hello", _hello)
    app.router.add_get(f"{PREFIX}/status/{{status}}", _status)
    app.router.add_get(f"{PREFIX}/redirect", _redirect)
    app.router.add_get(f"{PREFIX}/cut", _cut)
    app.router.add_get(f"{PREFIX}/flaky", _flaky)
    app.router.add_get(f"{PREFIX}/gzip", _gzip)
    app.router.add_get(f"{PREFIX}/events", _events)
    app.router.add_route("*", PREFIX + "/{echo:(?s:.*)}", _echo)
    return app


async def _hello(_request: web.Request) -> web.Response:
    return web.json_response({"message": "hello from upstream app"})


async def _echo(request: web.Request) -> web.Response:
    body = await request.read()
    return web.json_response(
        {
            "method": request.method,
            "raw_path": request.raw_path,
            "query": [list(pair) for pair in request.query.items()],
            "headers": [list(pair) for pair in request.headers.items()],
            "body_len": len(body),
            "body_head": body[:100].decode("latin-1"),
        }
    )


async def _status(request: web.Request) -> web.Response:
    status = int(request.match_info["status"])
    if status == 304:
        return web.Response(status=status)
    value = {
        "code": f"app_{status}",
        "kind": "app",
        "message": f"upstream says {status}",
        "correlation_id": None,
        "details": {"n": 1},
    }
    return web.json_response(value, status=status)


async def _redirect(_request: web.Request) -> web.Response:
    raise web.HTTPFound(f"{PREFIX}/hello")


async def _cut(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"content-length": "1000"})
    await response.prepare(request)
    await response.write(b"the beginning")
    assert request.transport is not None
    request.transport.abort()
    return response


async def _flaky(_request: web.Request) -> web.Response:
    value = {"code": "upstream_unavailable", "message": "flaky", "retryable": True}
    return web.json_response(value, status=503, headers={"retry-after": "1"})


async def _gzip(_request: web.Request) -> web.Response:
    headers = {"content-type": "application/json", "content-encoding": "gzip"}
    return web.Response(body=PACKED, headers=headers)


async def _events(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(
        headers={"content-type": "text/event-stream", "cache-control": "no-cache"}
    )
    await response.prepare(request)
    for number in range(int(request.query["n"])):
        await response.write(b'id: %d\nevent: tick\ndata: {"i": %d}\n\n' % (number, number))
        await asyncio.sleep(0)
    return response
