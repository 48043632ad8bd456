"""What ``subscribe`` gives: events to be iterated over, or given to a callback."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Generator
from types import TracebackType
from typing import Any, Self

from .calls.progress import State
from .errors import RonError
from .events import Event, StreamCounters
from .reception import Reception


class BaseSubscription:
    """What both kinds of subscriptions have in common."""

    def __init__(self, reception: Reception) -> None:
        self._reception = reception
        self._progress = reception.progress

    @property
    def state(self) -> State:
        """``connecting``, also before anything was sent; ``open``; ``waiting`` to connect again; or
        ``closed``."""
        progress = self._progress
        return "closed" if progress.closed else progress.state

    @property
    def last_event_id(self) -> str:
        """The stream's last event id as of the events that were taken, with which another
        subscription can go on; empty if there is none."""
        return self._progress.last_event_id

    @property
    def last_error(self) -> RonError | None:
        """In what the last connection that was lost ended, or None."""
        return self._progress.last_error

    @property
    def request_id(self) -> str | None:
        """The ``X-Request-Id`` of all its connections, once one stood."""
        return self._progress.request_id

    @property
    def counters(self) -> StreamCounters:
        """What it has come to."""
        return self._reception.counters()

    def restart(self) -> None:
        """Drops the connection and makes another at once. May be called from any thread; while
        nobody waits for an event it is done when somebody does."""
        self._reception.restart()

    def close(self) -> None:
        """Ends the subscription and closes its socket, from any task or thread; who waits for an
        event gets none. May be called twice."""
        self._reception.close()

    def __repr__(self) -> str:
        method, path = self._reception.request.method, self._reception.shown_path
        return f"{type(self).__name__}({method!a:.20}, {path!a:.80}, {self.state})"


class Subscription(BaseSubscription):
    """An event stream: iterate over it with ``async for``, or await it to have its callback given
    each event and to be given its :class:`StreamCounters`.

    Nothing is sent before that. One task at a time may take events, all on one event loop. A
    subscription ends with its stream, by :meth:`close`, by leaving ``async with``, when the wait
    for an event is cancelled, or when nobody has it any more; its socket is then closed at once.

    Raises:
        RonError: from the iteration or the await, if the stream ends in an error.
    """

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        # Most events wait here already, and there may be hundreds of thousands a second.
        progress = self._progress
        while True:
            try:
                entry = progress.ready.popleft()
            except IndexError:
                # In here, it would be the context of whatever ends the stream.
                entry = None
            if isinstance(entry, Event):
                progress.events += 1
                progress.taken = entry
                return entry
            if entry is not None:
                self._reception.tell(entry)
            elif not await self._reception.more():
                raise StopAsyncIteration

    def __await__(self) -> Generator[Any, None, StreamCounters]:
        return self._give().__await__()

    async def _give(self) -> StreamCounters:
        callback = self._reception.callback("async for")
        try:
            async for event in self:
                try:
                    result = callback(event)
                    if result is not None and inspect.isawaitable(result):
                        await result
                except Exception as error:
                    self._reception.callback_failed(error)
        finally:
            self.close()
        return self.counters

    async def aclose(self) -> None:
        """As :meth:`close`."""
        self.close()
        # A transport closes its socket in a turn of the loop.
        await asyncio.sleep(0)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()
