"""Notices a program that calls in a loop while everything fails."""

from __future__ import annotations

import warnings

from ..defaults import BUSY_LOOP_CALLS, BUSY_LOOP_SECONDS
from ..errors import (
    RonBusyLoopWarning,
    RonNetworkError,
    RonOverloadError,
    RonProblem,
)


class Pace:
    """How soon calls follow on failures. Times are in nanoseconds of the loop's clock."""

    __slots__ = ("_failed_at", "_in_a_row", "_warned")

    def __init__(self) -> None:
        self._failed_at: int | None = None
        self._in_a_row = 0
        self._warned = False

    def begin(self, now: int) -> None:
        """A call begins."""
        failed_at = self._failed_at
        if failed_at is None or self._warned:
            return
        self._failed_at = None
        if now - failed_at > BUSY_LOOP_SECONDS * 1e9:
            self._in_a_row = 0
            return
        self._in_a_row += 1
        if self._in_a_row >= BUSY_LOOP_CALLS:
            self._warned = True
            warnings.warn(
                f"{self._in_a_row} calls failed in a row, and each time the next one began at "
                "once; wait longer after each failure, so that the server can recover",
                RonBusyLoopWarning,
                stacklevel=2,
            )

    def end(self, now: int, error: BaseException | None) -> None:
        """A call ends."""
        if error is None:
            self._failed_at = None
            self._in_a_row = 0
        elif _is_trouble(error):
            self._failed_at = now


def _is_trouble(error: BaseException) -> bool:
    """Whether an error means that the server, or the way to it, is in trouble."""
    if isinstance(error, RonProblem):
        return error.status >= 500 or error.status in (408, 429)
    return isinstance(error, RonNetworkError | RonOverloadError)
