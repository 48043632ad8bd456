"""What belongs to one event loop."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable

from .transport.protocol import Transport


def running_loop() -> asyncio.AbstractEventLoop | None:
    """The event loop that the calling code runs on, if any."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


class LoopState:
    """A transport and one timer."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, transport: Transport, tick: Callable[[], None]
    ) -> None:
        # The dictionary of loops is weak, so this must not keep the loop.
        self._loop = weakref.ref(loop)
        self.transport = transport
        self._tick = tick
        self._timer: asyncio.TimerHandle | None = None
        self._wake_at = 0

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The loop.

        Raises:
            RuntimeError: it is gone.
        """
        loop = self._loop()
        if loop is None:
            raise RuntimeError("the event loop is gone")
        return loop

    def is_current(self) -> bool:
        """Whether the calling code runs on this loop."""
        return running_loop() is self._loop()

    def call_soon_threadsafe(self, callback: Callable[..., object], *args: object) -> None:
        """As the method of the loop."""
        self.loop.call_soon_threadsafe(callback, *args)

    def arm(self, wake_at: int | None) -> None:
        """Has a tick sent at that time, unless one comes earlier: an early one asks again."""
        if wake_at is None or (self._timer is not None and self._wake_at <= wake_at):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._wake_at = wake_at
        # The monotonic clock of asyncio is that of the component, in seconds.
        self._timer = self.loop.call_at(wake_at / 1e9, self._fire)

    def _fire(self) -> None:
        self._timer = None
        self._tick()

    async def close(self) -> None:
        """Closes the transport and stops the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        await self.transport.close()
