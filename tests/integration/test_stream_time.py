"""When a subscription connects again, and when it ends: in virtual time, to the nanosecond."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from ron_app_sdk_py import (
    AccessToken,
    ClientConfig,
    Event,
    RonClient,
    RonConnectError,
    RonError,
    RonNetworkError,
    RonProblem,
    RonStreamError,
    RonTimeoutError,
    RonTooLargeError,
    Subscription,
)
from ron_app_sdk_py.testing import (
    Answer,
    Closed,
    EventStream,
    Outcome,
    Refused,
    Silence,
    SimulatedRequest,
    Simulation,
    SimulationDeadlockError,
)
from ron_app_sdk_py.testing.simulation.clock import VirtualClock
from stream_servers import event

NO_MORE = Answer(204)
HOUR = 3600.0
Parts = list[str | float]


@dataclass
class Seen:
    """What came of a subscription."""

    events: list[Event] = field(default_factory=list)
    at: list[float] = field(default_factory=list)
    lost: list[RonError] = field(default_factory=list)
    error: RonError | None = None
    subscription: Subscription = field(init=False)
    requests: list[SimulatedRequest] = field(default_factory=list)
    ended: float = 0.0

    @property
    def data(self) -> list[str]:
        return [item.data for item in self.events]

    @property
    def ids(self) -> list[str]:
        """The ``Last-Event-ID`` of each request."""
        return [request.last_event_id for request in self.requests]

    @property
    def waits(self) -> list[float]:
        """Seconds from the end of each connection to the next."""
        return [
            after.at - (before.ended_at or 0.0)
            for before, after in itertools.pairwise(self.requests)
        ]


def run(
    *outcomes: Outcome | Callable[[SimulatedRequest], Outcome], seed: int = 0, **options: Any
) -> Seen:
    """Subscribes to a server whose outcomes these are, one after the other, or by a function; then
    it has no more."""
    sim, seen = Simulation(seed=seed), Seen()
    if callable(outcomes[0]):
        sim.otherwise(outcomes[0])
    else:
        # Outcomes of several types: their chain is of none that mypy can name.
        sim.otherwise(itertools.chain(outcomes, itertools.repeat(NO_MORE)))  # type: ignore[arg-type]

    async def program() -> None:
        async with sim.client() as client:
            seen.subscription = client.node.subscribe("/x", on_error=seen.lost.append, **options)
            try:
                async for item in seen.subscription:
                    seen.events.append(item)
                    seen.at.append(sim.now)
            except RonError as error:
                seen.error = error
            seen.ended = sim.now
            stats = client._calls.stats()
            assert (stats["calls"], stats["exchanges"]) == (0, 0)

    sim.run(program(), limit=10 * 24 * HOUR)
    assert sim.under_way == []
    assert seen.subscription.state == "closed"
    seen.requests = sim.requests
    return seen


# Waits


@pytest.mark.parametrize("outcome", [Refused(), Closed(), EventStream(), Answer(502)])
def test_waits_double_up_to_thirty_seconds_with_full_jitter(outcome: Outcome) -> None:
    shares = []
    for seed in range(8):
        seen = run(*[outcome] * 12, seed=seed)
        assert len(seen.requests) == 13
        for nth, wait in enumerate(seen.waits):
            longest = min(30.0, 2.0**nth)
            assert 0 <= wait <= longest
            shares.append(wait / longest)
    assert 0.35 < sum(shares) / len(shares) < 0.65
    assert min(shares) < 0.1
    assert max(shares) > 0.9


@pytest.mark.parametrize(
    "outcome", [Closed(), EventStream(), EventStream(event("x")), EventStream(event("x", "same"))]
)
def test_a_server_that_closes_at_once_for_ever_is_asked_every_fifteen_seconds(
    outcome: Outcome,
) -> None:
    """On average; whether or not its streams have an event."""
    seen = run(lambda _: outcome, max_duration=HOUR, reconnect_timeout=None)
    assert seen.error is None
    assert seen.ended == HOUR
    assert 150 < len(seen.requests) < 400


@pytest.mark.parametrize(
    ("retry", "base", "longest"),
    [(5000, 5.0, 30.0), (0, 0.1, 30.0), (1, 0.1, 30.0), (45_000, 45.0, 45.0), (10**12, 60.0, 60.0)],
)
def test_the_servers_reconnection_time_is_the_base_within_bounds(
    retry: int, base: float, longest: float
) -> None:
    """It is kept for the whole subscription, and is no event."""
    shares = []
    for seed in range(8):
        seen = run(EventStream(f"retry: {retry}\n\n"), *[Closed()] * 4, seed=seed)
        assert seen.data == []
        for nth, wait in enumerate(seen.waits):
            most = min(longest, base * 2**nth)
            assert wait <= most
            shares.append(wait / most)
    assert max(shares) > 0.9


@pytest.mark.parametrize("retry", ["-1", "1.5", "0x10", "1e3", "１", " ", "", "5s"])
def test_a_reconnection_time_that_is_no_number_is_ignored(retry: str) -> None:
    for seed in range(5):
        seen = run(EventStream(f"retry: 60000\nretry: {retry}\n\n"), seed=seed)
        if seen.waits[0] > 1:
            return
    raise AssertionError("the number before was forgotten")


def test_an_event_tells_the_reconnection_time_that_came_with_it() -> None:
    seen = run(EventStream(event("1", retry=2500) + event("2")))
    assert [item.retry for item in seen.events] == [2500, None]


@pytest.mark.parametrize(
    ("lived", "gives", "resets"), [(60.0, True, True), (59.9, True, False), (60.0, False, False)]
)
def test_waits_begin_anew_after_a_minute_and_an_event(
    lived: float, gives: bool, resets: bool
) -> None:
    """``lived`` seconds in all, in which a byte now and then keeps it alive."""
    parts: Parts = [event("x") if gives else ":", lived / 2, ":", lived / 2]
    waits = []
    for seed in range(12):
        seen = run(*[Closed()] * 6, EventStream(parts), seed=seed)
        waits.append(seen.waits[-1])
    assert (max(waits) <= 1.0) is resets


def test_a_wait_that_a_server_asks_for_is_kept_and_a_shorter_one_does_not_shorten_it() -> None:
    for seed in range(5):
        seen = run(Answer(503, retry_after="40"), Answer(429, retry_after="0"), seed=seed)
        assert seen.waits[0] == 40.0
        assert seen.waits[1] <= 2.0
        assert len(seen.requests) == 3


@pytest.mark.parametrize("status", [429, 503, 500, 408])
@pytest.mark.parametrize(
    "wish",
    [
        {"retry_after": "20"},
        {"headers": {"retry-after": "Thu, 01 Jan 2026 00:00:20 GMT"}},
        {"json": {"code": "busy", "message": "m", "retry_after_ms": 20_000}},
    ],
)
def test_a_server_may_ask_in_every_form_to_wait(status: int, wish: dict[str, Any]) -> None:
    """A simulation begins with the year 2026."""
    seen = run(Answer(status, **wish))
    assert seen.waits == [20.0]
    assert seen.error is None


def test_a_minute_is_waited_and_a_second_more_is_not() -> None:
    assert run(Answer(503, retry_after="60")).waits == [60.0]
    seen = run(Answer(503, retry_after="61"))
    assert isinstance(seen.error, RonStreamError)
    assert seen.error.code == "wait_too_long"
    assert isinstance(seen.error.__cause__, RonProblem)
    assert len(seen.requests) == 1


def test_throttling_for_ever_is_asked_ever_more_rarely() -> None:
    seen = run(lambda _: Answer(429, retry_after="1"), reconnect_timeout=3_600.0)
    assert isinstance(seen.error, RonStreamError)
    assert seen.error.code == "reconnect_timeout"
    # Full jitter up to 30 s: 15 s at the mean.
    assert 120 < len(seen.requests) < 600


def test_the_wall_clock_may_jump(monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour ahead and back at each look: only dates mean the wall clock."""
    plain = run(*[Closed(), Silence(), EventStream(event("1", "a"), ends="silence")])
    jumps = itertools.cycle((0, 3600 * 10**9, -7200 * 10**9))
    real = VirtualClock.wall_ns
    monkeypatch.setattr(VirtualClock, "wall_ns", lambda self: real(self) + next(jumps))
    jumpy = run(*[Closed(), Silence(), EventStream(event("1", "a"), ends="silence")])
    assert [request.at for request in jumpy.requests] == [request.at for request in plain.requests]
    assert jumpy.data == plain.data == ["1"]


# Giving up


def test_connections_in_a_row_that_are_in_vain_are_counted() -> None:
    fruitful = EventStream(event("x"))
    seen = run(*[Refused()] * 3, fruitful, *[Refused()] * 20, max_reconnects=3)
    assert seen.data == ["x"]
    assert len(seen.requests) == 7
    assert isinstance(seen.error, RonStreamError)
    assert seen.error.code == "reconnects_exhausted"
    assert isinstance(seen.error.last_error, RonConnectError)
    assert seen.error.__cause__ is seen.error.last_error
    assert seen.subscription.last_error is seen.error.last_error
    assert seen.lost[-1] is seen.error.last_error


@pytest.mark.parametrize("lived", [60.0, 59.9])
def test_a_connection_that_gave_nothing_but_lived_for_a_minute_is_fruitful(lived: float) -> None:
    connection = EventStream([":", lived / 2, ":", lived / 2])
    seen = run(*[Refused()] * 2, connection, Refused(), NO_MORE, max_reconnects=2)
    assert len(seen.requests) == (5 if lived == 60 else 3)
    assert (seen.error is None) is (lived == 60)


@pytest.mark.parametrize("limit", [10.0, 900.0])
def test_time_without_a_fruitful_connection_is_limited(limit: float) -> None:
    options: dict[str, Any] = {} if limit == 900 else {"reconnect_timeout": limit}
    seen = run(EventStream([event("x"), 50.0]), *[Refused()] * 500, **options)
    assert isinstance(seen.error, RonStreamError)
    assert seen.error.code == "reconnect_timeout"
    assert isinstance(seen.error.last_error, RonConnectError)
    assert 50 + limit - 30 <= seen.ended <= 50 + limit


def test_without_reconnecting_a_clean_end_is_an_end_and_a_failure_an_error() -> None:
    clean = run(EventStream(event("1")), reconnect=False)
    assert (clean.data, clean.error, len(clean.requests)) == (["1"], None, 1)
    for broken in (EventStream(event("1"), ends="reset"), Refused(), Answer(503)):
        seen = run(broken, reconnect=False)
        assert isinstance(seen.error, RonStreamError)
        assert seen.error.code == "reconnects_exhausted"
        assert seen.error.__cause__ is seen.error.last_error
        assert isinstance(seen.error.last_error, RonNetworkError | RonProblem)
        assert len(seen.requests) == 1


def test_a_lost_connection_is_not_blamed_on_the_one_before() -> None:
    """Else errors of an hour would hang together, and hold memory for as long as the stream."""
    seen = run(*[EventStream(event("x"))] * 5, Answer(200, content="no stream"))
    assert [error.code for error in seen.lost] == ["stream_ended"] * 5
    assert isinstance(seen.error, RonStreamError)
    assert seen.error.code == "wrong_content_type"
    for error in (*seen.lost, seen.error):
        assert isinstance(error, RonStreamError)
        assert error.last_error is None
        assert error.__cause__ is None
        assert error.__context__ is None


@pytest.mark.parametrize("outcome", [Answer(404), Answer(200), Answer(302), Answer(201)])
def test_what_ends_it_at_once_is_the_last_error(outcome: Outcome) -> None:
    seen = run(Refused(), outcome)
    assert seen.error is not None
    assert seen.subscription.last_error is seen.error
    assert [type(error) for error in seen.lost] == [RonConnectError]


@pytest.mark.parametrize(
    "outcome",
    [
        EventStream(event("x"), ends="silence"),
        EventStream(itertools.cycle([event("x"), 7.0])),
        Silence(),
        Refused(connect=3.0),
        Answer(503, retry_after="59"),
    ],
)
def test_a_maximum_duration_ends_it_on_time_whatever_it_does(outcome: Outcome) -> None:
    seen = run(lambda _: outcome, max_duration=100.0)
    assert seen.error is None
    assert seen.ended == 100.0


def test_a_maximum_of_events_ends_it_and_the_connection() -> None:
    endless = EventStream(itertools.cycle([event("x") * 7]))
    seen = run(endless, max_events=10)
    assert (len(seen.events), seen.error) == (10, None)
    assert seen.subscription.counters.events == 10
    assert [request.ended for request in seen.requests] == ["aborted"]


def test_events_are_counted_over_all_connections() -> None:
    seen = run(lambda _: EventStream(event("x") * 4), max_events=10)
    assert len(seen.events) == 10
    assert len(seen.requests) == 3


# Silence


@pytest.mark.parametrize("timeout", [None, 5.0, 600.0])
def test_a_stream_is_lost_when_it_has_been_silent_for_so_long(timeout: float | None) -> None:
    options: dict[str, Any] = {} if timeout is None else {"idle_timeout": timeout}
    limit = timeout or 60.0
    almost = limit - 0.001
    parts: Parts = [almost, ":\n", almost, event("1", "a"), almost, "\n", almost, "data"]
    seen = run(EventStream(parts, ends="silence"), **options)
    (lost,) = seen.lost
    assert isinstance(lost, RonTimeoutError)
    assert lost.phase == "read"
    assert seen.requests[0].ended_at == pytest.approx(4 * almost + limit)
    assert seen.ids == ["", "a"]


def test_a_stream_may_be_silent_for_ever_if_it_is_to() -> None:
    with pytest.raises(SimulationDeadlockError):
        run(EventStream(ends="silence"), idle_timeout=None)
    seen = run(EventStream([event("1"), 24 * HOUR, event("2")]), idle_timeout=None)
    assert seen.data == ["1", "2"]
    assert seen.at == [0.0, 24 * HOUR]


def test_a_consumer_that_takes_long_is_not_taken_for_a_silent_server() -> None:
    sim = Simulation()
    parts: Parts = [part for number in range(500) for part in (1.0, event(str(number)))]
    sim.otherwise([EventStream(parts), NO_MORE])

    async def program(client: Any) -> list[int]:
        received = []
        async for item in client.node.subscribe("/x"):
            received.append(int(item.data))
            if len(received) == 3:
                await asyncio.sleep(300.0)
        return received

    assert sim.run(program) == list(range(500))
    assert len(sim.requests) == 2


def test_a_head_that_does_not_come_is_a_timeout_and_another_connection() -> None:
    for options, phase, after in (
        ({}, "read", 7.0),
        ({"timeout": 3.0}, "overall", 3.0),
    ):
        # Options by name, which mypy can't tell from the outcomes.
        seen = run(Silence(), EventStream(event("1")), **options)  # type: ignore[arg-type]
        assert seen.data == ["1"]
        lost = seen.lost[0]
        assert isinstance(lost, RonTimeoutError)
        assert lost.phase == phase
        assert seen.requests[0].ended_at == after


# Ids


def test_an_id_lasts_until_another_and_over_connections() -> None:
    """WHATWG HTML, section 9.2.6; NUL makes an id void."""
    seen = run(
        EventStream(event("1", "a") + event("2") + "id: b\n\n" + "id: c\ndata: half"),
        EventStream(event("3") + "id: x\0y\n" + event("4")),
        EventStream(),
        EventStream(event("5", "") + event("6")),
        EventStream("id\n\n"),
    )
    assert [(item.data, item.id) for item in seen.events] == [
        ("1", "a"),
        ("2", "a"),
        ("3", "b"),
        ("4", "b"),
        ("5", ""),
        ("6", ""),
    ]
    assert seen.ids == ["", "b", "b", "b", "", ""]
    assert seen.subscription.last_event_id == ""


def test_a_caller_may_say_where_to_go_on() -> None:
    seen = run(Refused(), EventStream(event("1") + event("2", "é\t€")), last_event_id="0 ☃")
    assert seen.ids == ["0 ☃", "0 ☃", "é\t€"]
    assert [item.id for item in seen.events] == ["0 ☃", "é\t€"]


def test_after_a_resume_the_leading_events_that_came_already_are_dropped() -> None:
    """Those with the explicit id of the last one delivered; nothing else."""
    seen = run(
        EventStream(event("1", "a") + event("2", "b")),
        EventStream(event("2", "b") + event("2b", "b") + event("3", "c") + event("4", "b")),
        EventStream(event("5") + event("6", "b")),
        EventStream(event("1", "a") + event("7", "b")),
    )
    assert seen.data == ["1", "2", "3", "4", "5", "6", "1", "7"]
    assert seen.subscription.counters.duplicates == 2
    assert seen.ids == ["", "b", "b", "b", "b"]


def test_what_came_again_is_no_event_of_the_maximum() -> None:
    again = EventStream(event("1", "a") * 3 + event("2", "b"))
    seen = run(EventStream(event("1", "a")), again, max_events=2)
    assert seen.data == ["1", "2"]


# Heartbeats and comments


def test_heartbeats_are_dropped_on_request_and_keep_a_stream_alive_all_the_same() -> None:
    beat = "event: heartbeat\ndata: 1\n\n"
    parts = [part for _ in range(20) for part in (50.0, beat)]
    seen = run(EventStream([*parts, event("1")]), drop_heartbeats=True, max_events=1)
    assert seen.data == ["1"]
    assert seen.at == [1000.0]
    assert seen.subscription.counters.heartbeats == 20
    assert len(run(EventStream([*parts, event("1")])).events) == 21


def test_comments_come_in_order_with_the_events_to_whoever_wants_them() -> None:
    told: list[str] = []
    sim = Simulation()
    sim.otherwise([EventStream(":one\n" + event("1") + ": two\n:\n" + event("2")), NO_MORE])

    async def program(client: Any) -> Any:
        subscription = client.node.subscribe("/x", on_comment=lambda text: told.append(":" + text))
        async for item in subscription:
            told.append(item.data)
        return subscription.counters

    counters = sim.run(program)
    assert told == [":one", "1", ": two", ":", "2"]
    assert (counters.events, counters.comments) == (2, 3)


# Beside other things


def test_an_open_stream_takes_no_place_from_calls() -> None:
    sim = Simulation()
    sim.on("GET", "/stream", EventStream(itertools.cycle([event("x"), 1.0])))
    sim.on("GET", "/call", Answer(json=1, after=0.5))

    async def program() -> int:
        async with sim.client(max_concurrency=1) as client:
            streams = [client.subscribe("/stream", max_duration=10.0) for _ in range(5)]
            counts = [asyncio.create_task(_count(stream)) for stream in streams]
            for _ in range(10):
                assert await client.get("/call") == 1
            return sum(await asyncio.gather(*counts))

    assert sim.run(program()) >= 45


async def _count(subscription: Subscription) -> int:
    return sum([1 async for _ in subscription])


def test_half_events_of_all_streams_are_bounded_together() -> None:
    """16 MiB: what one stream holds too much ends that one, and what is given up is free again."""
    sim = Simulation()
    sim.otherwise(lambda _: EventStream("data:" + "x" * 1_000_000, ends="silence"))

    async def ending(client: Any) -> str:
        try:
            return str(await _count(client.node.subscribe("/x", max_duration=10.0)))
        except RonTooLargeError as error:
            return error.code

    async def program(client: Any) -> list[list[str]]:
        return [
            await asyncio.gather(*(ending(client) for _ in range(number)))
            for number in (20, 16, 17)
        ]

    for ends in sim.run(program):
        assert ends.count("streams_full") == max(0, len(ends) - 16)
        assert set(ends) <= {"0", "streams_full"}


def test_restarting_drops_the_connection_and_makes_another_at_once() -> None:
    sim = Simulation()
    sim.otherwise(
        [
            EventStream(event("1", "a"), ends="silence"),
            Refused(),
            EventStream(event("2", "b")),
            NO_MORE,
        ]
    )

    async def program(client: Any) -> list[str]:
        subscription = client.node.subscribe("/x", reconnect_delay=60.0)
        received = [(await anext(subscription)).data]
        loop = asyncio.get_running_loop()
        loop.call_later(5.0, subscription.restart)
        # While it waits after the refusal, again.
        loop.call_later(5.001, subscription.restart)
        received += [item.data async for item in subscription]
        return received

    assert sim.run(program) == ["1", "2"]
    assert [request.at for request in sim.requests[:3]] == [0.0, 5.0, 5.001]
    assert [request.last_event_id for request in sim.requests] == ["", "a", "a", "b"]
    assert sim.requests[0].ended in ("aborted", "cancelled")


def test_closing_ends_it_whatever_it_does() -> None:
    for outcome, state in (
        (Silence(), "connecting"),
        (EventStream(event("x"), ends="silence"), "open"),
        (Refused(), "waiting"),
    ):
        sim = Simulation()
        sim.otherwise(outcome)

        async def program(client: Any, state: str = state) -> None:
            subscription = client.node.subscribe("/x", reconnect_delay=60.0)
            receiving = asyncio.create_task(_count(subscription))
            await asyncio.sleep(0.001)
            assert subscription.state == state
            await subscription.aclose()
            assert subscription.state == "closed"
            await receiving

        sim.run(program)
        assert sim.now < 0.1
        assert sim.under_way == []


def test_a_blocking_client_goes_through_the_same() -> None:
    sim = Simulation()
    sim.otherwise(
        [
            Refused(),
            EventStream([event("1", "a"), 5.0, event("2", "b")], ends="silence"),
            EventStream([event("2", "b") + event("3", "c")]),
            NO_MORE,
        ]
    )
    with sim.client_sync() as client:
        subscription = client.node.subscribe("/x")
        assert [item.data for item in subscription] == ["1", "2", "3"]
        assert subscription.counters.duplicates == 1
    assert [request.last_event_id for request in sim.requests] == ["", "", "b", "c"]
    assert 65 <= sim.now <= 70


def test_a_provider_may_be_out_of_order_for_as_long_as_the_stream_goes_on_trying() -> None:
    asked = itertools.count()

    def provide() -> AccessToken:
        if 0 < next(asked) <= 500:
            raise ConnectionError
        return AccessToken("token-0123456789", expires_in=0.001)

    sim = Simulation(config=ClientConfig(token_provider=provide))
    sim.on("GET", "/x", [EventStream(event("a")), EventStream(event("b")), NO_MORE])

    async def program(client: RonClient) -> list[str]:
        stream = client.subscribe("/x", reconnect_timeout=None)
        return [item.data async for item in stream]

    assert sim.run(program, limit=24 * HOUR) == ["a", "b"]
    assert next(asked) > 500
