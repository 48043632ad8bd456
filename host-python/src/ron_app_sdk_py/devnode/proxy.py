"""Passes ``/app/*`` on to an upstream and buffers the answer (``protocol.md`` 1.3)."""

from __future__ import annotations

import io

import aiohttp
from aiohttp import http_exceptions, web
from yarl import URL

from .answers import problem, text_answer
from .forwarding import text_fields, upstream_url
from .listening import MAX_HEAD_BYTES

_MAX_ANSWER_BYTES = 256 * 1024 * 1024
"""Largest answer that is buffered. The real gateway has no such bound."""
_MAX_REDIRECTS = 10
_WHOLE_BYTES = 1024 * 1024
"""A longer body is sent piece by piece: aiohttp warns of others."""
_UNASKED_HEADERS = ("Accept-Encoding", "Content-Type", "User-Agent")
_METHODS_WITH_CONTENT = frozenset({"POST", "PUT", "PATCH"})
_FAILURES = (aiohttp.ClientError, OSError, http_exceptions.HttpProcessingError)


class Proxy:
    """Passes requests on and buffers the answers.

    Args:
        base: where the app plane begins at the upstream.
        session: what to send with.
    """

    def __init__(self, base: str, session: aiohttp.ClientSession) -> None:
        self._base = base
        self._session = session

    async def answer(self, request: web.Request, request_id: str) -> web.Response:
        """The upstream's answer, or the gateway's own if there is none.

        Args:
            request: what was asked.
            request_id: the id to give it if it has none.

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
                headers=_request_headers(request, request_id),
                data=_content(request.method, content),
                max_redirects=_MAX_REDIRECTS,
            )
        except (_LostError, *_FAILURES):
            return _unavailable("connect")
        async with response:
            try:
                body = await _whole(response)
            except _FAILURES:
                return _unavailable("read")
        # Of several fields with one name, the last remains.
        headers = {name.lower(): value for name, value in text_fields(response.raw_headers)}
        return web.Response(status=response.status, headers=headers, body=body)


class _LostError(Exception):
    """Stands in for the errors on which aiohttp would send a request again."""


async def _once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    try:
        return await handler(request)
    except aiohttp.ClientConnectionError as error:
        raise _LostError from error


def session() -> aiohttp.ClientSession:
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


def _request_headers(request: web.Request, request_id: str) -> list[tuple[str, str]]:
    # With Expect, aiohttp would wait for the upstream's consent; the content is here already.
    fields = [
        (name, value)
        for name, value in text_fields(request.raw_headers)
        if name.lower() != "expect"
    ]
    if "x-request-id" not in request.headers:
        fields.append(("x-request-id", request_id))
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
