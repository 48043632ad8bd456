"""Takes in the body of an answer, within its limit and without a step that touches all of it."""

from __future__ import annotations

import io
from collections.abc import Sequence

from .protocol import TransportFailure


class Content:
    """The parts of a body. One that came as a whole is not copied, and none is held twice.

    Args:
        max_bytes: largest size.
        declared: the size that the server has announced, if it has.

    Raises:
        TransportFailure: it was announced as too large (``HTTP-response-body-size``).
    """

    __slots__ = ("_buffer", "_declared", "_first", "_max_bytes", "_size")

    def __init__(self, max_bytes: int, declared: int | None = None) -> None:
        self._max_bytes = max_bytes
        self._declared = declared
        self._first = b""
        self._buffer: io.BytesIO | None = None
        self._size = 0
        if declared is not None:
            self._check(declared)

    def add(self, part: bytes) -> None:
        """Takes the next part.

        Raises:
            TransportFailure: the body has become too large.
        """
        self._size += len(part)
        self._check(self._size)
        if self._buffer is None:
            if not self._first:
                self._first = part
                return
            # Growing would move all that is here already, and zeros cost next to nothing.
            self._buffer = io.BytesIO(bytes(self._declared or 0))
            self._buffer.write(self._first)
        self._buffer.write(part)

    def value(self) -> bytes:
        """The whole."""
        if self._buffer is None:
            return self._first
        self._buffer.truncate(self._size)
        return self._buffer.getvalue()

    def _check(self, size: int) -> None:
        if size > self._max_bytes:
            raise TransportFailure("HTTP-response-body-size", str(size))


def declared_length(method: str, status: int, fields: Sequence[tuple[str, str]]) -> int | None:
    """The ``Content-Length`` of a body that is to follow, or None (RFC 9110, section 8.6)."""
    if method == "HEAD" or status in (204, 304):
        return None
    for name, value in fields:
        if name.lower() == "content-length" and value.isdecimal():
            return int(value)
    return None
