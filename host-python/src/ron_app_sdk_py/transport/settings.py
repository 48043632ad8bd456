"""From a configuration to what all transports of a client share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..debug import DEBUG
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
    faults = _pq_mode_faults(config.tls_pq_mode)
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


def dangers(settings: TransportSettings) -> list[str]:
    """What of these settings lets others read the token, as sentences."""
    context = settings.ssl_context
    found = []
    if context is not None and not context.check_hostname:
        found.append(
            "tls_verify is False: anybody on the way can read the token; trust an authority with "
            "tls_ca instead"
        )
    if context is not None and context.keylog_filename is not None:
        found.append(
            f"{DEBUG} and SSLKEYLOGFILE are set: the keys of TLS go to "
            f"{str(context.keylog_filename)!r}, and who can read it can read the token; unset them "
            "when the fault is found"
        )
    return found


def _pq_mode_faults(mode: object) -> list[str]:
    match mode:
        case "off":
            return []
        case "hybrid":
            return [
                "tls_pq_mode is 'hybrid', which is reserved: the ssl module of Python 3.11 can "
                "neither set nor read the groups of the key exchange, so nobody could tell whether "
                "it was hybrid; give 'off'"
            ]
        case str():
            return [f"tls_pq_mode is {mode!a:.60}; give 'off'"]
    return [f"tls_pq_mode is {type(mode).__name__}; give 'off'"]
