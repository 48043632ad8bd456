"""For tests of this package and of programs that use it.

``simulation/`` runs programs over virtual time and a scripted network, ``faultproxy/`` does to real
connections what networks do, ``embedded`` runs the development node in a thread, and
``pytest_plugin`` has fixtures. Everything is loaded when it is first used. ``docs/testing.md`` is
for users.
"""

from __future__ import annotations

from .._lazy import exports

TYPE_CHECKING = False

if TYPE_CHECKING:
    from .simulation.clients import SimulatedClient, SimulatedClientSync
    from .simulation.errors import SimulationDeadlockError, SimulationError
    from .simulation.outcomes import (
        Answer,
        Closed,
        ConnectHangs,
        DnsFailure,
        Drip,
        EventStream,
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
    from .simulation.requests import SimulatedRequest
    from .simulation.simulation import Simulation

_MODULES = {
    "simulation.clients": ("SimulatedClient", "SimulatedClientSync"),
    "simulation.errors": ("SimulationDeadlockError", "SimulationError"),
    "simulation.outcomes": (
        "Answer",
        "Closed",
        "ConnectHangs",
        "DnsFailure",
        "Drip",
        "EventStream",
        "Garbage",
        "Outcome",
        "Refused",
        "Reset",
        "Silence",
        "Stalled",
        "TlsFailure",
        "Truncated",
        "Unreachable",
        "Unread",
    ),
    "simulation.requests": ("SimulatedRequest",),
    "simulation.simulation": ("Simulation",),
}
# `__all__` names the same once more, because type checkers read it as it is written.

__all__ = [
    "Answer",
    "Closed",
    "ConnectHangs",
    "DnsFailure",
    "Drip",
    "EventStream",
    "Garbage",
    "Outcome",
    "Refused",
    "Reset",
    "Silence",
    "SimulatedClient",
    "SimulatedClientSync",
    "SimulatedRequest",
    "Simulation",
    "SimulationDeadlockError",
    "SimulationError",
    "Stalled",
    "TlsFailure",
    "Truncated",
    "Unreachable",
    "Unread",
]


__getattr__ = exports(__name__, _MODULES)


def __dir__() -> list[str]:
    return sorted(__all__)
