"""A simulation: one virtual time, one network, any number of clients."""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import random
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar
from urllib.parse import urlsplit

from ...config import ClientConfig
from ...defaults import SIMULATION_SECONDS
from ...redact import Redactor
from ...secret import revealed
from ...transport.protocol import TransportFactory, TransportSettings
from .clients import SimulatedClient, SimulatedClientSync
from .clock import VirtualClock
from .errors import SimulationError
from .faults import RandomFaults
from .loop import VirtualLoop
from .outcomes import Answer, Outcome
from .requests import SimulatedRequest, Trace
from .script import Handler, Outcomes, Script
from .transport import SimulatedTransport

T = TypeVar("T")


class Simulation:
    """Runs programs over virtual time, through the real component, against a scripted network.

    What a program waits for takes no real time, and the same seed gives the same run: the same
    ids, jitter, faults and times. What the program draws or reads by itself, such as
    ``random.random()`` or ``time.time()``, is its own; ``random`` here and the loop's ``time()``
    repeat.

    >>> sim = Simulation(seed=7)
    >>> sim.on("GET", "/jobs", [Refused(), Answer(503, retry_after="2"), Answer(json={"ok": True})])
    >>> sim.run(lambda client: client.get("/jobs"))

    Args:
        seed: what all randomness is drawn from.
        config: the configuration of clients that are not given another; by default
            ``ClientConfig()``.

    Attributes:
        seed: the same.
        random: a generator for the test's own choices.
    """

    def __init__(self, seed: int | str = 0, *, config: ClientConfig | None = None) -> None:
        self.seed = seed
        self._config = config or ClientConfig()
        self.random = random.Random(f"test {seed}")  # noqa: S311 - it has to repeat
        self._clock = VirtualClock(seed)
        self._trace = Trace(self._clock)
        self._script = Script()
        self._draws = 0

    @property
    def now(self) -> float:
        """Virtual seconds since the start."""
        return self._trace.now

    @property
    def requests(self) -> list[SimulatedRequest]:
        """What was sent, in order, without the credential."""
        return list(self._trace.requests)

    @property
    def trace(self) -> str:
        """What happened on the network, line by line, to the nanosecond: equal for equal runs."""
        return str(self._trace)

    @property
    def under_way(self) -> list[SimulatedRequest]:
        """The requests that have not ended: none, once all calls have."""
        return [request for request in self._trace.requests if request.ended is None]

    def on(self, method: str, path: str, outcomes: Outcomes, *, node: bool = False) -> None:
        """Says what becomes of the requests of a method and a path. A later ``on`` for the same
        replaces an earlier one.

        Args:
            method: the method.
            path: the path without query, with or without ``/app`` in front, as it is sent.
            outcomes: an outcome for all requests; several, in a list, for one after the other; or a
                function from the :class:`SimulatedRequest` to its outcome.
            node: whether it is a path beside the app plane, such as ``/healthz``.

        Raises:
            SimulationError: ``path`` has a query, or ``outcomes`` is nothing of that.
        """
        if "?" in path or not path.startswith("/"):
            raise SimulationError(f"the path is {path!r:.80}; begin with / and leave the query out")
        if not node and path != "/app" and not path.startswith("/app/"):
            path = "/app" + path
        self._script.on(method, path, outcomes)

    def otherwise(self, outcomes: Outcomes) -> None:
        """Says what becomes of all other requests: see :meth:`on`.

        Raises:
            SimulationError: as there.
        """
        self._script.otherwise(outcomes)

    def random_faults(self, *answers: Outcome, faults: float = 0.5) -> Handler:
        """Outcomes drawn from the seed, for :meth:`on` and :meth:`otherwise`.

        Args:
            answers: what the server answers when nothing goes wrong, each as likely as the others;
                by default an empty 200.
            faults: how likely it is that something does, 0 to 1.

        Raises:
            ValueError: ``faults`` is out of range.
        """
        self._draws += 1
        source = random.Random(f"faults {self._draws} {self.seed}")  # noqa: S311 - as above
        return RandomFaults(source, answers or (Answer(),), faults)

    def client(self, *, config: ClientConfig | None = None, **fields: Any) -> SimulatedClient:
        """A client, to be used in :meth:`run`. It does not look at the environment.

        Args:
            config: its configuration; by default that of the simulation.
            fields: fields of the configuration that differ from it.

        Raises:
            RonConfigError: the configuration is no good.
        """
        made = dataclasses.replace(config or self._config, **fields)
        return SimulatedClient(made, self._transport(made), self._clock)

    def client_sync(
        self, *, config: ClientConfig | None = None, **fields: Any
    ) -> SimulatedClientSync:
        """A synchronous client, for programs that are not run by :meth:`run`: time passes in its
        calls. One thread at a time may use it. Arguments and errors are those of :meth:`client`."""
        made = dataclasses.replace(config or self._config, **fields)
        return SimulatedClientSync(
            made, self._transport(made), self._clock, lambda: self._loop(SIMULATION_SECONDS)
        )

    def run(
        self,
        program: Callable[[SimulatedClient], Awaitable[T]] | Coroutine[Any, Any, T],
        *,
        limit: float = SIMULATION_SECONDS,
    ) -> T:
        """Runs a program to its end; then ends the tasks that it left. Time goes on from one run to
        the next.

        Args:
            program: a function that is given a client, which is closed after it; or a coroutine,
                which makes its clients with :meth:`client`.
            limit: virtual seconds that it may take.

        Returns:
            What the program returns.

        Raises:
            SimulationDeadlockError: the program waits for something that can't come.
            SimulationError: a request has no outcome, the limit has passed, the program wants
                sockets or processes, or an event loop runs already.
            BaseException: what the program raises.
        """
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            pass
        else:
            if not callable(program):
                program.close()
            raise SimulationError(
                "an event loop runs already; call run() from a plain function: `def test_…`, not "
                "`async def test_…`"
            )
        # Not the result of the runner's task: `signal.signal` makes a repr of that, in vain.
        results: list[T] = []
        with asyncio.Runner(loop_factory=lambda: self._loop(limit)) as runner:
            runner.run(self._main(program, results))
        self._script.raise_fault()
        return results[0]

    def __repr__(self) -> str:
        return f"Simulation(seed={self.seed!r})"

    async def _main(
        self,
        program: Callable[[SimulatedClient], Awaitable[T]] | Coroutine[Any, Any, T],
        results: list[T],
    ) -> None:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)  # noqa: S101 - `run` has just made it
        try:
            if callable(program):
                async with self.client() as client:
                    results.append(await program(client))
            else:
                results.append(await program)
        finally:
            await loop.end_tasks()

    def _loop(self, limit: float) -> VirtualLoop:
        return VirtualLoop(self._clock, limit)

    def _transport(self, config: ClientConfig) -> TransportFactory:
        return functools.partial(_transport, self._script, self._trace, config)


def _transport(
    script: Script, trace: Trace, config: ClientConfig, _settings: TransportSettings
) -> SimulatedTransport:
    prefix = urlsplit(config.base_url).path.rstrip("/").removesuffix("/app").rstrip("/")
    secrets = [revealed(secret) for secret in (config.token, config.macaroon, config.passport)]
    return SimulatedTransport(script, trace, prefix, Redactor(*secrets))
