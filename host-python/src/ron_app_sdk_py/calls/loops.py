"""What belongs to event loops: a transport, one timer and counters for each."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable

from ..transport.protocol import Transport
from .metrics import Counters, CounterSet

_FRESH_SECONDS = 0.005


def running_loop() -> asyncio.AbstractEventLoop | None:
    """The event loop that the calling code runs on, if any."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


class LoopState:
    """What belongs to one event loop."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        transport: Transport,
        counters: Counters,
        tick: Callable[[], None],
    ) -> None:
        self.loop = loop
        self.transport = transport
        self.counters = counters
        self._tick = tick
        self._timer: asyncio.TimerHandle | None = None
        self._wake_at = 0
        self._used_at = time.monotonic()

    def is_current(self) -> bool:
        """Whether the calling code runs on this loop."""
        return running_loop() is self.loop

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
        # The component's clock is the system's; a loop may have another of its own.
        delay = max(0.0, wake_at / 1e9 - time.monotonic())
        self._timer = self.loop.call_later(delay, self._fire)

    def _fire(self) -> None:
        self._timer = None
        self._tick()

    def used(self) -> None:
        """An exchange has ended."""
        self._used_at = time.monotonic()

    def was_idle(self) -> bool:
        """Whether the loop may not have heard yet that servers closed connections."""
        return time.monotonic() - self._used_at > _FRESH_SECONDS

    async def hear(self) -> None:
        """Lets the loop take what has arrived meanwhile. A turn reads what is there, the next one
        sees it through; a loop that somebody blocked, or nobody ran, has not had them."""
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    async def close(self) -> None:
        """Closes the transport and stops the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        await self.transport.close()


class Loops:
    """The event loops that use a client.

    Args:
        make_transport: makes the transport of the running loop.
        counters: where a new loop gets its counters.
        tick: called on a loop when the time has come that it was armed for.
    """

    def __init__(
        self,
        make_transport: Callable[[], Transport],
        counters: CounterSet,
        tick: Callable[[], None],
    ) -> None:
        self._make_transport = make_transport
        self._counters = counters
        self._tick = tick
        self._states: dict[asyncio.AbstractEventLoop, LoopState] = {}
        self._endings: dict[asyncio.AbstractEventLoop, AsyncGenerator[None, None]] = {}

    def running(self) -> LoopState | None:
        """The state of the running loop, if it has one."""
        loop = running_loop()
        return None if loop is None else self._states.get(loop)

    async def current(self) -> LoopState:
        """The state of the running loop, made at the first call."""
        loop = asyncio.get_running_loop()
        state = self._states.get(loop)
        if state is None:
            self._forget_closed()
            state = LoopState(loop, self._make_transport(), self._counters.of(loop), self._tick)
            self._states[loop] = state
            self._endings[loop] = self._until_loop_ends(loop, state)
            await anext(self._endings[loop])
        return state

    async def close_current(self) -> None:
        """Closes what belongs to the running loop. A child that was forked in a coroutine has
        none."""
        loop = running_loop()
        if loop is not None and loop in self._endings:
            await self._endings[loop].aclose()

    async def _until_loop_ends(
        self, loop: asyncio.AbstractEventLoop, state: LoopState
    ) -> AsyncGenerator[None, None]:
        """Suspended here, it is ended by ``loop.shutdown_asyncgens``, which ``asyncio.run`` and all
        runners like it call: the one hook that a loop has for its end."""
        try:
            yield
        finally:
            self._states.pop(loop, None)
            self._endings.pop(loop, None)
            await state.close()

    def _forget_closed(self) -> None:
        """Drops loops that were closed without that call."""
        # A copy, because other threads add theirs meanwhile.
        for loop in [loop for loop in list(self._states) if loop.is_closed()]:
            self._states.pop(loop, None)
            self._endings.pop(loop, None)
