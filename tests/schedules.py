"""Random schedules: calls, faults, time-outs, cancellations and closings, all drawn from a seed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from ron_app_sdk_py import ClientConfig, RonClient, RonError, Timeline
from ron_app_sdk_py.response import Response
from ron_app_sdk_py.testing import (
    Answer,
    Drip,
    Outcome,
    SimulatedRequest,
    Simulation,
    Stalled,
    Truncated,
)
from servers import TOKEN

IDEMPOTENT = ("GET", "HEAD", "OPTIONS", "PUT", "DELETE")
"""RFC 9110, section 9.2.2, without TRACE, which is not sent."""

OTHERS = ("POST", "PATCH", "LINK")

ANSWERS: tuple[Outcome, ...] = (
    Answer(),
    Answer(json={"ok": True}, after=0.05),
    Answer(204, after=0.5),
    Answer(200, content=bytes(3000), after=2.0),
    Answer(404),
    Answer(302, headers={"location": "/"}),
    Answer(503),
    Answer(503, json={"reason": "overloaded", "message": "server is shedding load"}),
    Answer(503, json={"reason": "overloaded"}, retry_after="3"),
    Answer(503, json={"code": "x", "retry_after_ms": 1_500}, retry_after="9"),
    Answer(503, retry_after="61"),
    Answer(503, retry_after="+5"),
    Answer(503, retry_after="1e3"),
    Answer(429, json={"code": "quota", "retry_after_ms": 250}),
    Answer(429, json={"code": "quota", "retryable": False}),
    Answer(429),
    Answer(500, json={"code": "x", "retryable": True}),
    Answer(500),
    Answer(403, json={"code": "POLICY_DENY", "retryable": True}),
    Drip(503, json={"code": "slow", "retry_after_ms": 800}, every=0.4, size=5),
    Stalled(502, json={"code": "cut"}, keep=4),
    Truncated(404, json={"code": "cut"}, keep=4, after=0.2),
)


@dataclass(frozen=True, kw_only=True)
class Call:
    """What a program does at some time."""

    number: int
    begins: float
    method: str
    content: bytes | None
    idem: bool | str
    timeout: float
    retries: int
    options: dict[str, Any]
    derived: bool
    cancelled_after: float | None

    @property
    def path(self) -> str:
        return f"/call/{self.number}"

    @property
    def repeatable(self) -> bool:
        """Whether the server may see it twice."""
        return self.method in IDEMPOTENT or self.idem is not False


@dataclass
class Ended:
    """A call that is over. Times are virtual nanoseconds."""

    call: Call
    started: int
    ended: int
    result: Response | RonError | asyncio.CancelledError
    requests: list[SimulatedRequest] = field(default_factory=list)

    @property
    def timeline(self) -> Timeline | None:
        """What the client tells of its attempts; of a cancelled call it tells nothing."""
        if isinstance(self.result, asyncio.CancelledError):
            return None
        return self.result.timeline


@dataclass
class Run:
    """A schedule that was run to its end."""

    seed: int
    config: ClientConfig
    closed_at: float | None
    calls: list[Ended]
    outcomes: dict[int, Outcome]
    requests: list[SimulatedRequest]
    trace: str
    budget: int
    held: dict[str, int]
    in_flight: int
    under_way: int


def run(seed: int) -> Run:
    """Runs the schedule of a seed."""
    sim = Simulation(seed=seed)
    draw = sim.random
    config = replace(
        ClientConfig(token=TOKEN),
        timeout=draw.choice((None, 1.0, 4.0, 30.0, 200.0)),
        retries=draw.choice((None, None, 0, 1, 5)),
        backoff=draw.choice((None, "linear")),
        max_concurrency=draw.choice((None, None, 1, 3)),
        max_queue=draw.choice((None, 0, 5)),
    )
    # A storm of failures is what empties a budget.
    storm = draw.random() < 0.02
    faults = draw.choice((0.0, 0.3, 0.6))
    server = sim.random_faults(*((Answer(503),) if storm else ANSWERS), faults=faults)
    calls = list(_calls(sim, config, 60 if storm else draw.randint(1, 8)))
    closes_at = draw.uniform(0, 8) if draw.random() < 0.08 else None
    outcomes: dict[int, Outcome] = {}

    def handler(request: SimulatedRequest) -> Outcome:
        outcome = outcomes[request.number] = server(request)
        return outcome

    sim.otherwise(handler)

    async def program() -> tuple[list[Ended], dict[str, int], int]:
        root = sim.client(config=config)
        derived = root.with_options(timeout=2.5)
        if closes_at is not None:
            asyncio.get_running_loop().call_later(
                closes_at, lambda: closing.append(asyncio.create_task(root.close()))
            )
        closing: list[asyncio.Task[None]] = []
        ended = await asyncio.gather(
            *(_perform(sim, derived if call.derived else root, call) for call in calls)
        )
        return ended, root._calls.stats(), root.metrics.in_flight

    ended, held, in_flight = sim.run(program())
    by_path: dict[str, list[SimulatedRequest]] = {}
    for request in sim.requests:
        by_path.setdefault(request.path.removeprefix("/app"), []).append(request)
    for call in ended:
        call.requests = by_path.get(call.call.path, [])
    return Run(
        seed=seed,
        config=config,
        closed_at=closes_at,
        calls=ended,
        outcomes=outcomes,
        requests=sim.requests,
        trace=sim.trace,
        budget=held["budget"],
        held=held,
        in_flight=in_flight,
        under_way=len(sim.under_way),
    )


def _calls(sim: Simulation, config: ClientConfig, count: int) -> Iterator[Call]:
    draw = sim.random
    for number in range(count):
        method = draw.choice((draw.choice(IDEMPOTENT), draw.choice(OTHERS)))
        derived = draw.random() < 0.2
        timeout, retries = config.timeout or 10.0, 2 if config.retries is None else config.retries
        if derived:
            timeout = 2.5
        options: dict[str, Any] = {}
        if draw.random() < 0.2:
            timeout = options["timeout"] = draw.choice((0.25, 3.0, 70.0))
        if draw.random() < 0.2:
            retries = options["retries"] = draw.randint(0, 4)
        yield Call(
            number=number,
            begins=round(draw.uniform(0, 6), 6),
            method=method,
            content=None if method in IDEMPOTENT else bytes(draw.choice((0, 10, 200_000))),
            idem=draw.choice((False, False, True, f"key-{number}")),
            timeout=timeout,
            retries=retries,
            options=options,
            derived=derived,
            cancelled_after=draw.uniform(0, 5) if draw.random() < 0.15 else None,
        )


async def _perform(sim: Simulation, client: RonClient, call: Call) -> Ended:
    await asyncio.sleep(call.begins)
    started = round(sim.now * 1e9)
    work = asyncio.create_task(
        client.request(call.method, call.path, content=call.content, idem=call.idem, **call.options)
    )
    if call.cancelled_after is not None:
        asyncio.get_running_loop().call_later(call.cancelled_after, work.cancel)
    result: Response | RonError | asyncio.CancelledError
    try:
        result = await work
    except (RonError, asyncio.CancelledError) as error:
        result = error
    return Ended(call, started, round(sim.now * 1e9), result)
