"""The pieces in which a request body is sent, so that it holds neither the loop nor memory."""

from __future__ import annotations

from collections.abc import Iterator

from ..defaults import WRITE_PIECE_BYTES


def pieces(content: bytes) -> Iterator[memoryview]:
    """The body, uncopied."""
    view = memoryview(content)
    for start in range(0, len(view), WRITE_PIECE_BYTES):
        yield view[start : start + WRITE_PIECE_BYTES]
