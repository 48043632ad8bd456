"""Each check of chaos fails when what it guards against happens."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ron_app_sdk_py import Response, RonConnectError, RonNetworkError, RonTimeoutError

from .cases import Case
from .checks import violations
from .counting import Arrival
from .faults import FAULTS, Fault
from .observing import Observation
from .requests import CALLS, SMALL_CONTENT, CallType, digest

RETRIES = 2
ID = "0192f0c4a1b24c3f8e7d6c5b4a392817"


def fault(name: str) -> Fault:
    return next(fault for fault in FAULTS if fault.name == name)


def call(name: str) -> CallType:
    return next(call for call in CALLS if call.name == name)


def answer(content: str, attempts: int = 1) -> Response:
    headers = [("content-type", "application/json")]
    return Response(200, headers, content.encode(), attempts=attempts, request_id=ID)


def arrival(key: str | None = None, request_id: str = ID) -> Arrival:
    return Arrival(head=True, request_id=request_id, key=key, whole=True)


EFFECT = f'{{"sha256":"{digest(SMALL_CONTENT)}","number":1}}'
POSTED = Observation(
    case=Case(1, fault("none"), call("POST idem=key"), "async", "aiohttp", kept=False),
    response=answer(EFFECT),
    error=None,
    seconds=0.1,
    arrivals=[arrival("order-17")],
    effects=["order-17"],
    later=None,
    left={"calls of the component": 0},
    leaked=[],
)
UNKEYED = replace(
    POSTED,
    case=replace(POSTED.case, call=call("POST")),
    arrivals=[arrival()],
    effects=[None],
)
REFUSED = replace(
    POSTED,
    case=replace(POSTED.case, fault=fault("down")),
    response=None,
    error=RonConnectError("refused", attempts=3, request_id=ID),
    arrivals=[],
    effects=[],
)
BROKEN = RonNetworkError("reset", attempts=1, request_id=ID)


@pytest.mark.parametrize("seen", [POSTED, UNKEYED, REFUSED], ids=["keyed", "unkeyed", "refused"])
def test_what_is_right_is_no_violation(seen: Observation) -> None:
    assert violations(seen, retries=RETRIES) == []


def test_an_attempt_more_than_is_allowed_is_one() -> None:
    repeated = replace(POSTED, response=answer(EFFECT, 3), arrivals=[arrival("order-17")] * 3)
    assert violations(repeated, retries=2) == []
    assert "3 requests arrived, of 2 allowed" in violations(repeated, retries=1)


@pytest.mark.parametrize(
    ("seen", "changes", "named"),
    [
        (POSTED, {"response": None, "error": ValueError("x")}, "is no RonError"),
        (POSTED, {"response": None, "error": BROKEN}, "not to: answer"),
        (REFUSED, {"error": BROKEN}, "not to: refused"),
        (REFUSED, {"error": RonTimeoutError("late", phase="overall")}, "not to: refused"),
        (POSTED, {"response": answer('{"sha256":"other"}')}, "not the server's"),
        (POSTED, {"seconds": 26.0}, "took 26.0 s with a deadline of 20.0 s"),
        (UNKEYED, {"arrivals": [arrival(), Arrival()]}, "2 requests arrived, of 1 allowed"),
        (UNKEYED, {"effects": [None, None]}, "it was done 2 times"),
        (POSTED, {"effects": ["order-17"] * 2}, "it was done 2 times"),
        (POSTED, {"arrivals": [Arrival()]}, "never arrived"),
        (POSTED, {"effects": []}, "nothing was done"),
        (REFUSED, {"arrivals": [arrival("order-17")]}, "could not connect"),
        (POSTED, {"arrivals": [arrival("order-17")] * 2}, "attempts is 1; 2 requests arrived"),
        (POSTED, {"response": answer(EFFECT, 4)}, "attempts is 4"),
        (POSTED, {"arrivals": [arrival("order-17", "other")]}, "several request ids"),
        (POSTED, {"arrivals": [arrival("order-17"), arrival("x")]}, "several keys"),
        (POSTED, {"arrivals": [arrival("order-18")]}, "the key is 'order-18', not given"),
        (UNKEYED, {"arrivals": [arrival("k")]}, "the key is 'k', not none"),
        (POSTED, {"later": BROKEN}, "once the fault was gone"),
        (POSTED, {"left": {"calls of the component": 1}}, "left 1 calls of the component"),
        (POSTED, {"leaked": ["3 descriptors"]}, "leaked 3 descriptors"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_each_violation_is_found_and_named(
    seen: Observation, changes: dict[str, Any], named: str
) -> None:
    found = violations(replace(seen, **changes), retries=RETRIES)
    assert any(named in violation for violation in found), found


@pytest.mark.parametrize("key", [None, "order-17", "no uuid"])
def test_a_made_key_has_to_be_a_random_uuid(key: str | None) -> None:
    case = replace(POSTED.case, call=call("POST idem=True"))
    found = violations(replace(POSTED, case=case, arrivals=[arrival(key)]), retries=RETRIES)
    assert found == [f"the key is {key!r}, not made"]
