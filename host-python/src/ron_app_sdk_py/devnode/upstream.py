"""Requests that servers pass on: what they have of reqwest."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import aiohttp
from aiohttp import http_exceptions
from yarl import URL

from .listening import MAX_HEAD_BYTES

_MAX_ANSWER_BYTES = 256 * 1024 * 1024
"""Largest answer that is buffered. The real servers have no such bound."""
_WHOLE_BYTES = 1024 * 1024
"""A longer body is sent piece by piece: aiohttp warns of others."""
_UNASKED_HEADERS = ("Accept-Encoding", "Content-Type", "User-Agent")
_METHODS_WITH_CONTENT = frozenset({"POST", "PUT", "PATCH"})
_FAILURES = (aiohttp.ClientError, OSError, http_exceptions.HttpProcessingError)


class UpstreamError(Exception):
    """There is no answer.

    Attributes:
        reason: ``connect``, or ``read`` if it began.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class UpstreamAnswer:
    """An answer, buffered.

    Attributes:
        status: the status.
        raw_headers: the fields as they came.
        body: the content, as encoded as it came.
    """

    status: int
    raw_headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


async def fetch(
    session: aiohttp.ClientSession,
    method: str,
    url: str,
    fields: Iterable[tuple[str, str]],
    content: bytes,
    *,
    max_redirects: int,
) -> UpstreamAnswer:
    """Passes a request on and buffers the answer.

    Args:
        session: what to send with, made by :func:`session`.
        method: the method.
        url: where to, normalized.
        fields: the header fields.
        content: the content.
        max_redirects: redirects to follow.

    Raises:
        UpstreamError: no answer came.
    """
    # With Expect, aiohttp would wait for the upstream's consent; the content is here already.
    headers = [(name, value) for name, value in fields if name.lower() != "expect"]
    try:
        response = await session.request(
            method,
            URL(url, encoded=True),
            headers=headers,
            data=_content(method, content),
            max_redirects=max_redirects,
        )
    except (_LostError, *_FAILURES):
        raise UpstreamError("connect") from None
    async with response:
        try:
            body = await _whole(response)
        except _FAILURES:
            raise UpstreamError("read") from None
    return UpstreamAnswer(response.status, response.raw_headers, body)


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


def text_fields(
    raw: Iterable[tuple[bytes, bytes]], passes: Callable[[str], bool]
) -> list[tuple[str, str]]:
    """Header fields that pass, as text that aiohttp will write as the same bytes.

    It writes UTF-8 only: what isn't becomes U+FFFD, where the real servers keep the bytes.

    Args:
        raw: the fields as they came.
        passes: says of a name whether it passes.
    """
    fields = ((name.decode("latin-1"), value.decode("utf-8", "replace")) for name, value in raw)
    return [(name, value) for name, value in fields if passes(name)]


class _LostError(Exception):
    """Stands in for the errors on which aiohttp would send a request again."""


async def _once(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    try:
        return await handler(request)
    except aiohttp.ClientConnectionError as error:
        raise _LostError from error


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
