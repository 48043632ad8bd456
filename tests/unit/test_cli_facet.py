"""``ron facet``: manifests are written, and looked at as a micronode's loader does."""

from __future__ import annotations

import json
import os
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from ron_app_sdk_py import FacetManifest
from ron_app_sdk_py.cli.exit_codes import ExitCode
from ron_app_sdk_py.cli.root import ron

STATIC = ("docs", "--kind", "static", "--file", "/hello=site/hello.txt")
PROXY = ("users", "--kind", "proxy", "--upstream", "http://127.0.0.1:9000/v1/")
OPEN_PROXY = (*PROXY, "--route", "GET /*tail", "--public")


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(ron, ["facet", *arguments])


def written(name: str) -> FacetManifest:
    return FacetManifest.load(name)


def test_a_static_facet_is_written_and_private() -> None:
    result = run("new", *STATIC)
    assert (result.exit_code, result.stdout) == (0, "wrote docs.toml\n")
    assert result.stderr.startswith("ron: warning: route[0].file: ")
    manifest = written("docs.toml")
    assert (manifest.id, manifest.kind) == ("docs", "static")
    assert [(route.method, route.path, route.file) for route in manifest.routes] == [
        ("GET", "/hello", "site/hello.txt")
    ]
    assert (manifest.security.public, manifest.security.requires_auth) == (False, True)


def test_a_proxy_is_written_with_all_that_is_said_of_it() -> None:
    result = run(
        *("new", *PROXY, "--route", "get /*tail", "--route", "POST /a /b", "--no-auth"),
        *("--description", "people", "--owner", "me", "--version", "1.2", "--max-rps", "5"),
        *("--max-concurrency", "2", "-o", "facet.toml"),
    )
    assert result.exit_code == ExitCode.REFUSED  # it passes everything on and is open
    result = run(
        *("new", *PROXY, "--route", "get /*tail", "--route", "POST /a /b"),
        *("--description", "people", "--owner", "me", "--version", "1.2", "--max-rps", "5"),
        *("--max-concurrency", "2", "-o", "facet.toml"),
    )
    assert result.exit_code == 0, result.stderr
    document = tomllib.loads(Path("facet.toml").read_text("utf-8"))
    assert document == {
        "facet": {
            "id": "users",
            "kind": "proxy",
            "security": {"public": False, "requires_auth": True},
            "meta": {"description": "people", "owner": "me", "version": "1.2"},
            "limits": {"max_rps": 5, "max_concurrency": 2},
        },
        "upstream": {"scheme": "http", "host": "127.0.0.1", "port": 9000, "base_path": "/v1"},
        "route": [
            {"method": "GET", "path": "/*tail"},
            {"method": "POST", "path": "/a", "upstream_path": "/b"},
        ],
    }


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("https://api.example", "api.example", 443),
        ("http://api.example", "api.example", 80),
        ("http://[::1]:9000", "[::1]", 9000),
    ],
)
def test_an_upstream_is_given_as_a_url(url: str, host: str, port: int) -> None:
    assert run("new", *PROXY[:3], "--upstream", url, "--route", "GET /a").exit_code == 0
    upstream = written("users.toml").upstream
    assert upstream is not None
    assert (upstream.host, upstream.port, upstream.base_path) == (host, port, None)


def test_the_text_goes_to_stdout_if_that_is_asked_for(tmp_path: Path) -> None:
    result = run("new", *STATIC, "-o", "-")
    assert result.stdout == written_text(*STATIC)
    text = json.loads(run("new", *STATIC, "-o", "-", "--json").stdout)["text"]
    assert text == result.stdout
    assert [path.name for path in tmp_path.iterdir()] == ["docs.toml"]


def written_text(*arguments: str) -> str:
    assert run("new", *arguments).exit_code == 0
    return Path("docs.toml").read_text("utf-8")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("../x", "--kind", "echo", "--route", "GET /a"), "facet.id"),
        (("x", "--kind", "Echo", "--route", "GET /a"), "'Echo' is not one of"),
        (("x", "--kind", "echo"), "a facet without routes serves nothing; give --route 'GET /p"),
        (("x", "--kind", "static"), "a facet without routes serves nothing; give --file /hello="),
        (("x", "--kind", "echo", "--file", "/a=b"), "--file is for static facets; echo takes"),
        (("x", "--kind", "static", "--route", "GET /a"), "--route is for echo and proxy; static"),
        (("x", "--kind", "echo", "--route", "/a"), "--route '/a' is no method and path; give 'G"),
        (("x", "--kind", "echo", "--route", "HEAD /a"), "route[0].method"),
        (("x", "--kind", "echo", "--route", "GET a"), "route[0].path"),
        (("x", "--kind", "static", "--file", "a"), "--file 'a' is no path and file; give /hello="),
        (("x", "--kind", "static", "--file", "/a=../../etc/passwd"), "route[0].file"),
        (("x", "--kind", "static", "--file", "/a=/etc/passwd"), "route[0].file"),
        (("x", "--kind", "proxy", "--route", "GET /a"), "upstream"),
        ((*PROXY[:3], "--upstream", "ftp://a", "--route", "GET /a"), "--upstream 'ftp://a' is no"),
        ((*PROXY[:3], "--upstream", "http://a:x", "--route", "GET /a"), "--upstream: Port could"),
        ((*PROXY[:3], "--upstream", "http://a/?q", "--route", "GET /a"), "has a query or fragment"),
        (OPEN_PROXY, "an open proxy"),
    ],
)
def test_what_a_node_would_not_load_is_not_written(
    tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    result = run("new", *arguments)
    assert result.exit_code == ExitCode.REFUSED
    assert says in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_password_in_an_upstream_is_refused_and_not_shown() -> None:
    url = "http://me:0123456789secret@127.0.0.1:9000"
    result = run("new", *PROXY[:3], "--upstream", url, "--route", "GET /a")
    assert result.exit_code == ExitCode.REFUSED
    assert "--upstream has a user name or password" in result.stderr
    assert "secret" not in result.output


@pytest.mark.linux
def test_a_link_stays_one_and_what_is_no_file_is_written_to(tmp_path: Path) -> None:
    Path("link.toml").symlink_to("real.toml")
    os.mkfifo("pipe")
    reader = os.open("pipe", os.O_RDONLY | os.O_NONBLOCK)
    for target in ("link.toml", "pipe"):
        result = run("new", "e", "--kind", "echo", "--route", "GET /a", "-o", target, "--force")
        assert result.exit_code == 0, result.output
    text = Path("real.toml").read_bytes()
    assert os.read(reader, 65_536) == text
    os.close(reader)
    assert Path("link.toml").is_symlink()
    assert Path("pipe").is_fifo()
    assert sorted(os.listdir()) == ["link.toml", "pipe", "real.toml"]


def test_a_manifest_that_is_there_is_not_overwritten_unless_that_is_asked_for() -> None:
    Path("docs.toml").write_text("mine")
    result = run("new", *STATIC)
    assert result.exit_code == ExitCode.REFUSED
    assert result.stderr == (
        "ron: docs.toml exists; give --force to overwrite it, or another name\n"
    )
    assert Path("docs.toml").read_text() == "mine"
    assert run("new", *STATIC, "--force").exit_code == 0
    assert written("docs.toml").id == "docs"


BAD = """\
[facet]
id = "users"
kind = "proxy"

[upstream]
scheme = "gopher"
host = "127.0.0.1"
port = 0

[[route]]
method = "HEAD"
path = "a"
"""


def test_errors_are_shown_with_file_line_and_field() -> None:
    Path("bad.toml").write_text(BAD)
    result = run("validate", "bad.toml")
    assert result.exit_code == ExitCode.FINDINGS
    shown = {
        line.split(": ")[0:3][0]: line.split(": ")[2] for line in result.stdout.splitlines()[:-1]
    }
    assert shown == {
        "bad.toml:6": "upstream.scheme",
        "bad.toml:8": "upstream.port",
        "bad.toml:11": "route[0].method",
        "bad.toml:12": "route[0].path",
    }
    assert result.stdout.splitlines()[-1] == "1 file: 4 errors, 0 warnings"


@pytest.mark.parametrize(
    ("content", "where"),
    [
        (b"[facet\n", "x.toml:1: error: "),
        (b"\n\xff", "x.toml:2: error: "),
        (b"", "x.toml: error: "),
    ],
)
def test_what_is_no_toml_is_an_error_with_its_line(content: bytes, where: str) -> None:
    Path("x.toml").write_bytes(content)
    result = run("validate", "x.toml")
    assert result.exit_code == ExitCode.FINDINGS
    assert result.stdout.startswith(where)


def test_warnings_alone_are_no_failure_and_a_good_manifest_has_none() -> None:
    run("new", *STATIC)
    Path("echo.toml").write_text(
        run("new", "e", "--kind", "echo", "--route", "GET /a", "-o", "-").stdout
    )
    result = run("validate", "docs.toml")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "1 file: 0 errors, 1 warning"
    assert run("validate", "echo.toml").stdout == "1 file: 0 errors, 0 warnings\n"


def test_with_a_root_files_are_looked_for_and_links_may_not_lead_out(tmp_path: Path) -> None:
    run("new", *STATIC)
    result = run("validate", "--root", ".", "docs.toml")
    assert result.exit_code == ExitCode.FINDINGS
    assert "error: route[0].file: " in result.stdout
    inside = tmp_path / "site" / "hello.txt"
    inside.parent.mkdir()
    inside.write_text("hello")
    assert run("validate", "--root", ".", "docs.toml").exit_code == 0
    root = tmp_path / "root"
    (root / "site").mkdir(parents=True)
    (root / "site" / "hello.txt").symlink_to(inside)
    assert run("validate", "--root", "root", "docs.toml").exit_code == ExitCode.FINDINGS


def test_a_folder_stands_for_its_manifests_of_which_no_two_may_have_an_id() -> None:
    Path("facets").mkdir()
    for name in ("a", "b"):
        run("new", "e", "--kind", "echo", "--route", "GET /a", "-o", f"facets/{name}.toml")
    Path("facets/c.txt").write_text("no manifest")
    result = run("validate", "facets")
    assert result.exit_code == ExitCode.FINDINGS
    assert result.stdout == (
        "facets/b.toml: error: facet.id: 'e' is also that of facets/a.toml, and a node loads one "
        "of them\n2 files: 1 error, 0 warnings\n"
    )
    Path("empty").mkdir()
    assert "empty has no *.toml files" in run("validate", "empty").stderr


def test_what_can_not_be_read_in_a_folder_is_a_finding_and_the_rest_is_looked_at() -> None:
    Path("facets").mkdir()
    Path("facets/gone.toml").symlink_to("nowhere")
    run("new", "e", "--kind", "echo", "--route", "GET /a", "-o", "facets/e.toml")
    result = run("validate", "facets")
    assert result.exit_code == ExitCode.FINDINGS
    assert result.stdout == (
        "facets/gone.toml: error: can't be read: No such file or directory\n"
        "2 files: 1 error, 0 warnings\n"
    )


def test_as_json_the_findings_are_one_document() -> None:
    Path("bad.toml").write_text(BAD)
    run("new", "e", "--kind", "echo", "--route", "GET /a")
    result = run("validate", "--json", "bad.toml", "e.toml")
    assert result.exit_code == ExitCode.FINDINGS
    document = json.loads(result.stdout)
    assert (document["errors"], document["warnings"]) == (4, 0)
    bad, good = document["files"]
    assert good == {"file": "e.toml", "findings": []}
    assert {"severity", "field", "message", "line"} == bad["findings"][0].keys()
    assert bad["findings"][0]["line"] == 6


def test_a_missing_file_is_named() -> None:
    result = run("validate", "none.toml")
    assert result.exit_code == ExitCode.REFUSED
    assert result.stderr == "ron: none.toml: No such file or directory\n"
