"""Notices a task or thread that calls in a loop while everything fails."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from weakref import WeakKeyDictionary

from ..defaults import BUSY_LOOP_CALLS, BUSY_LOOP_SECONDS
from ..errors import (
    RonBusyLoopWarning,
    RonNetworkError,
    RonOverloadError,
    RonProblem,
)


class Pace:
    """How soon calls follow on failures, in each flow of control by itself: calls that have nothing
    to do with each other may well fail together. Times are in nanoseconds of the loop's clock.

    Args:
        flow: the task or thread that the calling code belongs to.
    """

    __slots__ = ("_failed", "_flow", "_warned")

    def __init__(self, flow: Callable[[], object]) -> None:
        self._flow = flow
        # When its last call failed, and how many had done so in a row by then.
        self._failed: WeakKeyDictionary[object, tuple[int, int]] = WeakKeyDictionary()
        self._warned = False

    def begin(self, now: int) -> int:
        """A call begins. Returns how many failed in a row before it without a pause, for
        :meth:`failed`."""
        if self._warned or not self._failed:
            return 0
        failed_at, in_a_row = self._failed.pop(self._flow(), (now, 0))
        if now - failed_at > BUSY_LOOP_SECONDS * 1e9:
            return 0
        if in_a_row >= BUSY_LOOP_CALLS:
            self._warned = True
            warnings.warn(
                f"{in_a_row} calls failed in a row, and each time the next one began at once; wait "
                "longer after each failure, so that the server can recover",
                RonBusyLoopWarning,
                stacklevel=2,
            )
        return in_a_row

    def failed(self, now: int, error: BaseException, in_a_row: int) -> None:
        """A call ends with an error; ``in_a_row`` is what :meth:`begin` returned."""
        if not self._warned and _is_trouble(error):
            self._failed[self._flow()] = (now, in_a_row + 1)


def _is_trouble(error: BaseException) -> bool:
    """Whether an error means that the server, or the way to it, is in trouble."""
    if isinstance(error, RonProblem):
        return error.status >= 500 or error.status in (408, 429)
    return isinstance(error, RonNetworkError | RonOverloadError)
