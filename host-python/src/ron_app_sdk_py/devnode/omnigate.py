"""omnigate: admission, policy, ids and the routes behind them (``protocol.md`` 1.4 and 1.5)."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from typing import Any, Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from . import admission, own_routes
from .answers import json_answer, text_answer
from .faithful import SERVER_VERSION, axum_errors
from .faithful import application as faithful_application
from .policy import enforced
from .settings import Settings
from .site import Site

APP_PLANE: Final = "/v1/app"
"""Where omnigate has the app plane."""

_MAX_SLEEP_MS = 1_000
_CONSTANT_ROUTES: Final[dict[str, Any]] = {
    f"{APP_PLANE}/healthz": {"ok": True, "note": "app plane mounted"},
    "/versionz": {"version": SERVER_VERSION},
    "/ops/version": {"version": SERVER_VERSION},
    "/readyz": {"ready": True},
    "/ops/readyz": {"ready": True},
    "/healthz": {"config": True, "omnigate": True},
    "/ops/healthz": {"config": True, "omnigate": True},
    "/v1/ping": {"ok": True},
    "/v1/index/healthz": {"ok": True},
    "/v1/objects/healthz": {"ok": True},
    "/v1/mailbox/healthz": {"ok": True},
    "/v1/dht/healthz": {"ok": True},
}
"""The routes outside of the app plane are here because a path can get out of it: 1.3, point 1."""


def application(settings: Settings) -> web.Application:
    """omnigate, with the development node's own routes on its app plane."""
    app = faithful_application(client_max_size=settings.max_body_bytes)
    app.middlewares.extend(_layers(settings))
    for path, value in _CONSTANT_ROUTES.items():
        app.router.add_get(path, _constant(value))
    app.router.add_get("/v1/sleep", _sleep)
    Site(settings.app_static_dir).add_to(app.router, APP_PLANE)
    own_routes.add_to(app.router, APP_PLANE)
    return app


def _layers(settings: Settings) -> Iterator[Middleware]:
    """The layers, the outermost first."""
    yield admission.fair_queue(settings.max_inflight, settings.headroom)
    if settings.ip_quota is not None:
        yield admission.ip_quota(settings.ip_quota)
    yield admission.global_quota(settings.global_quota)
    yield admission.encodings(settings.max_content_length)
    yield admission.body_cap(settings.max_body_bytes)
    if settings.policy is not None:
        yield enforced(settings.policy)
    yield _ids
    yield axum_errors


@web.middleware
async def _ids(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Mints a request id, and keeps an ASCII correlation id or sets it to that."""
    request_id = secrets.token_hex(16)
    given = request.headers.get("x-correlation-id", "\0")
    kept = given.isascii() and given.isprintable()
    response = await handler(request)
    response.headers["x-request-id"] = request_id
    response.headers["x-correlation-id"] = given if kept else request_id
    return response


def _constant(value: Any) -> Handler:
    async def handler(_request: web.Request) -> web.Response:
        return json_answer(value)

    return handler


async def _sleep(request: web.Request) -> web.Response:
    text = request.query.get("ms", "500")
    if not (text.isascii() and text.isdigit()):
        return text_answer("Failed to deserialize query string: invalid digit found in string", 400)
    milliseconds = min(int(text), _MAX_SLEEP_MS)
    await asyncio.sleep(milliseconds / 1000)
    return json_answer({"ok": True, "slept_ms": milliseconds})
