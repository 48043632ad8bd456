"""Whatever happens to a subscription at whichever of its suspensions, its consumer sees just that,
nothing is left of it and its place goes to the next."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from examples import examples
from ron_app_sdk_py import (
    Attempt,
    ClientConfig,
    Middleware,
    Request,
    RonBufferingWarning,
    RonClient,
    RonClosedError,
    RonError,
    RonStreamError,
)
from scripted import MILLISECOND, Answer, HurriedClock, Scripted, hurried, run_hurried, turns
from suspensions import Moment, Observed, task_of

BASE_URL = "http://127.0.0.1:1"
HOUR = 3_600_000 * MILLISECOND
LIMIT = 60
MANY = 1_000

OK = Answer()
NO_MORE = Answer(204, b"")


def stream(*parts: bytes, turns: int = 1) -> Answer:
    return Answer(200, b":\n", turns=turns, content_type="text/event-stream", more=parts)


ANSWERS = st.lists(
    st.sampled_from(
        [
            stream(b"id: 1\ndata: a\n\n", b"data: b\n\nda", b"ta: c\n\ndata: lost"),
            stream(b"data: a\n\n:comment\ndata: b\n\n", turns=0),
            stream(turns=2),
            Answer(503, b'{"code":"down","message":"m","retry_after_ms":30}'),
            Answer(failure="connection-terminated"),
            Answer(failure="connection-refused", turns=0),
        ]
    ),
    min_size=1,
    max_size=3,
)
EVENTS = st.lists(
    st.sampled_from(["cancelled", "late", "client closed", "closed", "restarted"]),
    min_size=1,
    max_size=3,
    unique=True,
)


class Slow(Middleware):
    """Takes a turn at each step."""

    async def before_request(self, request: Request) -> None:
        await asyncio.sleep(0)

    async def before_attempt(self, attempt: Attempt) -> None:
        await asyncio.sleep(0)

    async def after_attempt(self, attempt: Attempt) -> None:
        await asyncio.sleep(0)


async def play(
    client: RonClient,
    script: Scripted,
    clock: HurriedClock,
    options: dict[str, Any],
    happens: tuple[list[str], range, Moment],
) -> bool:
    """Has the events happen to a subscription at these of its suspensions, while others call;
    whether it was suspended as often."""
    events, at, moment = happens
    derived = client.with_options(timeout=LIMIT)
    subscription = derived.subscribe("/x", **options)
    script.sent.clear()
    received: list[str] = []

    async def consume() -> None:
        async for item in subscription:
            received.append(item.data)
            await asyncio.sleep(0)

    def happen() -> None:
        for event in events:
            match event:
                case "cancelled":
                    task.cancel()
                case "late":
                    clock.now += HOUR
                    client._calls._tick()
                case "client closed":
                    client._calls.close_session(derived._session)
                case "closed":
                    subscription.close()
                case "restarted":
                    subscription.restart()

    observed = Observed(consume(), at, happen, moment)
    task = task_of(observed)
    rivals = [asyncio.create_task(client.get("/rival")) for _ in range(2)]
    (outcome,) = await asyncio.gather(task, return_exceptions=True)
    happened = observed.suspensions >= at.start
    told = events if happened else []
    if isinstance(outcome, asyncio.CancelledError):
        assert "cancelled" in told
    elif isinstance(outcome, RonClosedError):
        assert "client closed" in told
    elif isinstance(outcome, RonError):
        assert isinstance(outcome, RonStreamError), outcome
        assert "late" in told
    elif isinstance(outcome, RonBufferingWarning):
        # No head came in time. Here a warning is an error, which leaves nothing behind either.
        assert "late" in told
    else:
        assert outcome is None
    if "cancelled" in told:
        assert task.cancelled()
    assert task.cancelling() == ("cancelled" in told)
    await asyncio.gather(*rivals, return_exceptions=True)
    subscription.close()
    assert subscription.state == "closed"
    assert await client.get("/rival") == 1
    stats = client._calls.stats()
    assert (stats["calls"], stats["exchanges"]) == (0, 0)
    assert not client._calls._in_flight
    assert not script.open
    await turns(4)
    assert len(asyncio.all_tasks()) == 1
    await derived.close()
    return happened


@pytest.mark.parametrize("overflow", ["wait", "drop_oldest"])
@settings(max_examples=examples(25), deadline=None)
@given(
    answers=ANSWERS,
    middleware=st.booleans(),
    listens=st.booleans(),
    events=EVENTS,
    times=st.integers(1, 2),
    moment=st.sampled_from(["waiting", "woken"]),
)
def test_a_subscription_may_be_ended_at_each_of_its_suspensions(
    overflow: str,
    answers: list[Answer],
    middleware: bool,
    listens: bool,
    events: list[str],
    times: int,
    moment: Moment,
) -> None:
    options: dict[str, Any] = {"overflow": overflow}
    if listens:
        options |= {"on_error": lambda error: None, "on_comment": lambda text: None}

    async def work() -> None:
        script = Scripted({"/rival": [OK], "/x": [*answers, NO_MORE]})
        config = ClientConfig(base_url=BASE_URL, max_concurrency=1, timeout=LIMIT)
        with hurried() as clock:
            async with RonClient(config=config, transport=script) as client:
                if middleware:
                    client.add_middleware(Slow())
                for first in range(1, MANY):
                    at = range(first, first + times)
                    if not await play(client, script, clock, options, (events, at, moment)):
                        break
                assert first < MANY - 1

    run_hurried(work())
