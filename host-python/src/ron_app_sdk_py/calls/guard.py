"""The last check before the socket.

The component has checked paths, origin and fields already. This check is independent: it holds even
if the component lied, and it sees what middleware added afterwards.
"""

from __future__ import annotations

import functools
import math
import re
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from ..defaults import MAX_REQUEST_HEAD_BYTES, MAX_REQUEST_HEADER_BYTES, PATH_DECODE_ROUNDS
from ..errors import RonCapabilityError, RonRequestError, RonSandboxError, RonTooLargeError

if TYPE_CHECKING:
    from ..capabilities.rights import Rights

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
        "x-http-method",
        "x-http-method-override",
        "x-method-override",
        "x-original-url",
        "x-real-ip",
        "x-rewrite-url",
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
        rights: what a narrowed client is left; None if nothing narrows it.
        wall_ns: the wall clock in nanoseconds since 1970.
    """

    __slots__ = ("_app", "_base", "_rights", "_wall_ns")

    def __init__(
        self,
        base_url: str,
        rights: Rights | None = None,
        wall_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._rights = rights
        self._wall_ns = wall_ns
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
                raise refused("a request that leaves the configured origin or the app plane")
        if not _URL.match(url):
            raise refused("a URL that is not encoded")
        if not _NEVER_SENT.isdisjoint([name.lower() for name, _ in headers]):
            raise refused("a field that only transports set")

    def check_time(self) -> None:
        """Checks that the time of a narrowed client's rights is not over.

        Raises:
            RonCapabilityError: it is (code ``expired``).
        """
        if self._rights is not None and self._rights.have_ended(self._wall_ns()):
            raise RonCapabilityError(
                "the caveats of this client have expired; derive another", code="expired"
            )

    def time_left_ns(self) -> float:
        """Nanoseconds until the rights of a narrowed client end; infinite where they don't."""
        end = None if self._rights is None else self._rights.expires_at_ns
        return math.inf if end is None else end - self._wall_ns()

    def check_rights(self, method: str, url: str, length: int, *, node: bool) -> None:
        """Checks what a narrowed client is about to send.

        Args:
            method: the method.
            url: where it goes, which :meth:`check` has passed.
            length: the size of the content in bytes.
            node: as of :meth:`check`.

        Raises:
            RonCapabilityError: the time of its rights is over (code ``expired``).
            RonSandboxError: they don't cover it, so that the component should have refused it.
        """
        if self._rights is None:
            return
        # It may have ended in middleware, since the component looked.
        self.check_time()
        path = url[len(self._base) - 1 :].partition("?")[0]
        reason = self._rights.denial(method, path, length, node=node)
        if reason is not None:
            raise refused(f"a request that the caveats of this client refuse ({reason})")


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


_NAMES = re.compile(r"(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+\n)*\Z")
"""Tokens (RFC 9110, section 5.6.2), each on a line: no text of the component has line ends."""

_CREDENTIALS = re.compile(r"^(?:authorization|x-ron-.*)$", re.IGNORECASE | re.MULTILINE)
_VALUES = re.compile(r"[\t -~\x80-\xff]*\Z")


def check_form(headers: Sequence[tuple[str, str]], *, bare: bool) -> None:
    """Checks that the fields that the component wants to send can be read in one way only.

    Args:
        headers: the fields.
        bare: whether the caller has asked for no credential to be sent.

    Raises:
        RonSandboxError: a name is no token, or that of a credential which nobody asked for; a value
            has control characters, or they take too much.
    """
    names = "".join([f"{name}\n" for name, _ in headers])
    values = "".join([value for _, value in headers])
    if len(names) + len(values) > MAX_REQUEST_HEAD_BYTES:
        raise refused(f"fields of more than {MAX_REQUEST_HEAD_BYTES} bytes")
    printable = values.isascii() and values.isprintable()
    if not _are_tokens(names) or not (printable or _VALUES.match(values)):
        raise refused("fields that HTTP does not know")
    if bare and _CREDENTIALS.search(names):
        raise refused("a credential where none was asked for")


@functools.lru_cache(maxsize=64)
def _are_tokens(names: str) -> bool:
    """Whether names are tokens. Those of most requests are the same."""
    return _NAMES.match(names) is not None


def refused(what: str) -> RonSandboxError:
    """The error for what the component wants to have sent and may not."""
    return RonSandboxError(f"the component wants to send {what}; it was not sent", code="guard")
