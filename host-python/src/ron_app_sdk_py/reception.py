"""How a subscription is given what comes: the part that both kinds have in common."""

from __future__ import annotations

import inspect
import weakref
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from .calls import logs
from .calls.progress import Entry, Progress
from .calls.streams import Stream
from .defaults import STREAM_QUEUE
from .errors import RonError, RonRequestError
from .events import Event, StreamCounters
from .options import StreamOptions
from .request import whole_number
from .stream_request import StreamRequest

Callback = Callable[[Event], object]
"""Is given each event; it may be ``async`` for :class:`RonClient`."""

Begin = Callable[[StreamRequest, Progress], Awaitable[Stream]]
"""Begins a stream."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """How a consumer is given what comes.

    Attributes:
        callback: is given each event when the subscription is awaited or run, or None.
        on_comment: is given each comment, or None.
        on_error: is told of each lost connection, or None.
        max_queue: how many events wait while more are read, or None to read none meanwhile.
        carries_on: whether an event on which the callback fails is not the last.
    """

    callback: Callback | None
    on_comment: Callable[[str], object] | None
    on_error: Callable[[RonError], object] | None
    max_queue: int | None
    carries_on: bool

    def tell(self, entry: Entry, progress: Progress) -> None:
        """Tells of what is no event."""
        if isinstance(entry, str):
            progress.comments += 1
            if self.on_comment is not None:
                self.on_comment(entry)
        elif isinstance(entry, RonError) and self.on_error is not None:
            self.on_error(entry)


class Reception:
    """The stream of a subscription, once there is one, and what its consumer is given.

    Args:
        begin: begins the stream.
        request: what is subscribed to.
        delivery: how the consumer is given what comes.
        shown_path: the path as it may be shown.

    Attributes:
        request: as given.
        delivery: as given.
        shown_path: as given.
        progress: what has come of it.
    """

    def __init__(
        self, begin: Begin, request: StreamRequest, delivery: Delivery, shown_path: str
    ) -> None:
        self.request = request
        self.shown_path = shown_path
        self.delivery = delivery
        self.progress = Progress(
            request.last_event_id,
            tells_losses=delivery.on_error is not None,
            max_queue=delivery.max_queue,
        )
        self._begin = begin
        self._begun = False
        self._stream: Stream | None = None

    async def more(self) -> bool:
        """Waits until something is ready.

        Returns:
            Whether something may be; False at the end.

        Raises:
            RonError: the stream has ended in that.
        """
        progress = self.progress
        if progress.closed:
            return False
        stream = self._stream or await self._started()
        await stream.more()
        return not progress.closed and (bool(progress.ready) or not stream.ended)

    async def _started(self) -> Stream:
        if self._begun:
            raise RonRequestError(
                "another task begins this subscription; let one at a time take its events",
                code="subscription_in_use",
            )
        self._begun = True
        try:
            stream = await self._begin(self.request, self.progress)
        except BaseException:
            self.close()
            raise
        self._stream = stream
        weakref.finalize(self, stream.abandon).atexit = False
        if self.progress.closed:
            stream.close()
        return stream

    def tell(self, entry: Entry) -> None:
        """Tells the consumer of what is no event. What it raises ends the subscription."""
        try:
            self.delivery.tell(entry, self.progress)
        except BaseException:
            self.close()
            raise

    def callback(self, instead: str) -> Callback:
        """The callback.

        Args:
            instead: how else events can be taken.

        Raises:
            RonRequestError: there is none.
        """
        if self.delivery.callback is None:
            raise RonRequestError(
                "there is no callback to give the events to; give one to subscribe(), or iterate "
                f"with `{instead}`",
                code="invalid_callback",
            )
        return self.delivery.callback

    def callback_failed(self, error: Exception) -> None:
        """The callback has raised this, which is raised again if it is to end the subscription."""
        if not self.delivery.carries_on:
            raise error
        self.progress.callback_errors += 1
        logs.tell_failure("the callback of a subscription failed", self.request.redactor)

    def restart(self) -> None:
        """Has another connection made."""
        if self._stream is not None:
            self._stream.restart()

    def close(self) -> None:
        """Ends it, from any thread."""
        self.progress.close()
        if self._stream is not None:
            self._stream.close()

    def abandon(self) -> None:
        """As :meth:`close`, for finalizers."""
        if self._stream is not None:
            self._stream.abandon()

    def counters(self) -> StreamCounters:
        """What it has come to."""
        progress, stream = self.progress, self._stream
        return StreamCounters(
            events=progress.events,
            comments=progress.comments,
            duplicates=progress.duplicates,
            heartbeats=progress.heartbeats,
            dropped=progress.dropped,
            callback_errors=progress.callback_errors,
            connections=progress.connections,
            bytes_received=0 if stream is None else stream.bytes_received,
        )


def arguments(
    path: str, callback: Callback | None, options: StreamOptions
) -> tuple[StreamRequest, Delivery]:
    """Brings the arguments of ``subscribe`` into one form.

    Raises:
        RonRequestError: one is no good.
    """
    given: dict[str, Any] = dict(options)
    on_comment = _plain("on_comment", given.pop("on_comment", None))
    on_error = _plain("on_error", given.pop("on_error", None))
    overflow = _choice("overflow", given.pop("overflow", "wait"), ("wait", "drop_oldest"))
    max_queue = given.pop("max_queue", STREAM_QUEUE)
    whole_number("max_queue", max_queue, 1)
    policy = _choice(
        "on_callback_error", given.pop("on_callback_error", "raise"), ("raise", "continue")
    )
    if callback is not None and not callable(callback):
        raise RonRequestError(
            f"callback is {type(callback).__name__}; give a function of one argument",
            code="invalid_callback",
        )
    request = StreamRequest(path, comments=on_comment is not None, **given)
    queue = max_queue if overflow == "drop_oldest" else None
    return request, Delivery(callback, on_comment, on_error, queue, policy == "continue")


def _plain(name: str, function: Any) -> Callable[[Any], object] | None:
    if function is None:
        return None
    if not callable(function) or inspect.iscoroutinefunction(function):
        kind = "async" if callable(function) else type(function).__name__
        raise RonRequestError(
            f"{name} is {kind}; give a plain function of one argument", code=f"invalid_{name}"
        )
    given: Callable[[Any], object] = function
    return given


def _choice(name: str, value: object, choices: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in choices:
        shown = "something else" if isinstance(value, str) else type(value).__name__
        raise RonRequestError(
            f"{name} is {shown}; give {' or '.join(map(repr, choices))}", code=f"invalid_{name}"
        )
    return value
