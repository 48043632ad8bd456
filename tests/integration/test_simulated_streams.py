"""A simulated event stream: what the server sends when, and that it breaks as real ones do."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from ron_app_sdk_py import RonClient, RonError
from ron_app_sdk_py.testing import Answer, EventStream, Simulation
from stream_servers import event, no_more, serving
from stream_servers import stream as real_stream

NO_MORE = Answer(204)


async def times_of(client: Any, pause: float = 0.0) -> list[tuple[str, float]]:
    """The data of each event, and when it came."""
    loop = asyncio.get_running_loop()
    came = []
    async for item in client.subscribe("/x"):
        came.append((item.data, loop.time()))
        await asyncio.sleep(pause)
    return came


def test_numbers_are_pauses_and_all_else_is_sent_as_it_is() -> None:
    sim = Simulation()
    parts: list[str | bytes | float] = [
        1.0,
        event("1"),
        0,
        b"data: ",
        2.5,
        "2\n",
        "",
        0.5,
        "\n",
        event("3") + event("4"),
        9,
    ]
    sim.otherwise([EventStream(parts, after=0.25, connect=0.5), NO_MORE])
    assert sim.run(times_of) == [("1", 1.75), ("2", 4.75), ("3", 4.75), ("4", 4.75)]
    assert sim.requests[0].status == 200
    assert sim.requests[0].ended == "complete"
    assert sim.requests[0].ended_at == 13.75


def test_a_server_sends_on_while_nobody_reads() -> None:
    sim = Simulation()
    parts: list[str | float] = [event("1"), 1.0, event("2"), 1.0, event("3"), 9.0, event("4")]
    sim.otherwise([EventStream(parts), NO_MORE])
    came = sim.run(lambda client: times_of(client, pause=5.0))
    assert came == [("1", 0.0), ("2", 5.0), ("3", 10.0), ("4", 15.0)]


def test_an_endless_iterator_serves_one_request() -> None:
    def parts() -> Iterator[str | float]:
        for number in itertools.count():
            yield event(str(number))
            yield 3600.0

    sim = Simulation()
    sim.otherwise(EventStream(parts()))

    async def program(client: Any) -> str:
        async for item in client.subscribe("/x", idle_timeout=None):
            if asyncio.get_running_loop().time() > 24 * 3600:
                return str(item.data)
        raise AssertionError("it ended")

    assert sim.run(program, limit=48 * 3600) == "25"


def test_a_stream_has_no_length_and_may_have_another_type() -> None:
    sim = Simulation()
    sim.otherwise(EventStream("text", headers={"Content-Type": "text/plain", "X-Own": "1"}))
    response = sim.run(lambda client: client.request("GET", "/x"))
    assert dict(response.headers) == {"content-type": "text/plain", "x-own": "1"}
    assert response.text == "text"


def test_a_request_tells_its_last_event_id() -> None:
    sim = Simulation()
    sim.otherwise([EventStream(event("1", "é 😀")), NO_MORE])
    sim.run(times_of)
    assert [request.last_event_id for request in sim.requests] == ["", "é 😀"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        # What type checkers would refuse is refused at run time too.
        (lambda: EventStream(ends="reset "), "ends is 'reset '; give end, close, reset or silence"),  # type: ignore[arg-type]
        (lambda: EventStream(after=-1), "after is -1"),
        (lambda: list(EventStream([-1.0]).plan().pieces), "a part is -1.0; give text, bytes"),
        (lambda: list(EventStream([float("inf")]).plan().pieces), "a part is inf"),
        (lambda: list(EventStream([None]).plan().pieces), "a part is None"),  # type: ignore[list-item]
    ],
)
def test_streams_that_can_not_be_are_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


async def ends_of(client: RonClient) -> list[tuple[Any, ...]]:
    """What a consumer sees of a stream and of its losses."""
    told: list[tuple[Any, ...]] = []

    def lost(error: RonError) -> None:
        notes = bool(getattr(error, "__notes__", []))
        told.append((type(error).__name__, error.code, getattr(error, "phase", None), notes))

    subscription = client.subscribe("/x", idle_timeout=0.5, reconnect_delay=0.1, on_error=lost)
    async for item in subscription:
        told.append((item.data, item.id))
    return told


@pytest.mark.parametrize("ends", ["end", "close", "reset", "silence"])
async def test_a_simulated_stream_breaks_as_a_real_one_does(transport: str, ends: Any) -> None:
    parts = [event("1", "a"), "data: half"]
    async with (
        serving(real_stream(*parts, ends=ends), no_more) as served,
        RonClient(served.url, transport=transport) as client,
    ):
        real = await ends_of(client)

    def simulate() -> list[tuple[Any, ...]]:
        sim = Simulation()
        sim.otherwise([EventStream(parts, ends=ends), NO_MORE])
        return sim.run(ends_of)

    assert await asyncio.to_thread(simulate) == real
    assert len(real) == 2
