"""What holds of every case, whatever was done to its connections."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ron_app_sdk_py import RonError

from .faults import End
from .observing import Observation
from .requests import GIVEN_KEY

_RANDOM_UUID = re.compile("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
"""RFC 9562, section 5.4."""

SLACK_SECONDS = 5.0
"""How late after its deadline a call may end: five times the shortest."""


def violations(seen: Observation, *, retries: int) -> list[str]:
    """What does not hold of a case.

    Args:
        seen: what it came to.
        retries: how often a call may be tried again. The checks hold for clients that try less.
    """
    return [
        *_end(seen),
        *_time(seen),
        *_side_effects(seen, retries),
        *_identity(seen),
        *_remains(seen),
    ]


def _end(seen: Observation) -> Iterator[str]:
    error, response = seen.error, seen.response
    if error is not None and not isinstance(error, RonError):
        yield f"raised {error!r}, which is no RonError"
    elif not any(end.admits(error) for end in seen.case.ends):
        allowed = " or ".join(sorted(end.value for end in seen.case.ends))
        yield f"came to {'an answer' if error is None else repr(error)}, not to: {allowed}"
    if response is not None and not seen.case.call.is_right(response):
        yield f"the answer is not the server's: {response!r}"


def _time(seen: Observation) -> Iterator[str]:
    deadline = seen.case.fault.timeout
    if seen.seconds > deadline + SLACK_SECONDS:
        yield f"took {seen.seconds:.1f} s with a deadline of {deadline} s"


def _side_effects(seen: Observation, retries: int) -> Iterator[str]:
    call, arrived = seen.case.call, len(seen.arrivals)
    most = 1 + retries if call.repeatable else 1
    if arrived > most:
        yield f"{arrived} requests arrived, of {most} allowed"
    if (call.method == "POST" or call.key != "none") and len(seen.effects) > 1:
        yield f"it was done {len(seen.effects)} times"
    if seen.response is not None:
        if not any(arrival.whole for arrival in seen.arrivals):
            yield "there is an answer to a request that never arrived"
        if call.path == "/effect" and not seen.effects:
            yield "there is an answer, but nothing was done"
    if isinstance(seen.error, RonError) and End.REFUSED.admits(seen.error) and arrived:
        yield f"{arrived} requests arrived of a call that could not connect"
    outcome = seen.response or seen.error
    attempts = getattr(outcome, "attempts", 0)
    if not arrived <= attempts <= 1 + retries:
        yield f"attempts is {attempts}; {arrived} requests arrived, {1 + retries} are allowed"


def _identity(seen: Observation) -> Iterator[str]:
    heads = [arrival for arrival in seen.arrivals if arrival.head]
    request_id = getattr(seen.response or seen.error, "request_id", None)
    ids = {arrival.request_id for arrival in heads} | {request_id}
    if len(ids) != 1 or None in ids:
        yield f"the call has several request ids, or none: {ids}"
    keys = {arrival.key for arrival in heads}
    if len(keys) > 1:
        yield f"the call has several keys: {keys}"
    for key in keys:
        if not _is_key(key, seen.case.call.key):
            yield f"the key is {key!r}, not {seen.case.call.key}"


def _is_key(key: str | None, kind: str) -> bool:
    if kind == "made":
        return _RANDOM_UUID.fullmatch(key or "") is not None
    return key == (GIVEN_KEY if kind == "given" else None)


def _remains(seen: Observation) -> Iterator[str]:
    if seen.later is not None:
        yield f"once the fault was gone, a call raised {seen.later!r}"
    for what, count in seen.left.items():
        if count:
            yield f"left {count} {what}"
    for what in seen.leaked:
        yield f"leaked {what}"
