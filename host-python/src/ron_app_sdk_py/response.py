"""A successful answer and what a verb makes of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

from .errors import RonParseError
from .headers import Headers
from .json_text import json_fault, json_value
from .redact import NOTHING_SECRET, Redactor
from .timeline import Timeline

M = TypeVar("M")

_NO_CHARSETS = frozenset({"idna", "punycode", "raw_unicode_escape", "undefined", "unicode_escape"})
"""Codecs of Python that a server can't mean."""


class Response:
    """The answer to one call.

    Attributes:
        status: the status code, below 300.
        headers: the header section.
        content: the body.
        attempts: how many requests were sent.
    """

    __slots__ = (
        "_redactor",
        "_request_id",
        "_timeline",
        "attempts",
        "content",
        "headers",
        "status",
    )

    def __init__(
        self,
        status: int,
        headers: list[tuple[str, str]],
        content: bytes,
        *,
        attempts: int,
        request_id: str,
        timeline: Callable[[], Timeline] = Timeline,
        redactor: Redactor = NOTHING_SECRET,
    ) -> None:
        self.status = status
        self.headers = Headers(headers)
        self.content = content
        self.attempts = attempts
        self._request_id = request_id
        self._timeline = timeline
        self._redactor = redactor

    @property
    def request_id(self) -> str:
        """The ``X-Request-Id`` of the call."""
        return self._redactor.scrub(self._request_id)

    @property
    def timeline(self) -> Timeline:
        """The requests that were sent for the call; the last one brought this answer."""
        return self._timeline()

    @property
    def media_type(self) -> str:
        """The media type in lower case without parameters; empty if none was sent."""
        return self.headers.first("content-type").partition(";")[0].strip().lower()

    @property
    def text(self) -> str:
        """The content decoded by the charset of ``Content-Type``, else UTF-8; bytes that are
        invalid there become U+FFFD."""
        _, _, parameters = self.headers.first("content-type").partition(";")
        charset = "utf-8"
        for parameter in parameters.split(";"):
            name, _, value = parameter.strip().partition("=")
            if name.lower() == "charset":
                charset = value.strip('"')
        if charset.lower().replace("-", "_") in _NO_CHARSETS:
            charset = "utf-8"
        try:
            return self.content.decode(charset, "replace")
        except (LookupError, ValueError):
            return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """The content as JSON (RFC 8259).

        Raises:
            RonParseError: it is not JSON, nests too deep, or holds NaN, an infinity or an integer
                of more than 4,300 digits.
        """
        try:
            return json_value(self.content.decode().removeprefix("\ufeff"))
        except ValueError as error:
            reason = json_fault(error)
        coding = self.headers.first("content-encoding")
        if coding:
            reason = f"it has the content coding {coding[:40]!r}, which nobody asked for"
        raise self.unreadable(
            f"the answer of {len(self.content)} bytes can't be read as JSON: {reason}; "
            "use request() and .content for the bytes",
            code="invalid_json",
        )

    @overload
    def parse(self, model: type[M]) -> M: ...

    @overload
    def parse(self, model: Any) -> Any: ...

    def parse(self, model: Any) -> Any:
        """The content, read as JSON whatever its type says, as ``model`` says (``docs/types.md``).

        Args:
            model: a Pydantic model, a dataclass, a TypedDict, or another type that Pydantic knows.
                No content is read as ``null``.

        Raises:
            RonParseError: it is not JSON (code ``invalid_json``), or not what the model says
                (``invalid_model``); names the places in the document.
            RonRequestError: ``model`` is none.
        """
        from .decoding import decoder

        return decoder(model)(self)

    def unreadable(self, message: str, *, code: str) -> RonParseError:
        """The error for content that is not what it should be."""
        return RonParseError(
            self._redactor.scrub(message),
            code=code,
            attempts=self.attempts,
            request_id=self._redactor.scrub(self.request_id),
            timeline=self.timeline,
        )

    def value(self) -> Any:
        """What a verb returns: JSON if the type says so, ``str`` for ``text/*``, None if there is
        no content, else bytes.

        Raises:
            RonParseError: as :meth:`json`.
        """
        if not self.content:
            return None
        media_type = self.media_type
        if media_type == "application/json" or media_type.endswith("+json"):
            return self.json()
        if media_type.startswith("text/"):
            return self.text
        return self.content

    def __repr__(self) -> str:
        media_type = self._redactor.scrub(self.media_type)
        return f"Response({self.status}, {media_type!r}, {len(self.content)} bytes)"
