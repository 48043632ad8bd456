"""Times candidates in turn, round by round."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from .candidates import CLIENTS, Client
from .settings import Settings

Burst = Callable[[int], float]
"""Performs that many calls and tells the seconds they took."""

WARM_UP = 20
"""Calls before a burst, not timed."""


@dataclass(frozen=True)
class Stage:
    """Where it happens.

    Attributes:
        settings: how much is measured.
        base: the server.
        runner: runs what is asynchronous, always on the same loop. Between the bursts nothing runs
            on it, so synchronous candidates are not inside a running loop.
    """

    settings: Settings
    base: str
    runner: asyncio.Runner

    @contextmanager
    def clients(self, names: Sequence[str], connections: int = 100) -> Iterator[dict[str, Client]]:
        """Clients until the block ends."""

        async def make() -> dict[str, Client]:
            return {name: CLIENTS[name](self.base, connections) for name in names}

        async def close(clients: Mapping[str, Client]) -> None:
            for client in clients.values():
                await client.close()

        clients = self.runner.run(make())
        try:
            yield clients
        finally:
            self.runner.run(close(clients))

    def check(self, name: str, work: Callable[[], Awaitable[Any]], expected: object) -> None:
        """Checks a candidate's answer.

        Raises:
            SystemExit: it is another one.
        """

        async def once() -> Any:
            return await work()

        check(name, self.runner.run(once()), expected)

    def one_by_one(self, work: Callable[[], Awaitable[Any]]) -> Burst:
        """Calls one after the other."""

        async def calls(count: int) -> float:
            started = time.perf_counter()
            for _ in range(count):
                await work()
            return time.perf_counter() - started

        return lambda count: self.runner.run(calls(count))

    def at_once(self, work: Callable[[], Awaitable[Any]], tasks: int) -> Burst:
        """Calls by that many tasks, each of which makes its next when its last was answered."""

        async def calls(count: int) -> float:
            left = iter(range(count))

            async def share() -> None:
                for _ in left:
                    await work()

            started = time.perf_counter()
            async with asyncio.TaskGroup() as group:
                for _ in range(tasks):
                    group.create_task(share())
            return time.perf_counter() - started

        return lambda count: self.runner.run(calls(count))


def check(name: str, answer: object, expected: object) -> None:
    """Checks a candidate's answer.

    Raises:
        SystemExit: it is another one.
    """
    if answer != expected:
        raise SystemExit(f"{name} answers {answer!r:.200}, not {expected!r:.200}")


def microseconds(
    bursts: Mapping[str, Burst], *, rounds: int, calls: int, warm_up: int = WARM_UP
) -> dict[str, list[float]]:
    """Microseconds a call, by candidate, one figure a round."""
    figures: dict[str, list[float]] = {name: [] for name in bursts}
    for burst in bursts.values():
        burst(warm_up)
    # What is here already is nobody's garbage; without it a collection is quick.
    gc.collect()
    gc.freeze()
    try:
        order = list(bursts.items())
        for _ in range(rounds):
            for name, burst in order:
                burst(warm_up)
                gc.collect()
                figures[name].append(burst(calls) / calls * 1e6)
            # Nobody always runs behind the same other one.
            order.append(order.pop(0))
            order.reverse()
    finally:
        gc.unfreeze()
    return figures
