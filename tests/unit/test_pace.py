"""Who is warned of calling in a loop while everything fails: in virtual time, where no machine is
too slow for a loop."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref

import pytest

from ron_app_sdk_py import ClientConfig, RonBusyLoopWarning, RonClient, RonProblem
from ron_app_sdk_py.defaults import BUSY_LOOP_CALLS, BUSY_LOOP_SECONDS
from ron_app_sdk_py.testing import Answer, Simulation

MANY = 10 * BUSY_LOOP_CALLS


def failing() -> Simulation:
    simulation = Simulation(config=ClientConfig(retries=0))
    simulation.on("GET", "/up", Answer(json=1))
    simulation.otherwise(Answer(503, after=0.001))
    return simulation


async def fail(client: RonClient) -> None:
    with pytest.raises(RonProblem):
        await client.get("/down")


@pytest.mark.parametrize("others_succeed", [False, True])
def test_a_task_that_calls_in_a_loop_is_warned_once(others_succeed: bool) -> None:
    async def succeed(client: RonClient) -> None:
        while others_succeed:
            await client.get("/up")
            await asyncio.sleep(0.0005)

    async def program(client: RonClient) -> None:
        beside = asyncio.ensure_future(succeed(client))
        for _ in range(BUSY_LOOP_CALLS):
            await fail(client)
        with pytest.warns(RonBusyLoopWarning, match=f"{BUSY_LOOP_CALLS} calls"):
            await fail(client)
        for _ in range(MANY):
            await fail(client)
        beside.cancel()

    failing().run(program)


def test_tasks_that_fail_together_are_not_warned_and_not_kept() -> None:
    async def program(client: RonClient) -> None:
        tasks = []
        for _ in range(MANY):
            tasks.append(asyncio.ensure_future(fail(client)))
            await asyncio.sleep(BUSY_LOOP_SECONDS / 10)
        await asyncio.gather(*tasks)
        gone = [weakref.ref(tasks.pop()) for _ in range(MANY)]
        # The turn that the end of `gather` began still holds them.
        await asyncio.sleep(0)
        gc.collect()
        assert not any(task() for task in gone)

    failing().run(program)


@pytest.mark.parametrize("between", ["pause", "success"])
def test_a_task_that_pauses_or_gets_through_between_is_not_warned(between: str) -> None:
    async def program(client: RonClient) -> None:
        for n in range(MANY):
            if n % BUSY_LOOP_CALLS:
                await fail(client)
            elif between == "pause":
                await asyncio.sleep(2 * BUSY_LOOP_SECONDS)
            else:
                await client.get("/up")

    failing().run(program)


def test_a_thread_that_calls_in_a_loop_is_warned_and_those_that_fail_together_are_not() -> None:
    with failing().client_sync() as client:

        def fail() -> None:
            with pytest.raises(RonProblem):
                client.get("/down")

        for _ in range(MANY):
            thread = threading.Thread(target=fail)
            thread.start()
            thread.join()
        for _ in range(BUSY_LOOP_CALLS):
            fail()
        with pytest.warns(RonBusyLoopWarning, match=f"{BUSY_LOOP_CALLS} calls"):
            fail()
        for _ in range(MANY):
            fail()
