"""What a subscription delivers, and what it counts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from .errors import RonParseError
from .json_text import json_fault, json_value

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Event:
    """An event of a stream (WHATWG HTML, section 9.2.6).

    Two events are equal if all but their times are. ``repr`` does not show the data, which may be
    secret.

    Attributes:
        type: its type; ``message`` if the server gave none.
        data: its data, lines joined by line feeds.
        id: the stream's last event id when it came; empty if the server has given none.
        retry: the reconnection time that came with it, in milliseconds, or None.
    """

    # Hundreds of thousands are made a second, so making one does no more than this.
    __slots__ = ("_received_ns", "data", "id", "retry", "type")

    def __init__(
        self, type: str, data: str, id: str = "", retry: int | None = None, received_ns: int = 0
    ) -> None:
        self.type = type
        self.data = data
        self.id = id
        self.retry = retry
        self._received_ns = received_ns

    @property
    def received(self) -> datetime:
        """When the bytes that completed it were read, in UTC."""
        return _EPOCH + timedelta(microseconds=self._received_ns // 1000)

    def json(self) -> Any:
        """The data as JSON (RFC 8259).

        Raises:
            RonParseError: it is not JSON, nests too deep, or holds NaN, an infinity or an integer
                of more than 4,300 digits.
        """
        try:
            return json_value(self.data)
        except ValueError as error:
            raise RonParseError(
                f"the data of {len(self.data)} characters of an event can't be read as JSON: "
                f"{json_fault(error)}; use .data for the text",
                code="invalid_json",
            ) from None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Event):
            return NotImplemented
        return (self.type, self.data, self.id, self.retry) == (
            other.type,
            other.data,
            other.id,
            other.retry,
        )

    def __hash__(self) -> int:
        return hash((self.type, self.data, self.id, self.retry))

    def __repr__(self) -> str:
        return f"Event({self.type!a:.60}, {len(self.data)} characters, id={self.id!a:.60})"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamCounters:
    """What a subscription has come to.

    Attributes:
        events: events that the consumer was given.
        comments: comments that it was given.
        duplicates: events dropped because a resumed stream gave them again.
        heartbeats: heartbeats dropped.
        dropped: events and notices dropped because the consumer was slow.
        callback_errors: events on which the callback failed.
        connections: how many connections became streams.
        bytes_received: size of the content received.
    """

    events: int
    comments: int
    duplicates: int
    heartbeats: int
    dropped: int
    callback_errors: int
    connections: int
    bytes_received: int
