"""Client of the RON-CORE app plane whose logic is one sandboxed WebAssembly component.

>>> async with RonClient("https://gateway.example", token="…") as client:
...     await client.get("/hello")

Everything is loaded when it is first used, so importing this package costs next to nothing.
"""

from __future__ import annotations

from ._lazy import exports
from ._version import __version__

# What type checkers take for true. To import it from `typing` would take 10 ms, most of the time
# that it takes to import this package.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from .calls.metrics import CallRecord, Metrics
    from .capabilities import Capability, CapabilityToken
    from .client import RonClient, iter_pages
    from .config import ClientConfig
    from .credentials import AccessToken, TokenProvider
    from .engine.cache import RonCacheWarning
    from .errors import (
        RonAmnesiaWarning,
        RonAuthError,
        RonBufferingWarning,
        RonBusyLoopWarning,
        RonCapabilityError,
        RonClosedError,
        RonConfigError,
        RonConnectError,
        RonCredentialError,
        RonDnsError,
        RonError,
        RonManifestError,
        RonNetworkError,
        RonOverloadError,
        RonParseError,
        RonProblem,
        RonProblemError,
        RonRequestError,
        RonSandboxError,
        RonSecurityWarning,
        RonStreamError,
        RonTimeoutError,
        RonTlsError,
        RonTooLargeError,
    )
    from .events import Event, StreamCounters
    from .facets.client import Facet, FacetSync
    from .facets.manifest import FacetManifest
    from .headers import Headers
    from .idempotency import IdempotencyKey
    from .middleware import Attempt, Middleware
    from .node import (
        PROTO_VERSION,
        PROTOCOL_VERSION,
        NodeAdmin,
        NodeAdminSync,
        NodeFacet,
        NodeFacetRoute,
        NodeHealth,
        NodeKv,
        NodeKvSync,
        NodePlane,
        NodeProfile,
        NodeReadiness,
        NodeVersion,
        RonVersionWarning,
    )
    from .page import Page, Resume
    from .pagination import PageIterator, Pages
    from .pagination_sync import PageIteratorSync, PagesSync
    from .problem import Problem
    from .request import Request
    from .response import Response
    from .secret import Secret
    from .subscription import Subscription
    from .subscription_sync import SubscriptionSync
    from .sync import RonClientSync
    from .timeline import AttemptRecord, Timeline

_MODULES = {
    "capabilities.capability": ("Capability",),
    "capabilities.token": ("CapabilityToken",),
    "client": ("RonClient", "iter_pages"),
    "config": ("ClientConfig",),
    "credentials": ("AccessToken", "TokenProvider"),
    "engine.cache": ("RonCacheWarning",),
    "errors": (
        "RonAmnesiaWarning",
        "RonAuthError",
        "RonBufferingWarning",
        "RonBusyLoopWarning",
        "RonCapabilityError",
        "RonClosedError",
        "RonConfigError",
        "RonConnectError",
        "RonCredentialError",
        "RonDnsError",
        "RonError",
        "RonManifestError",
        "RonNetworkError",
        "RonOverloadError",
        "RonParseError",
        "RonProblem",
        "RonProblemError",
        "RonRequestError",
        "RonSandboxError",
        "RonSecurityWarning",
        "RonStreamError",
        "RonTimeoutError",
        "RonTlsError",
        "RonTooLargeError",
    ),
    "events": ("Event", "StreamCounters"),
    "facets.manifest": ("FacetManifest",),
    "facets.client": ("Facet", "FacetSync"),
    "headers": ("Headers",),
    "idempotency": ("IdempotencyKey",),
    "page": ("Page", "Resume"),
    "pagination": ("PageIterator", "Pages"),
    "pagination_sync": ("PageIteratorSync", "PagesSync"),
    "problem": ("Problem",),
    "calls.metrics": (
        "CallRecord",
        "Metrics",
    ),
    "middleware": (
        "Attempt",
        "Middleware",
    ),
    "node": (
        "PROTOCOL_VERSION",
        "PROTO_VERSION",
        "NodeAdmin",
        "NodeAdminSync",
        "NodeFacet",
        "NodeFacetRoute",
        "NodeHealth",
        "NodeKv",
        "NodeKvSync",
        "NodePlane",
        "NodeProfile",
        "NodeReadiness",
        "NodeVersion",
        "RonVersionWarning",
    ),
    "request": ("Request",),
    "response": ("Response",),
    "secret": ("Secret",),
    "subscription": ("Subscription",),
    "subscription_sync": ("SubscriptionSync",),
    "sync": ("RonClientSync",),
    "timeline": (
        "AttemptRecord",
        "Timeline",
    ),
}
# `__all__` names the same once more, because type checkers read it as it is written.

__all__ = [
    "PROTOCOL_VERSION",
    "PROTO_VERSION",
    "AccessToken",
    "Attempt",
    "AttemptRecord",
    "CallRecord",
    "Capability",
    "CapabilityToken",
    "ClientConfig",
    "Event",
    "Facet",
    "FacetManifest",
    "FacetSync",
    "Headers",
    "IdempotencyKey",
    "Metrics",
    "Middleware",
    "NodeAdmin",
    "NodeAdminSync",
    "NodeFacet",
    "NodeFacetRoute",
    "NodeHealth",
    "NodeKv",
    "NodeKvSync",
    "NodePlane",
    "NodeProfile",
    "NodeReadiness",
    "NodeVersion",
    "Page",
    "PageIterator",
    "PageIteratorSync",
    "Pages",
    "PagesSync",
    "Problem",
    "Request",
    "Response",
    "Resume",
    "RonAmnesiaWarning",
    "RonAuthError",
    "RonBufferingWarning",
    "RonBusyLoopWarning",
    "RonCacheWarning",
    "RonCapabilityError",
    "RonClient",
    "RonClientSync",
    "RonClosedError",
    "RonConfigError",
    "RonConnectError",
    "RonCredentialError",
    "RonDnsError",
    "RonError",
    "RonManifestError",
    "RonNetworkError",
    "RonOverloadError",
    "RonParseError",
    "RonProblem",
    "RonProblemError",
    "RonRequestError",
    "RonSandboxError",
    "RonSecurityWarning",
    "RonStreamError",
    "RonTimeoutError",
    "RonTlsError",
    "RonTooLargeError",
    "RonVersionWarning",
    "Secret",
    "StreamCounters",
    "Subscription",
    "SubscriptionSync",
    "Timeline",
    "TokenProvider",
    "__version__",
    "iter_pages",
]


__getattr__ = exports(__name__, _MODULES)


def __dir__() -> list[str]:
    return sorted(__all__)
