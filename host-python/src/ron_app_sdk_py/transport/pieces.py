"""The pieces in which a request body is sent, so that it holds neither the loop nor memory."""

from __future__ import annotations

from collections.abc import Iterator

from ..defaults import WRITE_PIECE_BYTES, WRITE_TURN_BYTES


def turns(content: bytes) -> Iterator[Iterator[memoryview]]:
    """The body, uncopied, as the pieces of each turn of the loop. A server that takes everything at
    once would never let other tasks run: between turns the sender lets them."""
    for stretch in _cut(memoryview(content), WRITE_TURN_BYTES):
        yield _cut(stretch, WRITE_PIECE_BYTES)


def _cut(view: memoryview, size: int) -> Iterator[memoryview]:
    for start in range(0, len(view), size):
        yield view[start : start + size]
