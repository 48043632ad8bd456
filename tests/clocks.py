"""Clocks that tests move."""

from __future__ import annotations


class StoppedClock:
    """Time stands still until it is moved; randomness is all zeros."""

    def __init__(self) -> None:
        self.now = 1_000

    def monotonic_ns(self) -> int:
        return self.now

    def wall_ns(self) -> int:
        return 1_700_000_000_000_000_000

    def entropy(self) -> bytes:
        return bytes(32)
