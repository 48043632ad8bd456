"""Facet manifests as the loader reads them: ``protocol.md`` 6.1."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import Any

_KINDS = ("static", "echo", "proxy")
_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


class ManifestError(ValueError):
    """A manifest that the loader does not take."""


@dataclass(frozen=True, slots=True)
class Route:
    """A route; what a manifest does not say is None."""

    method: str
    """In capitals."""
    path: str
    file: str | None = None
    upstream_path: str | None = None


@dataclass(frozen=True, slots=True)
class Upstream:
    """Where a proxy passes requests on to."""

    scheme: str
    host: str
    port: int
    base_path: str | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """A facet."""

    id: str
    kind: str
    routes: tuple[Route, ...]
    upstream: Upstream | None = None


def read(text: str) -> Manifest:
    """Reads a manifest. What the loader does not know it ignores.

    Raises:
        ManifestError: it is none; names the first fault.
    """
    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ManifestError(f"it is no TOML: {error}") from None
    manifest = _current(table) if "facet" in table else _legacy(table)
    _check(manifest)
    return manifest


def _current(table: dict[str, Any]) -> Manifest:
    facet = _table("facet", table["facet"])
    upstream = table.get("upstream")
    return Manifest(
        _text(facet, "facet.id"),
        _text(facet, "facet.kind"),
        tuple(
            Route(
                _text(route, "route.method").upper(),
                _text(route, "route.path"),
                _optional_text(route, "route.file"),
                _optional_text(route, "route.upstream_path"),
            )
            for route in _tables("route", table.get("route", []))
        ),
        None if upstream is None else _upstream(_table("upstream", upstream)),
    )


def _legacy(table: dict[str, Any]) -> Manifest:
    """The form of earlier versions, in which every route is GET."""
    if "id" not in table:
        raise ManifestError("it has no [facet]")
    return Manifest(
        _text(table, "id"),
        _text(table, "kind"),
        tuple(
            Route("GET", _text(route, "routes.path"), _optional_text(route, "routes.file"))
            for route in _tables("routes", table.get("routes", []))
        ),
    )


def _upstream(table: dict[str, Any]) -> Upstream:
    port = table.get("port")
    if type(port) is not int or not 0 <= port < 65_536:
        raise ManifestError("upstream.port is no port")
    return Upstream(
        _text(table, "upstream.scheme"),
        _text(table, "upstream.host"),
        port,
        _optional_text(table, "upstream.base_path"),
    )


def _check(manifest: Manifest) -> None:
    if not manifest.id.strip():
        raise ManifestError("facet.id must not be empty")
    if manifest.kind not in _KINDS:
        raise ManifestError(f"facet.kind is {manifest.kind!r}, none of {', '.join(_KINDS)}")
    if manifest.kind == "proxy":
        _check_upstream(manifest.upstream)
    for route in manifest.routes:
        if not route.path.startswith("/"):
            raise ManifestError(f"route.path must start with '/': {route.path}")
        if route.method not in _METHODS:
            raise ManifestError(f"route.method is {route.method}, none of {', '.join(_METHODS)}")
        if route.upstream_path is not None and not route.upstream_path.startswith("/"):
            raise ManifestError(f"route.upstream_path must start with '/': {route.upstream_path}")
        if manifest.kind == "static":
            if route.method != "GET":
                raise ManifestError("static routes must be GET")
            if not route.file:
                raise ManifestError("static route requires non-empty 'file'")


def _check_upstream(upstream: Upstream | None) -> None:
    if upstream is None:
        raise ManifestError("proxy facet requires [upstream]")
    if upstream.scheme.strip().lower() not in ("http", "https"):
        raise ManifestError(f"upstream.scheme is {upstream.scheme!r}, neither http nor https")
    if not upstream.host.strip():
        raise ManifestError("upstream.host must not be empty")
    if upstream.port == 0:
        raise ManifestError("upstream.port must be above 0")
    if upstream.base_path and not upstream.base_path.startswith("/"):
        raise ManifestError("upstream.base_path must be empty or start with '/'")


def _table(name: str, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ManifestError(f"{name} is no table")
    return value


def _tables(name: str, value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, list):
        raise ManifestError(f"{name} is no array of tables")
    return [_table(name, item) for item in value]


def _text(table: dict[str, Any], name: str) -> str:
    value = table.get(name.rpartition(".")[2])
    if not isinstance(value, str):
        raise ManifestError(f"{name} is missing or no text")
    return value


def _optional_text(table: dict[str, Any], name: str) -> str | None:
    return None if name.rpartition(".")[2] not in table else _text(table, name)
