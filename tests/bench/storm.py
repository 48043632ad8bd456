"""A retry storm: what a server that fails for good is asked for each call."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import Awaitable, Callable

from servers import Request, answering, raw_server, reply

from .candidates import TOKEN
from .report import Row, Section, at_most
from .rounds import Stage

_CALLS = 1_000
_TASKS = 10
_ATTEMPTS = 3


def measure(stage: Stage) -> Section:
    """Calls of one client to a server that answers 503, against three attempts whatever happens."""
    return stage.runner.run(_measure())


async def _measure() -> Section:
    from ron_app_sdk_py import RonBusyLoopWarning, RonClient, RonProblem

    section = Section(f"{_CALLS:,} calls by {_TASKS} tasks to a server that answers 503")
    seen: list[Request] = []
    # Calls that have ended, and requests, when the budget was first empty.
    drained: tuple[int, int] | None = None
    ended = 0
    async with (
        raw_server(answering(seen, reply("503 Down"))) as url,
        RonClient(url, token=TOKEN) as client,
    ):

        async def with_budget() -> None:
            nonlocal drained, ended
            try:
                await client.get("/x")
            except RonProblem as problem:
                ended += 1
                if problem.timeline.stopped == "budget empty" and drained is None:
                    drained = ended, len(seen)

        async def without() -> None:
            for _ in range(_ATTEMPTS):
                try:
                    await client.get("/x", retries=0)
                    return
                except RonProblem:
                    pass

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RonBusyLoopWarning)
            await _made(with_budget)
            budgeted = len(seen)
            await _made(without)
    if drained is None:
        raise RuntimeError("the budget was never empty")
    fixed = len(seen) - budgeted
    steady = (budgeted - drained[1]) / (_CALLS - drained[0])
    section.figures = {
        "calls": _CALLS,
        "requests": {"ours": budgeted, "three attempts": fixed},
        "until the budget was empty": {"calls": drained[0], "requests": drained[1]},
    }
    section.rows = [
        Row("ours: requests a call", budgeted / _CALLS),
        Row("ours, once the budget is empty", steady, budget=at_most(1.1)),
        Row("three attempts: requests a call", fixed / _CALLS),
        Row("three attempts / ours", fixed / budgeted),
    ]
    return section


async def _made(call: Callable[[], Awaitable[None]]) -> None:
    """All calls, by some tasks at once."""
    left = iter(range(_CALLS))

    async def work() -> None:
        for _ in left:
            await call()

    await asyncio.gather(*(work() for _ in range(_TASKS)))
