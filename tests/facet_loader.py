"""Reads facet manifests by the rules of the node's loader and no others: ``protocol.md`` 6.1.

It is written from that table alone, and shares nothing with what the package reads and writes.
"""

from __future__ import annotations

import tomllib
from typing import Any, NamedTuple

Table = dict[str, Any]


class Refused(Exception):
    """The loader would skip the file."""


class Loaded(NamedTuple):
    """What the node would mount."""

    id: str
    kind: str
    upstream: tuple[str, str, int, str | None] | None
    routes: list[tuple[str, str, str | None, str | None]]


def load(text: str) -> Loaded:
    """What a text says, if the loader takes it."""
    try:
        document = tomllib.loads(text.removeprefix("\ufeff"))
        check_integers(document)
    except ValueError as error:
        raise Refused(str(error)) from None
    try:
        loaded = current(document)
    except Refused:
        loaded = legacy(document)
    validate(loaded)
    return loaded


def current(document: Table) -> Loaded:
    facet = member(document, "facet", dict)
    upstream = optional(document, "upstream", dict)
    address = None
    if upstream is not None:
        port = member(upstream, "port", int)
        if not 0 <= port < 2**16:
            raise Refused("the port is no u16")
        address = (
            member(upstream, "scheme", str),
            member(upstream, "host", str),
            port,
            optional(upstream, "base_path", str),
        )
    routes = [
        (
            member(route, "method", str),
            member(route, "path", str),
            optional(route, "file", str),
            optional(route, "upstream_path", str),
        )
        for route in optional(document, "route", list) or []
    ]
    return Loaded(member(facet, "id", str), kind_of(facet), address, routes)


def legacy(document: Table) -> Loaded:
    routes = [
        ("GET", member(route, "path", str), member(route, "file", str), None)
        for route in member(document, "routes", list)
    ]
    return Loaded(member(document, "id", str), kind_of(document), None, routes)


def validate(loaded: Loaded) -> None:
    check(loaded.id.strip() != "", "a blank id")
    if loaded.kind == "proxy":
        check(loaded.upstream is not None, "proxy facet requires [upstream]")
        assert loaded.upstream is not None
        scheme, host, port, base_path = loaded.upstream
        check(scheme.lower() in ("http", "https"), "the scheme")
        check(host.strip() != "", "a blank host")
        check(port > 0, "port 0")
        check(not base_path or base_path.startswith("/"), "the base path")
    for method, path, file, upstream_path in loaded.routes:
        check(method.upper() in ("GET", "POST", "PUT", "PATCH", "DELETE"), "the method")
        check(path.startswith("/"), "the path")
        if loaded.kind == "static":
            check(method.upper() == "GET", "a static route that is no GET")
            check(bool(file), "a static route without a file")
        check(upstream_path is None or upstream_path.startswith("/"), "the upstream path")


def check_integers(value: Any) -> None:
    """Rust's integers have 64 bits, also where nobody looks at them."""
    if isinstance(value, dict):
        value = [*value.values()]
    if isinstance(value, list):
        for item in value:
            check_integers(item)
    elif isinstance(value, int):
        check(-(2**63) <= value < 2**63, "an integer beyond 64 bits")


def kind_of(table: Table) -> str:
    kind = member(table, "kind", str)
    check(kind in ("static", "echo", "proxy"), "the kind")
    return str(kind)


def member(table: Any, name: str, kind: type) -> Any:
    value = optional(table, name, kind)
    check(value is not None, f"no {name}")
    return value


def optional(table: Any, name: str, kind: type) -> Any:
    check(isinstance(table, dict), "no table")
    value = table.get(name)
    check(value is None or type(value) is kind, f"the type of {name}")
    return value


def check(holds: bool, what: str) -> None:
    if not holds:
        raise Refused(what)
