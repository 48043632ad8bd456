"""The proxy that a client was told to use. None is ever read from the environment."""

from __future__ import annotations

import base64
import ipaddress
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

_EXAMPLE = "give http://host:port or http://user:password@host:port"


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy: https targets are reached by CONNECT (RFC 9110, section 9.3.6), http targets
    by requests in absolute form (RFC 9112, section 3.2.2).

    Attributes:
        host: its name or address, without brackets.
        port: its port.
        authorization: the value of ``Proxy-Authorization``, or None.
    """

    host: str
    port: int
    authorization: str | None = field(default=None, repr=False)

    @property
    def authority(self) -> str:
        """Host and port."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """The password, and the credentials that it is part of."""
        if self.authorization is None:
            return ()
        encoded = self.authorization.removeprefix("Basic ")
        return base64.b64decode(encoded).decode().partition(":")[2], encoded

    @property
    def is_local(self) -> bool:
        """Whether it runs on this machine as written."""
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def parse_proxy(url: object) -> Proxy:
    """The proxy that a URL names. User name and password may be percent-encoded.

    Raises:
        ValueError: it names none. The text never repeats the URL, which may hold a password.
    """
    if not isinstance(url, str):
        raise ValueError(f"proxy is {type(url).__name__}; {_EXAMPLE}")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise ValueError(f"proxy is no URL, or its port is no number; {_EXAMPLE}") from None
    if parts.scheme != "http":
        raise ValueError(f"proxy is not an http URL, and other proxies can't be used; {_EXAMPLE}")
    # `urlsplit` drops tabs and line ends unasked.
    if not host or not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError(f"proxy names no host, or holds odd characters; {_EXAMPLE}")
    if parts.path not in ("", "/") or parts.query or parts.fragment:
        raise ValueError(f"proxy has a path, query or fragment; {_EXAMPLE}")
    return Proxy(host, 80 if port is None else port, _authorization(parts.username, parts.password))


def proxy_secrets(url: str) -> tuple[str, ...]:
    """What texts must not show of a proxy's URL; nothing if it is none."""
    try:
        return parse_proxy(url).secrets
    except ValueError:
        return ()


def _authorization(username: str | None, password: str | None) -> str | None:
    """The ``Basic`` credentials (RFC 7617)."""
    if username is None:
        return None
    user = unquote(username)
    if ":" in user:
        raise ValueError("proxy has a user name with a colon, which Basic credentials can't hold")
    pair = f"{user}:{unquote(password or '')}"
    return "Basic " + base64.b64encode(pair.encode()).decode("ascii")
