"""The errors that the component reports."""

from __future__ import annotations

import json

from ..engine.messages import Attempts, Failed
from ..errors import RonError, broken, from_report
from ..redact import Redactor
from ..timeline import NO_ATTEMPT, AttemptRecord, Timeline


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
    return Timeline(attempts, given.stopped or None)


def report_error(failed: Failed, redactor: Redactor | None = None) -> RonError:
    """The error that an ``error`` item reports.

    Args:
        failed: the item.
        redactor: knows the secrets.
    """
    try:
        report = json.loads(failed.report)
        if redactor is not None:
            report = redactor.scrub_report(report)
        return from_report(failed.kind, report)
    except (ValueError, KeyError, TypeError):
        return broken("reported an error that can't be read")
