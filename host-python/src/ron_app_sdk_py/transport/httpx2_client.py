"""A caller's own httpx2 client as the transport: for mocks, and for what only it can do.

The client sends requests that are made here, so its default headers, parameters and cookies never
reach the wire. What it would do on its own is refused.
"""

from __future__ import annotations

import httpx2

from ..errors import RonClosedError, RonConfigError
from .failures import detail
from .httpx2_ import split_url
from .httpx2_exchange import (
    Body,
    Closing,
    Httpx2Response,
    exchange_failure,
    raw_headers,
    time_outs,
)
from .protocol import TransportFactory, TransportFailure, TransportRequest

_FAILURES = (httpx2.HTTPError, httpx2.StreamError, OSError)


def client_transport(client: object) -> TransportFactory:
    """Makes transports of a client: see :func:`~.httpx2_transport`."""
    if not isinstance(client, httpx2.AsyncClient):
        kind = f"{type(client).__module__}.{type(client).__qualname__}"
        raise RonConfigError(
            f"the client is {kind}; give an httpx2.AsyncClient", code="invalid_config"
        )
    faults = _faults(client)
    if faults:
        raise RonConfigError(
            "the httpx2 client can't be used: " + "; ".join(faults), code="invalid_config"
        )
    return lambda _: _ClientTransport(client)


def _faults(client: httpx2.AsyncClient) -> list[str]:
    """What the client would do unasked. Values may be secret and are not named."""
    faults = []
    if client.is_closed:
        faults.append("it is closed; give an open one")
    if client.follow_redirects:
        faults.append("follow_redirects is True; set it to False")
    if client.auth is not None:
        faults.append("auth is set; give the credential as token")
    if len(client.cookies) > 0:
        faults.append("cookies are set; remove them")
    if client.base_url.host or client.base_url.raw_path != b"/":
        faults.append("base_url is set; give it to the RON client instead")
    if any(client.event_hooks.values()):
        faults.append("event_hooks are set; remove them")
    return faults


class _ClientBody(Body, httpx2.AsyncByteStream):
    """The form in which the client takes a body without adding headers."""


class _ClientTransport:
    """A transport that doesn't own its client."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self._client = client
        self._closing = Closing()

    async def send(self, request: TransportRequest) -> Httpx2Response:
        """Sends a request: see :class:`~.protocol.Transport`."""
        if self._client.is_closed:
            raise RonClosedError("the httpx2 client was closed; give an open one", code="closed")
        url, host = split_url(request.url)
        limits = time_outs(request)
        try:
            sent = httpx2.Request(
                request.method,
                request.url,
                headers=raw_headers(request, host),
                stream=_ClientBody(request.content),
                # The library rewrites URLs: the target is sent as given.
                extensions={"timeout": limits, "target": url.target},
            )
            sent.method = request.method
            response = await self._client.send(sent, stream=True, auth=None, follow_redirects=False)
        except httpx2.InvalidURL as error:
            # What the library takes, origin included, is no more than we take without.
            raise TransportFailure("HTTP-request-URI-too-long", detail(error)) from None
        except _FAILURES as error:
            raise exchange_failure(error) from None
        limits["read"] = request.between_bytes_timeout
        return Httpx2Response(
            request.method,
            response.status_code,
            response.headers.raw,
            response.stream,
            failures=_FAILURES,
            closing=self._closing,
        )

    async def close(self) -> None:
        """Waits for what is being closed; the client is its owner's."""
        await self._closing.wait()
