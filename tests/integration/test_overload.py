"""What a client that is too busy, or told to slow down, does with its calls."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from clocks import StoppedClock
from ron_app_sdk_py import ClientConfig, RonClientSync, RonProblem
from ron_app_sdk_py.engine.guest import Begin, Guest
from ron_app_sdk_py.engine.messages import Abort, Attempts, Done, Failed, Item, Opened, Send
from servers import raw_server, read_request, reply

SECOND = 1_000_000_000
SLOW_DOWN = [("retry-after", "3")]


def opened(*settings: tuple[str, str]) -> tuple[StoppedClock, Guest]:
    """A component with session 1, in virtual time."""
    clock = StoppedClock()
    guest = Guest(clock)
    base = [("base-url", "http://127.0.0.1:8080"), ("timeline", "true")]
    assert guest.open(1, [*base, *settings]).items == [Opened(0, 1)]
    return clock, guest


def get(**options: int) -> Begin:
    named = [(name, str(value)) for name, value in options.items()]
    return Begin("GET", "/x", None, named, [], [])


def answered(guest: Guest, send: Send, status: int, *fields: tuple[str, str]) -> list[Item]:
    """What follows an answer without content."""
    items = guest.response(send.call, send.exchange, status, fields).items
    if status >= 400:
        items += guest.data(send.call, send.exchange, b"", end=True).items
    return items


def sent(items: list[Item]) -> list[Send]:
    return [item for item in items if isinstance(item, Send)]


def test_a_pause_holds_back_the_calls_that_wait_and_then_lets_them_go_in_order() -> None:
    clock, guest = opened(("max-concurrency", "2"), ("retries", "0"))
    first, second = sent(guest.begin(1, 1, get()).items + guest.begin(1, 2, get()).items)
    for call in (3, 4, 5):
        assert guest.begin(1, call, get()).items == []
    assert not sent(answered(guest, first, 429, *SLOW_DOWN))
    clock.now += SECOND
    # Whatever becomes free meanwhile, or comes, waits for the end of the pause.
    assert not sent(answered(guest, second, 200))
    assert not sent(guest.begin(1, 6, get()).items)
    clock.now += 2 * SECOND - 1
    assert not sent(guest.tick().items)
    clock.now += 1
    order = []
    (going,) = sent(guest.tick().items)
    while True:
        order.append(going.call)
        more = sent(answered(guest, going, 503))
        if not more:
            break
        (going,) = more
    assert order == [3, 4, 5, 6]


def test_a_newcomer_passes_nobody_though_the_pause_is_over_that_held_the_others_back() -> None:
    clock, guest = opened(("max-concurrency", "1"), ("retries", "0"))
    (first,) = sent(guest.begin(1, 1, get()).items)
    guest.begin(1, 2, get())
    answered(guest, first, 429, *SLOW_DOWN)
    # Nobody ticked at the end of the pause.
    clock.now += 4 * SECOND
    assert [send.call for send in sent(guest.begin(1, 3, get()).items)] == [2]


def test_no_attempt_begins_at_the_end_of_its_call() -> None:
    clock, guest = opened(("max-concurrency", "1"), ("retries", "0"))
    (first,) = sent(guest.begin(1, 1, get()).items)
    guest.begin(1, 2, get(timeout=4 * SECOND))
    answered(guest, first, 429, *SLOW_DOWN)
    # Nobody ticked at the end of the pause.
    clock.now += 4 * SECOND
    told, failed = guest.tick().items
    assert told == Attempts(2, "deadline", [])
    assert isinstance(failed, Failed)
    assert '"overall_timeout"' in failed.report


def test_a_pause_that_outlasts_calls_ends_them_at_once_and_the_others_later() -> None:
    clock, guest = opened(("max-concurrency", "1"), ("retries", "0"))
    (first,) = sent(guest.begin(1, 1, get()).items)
    for call, seconds in ((2, 2), (3, 3), (4, 4)):
        guest.begin(1, call, get(timeout=seconds * SECOND))
    items = answered(guest, first, 429, *SLOW_DOWN)
    ended = {item.call: item.report for item in items if isinstance(item, Failed)}
    assert list(ended) == [1, 2, 3]
    assert '"throttled"' in ended[2]
    assert '"throttled"' in ended[3]
    clock.now += 3 * SECOND
    assert [send.call for send in sent(guest.tick().items)] == [4]


def test_a_pause_grows_with_each_refusal_in_a_row() -> None:
    clock, guest = opened(("max-concurrency", "2"), ("retries", "0"))
    (first,) = sent(guest.begin(1, 1, get()).items)
    (other,) = sent(guest.begin(1, 2, get()).items)
    guest.begin(1, 3, get())
    answered(guest, first, 429)
    clock.now += SECOND // 4
    answered(guest, other, 429, *SLOW_DOWN)
    # The end of the first pause is not that of the second.
    clock.now += SECOND
    assert not sent(guest.tick().items)
    clock.now += 2 * SECOND
    (going,) = sent(guest.tick().items)
    guest.begin(1, 4, get())
    answered(guest, going, 429)
    # At least half of what may be drawn: 2 s now.
    clock.now += 99 * SECOND // 100
    assert not sent(guest.tick().items)
    clock.now += 2 * SECOND
    assert [send.call for send in sent(guest.tick().items)] == [4]


def test_only_what_began_since_the_last_refusal_brings_the_pace_back() -> None:
    clock, guest = opened(("max-concurrency", "4"), ("retries", "0"))
    going = []
    for call in range(1, 21):
        going += sent(guest.begin(1, call, get()).items)
    assert len(going) == 4
    clock.now += SECOND
    assert not sent(answered(guest, going.pop(), 429, ("retry-after", "0")))
    clock.now += SECOND
    going = [send for earlier in going for send in sent(answered(guest, earlier, 200))]
    assert len(going) == 2
    clock.now += SECOND
    going = [send for earlier in going for send in sent(answered(guest, earlier, 200))]
    assert len(going) == 4


def test_a_place_passes_by_the_calls_that_were_closed_meanwhile() -> None:
    _, guest = opened(("max-concurrency", "1"))
    guest.derive(1, 2, [])
    (first,) = sent(guest.begin(2, 1, get()).items)
    guest.begin(2, 2, get())
    guest.begin(1, 3, get())
    assert [send.call for send in sent(guest.close(2).items)] == [3]
    assert first.call == 1


def test_a_retry_that_finds_no_place_ends_with_what_its_last_attempt_met() -> None:
    clock, guest = opened(("max-concurrency", "1"), ("max-queue", "1"))
    (first,) = sent(guest.begin(1, 1, get()).items)
    guest.begin(1, 2, get())
    (second,) = sent(answered(guest, first, 503))
    guest.begin(1, 3, get())
    clock.now += SECOND
    told, failed = guest.tick().items
    assert isinstance(told, Attempts)
    assert (told.call, told.stopped) == (1, "queue full")
    assert isinstance(failed, Failed)
    assert '"http_503"' in failed.report
    assert guest.stats()["budget"] == 500
    done, third = answered(guest, second, 200)[1:]
    assert isinstance(done, Done)
    assert isinstance(third, Send)


def test_a_retry_that_is_cancelled_before_it_is_sent_costs_nothing_and_after_that_it_does() -> None:
    clock, guest = opened()
    (first,) = sent(guest.begin(1, 1, get()).items)
    answered(guest, first, 503)
    assert guest.stats()["budget"] == 500 - 14
    guest.cancel(1)
    assert guest.stats()["budget"] == 500
    (first,) = sent(guest.begin(1, 2, get()).items)
    answered(guest, first, 503)
    clock.now += SECOND
    (second,) = sent(guest.tick().items)
    assert guest.cancel(2).items == [Abort(2, second.exchange)]
    assert guest.stats()["budget"] == 500 - 14


@pytest.mark.parametrize("how", ["throttled", "cancelled", "closed"])
def test_the_work_for_many_calls_that_wait_grows_with_their_number_only(how: str) -> None:
    """All in one crossing, which has an end."""

    def work(calls: int) -> int:
        _, guest = opened(("max-concurrency", "1"), ("max-queue", str(calls)), ("retries", "0"))
        (first,) = sent(guest.begin(1, 1, get()).items)
        for call in range(2, calls + 2):
            guest.begin(1, call, get(timeout=2 * SECOND))
        store = guest.instance._store
        if how == "throttled":
            items = answered(guest, first, 429, *SLOW_DOWN)
            assert sum(isinstance(item, Failed) for item in items) == calls + 1
        elif how == "closed":
            items = guest.close(1).items
            assert sum(isinstance(item, Failed) for item in items) == calls + 1
        else:
            # The last one, for which all the others would have to be passed.
            guest.cancel(calls + 1)
        return guest.instance._fuel - store.get_fuel()

    few, many = work(250), work(2_000)
    assert many < few * 8 * 2


def test_a_call_that_waits_goes_on_in_time_when_another_thread_was_told_to_slow_down() -> None:
    under_way, addressed, over = threading.Event(), threading.Event(), threading.Event()
    address = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            first, _, _ = await read_request(reader)
            if first.startswith("GET"):
                writer.write(reply("200 OK", b"{}"))
                continue
            under_way.set()
            await asyncio.sleep(0.3)
            writer.write(reply("429 Slow", b'{"code":"c","message":"m","retry_after_ms":300}'))

    async def serve() -> None:
        async with raw_server(handler) as url:
            address.append(url)
            addressed.set()
            await asyncio.to_thread(over.wait, 60)

    server = threading.Thread(target=asyncio.run, args=(serve(),))
    server.start()
    assert addressed.wait(10)
    config = ClientConfig(base_url=address[0], max_concurrency=1, timeout=20)
    try:
        with RonClientSync(config=config) as client:

            def throttled() -> None:
                with pytest.raises(RonProblem):
                    client.post("/x")

            other = threading.Thread(target=throttled)
            other.start()
            assert under_way.wait(10)
            started = time.monotonic()
            # The loop of the other thread, which heard how long to wait, runs no more meanwhile.
            assert client.request("GET", "/x").attempts == 1
            assert time.monotonic() - started < 10
            other.join()
    finally:
        over.set()
        server.join()
