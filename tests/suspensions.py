"""Interferes with a coroutine at one of its suspensions: where a task can be cancelled, and where
something else can happen meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container, Coroutine, Generator
from typing import Any, Generic, Literal, TypeVar

T = TypeVar("T")

Moment = Literal["waiting", "woken"]
"""While the coroutine waits; or when what it waits for has come, before it runs again."""


class Observed(Generic[T]):
    """An awaitable that counts how often a coroutine is suspended.

    Args:
        work: the coroutine.
        at: the suspensions, counted from 1, at which to interfere.
        interfere: what to do then.
        moment: when exactly.

    Attributes:
        suspensions: how many there have been.
    """

    def __init__(
        self,
        work: Coroutine[Any, Any, T],
        at: Container[int],
        interfere: Callable[[], object],
        moment: Moment = "waiting",
    ) -> None:
        self.suspensions = 0
        self._work = work
        self._at = at
        self._interfere = interfere
        self._moment = moment

    def __await__(self) -> Generator[Any, Any, T]:
        inner = self._work.__await__()
        resume, argument = inner.send, None
        while True:
            try:
                awaited = resume(argument)
            except StopIteration as end:
                result: T = end.value
                return result
            self.suspensions += 1
            if self.suspensions in self._at:
                self._arrange(awaited)
            try:
                resume, argument = inner.send, (yield awaited)
            except BaseException as error:
                resume, argument = inner.throw, error

    def _arrange(self, awaited: asyncio.Future[Any] | None) -> None:
        if awaited is None or self._moment == "waiting":
            asyncio.get_running_loop().call_soon(self._interfere)
        else:
            # The task adds its own callback after this one.
            awaited.add_done_callback(lambda _: self._interfere())


def task_of(work: Observed[T]) -> asyncio.Task[T]:
    """A task that runs it."""

    async def run() -> T:
        return await work

    return asyncio.create_task(run())
