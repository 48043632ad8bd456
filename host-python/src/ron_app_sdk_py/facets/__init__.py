"""Facets: what a micronode mounts below ``/facets``. ``manifest`` has their manifests.

Everything is loaded when it is first used. ``docs/facets.md`` is for users.
"""

from __future__ import annotations

from .._lazy import exports

TYPE_CHECKING = False

if TYPE_CHECKING:
    from .finding import Finding
    from .manifest import (
        FacetManifest,
        Integrity,
        Limits,
        Meta,
        Route,
        Security,
        Upstream,
        check_manifest,
    )

_MODULES = {
    "finding": ("Finding",),
    "manifest": (
        "FacetManifest",
        "Integrity",
        "Limits",
        "Meta",
        "Route",
        "Security",
        "Upstream",
        "check_manifest",
    ),
}
# `__all__` names the same once more, because type checkers read it as it is written.

__all__ = [
    "FacetManifest",
    "Finding",
    "Integrity",
    "Limits",
    "Meta",
    "Route",
    "Security",
    "Upstream",
    "check_manifest",
]


__getattr__ = exports(__name__, _MODULES)


def __dir__() -> list[str]:
    return sorted(__all__)
