"""What a micronode turns away before it looks at a key: ``protocol.md`` 1.6."""

from __future__ import annotations

from aiohttp import web

from ..answers import text_answer

MAX_CONCURRENT = 256
"""Requests that the key-value store has under way at once."""

_MAX_BODY_BYTES = 1024 * 1024
_WITH_LENGTH = frozenset({"POST", "PUT", "PATCH"})
_CHALLENGE = {"www-authenticate": 'Macro realm="micronode"'}
_SCHEME = "macro"


def encoded(request: web.Request) -> web.Response | None:
    """The refusal of content that is encoded, whatever the encoding: 415."""
    given = request.headers.get("content-encoding")
    if given is None:
        return None
    if not given.replace("\t", " ").isascii() or not given.replace("\t", " ").isprintable():
        return text_answer("invalid Content-Encoding header", 415)
    if "," in given:
        return text_answer("stacked content encodings are not supported", 415)
    return text_answer("compressed request bodies are not supported", 415)


def unmeasured(request: web.Request) -> web.Response | None:
    """The refusal of content that is too long, 413, or does not say how long it is, 411."""
    length = request.content_length
    if length is not None and length > _MAX_BODY_BYTES:
        return text_answer("payload too large", 413)
    if length is None and request.method in _WITH_LENGTH:
        return text_answer("length required", 411)
    return None


def busy() -> web.Response:
    """The refusal of one request too many."""
    return text_answer("concurrency limit exceeded", 429)


def unauthorized(security: str, *, has_macaroon: bool) -> web.Response | None:
    """The refusal of callers: of nobody with ``dev_allow``, else of all. No macaroon is verified.

    Args:
        security: ``security.mode``.
        has_macaroon: whether one was found.
    """
    if security == "dev_allow":
        return None
    if has_macaroon:
        return text_answer("capability not allowed by policy", 403)
    response = text_answer("missing capability macaroon", 401)
    response.headers.update(_CHALLENGE)
    return response


def has_macaroon(request: web.Request) -> bool:
    """Whether there is something behind the scheme ``Macro``."""
    scheme, _, token = request.headers.get("authorization", "").strip().partition(" ")
    return scheme.lower() == _SCHEME and bool(token.strip())
