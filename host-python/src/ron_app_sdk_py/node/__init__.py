"""The node behind the base URL: what is there beside the app plane.

::

    node, sync → kv, admin, facets → profile → answers
               → health, readiness, version → answers

``segments`` checks what becomes one segment of a path.
"""

from __future__ import annotations

from .._lazy import exports

# What type checkers take for true, without importing `typing`.
TYPE_CHECKING = False

if TYPE_CHECKING:
    from .admin import NodeAdmin, NodeAdminSync
    from .facets import NodeFacet, NodeFacetRoute
    from .health import NodeHealth
    from .kv import NodeKv, NodeKvSync
    from .node import Node
    from .profile import NodePlane, NodeProfile
    from .readiness import NodeReadiness
    from .sync import NodeSync
    from .version import (
        PROTO_VERSION,
        PROTOCOL_VERSION,
        SUPPORTED_NODES,
        NodeVersion,
        RonVersionWarning,
    )

_MODULES = {
    "admin": ("NodeAdmin", "NodeAdminSync"),
    "facets": ("NodeFacet", "NodeFacetRoute"),
    "health": ("NodeHealth",),
    "kv": ("NodeKv", "NodeKvSync"),
    "node": ("Node",),
    "profile": ("NodePlane", "NodeProfile"),
    "readiness": ("NodeReadiness",),
    "sync": ("NodeSync",),
    "version": (
        "PROTOCOL_VERSION",
        "PROTO_VERSION",
        "SUPPORTED_NODES",
        "NodeVersion",
        "RonVersionWarning",
    ),
}

__all__ = [
    "PROTOCOL_VERSION",
    "PROTO_VERSION",
    "SUPPORTED_NODES",
    "Node",
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
    "NodeSync",
    "NodeVersion",
    "RonVersionWarning",
]

__getattr__ = exports(__name__, _MODULES)
