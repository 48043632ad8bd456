"""Facet manifests: what is written, what is said of them, and that the node's loader agrees."""

from __future__ import annotations

import dataclasses
import pickle
import tomllib
from pathlib import Path

import pytest

import facet_loader
import shared_vectors
from ron_app_sdk_py import FacetManifest, RonManifestError, RonRequestError
from ron_app_sdk_py.defaults import MAX_MANIFEST_BYTES
from ron_app_sdk_py.facets import (
    Finding,
    Integrity,
    Limits,
    Meta,
    Route,
    Security,
    Upstream,
    check_manifest,
)
from ron_app_sdk_py.facets.checking import check_document
from servers import ROOT
from shared_vectors import Case, title

pytestmark = pytest.mark.checkout

VECTORS = shared_vectors.read("manifests.json")
GOLDEN = ROOT / "tests/vectors/manifests"
STATIC = FacetManifest(
    id="docs", kind="static", routes=[Route(method="GET", path="/a", file="site/a.txt")]
)


def assert_found(findings: tuple[Finding, ...], case: Case) -> None:
    def key(severity: str, field: str, line: int | None) -> tuple[str, str, int]:
        return severity, field, line or 0

    expected = sorted(case["findings"], key=lambda f: key(f["severity"], f["field"], f["line"]))
    found = sorted(findings, key=lambda f: key(f.severity, f.field, f.line))
    assert [(f.severity, f.field, f.line) for f in found] == [
        (f["severity"], f["field"], f["line"]) for f in expected
    ]
    for finding, words in zip(found, expected, strict=True):
        assert all(word in finding.message for word in words["named"]), (finding, words["named"])
        assert "hunter22" not in str(finding)
        assert finding.message.isprintable()


@pytest.mark.parametrize("case", VECTORS["accepted"], ids=title)
def test_what_the_loader_takes_is_read_with_a_warning_for_what_the_node_ignores(case: Case) -> None:
    assert_found(check_manifest(case["toml"]), case)
    manifest = FacetManifest.from_toml(case["toml"])
    written = manifest.to_toml()
    if case["written"] is not None:
        assert written == case["written"]
    assert FacetManifest.from_toml(written) == manifest
    meant, said = facet_loader.load(case["toml"]), facet_loader.load(written)
    assert said == normal(meant)


def normal(loaded: facet_loader.Loaded) -> facet_loader.Loaded:
    """What is read in any case, in the case that is written."""
    upstream = loaded.upstream and (loaded.upstream[0].lower(), *loaded.upstream[1:])
    routes = [(method.upper(), path, file, at) for method, path, file, at in loaded.routes]
    return loaded._replace(upstream=upstream, routes=routes)


@pytest.mark.parametrize("case", VECTORS["refused"], ids=title)
def test_each_mistake_is_an_error_with_its_line_and_field_and_the_mend(case: Case) -> None:
    findings = check_manifest(case["toml"], source="x.toml")
    assert_found(findings, case)
    with pytest.raises(RonManifestError) as caught:
        FacetManifest.from_toml(case["toml"], source="x.toml")
    assert caught.value.code == "invalid_manifest"
    assert caught.value.findings == findings
    first = next(finding for finding in findings if finding.severity == "error")
    assert first.where in str(caught.value)
    assert first.field in str(caught.value)
    assert "hunter22" not in str(caught.value)
    assert loads(case["toml"]) == case["loads"]


def loads(text: str) -> bool:
    try:
        facet_loader.load(text)
    except facet_loader.Refused:
        return False
    return True


@pytest.mark.parametrize("case", VECTORS["written"], ids=title)
def test_the_text_is_that_of_the_golden_files(case: Case) -> None:
    text = (GOLDEN / case["file"]).read_bytes().decode()
    assert check_document(case["manifest"], None).toml == text
    assert FacetManifest.load(GOLDEN / case["file"]).to_toml() == text
    facet_loader.load(text)
    if "jvm" in case:
        # The JVM's writer leaves out what its caller leaves out.
        security = "[facet.security]\npublic = false\nrequires_auth = true\n\n"
        assert text.replace(security, "") == case["jvm"] + "\n"


def test_a_facet_is_never_public_unless_that_is_said() -> None:
    for kind in ("static", "echo"):
        manifest = dataclasses.replace(STATIC, kind=kind)
        table = tomllib.loads(manifest.to_toml())["facet"]["security"]
        assert table == {"public": False, "requires_auth": True}
    said = dataclasses.replace(STATIC, security=Security(public=True, requires_auth=False))
    assert tomllib.loads(said.to_toml())["facet"]["security"]["public"] is True
    assert any("open facet" in finding.message for finding in said.findings())


@pytest.mark.parametrize(
    ("manifest", "field", "words"),
    [
        (FacetManifest(id="a/b", kind="echo"), "facet.id", "'/'"),
        (FacetManifest(id="a", kind="Echo"), "facet.kind", "write 'echo'"),
        (FacetManifest(id="a", kind="proxy"), "upstream", "is missing"),
        (FacetManifest(id=None, kind="echo"), "facet.id", "is missing"),  # type: ignore[arg-type]
        (FacetManifest(id=b"a", kind="echo"), "facet.id", "bytes"),  # type: ignore[arg-type]
        (FacetManifest(id="\ud800", kind="echo"), "facet.id", "surrogate"),
        (FacetManifest(id="a", kind="echo", routes="x"), "route", "a list"),  # type: ignore[arg-type]
        (
            FacetManifest(id="a", kind="static", routes=[Route(method="GET", path="/a")]),
            "route[0].file",
            "is missing",
        ),
        (
            FacetManifest(id="a", kind="echo", limits=Limits(max_rps=10**5000)),
            "facet.limits.max_rps",
            "whole number",
        ),
        (
            FacetManifest(
                id="a",
                kind="proxy",
                upstream=Upstream(scheme="http", host="x", port=True),
            ),
            "upstream.port",
            "not true or false",
        ),
        (
            FacetManifest(
                id="a",
                kind="static",
                routes=[
                    Route(
                        method="GET",
                        path="/a",
                        file="a",
                        integrity=Integrity(algo="sha256", value="x"),
                    )
                ],
            ),
            "route[0].integrity.value",
            "base64",
        ),
    ],
)
def test_a_manifest_with_a_mistake_is_not_written(
    manifest: FacetManifest, field: str, words: str, tmp_path: Path
) -> None:
    errors = [finding for finding in manifest.findings() if finding.severity == "error"]
    assert [(error.field, error.line, error.where) for error in errors] == [(field, None, "")]
    assert words in errors[0].message
    assert str(errors[0]) == f"error: {field}: {errors[0].message}"
    for refused in (manifest.to_toml, lambda: manifest.save(tmp_path / "a.toml")):
        with pytest.raises(RonManifestError, match="the manifest: ") as caught:
            refused()
        assert caught.value.findings == manifest.findings()
        assert isinstance(caught.value, RonRequestError)
    assert [*tmp_path.iterdir()] == []


def test_the_error_pickles_and_tells_the_first_mistakes_and_how_many_there_are() -> None:
    routes = [Route(method="HEAD", path="a") for _ in range(4)]
    with pytest.raises(RonManifestError) as caught:
        dataclasses.replace(STATIC, kind="echo", routes=routes).to_toml()
    assert str(caught.value).count("route[") == 5
    assert str(caught.value).endswith("; and 3 more errors")
    copy = pickle.loads(pickle.dumps(caught.value))
    assert (str(copy), copy.findings) == (str(caught.value), caught.value.findings)


def test_a_saved_manifest_is_loaded_again_and_replaces_the_file_at_one_stroke(
    tmp_path: Path,
) -> None:
    manifest = FacetManifest(
        id="p",
        kind="proxy",
        routes=[Route(method="GET", path="/x/*tail", upstream_path="/é".replace("é", "%C3%A9"))],
        upstream=Upstream(scheme="https", host="up.example", port=443, base_path=""),
        meta=Meta(description="ä\n'\"\\"),
        limits=Limits(max_concurrency=3),
    )
    file = tmp_path / "p.toml"
    file.write_text("before")
    manifest.save(file)
    assert file.read_bytes() == manifest.to_toml().encode()
    assert b"\r" not in file.read_bytes()
    assert FacetManifest.load(str(file)) == manifest
    assert [*tmp_path.iterdir()] == [file]
    link = tmp_path / "link.toml"
    link.symlink_to(file)
    manifest.save(link)
    assert link.is_symlink()


def test_files_that_can_not_be_read_or_written_are_errors_that_name_them(tmp_path: Path) -> None:
    for use in (FacetManifest.load, STATIC.save):
        with pytest.raises(RonManifestError, match=r"no/x\.toml can't be") as caught:
            use(tmp_path / "no" / "x.toml")
        assert caught.value.code == "manifest_file"
    for use, named in ((FacetManifest.load, "null byte"), (STATIC.save, "null byte")):
        with pytest.raises(RonManifestError, match=named):
            use(tmp_path / "a\0b")
    with pytest.raises(RonManifestError, match="empty name"):
        STATIC.save("/")
    with pytest.raises(RonManifestError, match="can't be written"):
        STATIC.save(tmp_path)
    assert [*tmp_path.iterdir()] == []
    assert [path for path in tmp_path.parent.iterdir() if path.name.endswith(".new")] == []


@pytest.mark.parametrize(
    ("content", "line", "words"),
    [
        (b"a = 1\nb = '\xff'\n", 2, "not UTF-8"),
        ("a = 1\nb = '\ud800'\n", 2, "surrogate"),
        (b"a = " + b"[" * 5_000, None, "nests deeper"),
        (b"a." * 30_000 + b"a = 1", None, "nests deeper"),
        (b"[" + b"'a' . " * 9_000 + b"a]", None, "nests deeper"),
        (b"a." * 99 + b"a = {a = 1}", None, "nests deeper"),
        (b"a = " + b"9" * 5_000, None, "can't be read"),
        (b"#" * (MAX_MANIFEST_BYTES + 1), None, f"more than {MAX_MANIFEST_BYTES}"),
    ],
)
def test_bytes_that_are_no_manifest_are_one_error(
    content: bytes | str, line: int | None, words: str
) -> None:
    (finding,) = check_manifest(content, source="x.toml")
    assert (finding.severity, finding.field, finding.line) == ("error", "", line)
    assert words in finding.message
    assert finding.where == ("x.toml" if line is None else f"x.toml:{line}")


def test_with_the_node_s_folder_files_must_be_in_it_and_no_link_may_lead_out(
    tmp_path: Path,
) -> None:
    root = tmp_path / "root"
    (root / "site").mkdir(parents=True)
    for file in (tmp_path / "secret.txt", root / "site/a.txt"):
        file.write_text("x")
    (root / "site/out.txt").symlink_to(tmp_path / "secret.txt")
    (root / "site/within.txt").symlink_to("a.txt")
    (root / "up").symlink_to(tmp_path)
    (root / "site/circle").symlink_to("circle")
    assert not [f for f in STATIC.findings(root) if f.severity == "error"]

    def errors(file: str) -> list[str]:
        routes = [Route(method="GET", path="/a", file=file)]
        manifest = dataclasses.replace(STATIC, routes=routes)
        text = manifest.to_toml()
        (written,) = (f for f in check_manifest(text, root=str(root)) if f.severity == "error")
        (made,) = (f for f in manifest.findings(root) if f.severity == "error")
        assert (made.field, made.message) == ("route[0].file", written.message)
        assert text.splitlines()[(written.line or 0) - 1] == f'file = "{file}"'
        return [made.message]

    assert not [
        f
        for f in dataclasses.replace(
            STATIC, routes=[Route(method="GET", path="/a", file="site/within.txt")]
        ).findings(root)
        if f.severity == "error"
    ]
    assert "by a link" in errors("site/out.txt")[0]
    assert "by a link" in errors("up/secret.txt")[0]
    assert "no file" in errors("site")[0]
    for missing in ("site/b.txt", "site/a.txt/b", "site/circle", "x" * 300):
        assert "is not there" in errors(missing)[0]


def test_no_more_than_a_hundred_findings_are_told_and_the_last_tells_of_the_others() -> None:
    routes = [Route(method="HEAD", path=f"/{n}") for n in range(300)]
    findings = FacetManifest(id="a", kind="echo", routes=routes).findings()
    assert len(findings) == 101
    assert "more findings are left out" in findings[-1].message


@pytest.mark.linux
def test_a_file_without_end_is_too_large() -> None:
    with pytest.raises(RonManifestError, match="more than 65536 bytes"):
        FacetManifest.load("/dev/zero")
