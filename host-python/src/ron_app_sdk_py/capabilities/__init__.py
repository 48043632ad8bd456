"""Capabilities: clients that may do less than their parent, and the tokens of ron-auth.

Everything is loaded when it is first used. ``docs/capabilities.md`` is for users.
"""

from __future__ import annotations

from .._lazy import exports

TYPE_CHECKING = False

if TYPE_CHECKING:
    from .capability import Capability
    from .caveats import (
        Amnesia,
        Aud,
        BytesLe,
        Caveat,
        Custom,
        Exp,
        GovPolicyDigest,
        IpCidr,
        Method,
        Nbf,
        PathPrefix,
        Rate,
        Scope,
        Tenant,
        Unknown,
    )
    from .token import CapabilityToken, Verdict

_MODULES = {
    "capability": ("Capability",),
    "caveats": (
        "Amnesia",
        "Aud",
        "BytesLe",
        "Caveat",
        "Custom",
        "Exp",
        "GovPolicyDigest",
        "IpCidr",
        "Method",
        "Nbf",
        "PathPrefix",
        "Rate",
        "Scope",
        "Tenant",
        "Unknown",
    ),
    "token": ("CapabilityToken", "Verdict"),
}
# `__all__` names the same once more, because type checkers read it as it is written.

__all__ = [
    "Amnesia",
    "Aud",
    "BytesLe",
    "Capability",
    "CapabilityToken",
    "Caveat",
    "Custom",
    "Exp",
    "GovPolicyDigest",
    "IpCidr",
    "Method",
    "Nbf",
    "PathPrefix",
    "Rate",
    "Scope",
    "Tenant",
    "Unknown",
    "Verdict",
]


__getattr__ = exports(__name__, _MODULES)


def __dir__() -> list[str]:
    return sorted(__all__)
