"""The errors that the component reports."""

from __future__ import annotations

import json

from ..engine.messages import Failed
from ..errors import RonError, broken, from_report


def report_error(failed: Failed) -> RonError:
    """The error that an ``error`` item reports."""
    try:
        return from_report(failed.kind, json.loads(failed.report))
    except (ValueError, KeyError, TypeError):
        return broken("reported an error that can't be read")
