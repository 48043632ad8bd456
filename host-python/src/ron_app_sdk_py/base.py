"""What both clients share: a configuration, and the root session of a component."""

from __future__ import annotations

import dataclasses
import warnings
from typing import Any

from ._version import USER_AGENT
from .calls import Calls
from .config import ClientConfig
from .errors import RonConfigError, RonSecurityWarning
from .transport.choice import transport_factory
from .transport.protocol import TransportFactory
from .transport.settings import transport_settings


class RootClient:
    """Opens the root session.

    Args:
        base_url: the gateway; by default the environment's, else ``http://127.0.0.1:8080``.
        token: the credential; by default ``RON_APP_TOKEN``.
        timeout: seconds for a whole call; default 10.
        allow_insecure_http: allow plain http to other machines.
        config: a whole configuration instead of the environment; the arguments above win over it.
        transport: ``aiohttp``, ``httpx2`` (an extra), or what makes the transport of an event loop.

    Raises:
        RonConfigError: the configuration is no good.
        RonSandboxError: the component can't be loaded.
    """

    def __init__(
        self,
        base_url: str | None = None,
        *,
        token: str | None = None,
        timeout: float | None = None,
        allow_insecure_http: bool | None = None,
        config: ClientConfig | None = None,
        transport: str | TransportFactory = "aiohttp",
    ) -> None:
        self._config = _resolved(
            config,
            base_url=base_url,
            token=token,
            timeout=timeout,
            allow_insecure_http=allow_insecure_http,
        )
        settings = self._config.settings(USER_AGENT)
        for_transports, faults = transport_settings(self._config)
        factory, more = transport_factory(transport)
        if factory is None or faults or more:
            raise RonConfigError("; ".join(faults + more), code="invalid_config")
        context = for_transports.ssl_context
        if context is not None and not context.check_hostname:
            warnings.warn(
                "tls_verify is False: anybody on the way can read the token; trust an authority "
                "with tls_ca instead",
                RonSecurityWarning,
                stacklevel=2,
            )
        self._calls = Calls(
            factory,
            for_transports,
            max_response_bytes=self._config.max_response_bytes,
        )
        self._session = self._calls.open(settings)
        self._opened()

    def _opened(self) -> None:
        """Called once the root session is open, for what a client has beside it."""

    @property
    def config(self) -> ClientConfig:
        """The configuration in force."""
        return self._config

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._config.base_url!r})"


def _resolved(config: ClientConfig | None, **arguments: Any) -> ClientConfig:
    """The configuration of a constructor's arguments: those given win over ``config``, and that,
    or the environment, over the defaults."""
    if config is None:
        return ClientConfig.from_env(**arguments)
    given = {name: value for name, value in arguments.items() if value is not None}
    return dataclasses.replace(config, **given)
