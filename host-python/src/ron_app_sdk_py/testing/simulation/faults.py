"""Outcomes drawn at random."""

from __future__ import annotations

import random
from collections.abc import Sequence

from .outcomes import (
    Answer,
    Closed,
    ConnectHangs,
    DnsFailure,
    Drip,
    Garbage,
    Outcome,
    Refused,
    Reset,
    Silence,
    Stalled,
    TlsFailure,
    Truncated,
    Unreachable,
    Unread,
)

_TEXT = "a part of this comes"
_STATUSES = (408, 409, 429, 429, 500, 502, 503, 503, 504)


class RandomFaults:
    """Draws an outcome for each request: a :data:`~.script.Handler`.

    Args:
        source: what it draws from.
        answers: what the server answers when nothing goes wrong; each as likely as the others.
        faults: how likely it is that something does, 0 to 1.

    Raises:
        ValueError: there are no answers, or ``faults`` is out of range.
    """

    def __init__(self, source: random.Random, answers: Sequence[Outcome], faults: float) -> None:
        if not answers or not 0 <= faults <= 1:
            raise ValueError(
                f"{len(answers)} answers and faults={faults!r:.40}; give at least one answer and a "
                "number from 0 to 1"
            )
        self._source = source
        self._answers = tuple(answers)
        self._faults = faults

    def __call__(self, _request: object) -> Outcome:
        """The next outcome."""
        if self._source.random() >= self._faults:
            return self._source.choice(self._answers)
        return random_fault(self._source)


def random_fault(source: random.Random) -> Outcome:
    """One of all the faults there are, at a random time: from a millisecond to half a minute."""
    connect = source.choice((0.0, 0.0, _seconds(source)))
    after = _seconds(source)
    heard = source.random() < 0.5
    match source.randrange(14):
        case 0:
            return Refused(connect=connect)
        case 1:
            return DnsFailure(connect=connect)
        case 2:
            return Unreachable(connect=connect)
        case 3:
            return TlsFailure(connect=connect)
        case 4:
            return ConnectHangs()
        case 5:
            return Reset(connect=connect, after=after, received=heard)
        case 6:
            return Closed(connect=connect, after=after, received=heard)
        case 7:
            return Garbage(connect=connect, after=after)
        case 8:
            return Silence(connect=connect)
        case 9:
            return Unread(connect=connect)
        case 10:
            keep = source.randrange(len(_TEXT))
            return Truncated(content=_TEXT, keep=keep, reset=heard, connect=connect, after=after)
        case 11:
            keep = source.randrange(len(_TEXT))
            return Stalled(content=_TEXT, keep=keep, connect=connect, after=after)
        case 12:
            return Drip(content=_TEXT, every=_seconds(source), connect=connect)
    return Answer(
        source.choice(_STATUSES),
        retry_after=source.choice((None, "0", "1", "7")),
        connect=connect,
        after=after,
    )


def _seconds(source: random.Random) -> float:
    return round(float(10 ** source.uniform(-3, 1.5)), 6)
