"""Carries single HTTP exchanges; never retries, redirects, decompresses or keeps cookies.

``protocol`` says what a transport is, ``aiohttp_`` is the default one and ``httpx2_`` the other.
Nothing here knows of the component.
"""

from __future__ import annotations

from typing import Any

from .protocol import (
    Transport,
    TransportFactory,
    TransportFailure,
    TransportRequest,
    TransportResponse,
    TransportSettings,
)

__all__ = [
    "Transport",
    "TransportFactory",
    "TransportFailure",
    "TransportRequest",
    "TransportResponse",
    "TransportSettings",
    "httpx2_transport",
]


def httpx2_transport(client: Any) -> TransportFactory:
    """A caller's own ``httpx2.AsyncClient``, to be given to a RON client as ``transport``.

    It is never closed here. Its TLS, proxies and limits are its own: the fields of the
    configuration for them have no effect. Its default headers, parameters and cookies are not sent.

    Raises:
        RonConfigError: httpx2 is not installed, or the client is closed, follows redirects, or has
            credentials, cookies, a ``base_url`` or event hooks.
    """
    from ..errors import RonConfigError
    from .choice import missing_httpx2

    try:
        from .httpx2_client import client_transport
    except ModuleNotFoundError as error:
        text = missing_httpx2("the transport is an httpx2 client", error)
        raise RonConfigError(text, code="invalid_config") from None
    return client_transport(client)
