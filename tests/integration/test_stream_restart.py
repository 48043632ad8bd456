"""A restart is no failure: what the connection before it achieved counts."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from ron_app_sdk_py.testing import (
    Answer,
    EventStream,
    Outcome,
    Refused,
    SimulatedRequest,
    Simulation,
)
from stream_servers import event


def ticks() -> Iterator[str | float]:
    """An event every ten seconds."""
    for number in itertools.count(1):
        yield event(str(number))
        yield 10.0


@pytest.mark.parametrize("options", [{}, {"max_reconnects": 2, "reconnect_timeout": None}])
def test_after_a_restart_the_search_for_a_connection_begins_anew(options: dict[str, Any]) -> None:
    """Neither the hours that the stream was open count, nor what failed before it."""
    sim = Simulation()
    outcomes: list[Outcome] = [
        *[Refused()] * 2,
        EventStream(ticks()),
        *[Refused()] * 2,
        EventStream([event("back")]),
        Answer(204),
    ]
    following = iter(outcomes)

    def server(_: SimulatedRequest) -> Outcome:
        return next(following)

    sim.otherwise(server)

    async def program(client: Any) -> list[str]:
        subscription = client.node.subscribe("/x", **options)
        received = []
        async for item in subscription:
            received.append(item.data)
            if item.data == "720":
                subscription.restart()
        return received

    received = sim.run(program)
    assert received[-2:] == ["720", "back"]
