"""What streams may take of the component's memory, which their calls share."""

from __future__ import annotations

import asyncio
from typing import Any

from ron_app_sdk_py import RonError, Subscription
from ron_app_sdk_py.testing import EventStream, Simulation
from stream_servers import event

HELD = 16 * 1024 * 1024
OF_ONE = 5 * 1024


def outcomes(sim: Simulation, count: int, events: int, **options: Any) -> list[str | None]:
    """The code of the error in which each of so many subscriptions ended before it had so many
    events, or None. All that had them stay open."""

    async def outcome(subscription: Subscription) -> str | None:
        try:
            for _ in range(events):
                await anext(subscription)
        except RonError as error:
            return error.code
        return None

    async def program(client: Any) -> list[str | None]:
        streams = [client.node.subscribe("/x", **options) for _ in range(count)]
        ends = await asyncio.gather(*map(outcome, streams))
        assert client._calls.stats()["calls"] == ends.count(None)
        for subscription in streams:
            subscription.close()
        # The room is there again.
        assert await outcome(client.node.subscribe("/x", **options)) is None
        await client.close()
        assert sim.under_way == []
        return ends

    ends: list[str | None] = sim.run(program)
    return ends


def test_more_streams_than_there_is_room_for_are_refused_and_the_others_live() -> None:
    """Without a bound, the one too many would end the instance and all of them."""
    sim = Simulation()
    sim.otherwise(lambda _: EventStream([event("1")], ends="silence"))
    count = HELD // OF_ONE
    ends = outcomes(sim, count + 10, 1, timeout=3600.0)
    assert ends == [None] * count + ["streams_full"] * 10


def test_ids_are_counted_like_unfinished_events() -> None:
    """One server may send long ids on many streams, and may deliver an event with one and then set
    another."""
    sim = Simulation()
    ids = ["a" * 1_000_000, "b" * 1_000_000]
    parts: list[str | float] = [f"id: {ids[0]}\ndata: 1\n\nid: {ids[1]}\n\n", 1.0, event("2")]
    sim.otherwise(lambda _: EventStream(parts, ends="silence"))
    ends = outcomes(sim, 60, 2)
    assert set(ends) == {None, "streams_full"}
    assert ends.count(None) >= 5
