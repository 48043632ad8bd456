"""``localhost`` is this machine and no other (RFC 6761, section 6.3)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

LOCALHOST = "localhost"


def loopback_only(addresses: Iterable[str]) -> list[str]:
    """Those of the addresses that ``localhost`` resolved to which are loopback, each once.

    Raises:
        OSError: there is none, so the token would leave this machine in the clear.
    """
    local = [address for address in addresses if ipaddress.ip_address(address).is_loopback]
    if not local:
        raise OSError(None, "localhost does not resolve to a loopback address")
    return list(dict.fromkeys(local))
