"""The arguments that calls take."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, TypedDict

from .errors import RonError
from .idempotency import IdempotencyKey

QueryValue = str | int | float | bool | None
Query = Mapping[str, QueryValue | Iterable[QueryValue]] | Iterable[tuple[str, QueryValue]]
"""Parameters: a mapping, whose values may be lists, or pairs. None is left out, booleans become
``true`` and ``false``."""

FieldMap = Mapping[str, str] | Iterable[tuple[str, str]]
"""Header fields: a mapping or pairs."""


class FieldOptions(TypedDict, total=False):
    """Keyword arguments of whatever sends a request."""

    query: Query | None
    """More parameters, after those that the path has."""

    headers: FieldMap | None
    """Fields beside the client's own; credentials, framing and ``x-ron-*`` are reserved."""


class BodyOptions(TypedDict, total=False):
    """Keyword arguments of requests that may have content."""

    json: Any
    """The content, to be encoded as JSON; None is sent as ``null``."""

    content: bytes | str | None
    """The content as bytes or text, instead of ``json``."""

    idem: bool | str | IdempotencyKey
    """True to send a fresh ``Idempotency-Key``, the key to send, or what it is derived from. A call
    with a key may be tried again after the server has seen it."""


class CallOptions(FieldOptions, total=False):
    """Keyword arguments of every call."""

    timeout: float | None
    """Seconds for the whole call, instead of the configured time."""

    retries: int | None
    """Attempts after the first, instead of the configured number."""


class ContentOptions(CallOptions, BodyOptions, total=False):
    """Keyword arguments of calls that may have content."""


class PageOptions(CallOptions, total=False):
    """Keyword arguments of ``paginate``. Those of a call are for each page. At most one token can
    be given, best from :attr:`Pages.resume`."""

    page_size: int | None
    """How many items a page is to have, sent as ``limit`` and as ``page_size``; default what the
    server thinks best."""

    page_token: str | None
    """The token of the page to begin with, from a ``next_page_token``; default the first page."""

    cursor: str | None
    """The same, from a ``next_cursor``."""

    after: str | None
    """The id of a chat's message: the one after it is the first."""

    max_pages: int | None
    """How many pages to ask for, after which the iteration ends; default 10,000, after which it
    raises :class:`RonTooLargeError`."""

    max_items: int | None
    """How many items to take, after which the iteration ends; default all."""


class StreamOptions(FieldOptions, BodyOptions, total=False):
    """Keyword arguments of subscriptions. Times are in seconds. The content, if there is any, is
    sent on every connection."""

    method: str
    """The method; default ``GET``."""

    last_event_id: str | None
    """The id of the event after which the server is to go on, from
    :attr:`Subscription.last_event_id`; default none."""

    timeout: float | None
    """Time for each connection until the head of the answer is here; default the configured time of
    a whole call."""

    idle_timeout: float | None
    """A connection on which no byte came for so long while one was waited for is given up; default
    60, None for none. Comments and heartbeats are bytes."""

    reconnect: bool
    """Whether to connect again when a connection ends; default True. If False, the stream ends with
    its connection."""

    reconnect_delay: float
    """The first wait before a connection is tried again, with jitter; it doubles up to 30. Default
    1. The server's ``retry`` takes its place."""

    max_reconnects: int | None
    """How often in a row to connect again without an event coming or a connection living for a
    minute; default None, without end."""

    reconnect_timeout: float | None
    """For how long to do so; default 900, None without end."""

    max_duration: float | None
    """The stream ends after so long; default None, never."""

    max_events: int | None
    """The stream ends after so many events; default None, never."""

    max_line_bytes: int | None
    """Longest line; default 1 MiB."""

    max_event_bytes: int | None
    """Largest event; default 1 MiB."""

    on_comment: Callable[[str], object] | None
    """A plain function that is given each comment, in order with the events. Without it comments
    are skipped."""

    on_error: Callable[[RonError], object] | None
    """A plain function that is told of each connection that was lost or could not be made, in order
    with the events."""

    drop_heartbeats: bool
    """Whether events of the type ``heartbeat`` are dropped and only counted; default False."""

    overflow: Literal["wait", "drop_oldest"]
    """What to do while the consumer is slow: ``wait`` (default) reads nothing, so that the server
    has to wait; ``drop_oldest`` reads on and drops and counts what nobody has taken. The latter
    is for :class:`RonClient` only."""

    max_queue: int
    """How many events wait for the consumer with ``drop_oldest``; default 256."""

    on_callback_error: Literal["raise", "continue"]
    """Whether what the callback raises ends the subscription (``raise``, default) or is logged and
    counted (``continue``)."""
