"""What can happen to a call's connection, and what the call may come to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import Enum

from ron_app_sdk_py import (
    RonConnectError,
    RonDnsError,
    RonError,
    RonNetworkError,
    RonTimeoutError,
    RonTlsError,
)
from ron_app_sdk_py.testing.faultproxy.models import (
    Attributes,
    Bandwidth,
    Latency,
    LimitData,
    ResetPeer,
    Slicer,
    SlowClose,
    Stream,
    Timeout,
)

from .requests import CallType

PATIENT = 20.0
"""Seconds that a call gets which no fault holds up for ever."""
IMPATIENT = 1.0
"""Seconds that a call gets which a fault does hold up."""
_SMALL_BYTES = 4_000
"""More than any small request or answer has, and less than a large one."""


class End(Enum):
    """What a call may come to."""

    ANSWER = "answer"
    LATE = "late"
    BROKEN = "broken"
    REFUSED = "refused"

    def admits(self, error: RonError | None) -> bool:
        """Whether this error, or an answer, is such an end."""
        match self:
            case End.ANSWER:
                return error is None
            case End.LATE:
                return isinstance(error, RonTimeoutError)
            case End.REFUSED:
                return isinstance(error, RonConnectError)
        others = RonConnectError, RonDnsError, RonTlsError, RonTimeoutError
        return isinstance(error, RonNetworkError) and not isinstance(error, others)


@dataclass(frozen=True)
class Fault:
    """A fault.

    Attributes:
        name: as the report shows it.
        toxic: the toxic that makes it; None for none.
        stream: the stream that it acts on.
        toxicity: the share of connections that it acts on.
        disables: whether the proxy is disabled instead.
        ends: what calls through it come to.
        ends_large: the same where what is large goes through its stream; None for the same ends.
        timeout: the deadline of these calls, in seconds.
    """

    name: str
    ends: frozenset[End]
    toxic: Attributes | None = None
    stream: Stream = "downstream"
    toxicity: float = 1.0
    disables: bool = False
    ends_large: frozenset[End] | None = None
    timeout: float = PATIENT

    def ends_of(self, call: CallType, *, kept: bool) -> frozenset[End]:
        """What a call may come to.

        Args:
            call: the call.
            kept: whether there was a connection when the fault came.
        """
        if self.disables and kept:
            return self.ends | {End.BROKEN}
        answers = call.path == "/large"
        large = answers if self.stream == "downstream" else len(call.content or b"") > _SMALL_BYTES
        return self.ends if self.ends_large is None or not large else self.ends_large


_ANSWER = frozenset([End.ANSWER])
_LATE = frozenset([End.LATE])
_BROKEN = frozenset([End.BROKEN])

_OF_STREAMS = [
    Fault("latency", _ANSWER, Latency(latency=50, jitter=20)),
    Fault("bandwidth", _ANSWER, Bandwidth(rate=5_000)),
    Fault("starved", _ANSWER | _LATE, Bandwidth(rate=1), ends_large=_LATE, timeout=IMPATIENT),
    Fault("slow close", _ANSWER, SlowClose(delay=200)),
    Fault("silence", _LATE, Timeout(timeout=0), timeout=IMPATIENT),
    Fault("silence, close", _BROKEN, Timeout(timeout=200)),
    Fault("reset", _BROKEN, ResetPeer()),
    Fault("late reset", _BROKEN, ResetPeer(timeout=100)),
    Fault("some resets", _ANSWER | _BROKEN, ResetPeer(), toxicity=0.5),
    Fault("slices", _ANSWER, Slicer(average_size=100, size_variation=99)),
    Fault("slow slices", _ANSWER, Slicer(average_size=4_000, size_variation=3_999, delay=100)),
    Fault("cut in head", _BROKEN, LimitData(bytes=10)),
    Fault("cut in body", _ANSWER, LimitData(bytes=_SMALL_BYTES), ends_large=_BROKEN),
]


def _faults() -> Iterator[Fault]:
    yield Fault("none", _ANSWER)
    yield Fault("down", frozenset([End.REFUSED]), disables=True)
    for fault in _OF_STREAMS:
        yield replace(fault, name=f"{fault.name} upstream", stream="upstream")
        yield replace(fault, name=f"{fault.name} downstream")


FAULTS = list(_faults())
