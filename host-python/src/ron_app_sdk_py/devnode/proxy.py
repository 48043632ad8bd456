"""Passes ``/app/*`` on to an upstream and buffers the answer (``protocol.md`` 1.3)."""

from __future__ import annotations

import aiohttp
from aiohttp import web

from .answers import problem, text_answer
from .forwarding import passes, upstream_url
from .upstream import UpstreamError, fetch, text_fields

_MAX_REDIRECTS = 10


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
        fields = text_fields(request.raw_headers, passes)
        if "x-request-id" not in request.headers:
            fields.append(("x-request-id", request_id))
        try:
            answer = await fetch(
                self._session, request.method, url, fields, content, max_redirects=_MAX_REDIRECTS
            )
        except UpstreamError as error:
            return _unavailable(error.reason)
        # Of several fields with one name, the last remains.
        headers = {name.lower(): value for name, value in text_fields(answer.raw_headers, passes)}
        return web.Response(status=answer.status, headers=headers, body=answer.body)


def _unavailable(reason: str) -> web.Response:
    """G1: ``protocol.md`` 2.2."""
    return problem(
        502, "upstream_unavailable", f"upstream {reason} error", retryable=True, reason=reason
    )
