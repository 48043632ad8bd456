"""The admin plane of a macronode: ``protocol.md`` 1.7 and 9."""

from __future__ import annotations

import ipaddress
import shutil
import time
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from .answers import empty_answer, json_answer
from .faithful import SERVER_VERSION, axum_errors, note
from .faithful import application as faithful_application
from .settings import Settings

_API = "/api/v1"
_GUARDED = frozenset(
    f"{_API}/{name}" for name in ("shutdown", "reload", "debug/crash", "bench/run")
)
"""Paths of which POST needs the admin token."""

_SERVICES = ("svc-dht", "svc-gateway", "svc-index", "svc-mailbox", "svc-overlay", "svc-storage")
_PLANES = ("gateway", "storage", "index", "mailbox", "overlay", "dht")
_DEPS = ("network", "gateway", "storage", "index", "overlay", "mailbox", "dht")
_SAID_OF_BUILD = ("git_sha", "build_ts", "rustc", "msrv")
_RETRY_AFTER_SECONDS = 5


def application(settings: Settings) -> web.Application:
    """The admin plane. A macronode has no app plane."""
    app = faithful_application(client_max_size=2 * 1024 * 1024)
    app.middlewares.extend((_ids, _authorized(settings.admin_token), axum_errors))
    node = _Macronode(ready=settings.ready)
    for path, get in (
        ("/version", node.version),
        ("/healthz", node.health),
        ("/readyz", node.readiness),
        (f"{_API}/status", node.status),
        (f"{_API}/storage/summary", node.storage),
        (f"{_API}/storage/databases", node.databases),
        (f"{_API}/storage/databases/{{name}}", node.no_database),
    ):
        app.router.add_get(path, get)
    app.router.add_post(f"{_API}/reload", node.reload)
    app.router.add_post(f"{_API}/shutdown", node.shutdown)
    return app


class _Macronode:
    """A node whose services are all well, or none of them ready."""

    def __init__(self, *, ready: bool) -> None:
        self._ready = ready
        self._state = "ok" if ready else "pending"
        self._started = time.monotonic()

    async def version(self, _request: web.Request) -> web.Response:
        build = dict.fromkeys(_SAID_OF_BUILD, "unknown")
        said = {"service": "macronode", "version": SERVER_VERSION, **build, "api": {"http": "v1"}}
        return json_answer({**said, "note": note("macronode")})

    async def health(self, _request: web.Request) -> web.Response:
        return json_answer({"ok": True, "checks": {"event_loop": "ok", "clock": "ok"}})

    async def readiness(self, _request: web.Request) -> web.Response:
        said = {"ready": self._ready, "deps": self._deps(*_DEPS), "mode": "truthful"}
        if self._ready:
            return json_answer(said)
        return json_answer(said, 503, {"retry-after": str(_RETRY_AFTER_SECONDS)})

    async def status(self, request: web.Request) -> web.Response:
        address = _address(request)
        return json_answer(
            {
                "uptime_seconds": int(time.monotonic() - self._started),
                "profile": "macronode",
                "version": SERVER_VERSION,
                "http_addr": address,
                "metrics_addr": address,
                "log_level": "info",
                "ready": self._ready,
                "deps": self._deps("network", "gateway", "storage"),
                "services": dict.fromkeys(_SERVICES, self._state),
                "planes": [
                    {
                        "name": name,
                        "health": "healthy" if self._ready else "degraded",
                        "ready": self._ready,
                        "restart_count": 0,
                    }
                    for name in _PLANES
                ],
            }
        )

    async def storage(self, _request: web.Request) -> web.Response:
        space = shutil.disk_usage(".")
        return json_answer(
            {
                "fsType": "unknown",
                "mount": "local",
                "totalBytes": space.total,
                "usedBytes": space.total - space.free,
                "freeBytes": space.free,
            }
        )

    async def databases(self, _request: web.Request) -> web.Response:
        return json_answer([])

    async def no_database(self, _request: web.Request) -> web.Response:
        return json_answer({"error": "not_found"}, 404)

    async def reload(self, _request: web.Request) -> web.Response:
        return json_answer({"status": "reload triggered"})

    async def shutdown(self, _request: web.Request) -> web.Response:
        """Accepts, as early versions did, and goes on."""
        return json_answer({"status": "shutdown not yet implemented"}, 202)

    def _deps(self, *names: str) -> dict[str, Any]:
        return {"config": "loaded", **dict.fromkeys(names, self._state)}


@web.middleware
async def _ids(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Keeps the request id, or mints one."""
    given = request.headers.get("x-request-id")
    response = await handler(request)
    response.headers["x-request-id"] = given or f"macronode-{time.time_ns()}"
    return response


def _authorized(token: str | None) -> Middleware:
    """Lets nobody change the node without the token: 401; or from elsewhere if there is none:
    403."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.method != "POST" or request.path not in _GUARDED:
            return await handler(request)
        if token is not None:
            if request.headers.get("authorization") != f"Bearer {token}":
                return empty_answer(401)
        elif not _is_loopback(request.headers.get("host", "")):
            return empty_answer(403)
        return await handler(request)

    return middleware


def _is_loopback(host: str) -> bool:
    """Whether ``Host`` names this machine."""
    if host.startswith(("127.0.0.1", "[::1]", "localhost")):
        return True
    try:
        return ipaddress.ip_address(host.partition(":")[0]).is_loopback
    except ValueError:
        return False


def _address(request: web.Request) -> str:
    if request.transport is None:  # The caller has gone away.
        return ""
    host, port = request.transport.get_extra_info("sockname")[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
