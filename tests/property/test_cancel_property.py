"""Whatever happens to a call at whichever of its suspensions, its caller sees just that, nothing is
left of it and its place goes to the next."""

from __future__ import annotations

import asyncio
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ron_app_sdk_py import (
    Attempt,
    ClientConfig,
    Middleware,
    Request,
    Response,
    RonClient,
    RonClosedError,
    RonError,
    RonTimeoutError,
)
from scripted import MILLISECOND, Answer, HurriedClock, Scripted, hurried, run_hurried
from suspensions import Moment, Observed, task_of

HOUR = 3_600_000 * MILLISECOND
BASE_URL = "http://127.0.0.1:1"
LIMIT = 60
MANY = 1_000

OK = Answer()
HEAD_AT_ONCE = Answer(turns=0)
PROBLEM = Answer(404, b'{"code":"none","message":"m"}', turns=2)
DOWN = Answer(503, b'{"code":"down","message":"m","retry_after_ms":30}')
LOST = Answer(failure="connection-terminated")
REFUSED = Answer(failure="connection-refused")

ANSWERS = st.lists(st.sampled_from([DOWN, LOST, REFUSED]), max_size=2).flatmap(
    lambda failures: st.sampled_from([OK, HEAD_AT_ONCE, PROBLEM, DOWN]).map(
        lambda last: [*failures, last]
    )
)
EVENTS = st.lists(
    st.sampled_from(["cancelled", "late", "closed", "timed out"]),
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

    async def after_response(self, request: Request, response: Response) -> None:
        await asyncio.sleep(0)


class Scene:
    """A client with one place, and what may happen to one of its calls."""

    def __init__(self, client: RonClient, script: Scripted, clock: HurriedClock) -> None:
        self.client = client
        self.script = script
        self.clock = clock

    async def play(
        self,
        options: dict[str, Any],
        answers: list[Answer],
        events: list[str],
        at: range,
        moment: Moment,
        rivals: tuple[int, int],
    ) -> bool:
        """Has the events happen to a call at these of its suspensions, among rivals that came
        before it and after it; whether it was suspended as often."""
        path = f"/{len(self.script.sent)}"
        self.script.answers[path] = answers
        derived = self.client.with_options(timeout=LIMIT)
        limit = asyncio.timeout(None)

        async def call() -> object:
            async with limit:
                return await derived.request(path=path, **options)

        def happen() -> None:
            for event in events:
                match event:
                    case "cancelled":
                        task.cancel()
                    case "late":
                        self.clock.now += HOUR
                        self.client._calls._tick()
                    case "closed":
                        self.client._calls.close_session(derived._session)
                    case "timed out" if not limit.expired():
                        limit.reschedule(0)

        others = [self.rival() for _ in range(rivals[0])]
        observed = Observed(call(), at, happen, moment)
        task = task_of(observed)
        others += [self.rival() for _ in range(rivals[1])]
        (outcome,) = await asyncio.gather(task, return_exceptions=True)
        happened = observed.suspensions >= at.start
        self.check(task, outcome, events if happened else [], answers)
        for other in await asyncio.wait_for(asyncio.gather(*others, return_exceptions=True), LIMIT):
            # Time passes for all.
            assert other == 1 or ("late" in events and isinstance(other, RonTimeoutError)), other
        assert await self.client.get("/rival") == 1
        await self.check_nothing_is_left()
        await derived.close()
        return happened

    def rival(self) -> asyncio.Task[Any]:
        return asyncio.create_task(self.client.get("/rival"))

    @staticmethod
    def check(
        task: asyncio.Task[Any], outcome: object, events: list[str], answers: list[Answer]
    ) -> None:
        if "cancelled" in events:
            assert isinstance(outcome, asyncio.CancelledError)
            assert task.cancelled()
            return
        assert task.cancelling() == 0
        if isinstance(outcome, TimeoutError) and not isinstance(outcome, RonError):
            assert "timed out" in events
        elif isinstance(outcome, RonClosedError):
            assert "closed" in events
        elif isinstance(outcome, RonTimeoutError):
            assert "late" in events
            assert outcome.phase == "overall"
        else:
            assert getattr(outcome, "status", None) == answers[-1].status, outcome

    async def check_nothing_is_left(self) -> None:
        stats = self.client._calls.stats()
        assert (stats["calls"], stats["exchanges"]) == (0, 0)
        assert not self.client._calls._in_flight
        assert not self.script.open
        assert len(asyncio.all_tasks()) == 1


@settings(max_examples=40, deadline=None)
@given(
    method=st.sampled_from(["GET", "PUT", "POST"]),
    answers=ANSWERS,
    middleware=st.booleans(),
    events=EVENTS,
    times=st.integers(1, 2),
    moment=st.sampled_from(["waiting", "woken"]),
    rivals=st.tuples(st.integers(0, 2), st.integers(0, 2)),
)
def test_a_call_may_be_ended_at_each_of_its_suspensions(
    method: str,
    answers: list[Answer],
    middleware: bool,
    events: list[str],
    times: int,
    moment: Moment,
    rivals: tuple[int, int],
) -> None:
    options: dict[str, Any] = {"method": method}
    if method != "GET":
        options.update(json={"a": 1}, idem=True)

    async def work() -> None:
        script = Scripted({"/rival": [OK]})
        config = ClientConfig(base_url=BASE_URL, max_concurrency=1, timeout=LIMIT)
        with hurried() as clock:
            async with RonClient(config=config, transport=script) as client:
                if middleware:
                    client.add_middleware(Slow())
                scene = Scene(client, script, clock)
                for first in range(1, MANY):
                    at = range(first, first + times)
                    if not await scene.play(options, answers, events, at, moment, rivals):
                        break
                assert first < MANY - 1

    run_hurried(work())
