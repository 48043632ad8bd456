"""What omnigate turns away before it looks at the path: ``protocol.md`` 1.5, layers 2 to 7."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from .answers import json_answer, problem
from .settings import Quota

_ALLOWED_ENCODINGS = frozenset({"identity", "gzip"})
_EXPANSION = 10
_MAX_ADDRESSES = 10_000
"""Addresses with a bucket of their own. The real servers remember all that they ever saw."""
_RETRY_AFTER_MS = 50


class Bucket:
    """A token bucket, full at first.

    Args:
        quota: its size and how fast it fills.
        clock: seconds, monotonic.
    """

    __slots__ = ("_clock", "_last", "_quota", "_tokens")

    def __init__(self, quota: Quota, clock: Callable[[], float] = time.monotonic) -> None:
        self._quota = quota
        self._clock = clock
        self._tokens = float(quota.burst)
        self._last = clock()

    def take(self) -> bool:
        """Takes a token if there is one."""
        now = self._clock()
        gained = (now - self._last) * self._quota.qps
        self._tokens = min(self._tokens + gained, float(self._quota.burst))
        self._last = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class Buckets:
    """A bucket for each of the names seen last.

    Args:
        quota: the size of each and how fast it fills.
        limit: how many names to remember. A name that was forgotten has a full bucket again.
    """

    __slots__ = ("_buckets", "_limit", "_quota")

    def __init__(self, quota: Quota, limit: int) -> None:
        self._quota = quota
        self._limit = limit
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def take(self, name: str) -> bool:
        """Takes a token of this name if there is one."""
        bucket = self._buckets.pop(name, None) or Bucket(self._quota)
        self._buckets[name] = bucket
        if len(self._buckets) > self._limit:
            self._buckets.popitem(last=False)
        return bucket.take()


def fair_queue(max_inflight: int, headroom: int | None) -> Middleware:
    """Bounds the requests under way, and tells the bound: 503 without a code (O5)."""
    extra = max_inflight // 8 if headroom is None else headroom
    inflight = 0

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        nonlocal inflight
        interactive = request.headers.get("x-omnigate-priority") == "interactive"
        cap = max_inflight + extra if interactive else max_inflight
        if inflight >= cap:
            shed = {"reason": "overloaded", "message": "server is shedding load; please retry"}
            return json_answer(shed, 503)
        inflight += 1
        try:
            response = await handler(request)
        finally:
            inflight -= 1
        response.headers["x-omnigate-cap"] = str(cap)
        return response

    return middleware


def ip_quota(quota: Quota) -> Middleware:
    """Bounds the rate of each address: 429 (O2)."""
    buckets = Buckets(quota, _MAX_ADDRESSES)

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        taken = buckets.take(_address(request))
        return await handler(request) if taken else _too_many("IP quota exceeded")

    return middleware


def global_quota(quota: Quota) -> Middleware:
    """Bounds the rate of all requests: 429 (O2)."""
    bucket = Bucket(quota)

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        return await handler(request) if bucket.take() else _too_many("Global rate limit")

    return middleware


def encodings(max_content_length: int) -> Middleware:
    """Refuses encodings: 415 (O3), or 413 (O4) if the body could grow too large. Decodes none."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        listed = request.headers.get("content-encoding", "").split(",")
        given = [name.strip().lower() for name in listed if name.strip()]
        if len(given) > 1:
            return _unsupported("stacked Content-Encoding not allowed")
        if not _ALLOWED_ENCODINGS.issuperset(given):
            return _unsupported("Content-Encoding not allowed by policy")
        compressed = given not in ([], ["identity"])
        if compressed and (request.content_length or 0) * _EXPANSION > max_content_length:
            return _too_large("compressed body exceeds allowed expansion budget")
        return await handler(request)

    return middleware


def body_cap(max_body_bytes: int) -> Middleware:
    """Refuses bodies that say they are too long: 413 (O4)."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if (request.content_length or 0) > max_body_bytes:
            return _too_large("request body too large")
        return await handler(request)

    return middleware


def _address(request: web.Request) -> str:
    forwarded = request.headers.get("x-forwarded-for")
    if forwarded is not None:
        return forwarded.partition(",")[0].strip()
    return request.headers.get("x-real-ip", "local").strip()


def _too_many(message: str) -> web.Response:
    return problem(
        429, "TOO_MANY_REQUESTS", message, retryable=True, retry_after_ms=_RETRY_AFTER_MS
    )


def _unsupported(message: str) -> web.Response:
    code = "UNSUPPORTED_MEDIA_TYPE"
    return problem(415, code, message, retryable=False, reason=code.lower())


def _too_large(message: str) -> web.Response:
    code = "PAYLOAD_TOO_LARGE"
    return problem(413, code, message, retryable=False, reason=code.lower())
