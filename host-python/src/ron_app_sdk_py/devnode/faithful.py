"""Keeps aiohttp from saying what RON's servers don't say."""

from __future__ import annotations

from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from .._version import __version__
from .answers import TOO_LONG, empty_answer, text_answer

SERVER_VERSION: Final = "0.1.0"
"""The version of RON's servers that the node behaves like."""

_WITHOUT_LENGTH = frozenset({204, 304})
_OWN_HEADERS = web.RequestKey("own_headers", frozenset)


def application(client_max_size: int) -> web.Application:
    """An application whose answers have the headers that its handlers gave them, and a length.

    The innermost middleware has yet to be :func:`axum_errors`.

    Args:
        client_max_size: the largest request body that a handler may read, in bytes.
    """
    app = web.Application(middlewares=[_note_headers], client_max_size=client_max_size)
    app.on_response_prepare.append(_drop_added_headers)
    return app


def stand_in(server: str) -> str:
    """What the node says of itself when it stands in for a server."""
    return f"a stand-in for {server}, not a RON node"


def note(server: str) -> str:
    """The same where a server tells its version, to keep to the truth."""
    return f"ron-app-sdk-py {__version__} devnode: {stand_in(server)}"


@web.middleware
async def axum_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answers what the router and handlers refuse as axum does: ``protocol.md`` 1.13."""
    try:
        return await handler(request)
    except web.HTTPRequestEntityTooLarge:
        return text_answer(TOO_LONG, 413)
    except web.HTTPMethodNotAllowed as error:
        return empty_answer(405, {"allow": error.headers["allow"]})
    except web.HTTPBadRequest as error:
        return text_answer(error.text or "", 400)
    except web.HTTPNotFound:
        return empty_answer(404)


@web.middleware
async def _note_headers(request: web.Request, handler: Handler) -> web.StreamResponse:
    response = await handler(request)
    empty = isinstance(response, web.Response) and not response.body
    if empty and response.status not in _WITHOUT_LENGTH:
        response.headers.setdefault("content-length", "0")
    request[_OWN_HEADERS] = frozenset(name.lower() for name in response.headers)
    return response


async def _drop_added_headers(request: web.Request, response: web.StreamResponse) -> None:
    if not isinstance(response, web.Response):  # A stream's type is its handler's.
        response.headers.pop("server", None)
    own = request.get(_OWN_HEADERS)
    if own is not None:  # An error of this node's own has none: it is not RON's answer.
        for name in ("server", "content-type"):
            if name not in own:
                response.headers.pop(name, None)
