"""The queue in virtual time, through the component: first come, first served, whatever is repeated,
cancelled, closed, late or throttled meanwhile, and nothing waits that could go on."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from ron_app_sdk_py.engine.guest import Begin, Guest
from ron_app_sdk_py.engine.messages import Done, Failed, Output, Send
from scripted import MILLISECOND

SECOND = 1_000 * MILLISECOND
HOUR = 3_600 * SECOND
ROOT = 1

# Waits that servers ask for are longer than any that is drawn, so that they are known.
DOWN, DOWN_FOR = b'{"code":"down","message":"m","retry_after_ms":1000}', 1 * SECOND
SHED, SHED_FOR = b'{"reason":"overload","retry_after_ms":8000}', 8 * SECOND
LONGEST_PAUSE = 5 * SECOND

Answer = Literal["ok", "missing", "down", "shed"]
Step = tuple[str, list[Any]]
RARELY = st.sampled_from([False] * 9 + [True])
TIMES = st.integers(1, 6 * SECOND)
STEPS = st.one_of(
    st.tuples(
        st.just("begin"), st.lists(st.tuples(st.booleans(), st.booleans(), RARELY), max_size=6)
    ),
    st.tuples(
        st.just("answer"), st.lists(st.sampled_from(["ok", "missing", "down", "shed"]), max_size=6)
    ),
    st.tuples(st.just("cancel"), st.lists(st.integers(0, 9), max_size=2)),
    st.tuples(st.just("wait"), st.lists(TIMES, max_size=2)),
    st.tuples(st.just("oversleep"), st.lists(TIMES, max_size=1)),
    st.tuples(st.just("close"), st.lists(st.just(None), max_size=1)),
)


class SteppedClock:
    """Time goes on when it is told to."""

    def __init__(self) -> None:
        self.now = SECOND

    def monotonic_ns(self) -> int:
        return self.now

    def wall_ns(self) -> int:
        return self.now

    def entropy(self) -> bytes:
        return bytes(32)


@dataclass
class Call:
    """What a model knows of a call.

    Attributes:
        session: where it was begun.
        deadline: when it ends at the latest.
        exchange: the exchange that is under way for it.
        sent_at: when that was sent.
        due: when it wants a place again.
    """

    session: int
    deadline: int
    exchange: int | None = None
    sent_at: int = 0
    due: int | None = None


class Queue:
    """A model of the queue, held against what the component does.

    Args:
        places: how many exchanges may be under way.
        length: how many calls may wait for one.
    """

    def __init__(self, places: int, length: int) -> None:
        self.places = places
        self.length = length
        self.limit = places
        self.paused_until = 0
        self.slowed_at: int | None = None
        self.calls: dict[int, Call] = {}
        self.waiting: list[int] = []
        self.wake_at: int | None = None
        self.derived = ROOT
        self._ids = itertools.count(1)
        self.clock = SteppedClock()
        self.guest = Guest(self.clock)
        settings = [
            ("base-url", "http://127.0.0.1:1"),
            ("max-concurrency", str(places)),
            ("max-queue", str(length)),
            ("overall-timeout", str(HOUR)),
        ]
        self.guest.open(ROOT, settings)
        self.derive()

    def derive(self) -> None:
        """Opens another derived session."""
        self.derived += 1
        self.guest.derive(ROOT, self.derived, [])

    @property
    def under_way(self) -> list[int]:
        """The calls with an exchange under way."""
        return [id_ for id_, call in self.calls.items() if call.exchange is not None]

    def begin(self, kind: tuple[bool, bool, bool]) -> None:
        """Begins a call: idempotent or not, of the root session or not, in a hurry or not."""
        idempotent, derived, hurried = kind
        id_ = next(self._ids)
        session = self.derived if derived else ROOT
        deadline = self.clock.now + (3 * SECOND if hurried else HOUR)
        self.calls[id_] = Call(session, deadline)
        method = "GET" if idempotent else "POST"
        options = [("timeout", str(3 * SECOND))] if hurried else []
        begin = Begin(method, "/x", None, options, [], [])
        self.cross(lambda: self.guest.begin(session, id_, begin), [id_])

    def answer(self, answer: Answer) -> None:
        """Answers the oldest of the exchanges that are under way."""
        if not self.under_way:
            return
        id_ = min(self.under_way, key=lambda id_: self.calls[id_].exchange or 0)
        call, guest = self.calls[id_], self.guest
        exchange = call.exchange
        assert exchange is not None
        # What began before the last cut tells nothing of the pace since.
        counts = self.slowed_at is None or call.sent_at > self.slowed_at
        if answer in ("ok", "missing") and counts:
            self.limit = min(self.limit + 1, self.places)
        match answer:
            case "ok":
                self.cross(lambda: guest.response(id_, exchange, 200, []))
                return
            case "missing":
                status, body, wait = 404, b"", 0
            case "down":
                status, body, wait = 503, DOWN, DOWN_FOR
            case "shed":
                status, body, wait = 503, SHED, SHED_FOR
        self.cross(lambda: guest.response(id_, exchange, status, []))
        if id_ not in self.calls:
            # It was late already.
            return
        if answer == "shed":
            now = self.clock.now
            self.paused_until = max(self.paused_until, now + LONGEST_PAUSE)
            if counts:
                self.limit = max(min(self.limit, len(self.under_way)) // 2, 1)
                self.slowed_at = now
        call.exchange, call.due = None, self.clock.now + wait
        self.cross(lambda: guest.data(id_, exchange, body, end=True))

    def cancel(self, which: int) -> None:
        """Cancels one of the calls."""
        if self.calls:
            id_ = [*self.calls][which % len(self.calls)]
            self.forget(id_)
            self.cross(lambda: self.guest.cancel(id_))

    def wait(self, time: int) -> None:
        """Lets time pass, with a tick whenever one is wanted."""
        until = self.clock.now + time
        while self.wake_at is not None and self.wake_at <= until:
            self.wake()
        self.clock.now = until

    def oversleep(self, time: int) -> None:
        """Lets time pass while nobody sends a tick."""
        self.clock.now += time

    def wake(self) -> None:
        """Lets time pass until a tick is wanted."""
        if self.wake_at is not None:
            self.clock.now = max(self.clock.now, self.wake_at)
            self.cross(self.guest.tick)

    def close(self, _: None) -> None:
        """Closes the derived session, and opens another."""
        self.cross(lambda: self.guest.close(self.derived))
        assert all(call.session != self.derived for call in self.calls.values())
        self.derive()

    def forget(self, id_: int) -> None:
        """A call is over."""
        del self.calls[id_]
        if id_ in self.waiting:
            self.waiting.remove(id_)

    def cross(self, crossing: Callable[[], Output], newcomers: list[int] | None = None) -> None:
        """Crosses, and checks what comes of it."""
        now = self.clock.now
        output = crossing()
        self.wake_at = output.wake_at
        due = [(call.due, id_) for id_, call in self.calls.items() if call.due is not None]
        joining = (newcomers or []) + [id_ for when, id_ in sorted(due) if when <= now]
        for id_ in joining:
            self.calls[id_].due = None
        self.waiting += joining

        sent = []
        for item in output.items:
            match item:
                case Send():
                    sent.append(item.call)
                    call = self.calls[item.call]
                    call.exchange, call.sent_at = item.exchange, now
                case Done():
                    self.forget(item.call)
                case Failed():
                    self.check_failed(item, item.call in joining)
                    self.forget(item.call)
        served = [id_ for id_ in sent if id_ in self.calls]
        assert set(self.waiting[: len(served)]) == set(served), "first come, first served"
        self.waiting = self.waiting[len(served) :]

        under_way = len(self.under_way)
        paused = now < self.paused_until
        assert under_way <= self.places
        if served:
            assert not paused
            assert under_way <= self.limit
        if self.waiting:
            assert paused or under_way >= self.limit, "what can go on does"
            assert not paused or self.wake_at is not None
        assert len(self.waiting) <= self.length
        for call in self.calls.values():
            assert self.wake_at is not None
            assert self.wake_at <= call.deadline

    def check_failed(self, failed: Failed, joining: bool) -> None:
        """Whether the error of a call is one that it may have."""
        call = self.calls[failed.call]
        match failed.kind, json.loads(failed.report)["code"]:
            case "overload", "queue_full":
                assert joining
                assert len(self.waiting) > self.length
            case "overload", "throttled":
                assert failed.call in self.waiting
                assert self.paused_until >= call.deadline
            case "timeout", _:
                assert self.clock.now >= call.deadline
            case "closed", _:
                assert call.session == self.derived
            case "problem", _:
                # It is not repeated, or found the queue full when it would have been, or waits for
                # its place in vain.
                in_vain = failed.call in self.waiting and self.paused_until >= call.deadline
                assert call.due is not None or joining or in_vain
            case other:
                raise AssertionError(other)


@settings(max_examples=200, deadline=None)
@given(
    places=st.integers(1, 4),
    length=st.integers(0, 6),
    steps=st.lists(STEPS, min_size=20, max_size=60),
)
def test_first_come_first_served_and_nothing_starves(
    places: int, length: int, steps: list[Step]
) -> None:
    queue = Queue(places, length)
    for name, arguments in steps:
        for argument in arguments:
            getattr(queue, name)(argument)
    # Whatever is there comes to its end once the server is well.
    for _ in range(10 * (len(queue.calls) + 1)):
        if queue.under_way:
            queue.answer("ok")
        else:
            queue.wake()
    assert not queue.calls
    stats = queue.guest.stats()
    assert (stats["calls"], stats["exchanges"]) == (0, 0)
