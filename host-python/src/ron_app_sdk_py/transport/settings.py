"""From a configuration to what all transports of a client share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..secret import revealed
from .protocol import TransportSettings
from .proxy import Proxy, parse_proxy

if TYPE_CHECKING:
    from ..config import ClientConfig


def transport_settings(config: ClientConfig) -> tuple[TransportSettings, list[str]]:
    """The settings of a client's transports.

    Returns:
        The settings and what is wrong with the configuration's fields of TLS and proxy: sentences
        that name field, file and reason, never a password.
    """
    faults: list[str] = []
    secure = isinstance(config.base_url, str) and config.base_url.lower().startswith("https:")
    proxy: Proxy | None = None
    if config.proxy is not None:
        try:
            proxy = parse_proxy(revealed(config.proxy))
        except ValueError as error:
            faults.append(str(error))
    if proxy is not None and not (secure or proxy.is_local or config.allow_insecure_http):
        faults.append(
            "base_url is plain http and the proxy is another machine, so that anybody on the way "
            "can read the token; use https, or set allow_insecure_http=True"
        )
    context = None
    if secure:
        from .tls import tls_context

        context, found = tls_context(
            verify=config.tls_verify,
            ca=config.tls_ca,
            certificate=config.tls_client_certificate,
            key=config.tls_client_key,
            password=revealed(config.tls_client_key_password),
        )
        faults += found
    return TransportSettings(context, proxy), faults
