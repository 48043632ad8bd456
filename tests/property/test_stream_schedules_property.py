"""Whatever happens to subscriptions and whenever, each consumer sees the events that it should, in
order and once, and nothing is left of a stream on either side: in virtual time, through the real
component."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from examples import examples
from ron_app_sdk_py import RonClient, RonClosedError, RonError, Subscription
from ron_app_sdk_py.testing import (
    Answer,
    EventStream,
    Outcome,
    Refused,
    Reset,
    Silence,
    SimulatedRequest,
    Simulation,
)
from suspensions import Moment, Observed, task_of

COUNT = 5
"""How many events a log has. Their ids are their numbers."""

MANY = 1_000


def log_after(done: int, size: int, pause: float, ends: Any) -> Outcome:
    """Some of the events after those that the client has; 204 if there are none."""
    if done == COUNT:
        return Answer(204)
    numbers = range(done + 1, min(done + size, COUNT) + 1)
    parts: list[str | float] = [": comment\n"]
    for number in numbers:
        # The second half comes later.
        parts += [f"id: {number}\nda", pause, f"ta: {number}\n\n", pause]
    return EventStream(parts, ends=ends)


async def numbers_of(subscription: Subscription, into: list[int], turns: int = 0) -> None:
    async for event in subscription:
        assert event.id == event.data
        into.append(int(event.data))
        for _ in range(turns):
            await asyncio.sleep(0)


async def is_all_gone(client: RonClient, sim: Simulation, tasks: int) -> None:
    """A transport closes its socket in a turn of the loop."""
    await asyncio.sleep(0)
    stats = client._calls.stats()
    assert (stats["calls"], stats["exchanges"]) == (0, 0)
    assert not client._calls._in_flight
    assert sim.under_way == []
    assert len(asyncio.all_tasks()) == tasks


@settings(max_examples=examples(60), deadline=None)
@given(
    ways=st.lists(
        st.sampled_from(["cancelled", "closed", "restarted", "session closed", "timed out"]),
        min_size=1,
        max_size=3,
        unique=True,
    ),
    times=st.integers(1, 2),
    moment=st.sampled_from(["waiting", "woken"]),
    size=st.integers(1, 3),
    pause=st.sampled_from([0.0, 0.5]),
    ends=st.sampled_from(["end", "close", "reset"]),
    overflow=st.sampled_from(["wait", "drop_oldest"]),
    turns=st.integers(0, 2),
)
def test_a_subscription_may_be_ended_at_each_of_its_suspensions(
    ways: list[str],
    times: int,
    moment: Moment,
    size: int,
    pause: float,
    ends: Any,
    overflow: Any,
    turns: int,
) -> None:
    sim = Simulation()
    sim.otherwise(
        lambda request: (
            log_after(int(request.last_event_id or 0), size, pause, ends)
            if request.path == "/app/log"
            else Answer(json=1)
        )
    )

    async def play(client: RonClient, at: range) -> bool:
        derived = client.with_options(timeout=60)
        subscription = derived.subscribe("/log", overflow=overflow)
        limit = asyncio.timeout(None)
        received: list[int] = []

        async def consume() -> None:
            async with limit:
                await numbers_of(subscription, received, turns)

        def happen() -> None:
            for way in ways:
                match way:
                    case "cancelled":
                        task.cancel()
                    case "closed":
                        subscription.close()
                    case "restarted":
                        subscription.restart()
                    case "session closed":
                        client._calls.close_session(derived._session)
                    case "timed out" if not limit.expired():
                        limit.reschedule(0)

        observed = Observed(consume(), at, happen, moment)
        task = task_of(observed)
        (outcome,) = await asyncio.gather(task, return_exceptions=True)
        happened = observed.suspensions >= at.start
        seen = ways if happened else []
        assert received == [*range(1, len(received) + 1)]
        match outcome:
            case asyncio.CancelledError():
                assert "cancelled" in seen
            case TimeoutError() if not isinstance(outcome, RonError):
                assert "timed out" in seen
            case RonClosedError():
                assert "session closed" in seen
            case _:
                assert outcome is None
                assert "cancelled" not in seen
                assert len(received) == COUNT or "closed" in seen
        subscription.close()
        assert await client.get("/other") == 1
        await is_all_gone(client, sim, tasks)
        await derived.close()
        return happened

    tasks = 0

    async def program(client: RonClient) -> None:
        nonlocal tasks
        tasks = len(asyncio.all_tasks())
        for first in range(1, MANY):
            if not await play(client, range(first, first + times)):
                break
        assert 3 < first < MANY - 1

    sim.run(program)


@dataclass
class Consumer:
    """A subscription and what happens to it."""

    begins: float
    derived: bool
    overflow: Any
    turns: int
    interfered: list[tuple[float, str]]
    received: list[int] = field(default_factory=list)
    outcome: BaseException | None = None


CONSUMERS = st.builds(
    Consumer,
    begins=st.floats(0, 20),
    derived=st.booleans(),
    overflow=st.sampled_from(["wait", "drop_oldest"]),
    turns=st.integers(0, 3),
    interfered=st.lists(
        st.tuples(st.floats(0, 30), st.sampled_from(["cancelled", "closed", "restarted"])),
        max_size=3,
    ),
)
CONNECTIONS = st.lists(
    st.tuples(
        st.integers(0, 4),
        st.sampled_from([0.0, 0.3, 20.0]),
        st.sampled_from(["end", "close", "reset", "silence"]),
    )
    | st.sampled_from([Refused(), Reset(), Silence(), Answer(503), Answer(429, retry_after="2")]),
    max_size=20,
)


@settings(max_examples=examples(120), deadline=None)
@given(
    consumers=st.lists(CONSUMERS, min_size=1, max_size=6),
    connections=CONNECTIONS,
    calls=st.lists(st.floats(0, 40), max_size=8),
    places=st.sampled_from([1, 3, 100]),
    closes_at=st.none() | st.floats(0, 40),
    seed=st.integers(0, 2**32),
)
def test_streams_among_calls_leave_nothing_and_lose_nothing(
    consumers: list[Consumer],
    connections: list[Any],
    calls: list[float],
    places: int,
    closes_at: float | None,
    seed: int,
) -> None:
    sim = Simulation(seed=seed)
    following = iter(connections)

    def server(request: SimulatedRequest) -> Outcome:
        if request.path != "/log":
            return Answer(json=1, after=0.5)
        planned = next(following, (COUNT, 0.0, "end"))
        if isinstance(planned, Outcome):
            return planned
        return log_after(int(request.last_event_id or 0), *planned)

    sim.otherwise(server)

    async def consume(client: RonClient, consumer: Consumer) -> None:
        await asyncio.sleep(consumer.begins)
        subscription = client.node.subscribe(
            "/log", overflow=consumer.overflow, timeout=5, reconnect_timeout=None
        )
        loop = asyncio.get_running_loop()
        work = asyncio.create_task(numbers_of(subscription, consumer.received, consumer.turns))
        for after, way in consumer.interfered:
            ways: dict[str, Callable[[], object]] = {
                "cancelled": work.cancel,
                "closed": subscription.close,
                "restarted": subscription.restart,
            }
            timers.append(loop.call_later(after, ways[way]))
        try:
            await work
        except (RonError, asyncio.CancelledError) as error:
            consumer.outcome = error
        assert subscription.state == "closed"

    async def call(client: RonClient, begins: float) -> None:
        await asyncio.sleep(begins)
        try:
            assert await client.get("/other") == 1
        except RonClosedError:
            assert closes_at is not None

    timers: list[asyncio.TimerHandle] = []

    async def program() -> None:
        client = sim.client(max_concurrency=places)
        before = len(asyncio.all_tasks())
        derived = client.with_options(timeout=7)
        async with asyncio.TaskGroup() as group:
            for consumer in consumers:
                chosen = derived if consumer.derived else client
                group.create_task(consume(chosen, consumer))
            for begins in calls:
                group.create_task(call(client, begins))
            if closes_at is not None:
                await asyncio.sleep(closes_at)
                await client.close()
        for timer in timers:
            timer.cancel()
        await is_all_gone(client, sim, before)

    sim.run(program())
    for consumer in consumers:
        ways = {way for _, way in consumer.interfered}
        assert consumer.received == [*range(1, len(consumer.received) + 1)]
        match consumer.outcome:
            case None:
                assert len(consumer.received) == COUNT or "closed" in ways
            case asyncio.CancelledError():
                assert "cancelled" in ways
            case RonClosedError():
                assert closes_at is not None
            case _:
                raise AssertionError(consumer.outcome)
