"""What has come of a stream: written by what carries it on, taken by its consumer."""

from __future__ import annotations

from collections import deque
from typing import Literal

from ..errors import RonError
from ..events import Event

State = Literal["connecting", "open", "waiting", "closed"]

Entry = Event | str | RonError
"""An event, the text of a comment, or in what a connection ended."""


class Progress:
    """What has come of a stream.

    Args:
        last_event_id: the one that the consumer begins with.
        tells_losses: whether the consumer is to be told of lost connections.
        max_queue: how many entries wait at most, the oldest being dropped; None if none is read
            before all are taken.

    Attributes:
        ready: what the consumer is to be given next, in order.
        taken: the last event that it was given of those that came together, or None.
        closed: whether it wants no more.
        state: what the stream does.
        request_id: the ``X-Request-Id`` of the stream, once a connection stood.
        last_error: in what the last connection ended, or None.
        events: events taken.
        comments: comments taken.
        duplicates, heartbeats, dropped, callback_errors, connections: as of
            :class:`~.events.StreamCounters`.
    """

    __slots__ = (
        "_before",
        "_latest",
        "_max_queue",
        "callback_errors",
        "closed",
        "comments",
        "connections",
        "dropped",
        "duplicates",
        "events",
        "heartbeats",
        "last_error",
        "ready",
        "request_id",
        "state",
        "taken",
        "tells_losses",
    )

    def __init__(
        self, last_event_id: str = "", *, tells_losses: bool = False, max_queue: int | None = None
    ) -> None:
        self.ready: deque[Entry] = deque()
        self.taken: Event | None = None
        self.tells_losses = tells_losses
        self.closed = False
        self.state: State = "connecting"
        self.request_id: str | None = None
        self.last_error: RonError | None = None
        self.events = 0
        self.comments = 0
        self.duplicates = 0
        self.heartbeats = 0
        self.dropped = 0
        self.callback_errors = 0
        self.connections = 0
        self._max_queue = max_queue
        self._before = last_event_id
        self._latest = last_event_id

    @property
    def reads_ahead(self) -> bool:
        """Whether the stream is read while entries wait."""
        return self._max_queue is not None

    @property
    def last_event_id(self) -> str:
        """The last event id as of what was taken."""
        if not self.ready:
            return self._latest
        taken = self.taken
        return self._before if taken is None else taken.id

    def arrived(self, last_event_id: str, entries: list[Entry]) -> None:
        """Events and comments have come, after which the last event id is this one."""
        if self.closed:
            return
        if not self.ready:
            self._before, self.taken = self._latest, None
        self._latest = last_event_id
        self.put(entries)

    def put(self, entries: list[Entry]) -> None:
        """Has the consumer be given these too."""
        ready = self.ready
        ready.extend(entries)
        if self._max_queue is not None:
            while len(ready) > self._max_queue:
                ready.popleft()
                self.dropped += 1

    def close(self) -> None:
        """The consumer wants no more."""
        self._latest = self.last_event_id
        self.closed = True
        self.ready.clear()
