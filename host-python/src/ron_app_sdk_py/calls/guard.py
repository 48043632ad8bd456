"""The last check before the socket.

The component has checked paths, origin and fields already. This check is independent: it holds even
if the component lied, and it sees what middleware added afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from urllib.parse import unquote, urlsplit

from ..defaults import MAX_REQUEST_HEADER_BYTES, PATH_DECODE_ROUNDS
from ..errors import RonRequestError, RonSandboxError, RonTooLargeError

RESERVED = frozenset(
    {
        "authorization",
        "connection",
        "content-length",
        "cookie",
        "expect",
        "forwarded",
        "host",
        "http2-settings",
        "keep-alive",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "x-real-ip",
        "x-http-method",
        "x-http-method-override",
        "x-method-override",
    }
)
"""Names that callers may not set: the twin of ``component/core/src/header.rs``, held to it by
``tests/vectors/headers.json``."""

RESERVED_PREFIXES = ("proxy-", "x-forwarded-", "x-ron-")
"""Families of such names."""

_ONE_A_CALL = frozenset({"idempotency-key", "x-correlation-id", "x-request-id"})
"""The same on every attempt, so that servers can tell attempts of one call from calls."""

_OWN = frozenset({"authorization"})
_NEVER_SENT = RESERVED - _OWN
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
_URL = re.compile(r"[!\"$-\[\]-~]+\Z")
"""Printable ASCII but for spaces, ``#`` and the backslash."""

_DOT_SEGMENT = re.compile(r"/ *\.{1,2} *(?:;[^/]*)?(?:/|\Z)")
"""As servers may read one: with spaces around it, or parameters behind it."""

_NEVER_HIDDEN = re.compile(r"[\0-\x1f\x7f?#\\]")
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Guard:
    """Checks what is about to be sent.

    Args:
        base_url: the configured URL, which the component has accepted.
    """

    __slots__ = ("_app", "_base")

    def __init__(self, base_url: str) -> None:
        parts = urlsplit(base_url)
        host = (parts.hostname or "").lower()
        host = f"[{host}]" if ":" in host else host
        port = parts.port
        if port is not None and port != _DEFAULT_PORTS.get(parts.scheme):
            host = f"{host}:{port}"
        path = parts.path.rstrip("/").removesuffix("/app").rstrip("/")
        self._base = f"{parts.scheme}://{host}{path}/"
        self._app = f"{self._base}app"

    def check(self, url: str, headers: Iterable[tuple[str, str]], *, node: bool) -> None:
        """Checks a request that the component wants to have sent.

        Args:
            url: where it goes.
            headers: its fields.
            node: whether it may leave the app plane.

        Raises:
            RonSandboxError: it goes elsewhere, or has a field that only transports set.
        """
        if node:
            inside = url.startswith(self._base)
        else:
            inside = url.startswith(self._app) and url[len(self._app) : len(self._app) + 1] in "/?"
        if not inside or "/." in url or "%" in url:
            path = url[len(self._base) - 1 :].partition("?")[0]
            if not inside or not _stays(path):
                raise RonSandboxError(
                    "the component wants to send a request that leaves the configured origin or "
                    "the app plane; it was not sent",
                    code="guard",
                )
        if not _URL.match(url):
            raise RonSandboxError(
                "the component wants to send a URL that is not encoded", code="guard"
            )
        if not _NEVER_SENT.isdisjoint([name.lower() for name, _ in headers]):
            raise RonSandboxError(
                "the component wants to send a field that only transports set", code="guard"
            )


def _stays(path: str) -> bool:
    """Whether a path leads where it seems to, however often servers decode it and take it apart
    again (``protocol.md`` 1.3)."""
    layer = path
    for _ in range(PATH_DECODE_ROUNDS + 1):
        if _DOT_SEGMENT.search(layer):
            return False
        try:
            decoded = unquote(layer, errors="strict")
        except UnicodeDecodeError:
            return False
        if decoded == layer:
            return True
        if decoded.count("/") != path.count("/") or _NEVER_HIDDEN.search(decoded):
            return False
        layer = decoded
    return False


def check_added(fields: Sequence[tuple[str, str]], present: Sequence[tuple[str, str]] = ()) -> None:
    """Checks fields that middleware adds to an attempt.

    Args:
        fields: what it adds.
        present: the fields that the attempt has already.

    Raises:
        RonRequestError: a name is reserved, there already or no token, or a value is not printable
            ASCII.
        RonTooLargeError: they take too much together.
    """
    taken = {name.lower() for name, _ in present}
    for name, value in fields:
        if not isinstance(name, str) or not isinstance(value, str) or not _TOKEN.match(name):
            raise RonRequestError(
                f"middleware adds the header {name!a:.60}, whose name is no token (RFC 9110, "
                "section 5.6.2) or whose value is no str",
                code="invalid_header",
            )
        lower = name.lower()
        if lower in RESERVED or lower.startswith(RESERVED_PREFIXES):
            raise RonRequestError(
                f"middleware adds the header {name!a:.60}, which is reserved; remove it",
                code="reserved_header",
            )
        if lower in taken or lower in _ONE_A_CALL:
            raise RonRequestError(
                f"middleware adds the header {name!a:.60}, which is one for the whole call; set it "
                "in before_request",
                code="reserved_header",
            )
        if not value.isascii() or not value.replace("\t", " ").isprintable():
            raise RonRequestError(
                f"middleware adds the header {name!a:.60} with a value that is not printable ASCII",
                code="invalid_header",
            )
        if value.strip(" \t") != value:
            raise RonRequestError(
                f"middleware adds the header {name!a:.60} with white space at an end of its value, "
                "which does not survive; strip it",
                code="invalid_header",
            )
    size = sum(len(name) + len(value) + 4 for name, value in (*present, *fields))
    if size > MAX_REQUEST_HEADER_BYTES:
        raise RonTooLargeError(
            f"with what middleware adds, the request's headers take {size} bytes, more than "
            f"{MAX_REQUEST_HEADER_BYTES}; send the data in the body",
            code="request_headers_too_large",
        )
