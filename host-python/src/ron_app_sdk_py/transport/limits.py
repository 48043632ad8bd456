"""Bounds on what a server may send, the same for every transport."""

from __future__ import annotations

from collections.abc import Sequence

from ..defaults import MAX_RESPONSE_HEADER_BYTES, MAX_RESPONSE_HEADER_FIELDS
from .protocol import TransportFailure

_FRAMING_BYTES = len(": \r\n")


def check_header_section(fields: Sequence[tuple[bytes, bytes]]) -> None:
    """Refuses a header section that is too large as a whole.

    Raises:
        TransportFailure: ``HTTP-response-header-section-size``.
    """
    size = sum([len(name) + len(value) + _FRAMING_BYTES for name, value in fields])
    if size > MAX_RESPONSE_HEADER_BYTES or len(fields) > MAX_RESPONSE_HEADER_FIELDS:
        raise TransportFailure("HTTP-response-header-section-size", str(size))


def check_declared_length(
    method: str, status: int, fields: Sequence[tuple[str, str]], max_bytes: int
) -> None:
    """Refuses a body before it is read if its ``Content-Length`` is too large.

    Raises:
        TransportFailure: ``HTTP-response-body-size``.
    """
    if method == "HEAD" or status in (204, 304):
        return  # No content follows, whatever its length would be (RFC 9110, section 8.6).
    for name, value in fields:
        if name.lower() == "content-length" and value.isdecimal() and int(value) > max_bytes:
            raise TransportFailure("HTTP-response-body-size", value)


def check_received_length(size: int, max_bytes: int) -> None:
    """Refuses a body once it has become too large.

    Raises:
        TransportFailure: ``HTTP-response-body-size``.
    """
    if size > max_bytes:
        raise TransportFailure("HTTP-response-body-size", str(size))
