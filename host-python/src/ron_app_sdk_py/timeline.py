"""What became of a call's attempts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AttemptRecord:
    """One request that was sent for a call. Times are in seconds.

    Attributes:
        start: when it began, counted from the start of the call.
        duration: how long it took.
        status: the status of its answer, or None if none came.
        error: the code of its error, or None if it succeeded.
        wait: the wait after it that was to be followed by another attempt, or None.
    """

    start: float
    duration: float
    status: int | None
    error: str | None
    wait: float | None

    def __str__(self) -> str:
        outcome = " ".join(str(part) for part in (self.status, self.error) if part is not None)
        wait = "" if self.wait is None else f", then waited {self.wait:.3f} s"
        return f"at {self.start:.3f} s: {outcome} after {self.duration:.3f} s{wait}"


@dataclass(frozen=True, slots=True)
class Timeline:
    """The attempts of a call, in order: what :attr:`Response.timeline` and
    :attr:`RonError.timeline` are. It prints one line for each, holds no secret and pickles.

    Attributes:
        attempts: the requests that were sent.
        stopped: why no other was sent: ``server said no``, ``not retryable``, ``not idempotent``,
            ``attempts used up``, ``wait too long``, ``deadline``, ``budget empty``,
            ``queue full`` or ``closed`` (``docs/retries.md``). None if the last one succeeded, or
            the call failed before any could be.
    """

    attempts: tuple[AttemptRecord, ...] = ()
    stopped: str | None = None

    def __len__(self) -> int:
        return len(self.attempts)

    def __iter__(self) -> Iterator[AttemptRecord]:
        return iter(self.attempts)

    def __str__(self) -> str:
        lines = [f"attempt {n} {attempt}" for n, attempt in enumerate(self.attempts, 1)]
        if self.stopped is not None:
            lines.append(f"no other attempt: {self.stopped}")
        return "\n".join(lines) or "no attempt"


NO_ATTEMPT = Timeline()
"""Of a call that failed before anything could be sent."""
