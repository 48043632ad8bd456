"""Whatever is written, the node's loader takes, and it says the same; where the loader refuses,
there is an error."""

from __future__ import annotations

import base64
import json
import os
import string
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import facet_loader
from ron_app_sdk_py import FacetManifest
from ron_app_sdk_py.facets import (
    Integrity,
    Limits,
    Meta,
    Route,
    Security,
    Upstream,
    check_manifest,
)

pytestmark = pytest.mark.checkout

EXAMPLES = settings(max_examples=int(os.environ.get("EXAMPLES", "150")), deadline=None)

names = st.text(string.ascii_letters + string.digits + "._-", min_size=1, max_size=20)
ids = names.filter(lambda name: name not in (".", ".."))
segments = st.text(string.ascii_letters + string.digits + "-._~!$&'()+,;=@", max_size=8).filter(
    lambda segment: segment not in (".", "..")
)
paths = st.lists(segments, max_size=4).map(lambda parts: "/" + "/".join(parts))
texts = st.text(st.characters(codec="utf-8"), max_size=30)
numbers = st.none() | st.integers(0, 2**63 - 1)
metas = st.none() | st.builds(
    Meta, description=st.none() | texts, owner=st.none() | texts, version=st.none() | texts
)
limits = st.none() | st.builds(Limits, max_rps=numbers, max_concurrency=numbers)
integrities = st.none() | st.sampled_from([("sha256", 32), ("sha384", 48), ("sha512", 64)]).flatmap(
    lambda algo: st.binary(min_size=algo[1], max_size=algo[1]).map(
        lambda digest: Integrity(algo=algo[0], value=base64.b64encode(digest).decode())
    )
)
files = st.lists(
    st.text(st.characters(codec="utf-8", categories=("L", "N", "Zs", "S")), min_size=1, max_size=8),
    min_size=1,
    max_size=3,
).map(lambda parts: "site/" + "/".join(parts))
upstreams = st.builds(
    Upstream,
    scheme=st.sampled_from(["http", "https"]),
    host=st.from_regex(r"[a-z0-9]([a-z0-9-]{0,8}[a-z0-9])?(\.[a-z]{1,6}){0,2}", fullmatch=True)
    | st.ip_addresses().map(lambda ip: f"[{ip}]" if ip.version == 6 else str(ip)),
    port=st.integers(1, 65535),
    base_path=st.none() | st.just("") | paths,
)
securities = st.builds(Security, public=st.booleans(), requires_auth=st.booleans())


def routes(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Route]]:
    route = st.builds(Route, path=paths, integrity=integrities, **fields)
    return st.lists(route, max_size=5, unique_by=lambda route: (route.method, route.path))


methods = st.sampled_from(["GET", "POST", "PUT", "PATCH", "DELETE"])
parts = {"id": ids, "security": securities, "limits": limits, "meta": metas}
manifests = st.one_of(
    st.builds(FacetManifest, kind=st.just("echo"), routes=routes(method=methods), **parts),
    st.builds(
        FacetManifest,
        kind=st.just("static"),
        routes=routes(method=st.just("GET"), file=files),
        **parts,
    ),
    st.builds(
        FacetManifest,
        kind=st.just("proxy"),
        upstream=upstreams,
        routes=routes(method=methods, upstream_path=st.none() | paths),
        **parts,
    ),
)


@EXAMPLES
@given(manifests)
def test_what_is_written_the_loader_takes_and_it_says_the_same(manifest: FacetManifest) -> None:
    text = manifest.to_toml()
    loaded = facet_loader.load(text)
    up = manifest.upstream
    assert loaded == facet_loader.Loaded(
        manifest.id,
        manifest.kind,
        None if up is None else (up.scheme, up.host, up.port, up.base_path),
        [(route.method, route.path, route.file, route.upstream_path) for route in manifest.routes],
    )
    assert FacetManifest.from_toml(text) == manifest
    assert FacetManifest.from_toml(text).to_toml() == text


# Values that a field may have, near misses, and other types.
ODD: dict[str, list[Any]] = {
    "id": ["a", "a.b-c_D9", "", " ", "..", "a/b", "é", 1, None],
    "kind": ["static", "echo", "proxy", "proxy", "Proxy", "", [], None],
    "scheme": ["http", "HTTPS", "ftp", "", 1, None],
    "host": ["x.example", "[::1]", "::1", "*", "", " ", "a@b", "a:1", True, None],
    "port": [1, 65535, 0, 65536, -1, 2**63 - 1, 2**63, "80", 80.0, True, None],
    "base_path": ["", "/x", "x", "/..", 1, None, None],
    "method": ["GET", "get", "POST", "DELETE", "HEAD", "", 1, None],
    "path": ["/", "/a", "/*tail", "/*t/a", "/:x", "/:", "a", "", "/a b", "/../a", 1, None],
    "file": ["a.txt", "site/a", "/a", "../a", "", " ", "a/", "a\\b", 1, None],
    "upstream_path": ["/", "/a", "a", "", "/..", 1, None, None, None],
    "public": [True, False, "no", None],
    "max_rps": [0, 1, -1, "1", None],
    "version": ["1", 1, None],
    "algo": ["sha256", "md5", 1, None],
    "value": ["A" * 43 + "=", "", 1, None],
}


def odd(*keys: str) -> st.SearchStrategy[Any]:
    table = st.fixed_dictionaries({key: st.sampled_from(ODD[key]) for key in keys})
    other: st.SearchStrategy[Any] = st.sampled_from([1, "x", [], None])
    return st.integers(0, 12).flatmap(lambda n: other if n == 0 else table)


odd_routes = odd("method", "path", "file", "upstream_path").flatmap(
    lambda route: (
        st.just(route)
        if not isinstance(route, dict)
        else st.one_of(
            st.just(route),
            odd("algo", "value").map(lambda integrity: {**route, "integrity": integrity}),
        )
    )
)
odd_facets = st.builds(
    lambda facet, *tables: (
        {**facet, **dict(zip(("security", "limits", "meta", "upstream"), tables, strict=True))}
        if isinstance(facet, dict)
        else facet
    ),
    odd("id", "kind"),
    st.none() | odd("public"),
    st.none() | odd("max_rps"),
    st.none() | odd("version"),
    st.none() | odd("host"),
)
documents = st.one_of(
    st.fixed_dictionaries(
        {
            "facet": odd_facets,
            "upstream": odd("scheme", "host", "port", "base_path"),
            "route": st.none() | st.lists(odd_routes, max_size=3) | st.just("x"),
        }
    ),
    st.fixed_dictionaries(
        {
            "id": st.sampled_from(ODD["id"]),
            "kind": st.sampled_from(ODD["kind"]),
            "routes": st.none() | st.lists(odd("path", "file"), max_size=3),
        }
    ),
)


def as_toml(value: Any) -> str:
    """A value as TOML has it within a line."""
    match value:
        case dict():
            members = (f"{key} = {as_toml(v)}" for key, v in value.items() if v is not None)
            return "{ " + ", ".join(members) + " }"
        case list():
            return "[" + ", ".join(as_toml(item) for item in value if item is not None) + "]"
        case _:
            return json.dumps(value, ensure_ascii=False)


STRICTER = (
    "which is hazardous in the node's routes",
    "which paths resolve away",
    "has a dot segment",
    "percent-encode it",
    "only the path of a proxy may end in one",
    "without a name",
    "has the method and path of",
    "is absolute",
    "leads up with",
    "holds a backslash",
    "is a folder",
    "is empty; name the file",
    "would be an open proxy",
    "an open proxy;",
    "no place for a user name",
    "without brackets",
    "the port has its own field",
)
"""What the loader takes and is refused all the same, but for what the node ignores."""

IGNORED = ("facet.security", "facet.limits", "facet.meta", "integrity")


@settings(EXAMPLES, max_examples=EXAMPLES.max_examples * 4)
@given(documents)
def test_there_is_an_error_where_the_loader_refuses_and_elsewhere_only_where_we_are_stricter(
    document: dict[str, Any],
) -> None:
    text = "".join(
        f"{key} = {as_toml(value)}\n" for key, value in document.items() if value is not None
    )
    errors = [finding for finding in check_manifest(text) if finding.severity == "error"]
    try:
        loaded = facet_loader.load(text)
    except facet_loader.Refused:
        assert errors
        return
    for error in errors:
        ignored = any(name in error.field for name in IGNORED)
        # The loader looks at the values of an upstream only where it is used.
        ignored |= error.field.startswith("upstream.") and loaded.kind != "proxy"
        assert ignored or any(words in error.message for words in STRICTER), (text, error)
    if not errors:
        manifest = FacetManifest.from_toml(text)
        assert (manifest.id, manifest.kind) == (loaded.id, loaded.kind)
        assert [(route.method, route.path, route.file) for route in manifest.routes] == [
            (method.upper(), path, file) for method, path, file, _ in loaded.routes
        ]


@EXAMPLES
@given(st.text(max_size=200) | st.binary(max_size=200))
def test_no_text_at_all_raises_anything(text: str | bytes) -> None:
    check_manifest(text)


@EXAMPLES
@given(documents, st.data())
def test_an_error_s_line_is_where_the_field_is(
    document: dict[str, Any], data: st.DataObject
) -> None:
    """Each value stands on a line of its own, with comments and blank lines between."""
    lines: list[str] = []
    where: dict[str, int] = {}
    for key, value in document.items():
        if value is None:
            continue
        lines += data.draw(st.lists(st.sampled_from(["", "# [facet]", "   "]), max_size=3))
        where[key] = len(lines) + 1
        lines.append(f"{key} = {as_toml(value)}")
    text = "\n".join(lines) + data.draw(st.sampled_from(["", "\n", "\n\n# end"]))
    for finding in check_manifest(text):
        top = finding.field.split(".")[0].split("[")[0]
        assert finding.line == where.get(top) or (top == "" and "TOML" in finding.message)
