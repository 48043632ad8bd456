"""When a narrowed client's rights end, as callers write it."""

from __future__ import annotations

import math
import re
from datetime import datetime, timedelta
from typing import NoReturn

from ..errors import RonRequestError

Expiry = str | int | float | timedelta | datetime
"""A time from now, or a point in time."""

_FORM = re.compile(r"([1-9][0-9]{0,17})([smhd])")
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_FORMS = (
    "give a whole number and s, m, h or d, such as '10m'; positive seconds; a timedelta; or a "
    "datetime in the future with a time zone"
)
_LATEST = 2**64 - 1
"""What the component can hold: the year 2554."""


def expires_at_ns(expiry: object, now_ns: int) -> int:
    """The end, in nanoseconds since 1970.

    Args:
        expiry: see :data:`Expiry`.
        now_ns: the wall clock, likewise.

    Raises:
        RonRequestError: it is none of those forms, or not in the future (code ``invalid_expiry``).
    """
    end = _nanoseconds(expiry) if isinstance(expiry, datetime) else now_ns + _duration(expiry)
    if end <= now_ns:
        _refuse(expiry, "is in the past")
    if end > _LATEST:
        _refuse(expiry, "is after the year 2553")
    return end


def _duration(expiry: object) -> int:
    match expiry:
        case str():
            form = _FORM.fullmatch(expiry)
            if form is None:
                _refuse(expiry, "is no time")
            return int(form[1]) * _SECONDS[form[2]] * 10**9
        case timedelta():
            duration = expiry // timedelta(microseconds=1) * 1_000
        case bool():
            _refuse(expiry, "is no time")
        case int():
            duration = expiry * 10**9
        case float() if math.isfinite(expiry):
            duration = int(max(-1.0, min(expiry, _LATEST)) * 1e9)
        case _:
            _refuse(expiry, "is no time")
    if duration <= 0:
        _refuse(expiry, "is not positive")
    return duration


def _nanoseconds(point: datetime) -> int:
    if point.utcoffset() is None:
        _refuse(point, "has no time zone")
    epoch = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
    return (point - epoch) // timedelta(microseconds=1) * 1_000


def _refuse(expiry: object, why: str) -> NoReturn:
    if isinstance(expiry, str):
        shown = f"{expiry!a:.40}"
    elif isinstance(expiry, int | float | timedelta | datetime):
        # Python refuses to write out whole numbers of thousands of digits.
        too_long = isinstance(expiry, int) and abs(expiry) >= 10**20
        shown = "an int of more than 20 digits" if too_long else str(expiry)
    else:
        shown = type(expiry).__name__
    raise RonRequestError(f"expiry {shown} {why}; {_FORMS}", code="invalid_expiry")
