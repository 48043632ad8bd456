"""Which outcome a request has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from .errors import SimulationError
from .outcomes import Outcome
from .requests import SimulatedRequest

Handler = Callable[[SimulatedRequest], Outcome]
"""Decides on each request. What it raises ends the call that sent the request."""

Outcomes = Outcome | Iterable[Outcome] | Handler
"""One outcome for every request, or one after the other, or a function that decides."""


class Script:
    """Outcomes by method and path."""

    def __init__(self) -> None:
        self._fault: SimulationError | None = None
        self._routes: dict[tuple[str, str], Handler] = {}
        self._otherwise: Handler | None = None

    def on(self, method: str, path: str, outcomes: Outcomes) -> None:
        """Gives the requests of a method and a path their outcomes."""
        self._routes[method, path] = _handler(outcomes)

    def otherwise(self, outcomes: Outcomes) -> None:
        """Gives all others theirs."""
        self._otherwise = _handler(outcomes)

    def outcome(self, request: SimulatedRequest) -> Outcome:
        """The outcome of a request.

        Raises:
            SimulationError: there is none.
        """
        handler = self._routes.get((request.method, request.path), self._otherwise)
        try:
            outcome = None if handler is None else handler(request)
        except StopIteration:
            raise self._missing(request, "its outcomes are used up; give more") from None
        if isinstance(outcome, Outcome):
            return outcome
        raise self._missing(
            request,
            "nothing says what becomes of it; use on() or otherwise()"
            if handler is None
            else f"its handler returned {type(outcome).__name__}; return an outcome",
        )

    def raise_fault(self) -> None:
        """Raises the first error since the last time: a program may have swallowed it.

        Raises:
            SimulationError: there was one.
        """
        fault, self._fault = self._fault, None
        if fault is not None:
            raise fault

    def _missing(self, request: SimulatedRequest, why: str) -> SimulationError:
        fault = SimulationError(
            f"request {request.number}, {request.method} {request.path}, has no outcome: {why}"
        )
        self._fault = self._fault or fault
        return fault


def _handler(outcomes: Outcomes) -> Handler:
    if isinstance(outcomes, Outcome):
        return lambda _request: outcomes
    if callable(outcomes):
        return outcomes
    if isinstance(outcomes, Iterable) and not isinstance(outcomes, str | bytes):
        following: Iterator[Outcome] = iter(outcomes)
        return lambda _request: next(following)
    raise SimulationError(
        f"outcomes are {type(outcomes).__name__}; give an outcome such as Answer(200), several in "
        "a list, or a function of the request"
    )
