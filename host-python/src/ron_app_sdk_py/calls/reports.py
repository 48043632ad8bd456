"""The errors that the component reports."""

from __future__ import annotations

import json
from typing import Any

from ..engine.messages import Attempts, Failed
from ..errors import RonError, broken, from_report
from ..redact import Redactor
from ..timeline import NO_ATTEMPT, AttemptRecord, Timeline

_REPORT = {
    "code": str,
    "message": str,
    "attempts": int,
    "request_id": str | None,
    "phase": str | None,
}
_PROBLEM = {
    "status": int,
    "code": str,
    "message": str,
    "kind": str,
    "title": str,
    "type": str,
    "reason": str | None,
    "retryable": bool,
    "retry_after_ms": int | None,
    "correlation_id": str | None,
    "extensions": dict,
}
"""What an error's JSON holds (``docs/abi.md``). A component that lies is not to make errors which
fail when they are shown."""


def timeline(given: Attempts | None, redactor: Redactor) -> Timeline:
    """The timeline that an item tells; an empty one without an item.

    Args:
        given: the item.
        redactor: knows the credentials of all sessions.
    """
    if given is None:
        return NO_ATTEMPT
    attempts = tuple(
        AttemptRecord(
            start / 1e9,
            duration / 1e9,
            status,
            redactor.scrub(error) or None,
            None if wait is None else wait / 1e9,
        )
        for start, duration, status, error, wait in given.attempts
    )
    return Timeline(attempts, redactor.scrub(given.stopped) or None)


def report_error(failed: Failed, redactor: Redactor | None = None) -> RonError:
    """The error that an ``error`` item reports.

    Args:
        failed: the item.
        redactor: knows the secrets.
    """
    try:
        report = json.loads(failed.report)
        _check(report, _REPORT)
        if report.get("problem") is not None:
            _check(report["problem"], _PROBLEM)
        if redactor is not None:
            report = redactor.scrub_all(report)
        error = from_report(failed.kind, report)
        if not str(error):
            raise ValueError
        return error
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return broken("reported an error that can't be read")


def _check(given: object, types: dict[str, Any]) -> None:
    if not isinstance(given, dict):
        raise TypeError
    for name, kind in types.items():
        if name in given and not isinstance(given[name], kind):
            raise TypeError
