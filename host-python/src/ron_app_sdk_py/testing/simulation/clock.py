"""Virtual time, and randomness that repeats."""

from __future__ import annotations

import random

_EPOCH_NS = 1_767_225_600 * 10**9
"""The wall clock at the start: 2026-01-01T00:00:00Z."""


class VirtualClock:
    """A clock that stands still until it is moved: an :class:`~ron_app_sdk_py.engine.guest.Clock`.

    Args:
        seed: what all randomness is drawn from.

    Attributes:
        now_ns: nanoseconds since the start of the simulation.
    """

    def __init__(self, seed: int | str) -> None:
        self.now_ns = 0
        self._random = random.Random(f"entropy {seed}")  # noqa: S311 - it has to repeat

    def monotonic_ns(self) -> int:
        """Nanoseconds since the start of the simulation."""
        return self.now_ns

    def wall_ns(self) -> int:
        """Nanoseconds since 1970; a simulation starts with the year 2026."""
        return _EPOCH_NS + self.now_ns

    def entropy(self) -> bytes:
        """32 bytes, the next ones of the seed."""
        return self._random.randbytes(32)

    def advance(self, seconds: float) -> None:
        """Moves on by a time, to the nanosecond, and by one nanosecond at least."""
        self.now_ns += max(1, round(seconds * 1e9))
