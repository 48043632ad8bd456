"""Which cases there are."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .clients import CLIENTS
from .faults import FAULTS, End, Fault
from .pairs import pairwise
from .requests import CALLS, CallType

_DIMENSIONS: dict[str, Sequence[object]] = {
    "fault": FAULTS,
    "call": CALLS,
    "client": list(CLIENTS),
    "transport": ["aiohttp", "httpx2"],
    "kept": [False, True],
}


@dataclass(frozen=True)
class Case:
    """A call through a fault.

    Attributes:
        number: its number among the cases of its seed, from 1.
        fault: the fault.
        call: the call.
        client: one of :data:`CLIENTS`.
        transport: ``aiohttp`` or ``httpx2``.
        kept: whether the fault comes while a connection is kept alive; else before there is one.
    """

    number: int
    fault: Fault
    call: CallType
    client: str
    transport: str
    kept: bool

    @property
    def ends(self) -> frozenset[End]:
        """What it may come to."""
        return self.fault.ends_of(self.call, kept=self.kept)

    def __str__(self) -> str:
        moment = "kept connection" if self.kept else "new connection"
        return f"{self.call.name}, {self.fault.name}, {self.client}, {self.transport}, {moment}"


def cases(seed: int) -> list[Case]:
    """The cases of a seed: in each every two values of different dimensions are together."""
    rows = pairwise(_DIMENSIONS, random.Random(seed))
    return [Case(number, **row) for number, row in enumerate(rows, 1)]


def few(seed: int) -> list[Case]:
    """As few of the cases of a seed as have every value once, taken in order."""
    return list(_new_values(cases(seed)))


def _new_values(all_of_them: Iterable[Case]) -> Iterable[Case]:
    seen: set[tuple[str, object]] = set()
    for case in all_of_them:
        values = {(name, getattr(case, name)) for name in _DIMENSIONS}
        if not values <= seen:
            seen |= values
            yield case
