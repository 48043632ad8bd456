"""An event loop whose time is virtual: when nothing is ready, it jumps to the next timer."""

from __future__ import annotations

import asyncio
import itertools
import selectors
import weakref
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn, TypeVar

from ...defaults import SIMULATION_MAX_TURNS
from .clock import VirtualClock
from .errors import SimulationDeadlockError, SimulationError

T = TypeVar("T")

_RESOLUTION_SECONDS = 0.5e-9


def _refuse(what: str) -> NoReturn:
    raise SimulationError(
        f"the program {what}, which a simulation does not have: give it a client of the simulation "
        "(`sim.client()`) instead"
    )


def _refused(what: str) -> Any:
    async def refused(*_: object, **__: object) -> NoReturn:
        _refuse(what)

    return refused


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop that never waits.

    It has no sockets, and what is to run in another thread runs at once in this one: both would
    take real time, which is not reproducible.

    Args:
        clock: its time.
        limit: virtual seconds that one run may take.
    """

    create_connection = create_unix_connection = _refused("opens a connection")
    create_server = create_unix_server = _refused("opens a server")
    create_datagram_endpoint = _refused("opens a socket")
    getaddrinfo = getnameinfo = _refused("looks a name up")
    subprocess_exec = subprocess_shell = _refused("starts a process")

    def __init__(self, clock: VirtualClock, limit: float) -> None:
        self._virtual_clock = clock
        self._limit_ns = round(limit * 1e9)
        self._selector_of_timers = _Timers(clock, self._waiting)
        super().__init__(self._selector_of_timers)
        self._clock_resolution = _RESOLUTION_SECONDS
        self._numbers = itertools.count()
        self._tasks: weakref.WeakValueDictionary[int, asyncio.Task[Any]]
        self._tasks = weakref.WeakValueDictionary()

    def time(self) -> float:
        """Virtual seconds since the start of the simulation."""
        return self._virtual_clock.now_ns / 1e9

    def run_forever(self) -> None:
        """As that of asyncio, within the limit.

        Raises:
            SimulationDeadlockError: nothing is left that could happen.
            SimulationError: the limit has passed, or time stands still.
        """
        self._selector_of_timers.end_ns = self._virtual_clock.now_ns + self._limit_ns
        super().run_forever()

    # typeshed gives asyncio's method a generator as well, and other arguments in each version.
    def create_task(self, coro: Coroutine[Any, Any, T], **options: Any) -> asyncio.Task[T]:  # type: ignore[override]
        """As that of asyncio."""
        task = super().create_task(coro, **options)
        self._tasks[next(self._numbers)] = task
        return task

    async def end_tasks(self) -> None:
        """Ends all tasks but the current one, in the order in which they were made: asyncio's own
        order changes from process to process."""
        current = asyncio.current_task()
        while left := [task for task in self._unfinished() if task is not current]:
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)

    # typeshed's types of the arguments are variadic generics, which say nothing more here.
    def run_in_executor(  # type: ignore[override]
        self, executor: object, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        """Calls a function at once, in this thread."""
        future: asyncio.Future[T] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:
            future.set_exception(error)
        return future

    def _unfinished(self) -> list[asyncio.Task[Any]]:
        return [task for _, task in sorted(self._tasks.items()) if not task.done()]

    def _waiting(self) -> list[str]:
        """Where each unfinished task waits."""
        return [" → ".join(_places(task.get_coro())) for task in self._unfinished()]


class _Timers(selectors.DefaultSelector):
    """What the loop asks whether something is there, and how long to wait for it."""

    def __init__(self, clock: VirtualClock, waiting: Callable[[], list[str]]) -> None:
        super().__init__()
        self.end_ns = 0
        self._clock = clock
        self._waiting = waiting
        self._turns = 0

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        # The first one is the loop's own, by which signals and threads wake it.
        if self.get_map():
            _refuse("opens a socket or a pipe")
        return super().register(fileobj, events, data)

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is not None and timeout <= 0:
            self._turns += 1
            if self._turns > SIMULATION_MAX_TURNS:
                self._turns = 0
                raise SimulationError(
                    f"the loop turned {SIMULATION_MAX_TURNS} times without time passing; a task "
                    f"repeats something for ever: {self._shown()}"
                )
            return []
        ready = super().select(0)
        if ready:
            return ready
        if timeout is None:
            raise SimulationDeadlockError(
                f"nothing is scheduled and nothing can come; these wait for ever: {self._shown()}"
            )
        if self._clock.now_ns + timeout * 1e9 > self.end_ns:
            raise SimulationError(
                "the limit of virtual time has passed; give `limit` if the program takes longer: "
                f"{self._shown()}"
            )
        self._turns = 0
        self._clock.advance(timeout)
        return ready

    def _shown(self) -> str:
        return "; ".join(self._waiting()) or "nothing"


def _places(coroutine: Any) -> Iterator[str]:
    """The functions that a suspended coroutine is in, outermost first."""
    while coroutine is not None:
        frame: FrameType | None = getattr(coroutine, "cr_frame", None)
        if frame is None:
            return
        code = frame.f_code
        yield f"{code.co_qualname} ({Path(code.co_filename).name}:{frame.f_lineno})"
        coroutine = getattr(coroutine, "cr_await", None)
