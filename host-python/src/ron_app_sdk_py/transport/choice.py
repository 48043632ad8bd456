"""Which transport a client uses."""

from __future__ import annotations

from ..errors import RonConfigError
from .protocol import Transport, TransportFactory, TransportSettings


def transport_factory(
    transport: str | TransportFactory,
) -> tuple[TransportFactory, list[str]]:
    """The factory that a name stands for, or the one given. The library is imported here, so that
    a missing one is known when a client is made.

    Returns:
        The factory and what is wrong with the choice.
    """
    match transport:
        case "aiohttp":
            from .aiohttp_ import AiohttpTransport

            return AiohttpTransport, []
        case "httpx2":
            try:
                from .httpx2_ import Httpx2Transport
            except ModuleNotFoundError as error:
                return _no_transport, [missing_httpx2("transport is 'httpx2'", error)]
            return Httpx2Transport, []
        case str():
            fault = f"transport is {transport!r:.60}; give 'aiohttp', 'httpx2' or a factory"
            return _no_transport, [fault]
    if callable(transport):
        return transport, []
    return _no_transport, [
        f"transport is {type(transport).__name__}; give 'aiohttp', 'httpx2' or a factory, such as "
        "httpx2_transport(client)"
    ]


def _no_transport(_settings: TransportSettings) -> Transport:
    raise RonConfigError("the choice of transport was refused", code="invalid_config")


def missing_httpx2(what: str, error: ModuleNotFoundError) -> str:
    """The fault of an environment without the extra."""
    return f"{what}, which needs {error.name}; install it with pip install 'ron-app-sdk-py[httpx2]'"
