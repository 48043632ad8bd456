"""The app behind the micronode of which ``vectors/node_exchanges.jsonl`` has answers: hello-app
(``protocol.md`` 1.11), and an echo of what arrives."""

from __future__ import annotations

from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from ron_app_sdk_py.devnode.answers import empty_answer, json_answer
from ron_app_sdk_py.devnode.faithful import application as faithful_application
from ron_app_sdk_py.devnode.faithful import axum_errors


def application() -> web.Application:
    """The app, which counts from 0."""
    app = faithful_application(client_max_size=16 * 1024 * 1024)
    hello = _Hello()
    app.middlewares.extend((hello.marked, axum_errors))
    app.router.add_get("/", hello.page)
    app.router.add_get("/api/counter", hello.counter)
    app.router.add_post("/admin/reload", hello.reload)
    app.router.add_route("*", "/echo{tail:.*}", _echo)
    app.router.add_get("/again/{left}", _again)
    return app


class _Hello:
    def __init__(self) -> None:
        self._count = 0
        self._generation = 1

    @web.middleware
    async def marked(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        if response.status == 200:
            response.headers["cache-control"] = "no-store"
            response.headers["x-hello-reload-gen"] = str(self._generation)
        return response

    async def page(self, _request: web.Request) -> web.Response:
        self._count += 1
        return web.Response(
            text="<!doctype html>", headers={"content-type": "text/html; charset=utf-8"}
        )

    async def counter(self, _request: web.Request) -> web.Response:
        self._count += 1
        return json_answer(
            {
                "counter": self._count,
                "reload_gen": self._generation,
                "banner": "hello-app",
                "unix_ms": 0,
            }
        )

    async def reload(self, _request: web.Request) -> web.Response:
        self._generation += 1
        return json_answer({"ok": True, "reload_gen": self._generation})


async def _echo(request: web.Request) -> web.Response:
    content = await request.read()
    said: dict[str, Any] = {
        "method": request.method,
        "target": request.raw_path,
        "fields": {name.lower(): value for name, value in request.headers.items()},
        "content": len(content),
    }
    answer = json_answer(said)
    answer.headers.add("set-cookie", "a=1")
    answer.headers.add("set-cookie", "b=2")
    return answer


async def _again(request: web.Request) -> web.Response:
    left = int(request.match_info["left"])
    return empty_answer(302, {"location": f"/again/{left - 1}"}) if left else json_answer("there")
