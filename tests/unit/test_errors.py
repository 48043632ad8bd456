"""Errors keep what they know."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from ron_app_sdk_py import Problem, RonAuthError, RonProblem, RonTimeoutError
from ron_app_sdk_py.errors import RonError, RonRequestError, from_report

FIELDS: dict[str, Any] = {
    "status": 403,
    "code": "POLICY_DENY",
    "message": "Access denied",
    "kind": "auth",
    "title": "POLICY_DENY",
    "type": "urn:ron:problem:POLICY_DENY",
    "reason": "default",
    "retryable": False,
    "retry_after_ms": 1500,
    "correlation_id": "c",
    "details": None,
    "extensions": {"x": 1},
}


def test_a_problem_has_its_members_and_a_model_of_them() -> None:
    error = from_report("problem", {"problem": FIELDS, "attempts": 2, "request_id": "r"})
    assert type(error) is RonAuthError
    assert (error.status, error.code, error.retry_after, error.attempts) == (
        403,
        "POLICY_DENY",
        1.5,
        2,
    )
    assert error.problem == Problem(**FIELDS)
    assert error.problem.extensions == {"x": 1}
    assert str(error) == "HTTP 403 POLICY_DENY: Access denied"
    assert (error.detail, error.title) == ("Access denied", "POLICY_DENY")


@pytest.mark.parametrize(
    "error",
    [
        RonProblem(FIELDS, attempts=1, request_id="r"),
        RonTimeoutError("late", phase="read", code="read_timeout", attempts=1),
        RonRequestError("bad", code="invalid_path"),
    ],
)
def test_errors_survive_pickling(error: RonError) -> None:
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert vars(copy) == vars(error)
    assert str(copy) == str(error)


def test_errors_are_what_the_standard_library_expects() -> None:
    assert issubclass(RonTimeoutError, TimeoutError)
    assert issubclass(RonRequestError, ValueError)
