"""From a caller's arguments to a stream of the component."""

from __future__ import annotations

from typing import Any

from .defaults import LARGEST_EVENT_BYTES
from .errors import RonRequestError
from .idempotency import IdempotencyKey
from .options import FieldMap, Query
from .request import UNSET, Request, Unset, nanoseconds, whole_number

_FOREVER = "0"
_MANY = 2**32 - 1


class StreamRequest(Request):
    """A stream as the caller asked for it: see :class:`~.options.StreamOptions`. Options that were
    not given are the component's to decide.

    Raises:
        RonRequestError: an argument has the wrong type or can't be sent.
    """

    __slots__ = ("_wanted", "last_event_id")

    def __init__(
        self,
        path: str,
        *,
        method: str = "GET",
        json: Any = UNSET,
        content: bytes | str | None = None,
        query: Query | None = None,
        headers: FieldMap | None = None,
        timeout: float | None = None,
        idem: bool | str | IdempotencyKey = False,
        last_event_id: str | None = None,
        idle_timeout: float | Unset | None = UNSET,
        reconnect: bool = True,
        reconnect_delay: float | None = None,
        max_reconnects: int | None = None,
        reconnect_timeout: float | Unset | None = UNSET,
        max_duration: float | None = None,
        max_events: int | None = None,
        max_line_bytes: int | None = None,
        max_event_bytes: int | None = None,
        drop_heartbeats: bool = False,
        comments: bool = False,
    ) -> None:
        super().__init__(
            method,
            path,
            json=json,
            content=content,
            query=query,
            headers=headers,
            timeout=timeout,
            idem=idem,
        )
        self.last_event_id = "" if last_event_id is None else _event_id(last_event_id)
        wanted = []
        for name, seconds in (
            ("idle-timeout", idle_timeout),
            ("reconnect-timeout", reconnect_timeout),
        ):
            if seconds is None:
                wanted.append((name, _FOREVER))
            elif not isinstance(seconds, Unset):
                wanted.append((name, nanoseconds(_argument(name), seconds)))
        for name, seconds in (("reconnect-delay", reconnect_delay), ("max-duration", max_duration)):
            if seconds is not None:
                wanted.append((name, nanoseconds(_argument(name), seconds)))
        if max_reconnects is not None:
            wanted.append(("max-reconnects", whole_number("max_reconnects", max_reconnects)))
        for name, count, most in (
            ("max-events", max_events, _MANY),
            ("max-line-bytes", max_line_bytes, LARGEST_EVENT_BYTES),
            ("max-event-bytes", max_event_bytes, LARGEST_EVENT_BYTES),
        ):
            if count is not None:
                wanted.append((name, whole_number(_argument(name), count, 1, most)))
        if not _boolean("reconnect", reconnect):
            wanted.append(("reconnect", "false"))
        if _boolean("drop_heartbeats", drop_heartbeats):
            wanted.append(("drop-heartbeats", "true"))
        if comments:
            wanted.append(("comments", "true"))
        self._wanted = wanted

    def options(self, log_level: str | None) -> list[tuple[str, str]]:
        """See :meth:`Request.options`."""
        options = [("stream", "events"), *super().options(log_level), *self._wanted]
        if self.last_event_id:
            options.append(("last-event-id", self.last_event_id))
        return options


def _argument(option: str) -> str:
    return option.replace("-", "_")


def _boolean(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise RonRequestError(
            f"{name} is {type(value).__name__}; give True or False", code=f"invalid_{name}"
        )
    return value


def _event_id(value: object) -> str:
    if not isinstance(value, str):
        raise RonRequestError(
            f"last_event_id is {type(value).__name__}; give a str", code="invalid_last_event_id"
        )
    for character in value:
        if character in "\0\r\n" or "\ud800" <= character <= "\udfff":
            raise RonRequestError(
                f"last_event_id holds U+{ord(character):04X} (NUL, a line end or a lone "
                "surrogate), which no event has; give the id of an event",
                code="invalid_last_event_id",
            )
    return value
