"""Whatever happens to a subscription at whichever of its suspensions, its consumer sees just that,
and nothing is left of it."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any, Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from examples import examples
from ron_app_sdk_py import RonClient, RonClosedError
from ron_app_sdk_py.testing import (
    Answer,
    EventStream,
    Outcome,
    Refused,
    SimulatedRequest,
    Simulation,
)
from stream_servers import event
from suspensions import Moment, Observed, task_of

What = Literal["cancelled", "closed", "client closed", "restarted", "limit passed"]

COUNT = 3
MANY = 500
FAULTS = st.lists(
    st.sampled_from(
        [
            Refused(),
            Answer(503, retry_after="1"),
            EventStream(ends="reset"),
            EventStream("data: half"),
            EventStream(":\n", ends="silence"),
        ]
    ),
    max_size=2,
)


class Scene:
    """A client, and what may happen to one of its subscriptions."""

    def __init__(self, sim: Simulation, client: RonClient, faults: list[Outcome]) -> None:
        self.sim = sim
        self.client = client
        self.faults = faults
        self.plays = 0
        self.asked: Counter[str] = Counter()
        sim.otherwise(self.answer)

    def answer(self, request: SimulatedRequest) -> Outcome:
        """First the faults; then a stream that breaks after an event and a half, and goes on."""
        nth = self.asked[request.path]
        self.asked[request.path] += 1
        if nth < len(self.faults):
            return self.faults[nth]
        done = int(request.last_event_id or 0)
        if done == COUNT:
            return Answer(204)
        text = event(str(done + 1), str(done + 1))
        return EventStream([text[:5], 0.5, text[5:], 1.0, "data: half"], ends="close")

    async def play(self, what: What, at: int, moment: Moment, options: dict[str, Any]) -> bool:
        """Has something happen at a suspension; whether there were as many."""
        self.plays += 1
        derived = self.client.with_options(timeout=60)
        subscription = derived.node.subscribe(f"/{self.plays}", **options)
        received: list[str] = []
        limit = asyncio.timeout(None)

        async def take() -> str:
            async with limit:
                async for item in subscription:
                    received.append(item.data)
            return "ended"

        def happen() -> None:
            match what:
                case "cancelled":
                    task.cancel()
                case "closed":
                    subscription.close()
                case "client closed":
                    self.client._calls.close_session(derived._session)
                case "restarted":
                    subscription.restart()
                case "limit passed" if not limit.expired():
                    limit.reschedule(0)

        observed = Observed(take(), [at], happen, moment)
        task = task_of(observed)
        (outcome,) = await asyncio.gather(task, return_exceptions=True)
        happened = observed.suspensions >= at
        self.check(what if happened else "restarted", outcome, received)
        assert subscription.state == "closed"
        await self.check_nothing_is_left()
        await derived.close()
        return happened

    @staticmethod
    def check(what: What, outcome: object, received: list[str]) -> None:
        whole = [str(number) for number in range(1, COUNT + 1)]
        assert received == whole[: len(received)]
        if what == "restarted":
            assert (outcome, received) == ("ended", whole)
        elif what == "cancelled":
            assert isinstance(outcome, asyncio.CancelledError)
        elif what == "closed":
            assert outcome == "ended"
        elif what == "client closed":
            assert isinstance(outcome, RonClosedError) or received == whole
        else:
            assert isinstance(outcome, TimeoutError) or received == whole

    async def check_nothing_is_left(self) -> None:
        # A task that reads ahead ends in its turn.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        stats = self.client._calls.stats()
        assert (stats["calls"], stats["exchanges"]) == (0, 0)
        assert not self.client._calls._in_flight
        assert self.sim.under_way == []
        assert len(asyncio.all_tasks()) == 1


@settings(max_examples=examples(20), deadline=None)
@given(
    faults=FAULTS,
    what=st.sampled_from(["cancelled", "closed", "client closed", "restarted", "limit passed"]),
    moment=st.sampled_from(["waiting", "woken"]),
    reads_ahead=st.booleans(),
    seed=st.integers(0, 2**32),
)
def test_a_subscription_may_be_ended_at_each_of_its_suspensions(
    faults: list[Outcome], what: What, moment: Moment, reads_ahead: bool, seed: int
) -> None:
    sim = Simulation(seed=seed)
    options: dict[str, Any] = {"overflow": "drop_oldest"} if reads_ahead else {}

    async def program(client: RonClient) -> None:
        scene = Scene(sim, client, faults)
        for at in range(1, MANY):
            if not await scene.play(what, at, moment, options):
                return
        raise AssertionError("it never ends")

    sim.run(program, limit=1e6)
