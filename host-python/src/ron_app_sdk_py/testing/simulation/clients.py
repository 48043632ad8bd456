"""The public clients, with another clock."""

from __future__ import annotations

from collections.abc import Callable

from ...client import RonClient
from ...config import ClientConfig
from ...sync import RonClientSync
from ...transport.protocol import TransportFactory
from .clock import VirtualClock
from .loop import VirtualLoop


class SimulatedClient(RonClient):
    """A :class:`RonClient` in virtual time. :meth:`~.simulation.Simulation.client` makes them."""

    def __init__(
        self, config: ClientConfig, transport: TransportFactory, clock: VirtualClock
    ) -> None:
        self._clock = clock
        super().__init__(config=config, transport=transport)


class SimulatedClientSync(RonClientSync):
    """A :class:`RonClientSync` in virtual time. :meth:`~.simulation.Simulation.client_sync` makes
    them."""

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
