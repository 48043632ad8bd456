"""What belongs to event loops: a transport, one timer and counters for each."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import AsyncGenerator, Callable

from ..defaults import TICKS_PER_SECOND
from ..engine.guest import Clock
from ..errors import RonClosedError
from ..transport.protocol import Transport
from .metrics import Counters, CounterSet

_FRESH_NS = 5_000_000
_TICK_NS = 1e9 / TICKS_PER_SECOND


def running_loop() -> asyncio.AbstractEventLoop | None:
    """The event loop that the calling code runs on, if any."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def closed_transport() -> Transport:
    """What makes the transports of a client that was closed.

    Raises:
        RonClosedError: there are none.
    """
    raise RonClosedError("the client was closed; open a new one", code="closed")


class LoopState:
    """What belongs to one event loop.

    Attributes:
        now: the monotonic clock in nanoseconds. Everything here reads it, and so does the
            component: a loop may have a clock of its own.
        calls: how many calls are under way on it.
        wanted: the time of the tick that the component last asked it for, or None.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        transport: Transport,
        counters: Counters,
        tick: Callable[[], None],
        clock: Clock,
    ) -> None:
        self.now = clock.monotonic_ns
        self.loop = loop
        self.transport = transport
        self.counters = counters
        self._tick = tick
        self._timer: asyncio.TimerHandle | None = None
        self._wake_at: float = 0
        self._ticked_at = self._used_at = self.now()
        self._ticks = 0.0
        self._backstop = math.inf
        self.calls = 0
        self.wanted: int | None = None

    def is_current(self) -> bool:
        """Whether the calling code runs on this loop."""
        return running_loop() is self.loop

    def call_soon_threadsafe(self, callback: Callable[..., object], *args: object) -> None:
        """As the method of the loop."""
        self.loop.call_soon_threadsafe(callback, *args)

    def arm(self, wake_at: int | None) -> None:
        """Has a tick sent when the component wants it, in nanoseconds, unless one comes earlier: an
        early one asks again."""
        self.wanted = wake_at
        self._tick_by(self._backstop if wake_at is None else min(wake_at, self._backstop))

    def back_up(self, backstop: float) -> None:
        """Has one sent at a time of this side's own too, when it looks at a call of its own
        accord."""
        if backstop < self._backstop:
            self._backstop = backstop
            self._tick_by(backstop)

    def _tick_by(self, at: float) -> None:
        if self._ticks >= TICKS_PER_SECOND:
            # A component that always asks for another one at once would keep the loop busy.
            at = max(at, self._ticked_at + _TICK_NS)
        if at == math.inf or self._ticks_by(at):
            return
        if self._timer is not None:
            self._timer.cancel()
        self._wake_at = at
        delay = max(0, at - self.now()) / 1e9
        self._timer = self.loop.call_later(delay, self._fire)

    def is_past_backstop(self) -> bool:
        """Whether a call may be past its backstop. Who asks gives the next to :meth:`back_up`."""
        if self.now() < self._backstop:
            return False
        self._backstop = math.inf
        return True

    def relieve(self, wake_at: int) -> None:
        """As :meth:`arm`, from any thread, if calls are under way here that may wait for it."""
        if self.calls and not self._ticks_by(wake_at):
            # A closed loop has ended its calls.
            with contextlib.suppress(RuntimeError):
                self.loop.call_soon_threadsafe(self.arm, wake_at)

    def _ticks_by(self, at: float) -> bool:
        return self._timer is not None and self._wake_at <= at

    def _fire(self) -> None:
        self._timer = None
        before, self._ticked_at = self._ticked_at, self.now()
        self._ticks = max(0, self._ticks - (self._ticked_at - before) / _TICK_NS) + 1
        self._tick()

    def used(self) -> None:
        """An exchange has ended."""
        self._used_at = self.now()

    def was_idle(self) -> bool:
        """Whether the loop may not have heard yet that servers closed connections."""
        return self.now() - self._used_at > _FRESH_NS

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
        leave: called on a loop that ends, before its transport is closed.
        clock: the clock that ``tick`` goes by.
    """

    def __init__(
        self,
        make_transport: Callable[[], Transport],
        counters: CounterSet,
        tick: Callable[[], None],
        leave: Callable[[LoopState], None],
        clock: Clock,
    ) -> None:
        self._make_transport = make_transport
        self._counters = counters
        self._tick = tick
        self._leave = leave
        self._clock = clock
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
            counters = self._counters.of(loop)
            state = LoopState(loop, self._make_transport(), counters, self._tick, self._clock)
            self._states[loop] = state
            self._endings[loop] = self._until_loop_ends(loop, state)
            await anext(self._endings[loop])
        return state

    def retire(self) -> None:
        """Drops the settings of transports: no loop gets one any more."""
        self._make_transport = closed_transport

    def relieve(self, state: LoopState) -> None:
        """Has other loops send the tick that one was asked for which has no call any more: it may
        not run again, and calls of theirs may wait for that time too."""
        if state.calls or state.wanted is None or len(self._states) < 2:
            return
        for other in list(self._states.values()):
            if other is not state:
                other.relieve(state.wanted)

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
            self._leave(state)
            await state.close()

    def _forget_closed(self) -> None:
        """Drops loops that were closed without that call."""
        # A copy, because other threads add theirs meanwhile.
        for loop in [loop for loop in list(self._states) if loop.is_closed()]:
            self._states.pop(loop, None)
            self._endings.pop(loop, None)
