"""Subscriptions of the synchronous client."""

from __future__ import annotations

import inspect
import weakref
from types import TracebackType
from typing import Self

from .errors import RonClosedError, RonRequestError
from .events import Event, StreamCounters
from .reception import Reception
from .subscription import BaseSubscription
from .thread_loops import PrivateLoop, ThreadLoops


class SubscriptionSync(BaseSubscription):
    """As :class:`Subscription`, for :class:`RonClientSync`: an iterator of events, or :meth:`run`.

    It has an event loop of its own, which runs while an event is waited for. So one thread after
    another may take events, inside a running event loop too, as with any synchronous call.

    Raises:
        RonRequestError: an argument is for :class:`RonClient` only.
    """

    def __init__(self, reception: Reception, loops: ThreadLoops) -> None:
        if inspect.iscoroutinefunction(reception.delivery.callback):
            raise RonRequestError(
                "callback is async; give a plain function, or use RonClient",
                code="invalid_callback",
            )
        if reception.progress.reads_ahead:
            raise RonRequestError(
                "overflow is 'drop_oldest', but this client reads only while it is asked for an "
                "event; use RonClient, or a thread that takes the events",
                code="invalid_overflow",
            )
        super().__init__(reception)
        self._loops = loops
        self._loop: PrivateLoop | None = None

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Event:
        # Most events wait here already: to run the loop for each would be dear.
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
            if entry is None:
                if not self._more():
                    self.close()
                    raise StopIteration
                continue
            try:
                self._reception.tell(entry)
            except BaseException:
                self.close()
                raise

    def run(self) -> StreamCounters:
        """Gives the callback each event until the subscription ends.

        Raises:
            RonRequestError: there is no callback.
            RonError: the stream ended in an error.
        """
        callback = self._reception.callback("for")
        try:
            for event in self:
                try:
                    callback(event)
                except Exception as error:
                    self._reception.callback_failed(error)
        finally:
            self.close()
        return self.counters

    def _more(self) -> bool:
        if self._progress.closed:
            return False
        if self._loop is None:
            self._loop = self._loops.private()
            ending = weakref.finalize(self, _let_go, self._reception, self._loops, self._loop)
            ending.atexit = False
        try:
            return self._loops.run_private(self._loop, self._reception.more)
        except BaseException as error:
            if self.state == "closed" or isinstance(error, RonClosedError):
                self.close()
            raise

    def close(self) -> None:
        """See :meth:`Subscription.close`."""
        super().close()
        if self._loop is not None:
            self._loops.close_private(self._loop)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _let_go(reception: Reception, loops: ThreadLoops, loop: PrivateLoop) -> None:
    """Ends what nobody has any more. The loop has the stream closed before it closes itself."""
    reception.abandon()
    loops.close_private(loop)
