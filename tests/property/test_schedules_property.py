"""Whatever goes wrong and whenever, a client keeps its promises: thousands of random schedules in
virtual time, through the real component.

``RON_SIM_SCHEDULES`` says how many. A violation names its seed: ``schedules.run(seed)`` repeats it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from ron_app_sdk_py import RonClosedError, RonError
from ron_app_sdk_py.response import Response
from ron_app_sdk_py.testing import Answer, SimulatedRequest
from schedules import Run, run

SCHEDULES = int(os.environ.get("RON_SIM_SCHEDULES", "1500"))

BUDGET, TRANSIENT_COST, THROTTLE_COST = 500, 14, 5
"""Tokens: ``docs/defaults.md``, ``RETRY_BUDGET``, ``RETRY_COST``, ``THROTTLE_COST``."""

LONGEST_BACKOFF, LONGEST_HINT, LONGEST_PAUSE = 20.0, 60.0, 5.0
"""Seconds: ``MAX_BACKOFF``, ``MAX_RETRY_AFTER`` and ``MAX_PAUSE`` there."""

UNSENT = {
    "DNS-error",
    "TLS-protocol-error",
    "connection-refused",
    "connection-timeout",
    "destination-unavailable",
}
TRANSIENT = {
    "HTTP-response-incomplete",
    "connection-read-timeout",
    "connection-terminated",
    "connection-write-timeout",
}


def ns(seconds: float) -> int:
    return round(seconds * 1e9)


def answered(request: SimulatedRequest) -> bool:
    """Whether the server said what is wrong: an error's head is enough, its content may be cut."""
    return (request.status or 0) >= 300 and request.ended not in ("cancelled", "aborted")


def members(run: Run, request: SimulatedRequest) -> dict[str, object]:
    """The server's object, if all of it came."""
    answer = run.outcomes[request.number]
    whole = request.ended == "complete" and request.method != "HEAD"
    body = answer.json if isinstance(answer, Answer) and whole else None
    return body if isinstance(body, dict) else {}


def kind(run: Run, request: SimulatedRequest) -> str:
    """What a failure means: ``unsent``, ``transient``, ``throttling`` or ``final``."""
    if not answered(request):
        if request.ended in UNSENT:
            return "unsent"
        return "transient" if request.ended in TRANSIENT else "final"
    said = members(run, request)
    retryable = said.get("retryable", request.status in (408, 429, 502, 503, 504))
    shedding = request.status == 503 and "reason" in said and "code" not in said
    if retryable and (request.status == 429 or shedding):
        return "throttling"
    return "transient" if retryable and request.status not in (401, 403) else "final"


def hint(run: Run, request: SimulatedRequest) -> float | None:
    """The wait that the server asks for, in seconds."""
    answer = run.outcomes[request.number]
    if not isinstance(answer, Answer) or not answered(request):
        return None
    in_body = members(run, request).get("retry_after_ms")
    if isinstance(in_body, int):
        return in_body / 1000
    field = answer.retry_after
    if field is None or not (field.isascii() and field.isdigit()):
        return None
    return float(field)


def ceiling(run: Run, request: SimulatedRequest, nth: int) -> float:
    """The longest wait that may be drawn by lot before the ``nth`` retry, from 0 on."""
    scale = 1.0 if kind(run, request) == "throttling" else 0.1
    factor = nth + 1 if run.config.backoff == "linear" else 2**nth
    return min(scale * factor, LONGEST_BACKOFF)


def deadlines_hold(run: Run) -> Iterator[str]:
    for ended in run.calls:
        if ended.ended > ended.started + ns(ended.call.timeout):
            yield f"{ended.call} took {(ended.ended - ended.started) / 1e9} s"
        if any(request.at * 1e9 > ended.ended + 1 for request in ended.requests):
            yield f"{ended.call} sent something after its end"


def attempts_are_bounded_and_counted(run: Run) -> Iterator[str]:
    for ended in run.calls:
        sent, result = len(ended.requests), ended.result
        if sent > 1 + ended.call.retries:
            yield f"{ended.call} sent {sent} requests"
        if isinstance(result, Response | RonError) and run.closed_at is None:
            told = len(ended.timeline or ())
            if not sent == result.attempts == told:
                yield f"{ended.call}: {sent} sent, {result.attempts} counted, {told} told"


def ids_and_keys_are_one_a_call(run: Run) -> Iterator[str]:
    seen: set[str | None] = set()
    for ended in run.calls:
        if not ended.requests:
            continue
        ids = {request.request_id for request in ended.requests}
        keys = {request.idempotency_key for request in ended.requests}
        if len(ids) != 1 or None in ids or ids & seen:
            yield f"{ended.call} has the request ids {ids}"
        seen |= ids
        (key, *others) = keys
        idem = ended.call.idem
        wrong = (key is None) if idem is True else (key != (idem or None))
        if others or wrong or (idem is True and key in seen):
            yield f"{ended.call} has the keys {keys}"
        seen |= keys - {None}


def nothing_is_repeated_that_may_do_harm(run: Run) -> Iterator[str]:
    for ended in run.calls:
        if not ended.call.repeatable and any(request.sent for request in ended.requests[:-1]):
            yield f"{ended.call} sent again what the server may have seen"


def only_what_may_succeed_is_tried_again(run: Run) -> Iterator[str]:
    for ended in run.calls:
        for request in ended.requests[:-1]:
            if kind(run, request) == "final" or (hint(run, request) or 0) > LONGEST_HINT:
                yield f"{ended.call} went on after {request} {request.status}"


def waits_are_within_policy(run: Run) -> Iterator[str]:
    for ended in run.calls:
        timeline = ended.timeline
        if timeline is None:
            continue
        for nth, (attempt, request) in enumerate(zip(timeline, ended.requests, strict=False)):
            if attempt.wait is None:
                continue
            least = hint(run, request) or 0.0
            most = max(least, ceiling(run, request, nth))
            if not least <= attempt.wait <= most:
                yield f"{ended.call} waited {attempt.wait} s, not {least} to {most} s"
            after = ended.requests[nth + 1 : nth + 2]
            gap = ns(after[0].at - (request.ended_at or 0)) if after else ns(attempt.wait)
            if gap < ns(attempt.wait) - 1:
                yield f"{ended.call} waited {gap} ns, but says {attempt.wait} s"


def timelines_are_what_happened(run: Run) -> Iterator[str]:
    for ended in run.calls:
        for attempt, request in zip(ended.timeline or (), ended.requests, strict=False):
            began = ended.started + ns(attempt.start)
            over = began + ns(attempt.duration)
            if abs(began - ns(request.at)) > 1 or abs(over - ns(request.ended_at or 0)) > 1:
                yield f"{ended.call} tells of {attempt}, but {request.at} to {request.ended_at}"


def calls_stop_for_a_reason(run: Run) -> Iterator[str]:
    for ended in run.calls:
        if isinstance(ended.result, Response | asyncio.CancelledError) or not ended.requests:
            continue
        stopped, call, last = ended.result.timeline.stopped, ended.call, ended.requests[-1]
        what = kind(run, last)
        expected: set[str | None]
        if isinstance(ended.result, RonClosedError):
            expected = {"closed"}
        elif last.ended in ("cancelled", "aborted"):
            expected = {"deadline"}
        elif what == "final":
            expected = {"server said no" if last.status else "not retryable"}
        elif what != "unsent" and not call.repeatable:
            expected = {"not idempotent"}
        elif len(ended.requests) == 1 + call.retries:
            expected = {"attempts used up"}
        elif (hint(run, last) or 0.0) > LONGEST_HINT:
            expected = {"wait too long"}
        else:
            expected = {"deadline", "budget empty", "queue full"}
        if stopped not in expected:
            yield f"{call} stopped for {stopped!r}, not {expected}, after {last} {last.status}"


def the_budget_holds(run: Run) -> Iterator[str]:
    least = most = gain = 0
    for ended in run.calls:
        requests = ended.requests
        costs = [
            THROTTLE_COST if kind(run, request) == "throttling" else TRANSIENT_COST
            for request in requests
        ]
        paid = len(requests) - 1
        least += sum(costs[: max(paid, 0)])
        # Whoever is interrupted in a wait has paid for an attempt that was not made.
        most += sum(costs)
        if isinstance(ended.result, Response):
            gain += costs[paid - 1] if paid else 1
    if least > BUDGET + gain:
        yield f"retries cost {least} tokens, with {gain} given back"
    if run.closed_at is None and not BUDGET - most <= run.budget <= min(
        BUDGET, max(0, BUDGET - least) + gain
    ):
        yield f"{run.budget} tokens are left, of {BUDGET} - {least}..{most} + {gain}"


def places_are_bounded(run: Run) -> Iterator[str]:
    cap = run.config.max_concurrency or 100
    changes = sorted(
        [(request.at, 1) for request in run.requests]
        + [(request.ended_at or 0.0, -1) for request in run.requests]
    )
    under_way = 0
    for at, change in changes:
        under_way += change
        if under_way > cap:
            yield f"{under_way} requests at once at {at}, more than {cap}"


def throttling_holds_the_whole_client_back(run: Run) -> Iterator[str]:
    for request in run.requests:
        asked = hint(run, request)
        if asked is None or kind(run, request) != "throttling" or request.ended_at is None:
            continue
        until = request.ended_at + min(asked, LONGEST_PAUSE)
        for other in run.requests:
            if request.ended_at + 1e-9 < other.at < until - 1e-9:
                yield f"{other} went out at {other.at}, before {until}: {request}"


def nothing_is_left_over(run: Run) -> Iterator[str]:
    left = {name: run.held[name] for name in ("calls", "exchanges")}
    if any(left.values()) or run.in_flight or run.under_way:
        yield f"{left} in the component, {run.in_flight} calls, {run.under_way} requests"


def only_those_are_cancelled_or_closed_that_were(run: Run) -> Iterator[str]:
    for ended in run.calls:
        match ended.result:
            case asyncio.CancelledError() if ended.call.cancelled_after is None:
                yield f"{ended.call} was cancelled by nobody"
            case RonClosedError() if run.closed_at is None:
                yield f"{ended.call} was closed by nobody"


PROMISES: dict[str, Callable[[Run], Iterator[str]]] = {
    "no call outlives its deadline": deadlines_hold,
    "attempts stay within their cap and are counted": attempts_are_bounded_and_counted,
    "a call has one request id and one key": ids_and_keys_are_one_a_call,
    "what the server may have seen is not repeated unless it may": (
        nothing_is_repeated_that_may_do_harm
    ),
    "what fails for good is not tried again": only_what_may_succeed_is_tried_again,
    "waits keep to backoff and hint": waits_are_within_policy,
    "timelines tell what happened": timelines_are_what_happened,
    "the reason for stopping is the right one": calls_stop_for_a_reason,
    "retries stay within the budget": the_budget_holds,
    "requests at once stay within the cap": places_are_bounded,
    "a throttle answer holds the whole client back": throttling_holds_the_whole_client_back,
    "nothing is left over": nothing_is_left_over,
    "no call ends for another's sake": only_those_are_cancelled_or_closed_that_were,
}


@dataclass(repr=False)
class Tally:
    """What came of all schedules."""

    broken: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in PROMISES})
    stops: set[str | None] = field(default_factory=set)
    drawn: list[float] = field(default_factory=list)
    retries: int = 0
    rescued: int = 0
    cancelled: int = 0
    differed: list[int] = field(default_factory=list)

    def take(self, run: Run) -> None:
        for promise, violations in PROMISES.items():
            self.broken[promise] += [f"seed {run.seed}: {what}" for what in violations(run)]
        for ended in run.calls:
            self.retries += max(0, len(ended.requests) - 1)
            if isinstance(ended.result, Response):
                self.rescued += len(ended.requests) > 1
            elif isinstance(ended.result, asyncio.CancelledError):
                self.cancelled += 1
            for nth, (attempt, request) in enumerate(
                zip(ended.timeline or (), ended.requests, strict=False)
            ):
                if attempt.wait is not None and not hint(run, request):
                    self.drawn.append(attempt.wait / ceiling(run, request, nth))
            if ended.timeline is not None:
                self.stops.add(ended.timeline.stopped)


@pytest.fixture(scope="module")
def tally() -> Tally:
    tally = Tally()
    for seed in range(SCHEDULES):
        once = run(seed)
        tally.take(once)
        if seed % 25 == 0 and run(seed).trace != once.trace:
            tally.differed.append(seed)
    return tally


@pytest.mark.parametrize("promise", PROMISES)
def test_in_every_schedule(tally: Tally, promise: str) -> None:
    violations = tally.broken[promise]
    assert not violations, f"{len(violations)} violations, such as {violations[0]}"


def test_the_same_seed_gives_the_same_trace_byte_for_byte(tally: Tally) -> None:
    assert tally.differed == []


def test_waits_are_drawn_evenly(tally: Tally) -> None:
    assert len(tally.drawn) > SCHEDULES / 4
    assert min(tally.drawn) < 0.05
    assert max(tally.drawn) > 0.95
    assert 0.45 < sum(tally.drawn) / len(tally.drawn) < 0.55


def test_the_schedules_go_everywhere(tally: Tally) -> None:
    """So that the promises are put to the test."""
    assert tally.retries > SCHEDULES
    assert tally.rescued > SCHEDULES / 10
    assert tally.cancelled > SCHEDULES / 10
    assert tally.stops == {
        None,
        "attempts used up",
        "budget empty",
        "closed",
        "deadline",
        "not idempotent",
        "not retryable",
        "queue full",
        "server said no",
        "wait too long",
    }
