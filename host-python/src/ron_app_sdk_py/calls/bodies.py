"""Logs what is sent and received, for who looks for a fault and has asked for it twice: see
``log_bodies`` of :class:`~ron_app_sdk_py.ClientConfig`.

The logger is ``ron_app_sdk_py.bodies``, the level ``DEBUG``. Of each body the start is
logged, once.
"""

from __future__ import annotations

import codecs
import logging
import re
from collections.abc import Callable
from functools import partial
from urllib.parse import urlsplit

from ..defaults import MAX_LOGGED_BODY_CHARACTERS
from ..redact import REDACTED, Redactor, is_secret_name
from ..transport.protocol import Transport, TransportRequest, TransportResponse
from . import logs

LOGGER = logging.getLogger("ron_app_sdk_py.bodies")

SECRET_MEMBERS = frozenset(
    {
        "access-token",
        "api-key",
        "client-secret",
        "id-token",
        "macaroon",
        "passport",
        "password",
        "private-key",
        "refresh-token",
        "secret",
        "token",
    }
)
"""Members whose values are not logged, beside those that are named after secret header fields. In
lower case, with hyphens for underscores."""

_LONGEST_CHARACTER = 4
_MARGIN = 256
_LOOKED_AT = (MAX_LOGGED_BODY_CHARACTERS + _MARGIN) * _LONGEST_CHARACTER
"""What is looked at of a body, in bytes: what is shown, and what follows of a secret."""

_CONTROL = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
# In JSON that is a string of JSON, quotation marks have backslashes.
_MEMBER = re.compile(r'(?<!\\)(\\*+)"([\w.-]{1,64})\1"\s*:\s*')
_PARAMETER = re.compile(r"(?:^|(?<=[&?\s]))([\w.-]{1,64})=([^&\s]*)")
_SCALAR = re.compile(r"[^\s,}\]]*")
_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[\]{}]', re.DOTALL)


def logging_bodies(
    make_transport: Callable[[], Transport], redactor: Redactor
) -> Callable[[], Transport]:
    """Makes transports that log the bodies which they carry.

    Args:
        make_transport: makes the transports that carry them.
        redactor: knows the secrets.
    """
    return lambda: _LoggingTransport(make_transport(), redactor)


def shown_body(content: bytes, redactor: Redactor, *, is_whole: bool = True) -> str:
    """What is logged of a body: the start of a text without secrets, or that it is no text.

    Args:
        content: the body, or its start.
        redactor: knows the secrets.
        is_whole: whether there is no more of it.
    """
    is_long = len(content) > _LOOKED_AT
    is_whole = is_whole and not is_long
    try:
        # A character may be cut.
        text = codecs.getincrementaldecoder("utf-8")().decode(content[:_LOOKED_AT], is_whole)
    except UnicodeDecodeError:
        return "no text"
    if _CONTROL.search(text):
        return "no text"
    text = redactor.scrub(without_secret_members(text))
    if is_long:
        # It may end in the start of a secret.
        text = text[:-_MARGIN]
    shown = text[:MAX_LOGGED_BODY_CHARACTERS]
    return repr(shown) if shown == text and is_whole else f"{shown!r} and more"


def without_secret_members(text: str) -> str:
    """A text without the values of the JSON members, and of the parameters of forms, that are
    secret by their names. It may be cut, and need not be JSON as a whole."""
    parts, behind = [], 0
    for found in _MEMBER.finditer(text):
        if found.start() >= behind and _is_secret(found[2]):
            parts += [text[behind : found.end()], f'{found[1]}"{REDACTED}{found[1]}"']
            behind = _end_of_value(text, found.end(), found[1] + '"')
    text = "".join([*parts, text[behind:]])
    return _PARAMETER.sub(
        lambda found: f"{found[1]}={REDACTED}" if _is_secret(found[1]) else found[0], text
    )


def _is_secret(name: str) -> bool:
    return is_secret_name(name) or name.lower().replace("_", "-") in SECRET_MEMBERS


def _end_of_value(text: str, start: int, quote: str) -> int:
    if text.startswith(quote, start):
        end = re.compile(rf"(?<!\\){re.escape(quote)}").search(text, start + len(quote))
        return end.end() if end else len(text)
    if text[start : start + 1] in ("[", "{"):
        depth = 0
        for found in _BRACKET.finditer(text, start):
            depth += (found[0] in "[{") - (found[0] in "]}")
            if depth == 0:
                return found.end()
        return len(text)
    end = _SCALAR.match(text, start)
    return end.end() if end else start


class _LoggingTransport:
    """A transport that logs."""

    def __init__(self, transport: Transport, redactor: Redactor) -> None:
        self._transport = transport
        self._redactor = redactor

    async def send(self, request: TransportRequest) -> TransportResponse:
        """Logs the body of the request, and that of the answer when it has been read."""
        if not LOGGER.isEnabledFor(logging.DEBUG):
            return await self._transport.send(request)
        ids = [value for name, value in request.headers if name.lower() == "x-request-id"]
        fields: dict[str, object] = {
            "method": request.method,
            "path": self._redactor.scrub(urlsplit(request.url).path),
            "request_id": self._redactor.scrub(ids[0] if ids else ""),
        }
        if request.content:
            self._tell("request body", fields, request.content, len(request.content), True)
        response = await self._transport.send(request)
        fields = {**fields, "status": response.status}
        return _LoggedResponse(response, partial(self._tell, "response body", fields))

    async def close(self) -> None:
        """Closes every connection."""
        await self._transport.close()

    def _tell(
        self, what: str, fields: dict[str, object], content: bytes, size: int, is_whole: bool
    ) -> None:
        text = shown_body(content, self._redactor, is_whole=is_whole)
        logs.tell(LOGGER, logging.DEBUG, what, {**fields, "bytes": size, "content": text})


class _LoggedResponse:
    """An answer whose body is logged once: when it has been read, or as much of it as is shown."""

    def __init__(
        self, response: TransportResponse, tell: Callable[[bytes, int, bool], None]
    ) -> None:
        self._response = response
        self._tell = tell
        self._start = bytearray()
        self._is_told = False
        self.status = response.status
        self.headers = response.headers

    async def read_all(self, max_bytes: int) -> bytes:
        """Reads the body to its end and frees the connection."""
        content = await self._response.read_all(max_bytes)
        self._start += content[: _LOOKED_AT + 1]
        self._end(len(content), is_whole=True)
        return content

    async def read(self, max_bytes: int) -> bytes:
        """Reads some of the body."""
        try:
            content = await self._response.read(max_bytes)
        except BaseException:
            self._end(len(self._start))
            raise
        if not self._is_told:
            self._start += content
            if not content or len(self._start) > _LOOKED_AT:
                self._end(len(self._start), is_whole=not content)
        return content

    def abort(self) -> None:
        """Closes the connection unless the body was read to its end."""
        self._end(len(self._start))
        self._response.abort()

    def _end(self, size: int, *, is_whole: bool = False) -> None:
        start, self._start = bytes(self._start), bytearray()
        if start and not self._is_told:
            self._tell(start, size, is_whole)
        self._is_told = True
