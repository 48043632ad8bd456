"""Facet manifests: what the schema, the model and the component say of their shape is the same."""

from __future__ import annotations

import copy
import json
from dataclasses import fields, is_dataclass
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import schemas
from ron_app_sdk_py import FacetManifest
from ron_app_sdk_py.facets import Integrity, Limits, Meta, Route, Security, Upstream
from ron_app_sdk_py.facets.checking import check_document
from shared_vectors import read as read_vectors

SCHEMA = schemas.read("facet-manifest")

FACET = {"id": "docs", "kind": "proxy"}
UPSTREAM = {"scheme": "http", "host": "127.0.0.1", "port": 9000}
ROUTE = {"method": "GET", "path": "/a", "upstream_path": "/b"}
INTEGRITY = {"algo": "sha256", "value": "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="}
WHOLE: dict[str, Any] = {
    "facet": {
        **FACET,
        "security": {"public": False, "requires_auth": True},
        "meta": {"description": "d", "owner": "o", "version": "1"},
        "limits": {"max_rps": 1, "max_concurrency": 2},
    },
    "upstream": {**UPSTREAM, "base_path": "/x"},
    "route": [ROUTE],
}


def model_of(instance: dict[str, Any]) -> FacetManifest:
    facet = instance["facet"]

    def made(cls: Any, table: dict[str, Any] | None) -> Any:
        return None if table is None else cls(**table)

    return FacetManifest(
        id=facet["id"],
        kind=facet["kind"],
        routes=[
            Route(**{**route, "integrity": made(Integrity, route.get("integrity"))})
            for route in instance.get("route", [])
        ],
        upstream=made(Upstream, instance.get("upstream")),
        security=Security(**facet.get("security", {})),
        limits=made(Limits, facet.get("limits")),
        meta=made(Meta, facet.get("meta")),
    )


def instance_of(manifest: FacetManifest) -> dict[str, Any]:
    """The JSON form: names and nesting of the TOML text, without what is None."""

    def plain(value: Any) -> Any:
        if is_dataclass(value):
            members = {field.name: getattr(value, field.name) for field in fields(value)}
            return {name: plain(one) for name, one in members.items() if one is not None}
        return value

    facet = {name: getattr(manifest, name) for name in ("id", "kind", "security", "limits", "meta")}
    tables = {
        "facet": {name: plain(one) for name, one in facet.items() if one is not None},
        "upstream": plain(manifest.upstream),
        "route": [plain(route) for route in manifest.routes],
    }
    return {name: table for name, table in tables.items() if table is not None}


@given(schemas.instances(SCHEMA))
def test_a_manifest_of_the_schema_survives_the_model(instance: dict[str, Any]) -> None:
    schemas.validator(SCHEMA).validate(instance)
    manifest = model_of(json.loads(json.dumps(instance)))
    expected = copy.deepcopy({"route": [], **instance})
    security = expected["facet"].get("security", {})
    expected["facet"]["security"] = {"public": False, "requires_auth": True, **security}
    assert instance_of(manifest) == expected
    assert model_of(instance_of(manifest)) == manifest


NAME = st.text("abcXYZ019._-", min_size=1, max_size=10).filter(lambda text: text.strip("."))
PATHS = st.lists(st.text("abc019", min_size=1, max_size=4), min_size=1, max_size=3).map(
    lambda parts: "/" + "/".join(parts)
)
LABEL = st.none() | st.text("abc é", max_size=10)


@st.composite
def manifests(draw: st.DrawFn) -> FacetManifest:
    """Manifests as a caller of the model may make them: most of them are good."""
    kind = draw(st.sampled_from(["static", "echo", "proxy"]))
    methods = ["GET"] if kind == "static" else ["GET", "POST"]
    route = st.builds(
        Route,
        method=st.sampled_from(methods),
        path=PATHS,
        file=st.text("ab", min_size=1, max_size=4) if kind == "static" else st.none(),
        upstream_path=st.none() | PATHS if kind == "proxy" else st.none(),
    )
    upstream = st.builds(
        Upstream,
        scheme=st.sampled_from(["http", "https"]),
        host=st.sampled_from(["localhost", "127.0.0.1", "[::1]", "app.example"]),
        port=st.integers(1, 65_535),
        base_path=st.none() | PATHS,
    )
    return FacetManifest(
        id=draw(NAME),
        kind=kind,
        routes=draw(st.lists(route, max_size=3)),
        upstream=draw(upstream) if kind == "proxy" else None,
        limits=draw(st.none() | st.builds(Limits, max_rps=st.none() | st.integers(1, 2**63 - 1))),
        meta=draw(st.none() | st.builds(Meta, description=LABEL, owner=LABEL, version=LABEL)),
    )


@settings(deadline=None)
@given(manifests())
def test_a_manifest_that_the_component_writes_is_one_of_the_schema(
    manifest: FacetManifest,
) -> None:
    assume(all(finding.severity != "error" for finding in manifest.findings()))
    schemas.validator(SCHEMA).validate(instance_of(manifest))
    read = FacetManifest.from_toml(manifest.to_toml())
    schemas.validator(SCHEMA).validate(instance_of(read))


def test_every_manifest_that_the_vectors_accept_is_one_of_the_schema() -> None:
    cases = read_vectors("manifests.json")["accepted"]
    assert len(cases) > 10
    for case in cases:
        manifest = FacetManifest.from_toml(case["toml"])
        schemas.validator(SCHEMA).validate(instance_of(manifest))


def broken() -> list[tuple[str, dict[str, Any]]]:
    """The whole manifest with one member wrong at a time, by the place of the member."""
    wrong: dict[tuple[str | int, ...], list[Any]] = {
        ("facet",): [3, []],
        ("facet", "id"): ["", ".", "..", "a/b", "é", "a b", 3],
        ("facet", "kind"): ["Static", "web", "", 3],
        ("facet", "security", "public"): ["no", 1],
        ("facet", "security", "requires_auth"): ["no", 1],
        ("facet", "meta", "description"): [3],
        ("facet", "meta", "owner"): [3],
        ("facet", "meta", "version"): [3],
        ("facet", "limits", "max_rps"): ["3", -1, 2**63],
        ("facet", "limits", "max_concurrency"): ["3", -1, 2**63],
        ("upstream", "scheme"): ["ftp", 3],
        ("upstream", "host"): ["", 3],
        ("upstream", "port"): [0, 65_536, "80"],
        ("upstream", "base_path"): ["x", 3],
        ("route",): [3, {}],
        ("route", 0, "method"): ["HEAD", "FETCH", 3],
        ("route", 0, "path"): ["a", "", 3],
        ("route", 0, "file"): [3],
        ("route", 0, "upstream_path"): ["b", 3],
        ("route", 0, "integrity", "algo"): ["md5", 3],
        ("route", 0, "integrity", "value"): ["é", 3],
    }
    cases = []
    for place, values in wrong.items():
        for value in values:
            instance = copy.deepcopy(WHOLE)
            if "integrity" in place:
                instance["route"][0]["integrity"] = dict(INTEGRITY)
            table: Any = instance
            for name in place[:-1]:
                table = table[name]
            table[place[-1]] = value
            cases.append((".".join(map(str, place)), instance))
    return cases


def test_the_manifest_that_is_broken_is_whole_otherwise() -> None:
    schemas.validator(SCHEMA).validate(WHOLE)
    assert [
        finding for finding in check_document(WHOLE, None).findings if finding.severity == "error"
    ] == []


@pytest.mark.parametrize(("place", "instance"), broken())
def test_a_manifest_with_one_wrong_member_is_refused_by_both(
    place: str, instance: dict[str, Any]
) -> None:
    errors = [*schemas.validator(SCHEMA).iter_errors(instance)]
    assert {".".join(map(str, error.absolute_path)) for error in errors} == {place}
    found = [
        finding.field
        for finding in check_document(instance, None).findings
        if finding.severity == "error"
    ]
    name = place.rpartition(".")[2]
    assert [field for field in found if name in field], found
