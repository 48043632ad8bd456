"""The public clients, with another clock."""

from __future__ import annotations

import threading
from collections.abc import Callable

from ...client import RonClient
from ...config import ClientConfig
from ...sync import RonClientSync
from ...transport.protocol import TransportFactory
from .clock import VirtualClock
from .loop import VirtualLoop


def _call_at_once(work: Callable[[], None]) -> None:
    """Calls a function on a thread and waits for it: no virtual time passes."""
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


class SimulatedClient(RonClient):
    """A :class:`RonClient` in virtual time. :meth:`~.simulation.Simulation.client` makes them."""

    _start_thread = staticmethod(_call_at_once)

    def __init__(
        self, config: ClientConfig, transport: TransportFactory, clock: VirtualClock
    ) -> None:
        self._clock = clock
        super().__init__(config=config, transport=transport)


class SimulatedClientSync(RonClientSync):
    """A :class:`RonClientSync` in virtual time. :meth:`~.simulation.Simulation.client_sync` makes
    them."""

    _start_thread = staticmethod(_call_at_once)

    def __init__(
        self,
        config: ClientConfig,
        transport: TransportFactory,
        clock: VirtualClock,
        loop_factory: Callable[[], VirtualLoop],
    ) -> None:
        self._clock = clock
        self._loop_factory = loop_factory
        super().__init__(config=config, transport=transport)
