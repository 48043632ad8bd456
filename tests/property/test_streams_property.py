"""However a stream is cut into pieces and connections, a consumer sees each event once and in
order, as long as the server goes on after ``Last-Event-ID``."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from examples import examples
from ron_app_sdk_py.testing import (
    Answer,
    Closed,
    DnsFailure,
    EventStream,
    Garbage,
    Outcome,
    Refused,
    Reset,
    Silence,
    SimulatedRequest,
    Simulation,
)

LINE = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=20)
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["", "message", "tick", "é"]), st.lists(LINE, min_size=1, max_size=3)
    ),
    min_size=1,
    max_size=12,
)
LINE_ENDS = st.sampled_from(["\n", "\r\n", "\r"])
CUTS = st.lists(
    st.tuples(
        # How much of what is left the connection brings, in bytes; the rest is lost.
        st.integers(0, 400),
        st.sampled_from(["end", "close", "reset", "silence"]),
        # The sizes of the pieces, over and over, and seconds between them.
        st.lists(st.integers(1, 40), min_size=1, max_size=5),
        st.sampled_from([0.0, 0.5, 59.0]),
    )
    | st.sampled_from(
        [
            Refused(),
            DnsFailure(connect=2.0),
            Closed(after=1.0),
            Reset(),
            Garbage(),
            Silence(),
            Answer(502),
            Answer(503, retry_after="3"),
        ]
    ),
    max_size=10,
)
NOISE = st.sampled_from(
    ["", ":\n", ": keep alive\n\n", "retry: 3000\n", "unknown: x\n\n", "event\n"]
)


def text_of(number: int, type_: str, lines: list[str], noise: str, end: str) -> str:
    """An event as it goes over the wire, its number being its id."""
    written = [f"id: {number}", *([f"event: {type_}"] if type_ else [])]
    written += [f"data: {line}" for line in lines]
    return noise.replace("\n", end) + "".join(line + end for line in [*written, ""])


def pieces(data: bytes, sizes: list[int], pause: float) -> Iterator[bytes | float]:
    """The data in pieces."""
    at = 0
    for size in itertools.cycle(sizes):
        if at >= len(data):
            return
        yield data[at : at + size]
        yield pause
        at += size


@settings(max_examples=examples(120), deadline=None)
@given(
    events=EVENTS,
    cuts=CUTS,
    noise=NOISE,
    line_end=LINE_ENDS,
    repeats_last=st.booleans(),
    bom=st.booleans(),
    seed=st.integers(0, 2**32),
)
def test_each_event_comes_once_and_in_order(
    events: list[tuple[str, list[str]]],
    cuts: list[Any],
    noise: str,
    line_end: str,
    repeats_last: bool,
    bom: bool,
    seed: int,
) -> None:
    """Even where the server sends the last event once more, as some do."""
    texts = [
        text_of(number, type_, lines, noise, line_end)
        for number, (type_, lines) in enumerate(events, 1)
    ]
    sim = Simulation(seed=seed)
    following = iter(cuts)

    def server(request: SimulatedRequest) -> Outcome:
        done = int(request.last_event_id or 0)
        cut = next(following, None)
        if cut is None and done == len(events):
            return Answer(204)
        if isinstance(cut, Outcome):
            return cut
        first = max(0, done - 1) if repeats_last else done
        data = (("\ufeff" if bom else "") + "".join(texts[first:])).encode()
        if cut is None:
            return EventStream(data)
        keep, ends, sizes, pause = cut
        return EventStream(pieces(data[:keep], sizes, pause), ends=ends)

    sim.otherwise(server)

    async def program(client: Any) -> tuple[list[tuple[str, str, str]], Any]:
        subscription = client.node.subscribe("/log", reconnect_timeout=None)
        received = [(item.id, item.type, item.data) async for item in subscription]
        return received, subscription

    received, subscription = sim.run(program)
    assert received == [
        (str(number), type_ or "message", "\n".join(lines))
        for number, (type_, lines) in enumerate(events, 1)
    ]
    assert subscription.last_event_id == str(len(events))
    assert subscription.counters.events == len(events)
    assert sim.under_way == []
    # The client asked for what it had not had, and for nothing twice unless it was lost.
    asked = [int(request.last_event_id or 0) for request in sim.requests]
    assert asked == sorted(asked)
