"""For tests of this package and of programs that use it.

``simulation/`` runs programs over virtual time and a scripted network, ``faultproxy/`` does to real
connections what networks do, ``embedded`` runs the development node in a thread, and
``pytest_plugin`` has fixtures. Everything is loaded when it is first used. ``docs/testing.md`` is
for users.
"""

from __future__ import annotations

TYPE_CHECKING = False

if TYPE_CHECKING:
    from typing import Any

    from .simulation.clients import SimulatedClient, SimulatedClientSync
    from .simulation.errors import SimulationDeadlockError, SimulationError
    from .simulation.outcomes import (
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
# `__all__` below names the same once more, because type checkers read it as it is written.
_HOMES = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "Answer",
    "Closed",
    "ConnectHangs",
    "DnsFailure",
    "Drip",
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


def __getattr__(name: str) -> Any:
    module = _HOMES.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f".{module}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
