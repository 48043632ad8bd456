"""Performs a case, and looks at everything that it may have touched."""

from __future__ import annotations

import time
from dataclasses import dataclass

from faultproxies import Route, before
from ron_app_sdk_py import Response
from ron_app_sdk_py.testing.faultproxy.client import Toxiproxy

from .cases import Case
from .clients import CLIENTS, Opened
from .counting import Arrival, CountingServer
from .leaks import Possessions
from .requests import CALLS

_PLAIN = CALLS[0]
_PLAIN_SECONDS = 30.0


@dataclass(frozen=True)
class Observation:
    """What a case came to.

    Attributes:
        case: the case.
        response: the answer, or None.
        error: what was raised instead, or None.
        seconds: how long the call took.
        arrivals: the requests that it made at the server.
        effects: the keys of what it did there.
        later: what a call raised once the fault was gone, or None.
        left: what the client held of calls before it was closed, by its name.
        leaked: what the process has more than before.
    """

    case: Case
    response: Response | None
    error: Exception | None
    seconds: float
    arrivals: list[Arrival]
    effects: list[str | None]
    later: Exception | None
    left: dict[str, int]
    leaked: list[str]


async def observe(case: Case, toxiproxy: Toxiproxy) -> Observation:
    """Performs a case."""
    possessions = Possessions.now()
    server = CountingServer()
    async with before(toxiproxy, server.handler, f"chaos-{case.number}") as proxy:
        url = f"http://{proxy.host}:{proxy.port}"
        async with CLIENTS[case.client](url, case.transport) as opened:
            others = set()
            if case.kept:
                others.add((await opened.perform(_PLAIN, _PLAIN_SECONDS)).request_id)
            await _break(case, proxy)
            started = time.monotonic()
            response, error = await _outcome(case, opened)
            seconds = time.monotonic() - started
            await _mend(case, proxy)
            later = None
            try:
                others.add((await opened.perform(_PLAIN, _PLAIN_SECONDS)).request_id)
            except Exception as failure:
                later = failure
            left = opened.left
    # What the proxy held back may have arrived after the call.
    arrivals = [arrival for arrival in server.arrivals if arrival.request_id not in others]
    leaked = await possessions.leaked()
    return Observation(
        case, response, error, seconds, arrivals, server.effects, later, left, leaked
    )


async def _outcome(case: Case, opened: Opened) -> tuple[Response | None, Exception | None]:
    try:
        return await opened.perform(case.call, case.fault.timeout), None
    except Exception as error:
        return None, error


async def _break(case: Case, proxy: Route) -> None:
    fault = case.fault
    if fault.disables:
        await proxy.client.change(proxy.name, enabled=False)
    if fault.toxic is not None:
        await proxy.add(fault.toxic, fault.stream, fault.toxicity)


async def _mend(case: Case, proxy: Route) -> None:
    if case.fault.disables:
        await proxy.client.change(proxy.name, enabled=True)
    for toxic in await proxy.client.toxics(proxy.name):
        await proxy.client.remove(proxy.name, toxic.name)
