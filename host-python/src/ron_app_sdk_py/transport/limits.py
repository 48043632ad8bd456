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
