"""The development node's micronode: guards in their order, facets as the loader mounts them."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Any

import pytest

import hello_app
from micronodes import manifest, micronode, to
from rawhttp import Answer, exchange
from ron_app_sdk_py.devnode.listening import listening
from servers import refusing_port

MIB = 1024 * 1024
KV = "/v1/kv/b/k"
MACRO = ("Authorization", "Macro t")
GZIP = ("Content-Encoding", "gzip")


async def ask(url: str, method: str, target: str, *fields: tuple[str, str], **more: Any) -> Answer:
    return await asyncio.to_thread(exchange, url, method, target, fields, **more)


def shown(answer: Answer) -> tuple[int, str]:
    return answer.status, answer.body.decode()


@pytest.mark.parametrize("security", ["deny_all", "external", "dev_allow"])
async def test_a_guard_answers_before_those_inside_of_it(security: str) -> None:
    refused = "compressed request bodies are not supported"
    async with micronode(security=security) as url:
        # Encoding, length, and only then who asks.
        first = await ask(url, "PUT", KV, GZIP, ("Content-Length", str(MIB + 1)))
        assert shown(first) == (415, refused)
        odd = await ask(url, "GET", KV, ("Content-Encoding", "gzip\x01"))
        assert odd.status in (400, 415)
        assert shown(await ask(url, "GET", KV, ("Content-Encoding", "é")))[0] == 415
        assert shown(await ask(url, "GET", KV, ("Content-Encoding", "identity"))) == (415, refused)
        stacked = await ask(url, "GET", KV, ("Content-Encoding", "gzip, br"))
        assert shown(stacked) == (415, "stacked content encodings are not supported")
        large = await ask(url, "PUT", KV, body=b"x" * (MIB + 1))
        assert shown(large) == (413, "payload too large")
        for method in ("PUT", "POST", "PATCH"):
            unmeasured = await ask(url, method, KV, MACRO, body=b"x", chunked=True)
            assert shown(unmeasured) == (411, "length required")
        exact = await ask(url, "PUT", KV, body=b"x" * MIB)
        assert exact.status == (201 if security == "dev_allow" else 401)


@pytest.mark.parametrize("security", ["deny_all", "external"])
async def test_no_macaroon_opens_a_node_that_denies(security: str, tmp_path: Path) -> None:
    echo = {"e.toml": manifest("e", "echo", [("GET", "/who", {})])}
    async with micronode(echo, tmp_path, security) as url:
        for fields in ([], [("Authorization", "Bearer t")], [("Authorization", "Macro ")]):
            missing = await ask(url, "GET", KV, *fields)
            assert shown(missing) == (401, "missing capability macaroon")
            assert missing.field("www-authenticate") == 'Macro realm="micronode"'
        for scheme in ("Macro", "macro", "MACRO"):
            denied = await ask(url, "GET", KV, ("Authorization", f"{scheme} t"))
            assert shown(denied) == (403, "capability not allowed by policy")
        # Facets look for no macaroon, so they find none.
        facet = await ask(url, "GET", "/facets/e/who", MACRO)
        assert shown(facet) == (401, "missing capability macaroon")
        assert (await ask(url, "POST", "/facets/e/who")).status == 401
        assert (await ask(url, "GET", "/facets/e/nope")).status == 404
        for path in ("/facets/meta", "/facets/_meta"):
            assert (await ask(url, "GET", path)).json()["loaded"][0]["id"] == "e"


async def test_keys_are_decoded_once_and_are_two_segments() -> None:
    async with micronode() as url:
        assert (await ask(url, "PUT", "/v1/kv/a%2Fb/%2541", body=b"1")).status == 201
        assert (await ask(url, "GET", "/v1/kv/a%2fb/%2541?x")).body == b"1"
        assert (await ask(url, "GET", "/v1/kv/a%2Fb/%41")).status == 404
        assert (await ask(url, "HEAD", "/v1/kv/a%2Fb/%2541")).field("content-length") == "1"
        for path in ("/v1/kv/a", "/v1/kv/a/", "/v1/kv//a", "/v1/kv/a/b/c", "/v1/%6bv/a/b"):
            assert shown(await ask(url, "GET", path)) == (404, "")
        wrong = await ask(url, "GET", "/v1/kv/a/%ff")
        assert shown(wrong) == (400, "Invalid URL: Invalid UTF-8 in `key`")
        assert (await ask(url, "DELETE", "/v1/kv/a%2Fb/%2541")).status == 204
        assert (await ask(url, "DELETE", "/v1/kv/a%2Fb/%2541")).status == 404


async def test_one_request_too_many_is_refused() -> None:
    async with micronode() as url:
        port = int(url.rpartition(":")[2])
        head = f"PUT {KV} HTTP/1.1\r\nHost: n\r\nContent-Length: 1\r\n\r\n".encode()
        held = [await asyncio.open_connection("127.0.0.1", port) for _ in range(256)]
        for _, writer in held:
            writer.write(head)
        async with asyncio.timeout(60):
            while (answer := await ask(url, "GET", KV)).status == 404:
                await asyncio.sleep(0.01)
        assert shown(answer) == (429, "concurrency limit exceeded")
        assert answer.field("retry-after") is None
        for _, writer in held:
            writer.close()
        async with asyncio.timeout(60):
            while (await ask(url, "GET", KV)).status == 429:
                await asyncio.sleep(0.01)


async def test_a_node_without_facets_demonstrates_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with micronode() as url:
        assert shown(await ask(url, "GET", "/facets/demo/ping")) == (200, "pong")
        assert (await ask(url, "GET", "/facets/meta")).json() == {"loaded": []}
    async with micronode({"bad.toml": "id = 1"}, tmp_path) as url:
        assert shown(await ask(url, "GET", "/facets/demo/ping")) == (200, "pong")
        assert (await ask(url, "GET", "/readyz")).body == b"ready"
    assert "no facet that can be loaded" in caplog.text


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[facet", "no TOML"),
        ("id = 1", "id is missing or no text"),
        ("", "it has no [facet]"),
        ("facet = 1", "facet is no table"),
        (manifest(" ", "echo", []), "facet.id must not be empty"),
        (manifest("x", "Echo", []), "facet.kind is 'Echo'"),
        (manifest("x", "proxy", []), "requires [upstream]"),
        ('[facet]\nid="x"\nkind="proxy"\n[facet.upstream]\nscheme="http"', "requires [upstream]"),
        (manifest("x", "proxy", [], {"scheme": "ftp", "host": "h", "port": 1}), "upstream.scheme"),
        (manifest("x", "proxy", [], {"scheme": "http", "host": " ", "port": 1}), "upstream.host"),
        (manifest("x", "proxy", [], {"scheme": "http", "host": "h", "port": 0}), "above 0"),
        (manifest("x", "proxy", [], {"scheme": "http", "host": "h", "port": 65536}), "no port"),
        (manifest("x", "proxy", [], {"scheme": "http", "host": "h", "port": "1"}), "no port"),
        (
            manifest(
                "x", "proxy", [], {"scheme": "http", "host": "h", "port": 1, "base_path": "a"}
            ),
            "upstream.base_path",
        ),
        (manifest("x", "echo", [("GET", "a", {})]), "route.path must start with '/'"),
        (manifest("x", "echo", [("HEAD", "/a", {})]), "route.method is HEAD"),
        (manifest("x", "echo", [("GET", "/a", {"upstream_path": "b"})]), "route.upstream_path"),
        (manifest("x", "static", [("POST", "/a", {"file": "f"})]), "static routes must be GET"),
        (manifest("x", "static", [("GET", "/a", {})]), "non-empty 'file'"),
        (manifest("x", "static", [("GET", "/a", {"file": "no/such"})]), "static file not found"),
        ('route = 1\n[facet]\nid="x"\nkind="echo"', "route is no array of tables"),
        (manifest("good", "echo", []), "another facet has the id 'good'"),
    ],
)
async def test_a_manifest_that_is_no_good_is_skipped_and_named(
    text: str, named: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    good = manifest("good", "echo", [("get", "/", {})])
    async with micronode({"a.toml": good, "b.toml": text, "c.txt": text}, tmp_path) as url:
        loaded = (await ask(url, "GET", "/facets/meta")).json()["loaded"]
        assert [facet["id"] for facet in loaded] == ["good"]
        assert (await ask(url, "GET", "/facets/good/")).json() == {"echo": "ok"}
    (record,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "b.toml" in record.getMessage()
    assert named in record.getMessage()


async def test_what_the_loader_does_not_know_it_ignores(tmp_path: Path) -> None:
    text = manifest("x", "echo", [("GET", "/", {"integrity": "?"})])
    text += "[facet.security]\npublic = 7\n[facet.limits]\n[other]\n"
    legacy = f'id = "old"\nkind = "static"\nroutes = [{{path = "/", file = "{tmp_path}/x.toml"}}]'
    async with micronode({"x.toml": text, "y.toml": legacy}, tmp_path) as url:
        assert (await ask(url, "GET", "/facets/x/")).status == 200
        assert (await ask(url, "GET", "/facets/old/")).body == text.encode()


async def test_a_static_file_has_no_type_and_is_read_anew(tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text("one")
    text = manifest("s", "static", [("GET", "/p", {"file": str(file)})])
    async with micronode({"s.toml": text}, tmp_path) as url:
        answer = await ask(url, "GET", "/facets/s/p")
        assert (answer.body, answer.field("content-type")) == (b"one", None)
        file.write_text("two")
        assert (await ask(url, "GET", "/facets/s/p")).body == b"two"
        file.unlink()
        gone = await ask(url, "GET", "/facets/s/p")
        assert (*shown(gone), gone.field("content-type")) == (404, "not found", None)


async def test_only_get_and_post_are_mounted_and_the_most_literal_path_answers(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    routes = [
        ("GET", "/*tail"),
        ("GET", "/:one/b"),
        ("GET", "/a/b"),
        ("POST", "/a/b"),
        ("PUT", "/a/b"),
        ("DELETE", "/gone"),
        ("GET", "/a/b"),
    ]
    text = manifest("e", "echo", [(*route, {}) for route in routes])
    async with micronode({"e.toml": text}, tmp_path) as url:
        assert (await ask(url, "PUT", "/facets/e/a/b")).field("allow") == "GET,HEAD,POST"
        assert (await ask(url, "POST", "/facets/e/x/b")).field("allow") == "GET,HEAD"
        assert (await ask(url, "POST", "/facets/e/x/y/z")).field("allow") == "GET,HEAD"
        assert (await ask(url, "GET", "/facets/e/gone")).status == 200  # By the tail.
        assert (await ask(url, "GET", "/facets/e/")).status == 404
        assert (await ask(url, "GET", "/facets/e")).status == 404
    assert "PUT /a/b of e is not mounted" in caplog.text
    assert "GET /facets/e/a/b is mounted already" in caplog.text


async def test_a_proxy_passes_on_what_the_real_one_does(tmp_path: Path) -> None:
    routes = [
        ("GET", "/echo", {}),
        ("POST", "/exact", {"upstream_path": "/echo/there"}),
        ("GET", "/deep/*tail", {"upstream_path": "/echo/moved"}),
        ("POST", "/*tail", {}),
        ("GET", "/again/*tail", {}),
    ]
    async with listening(hello_app.application(), "127.0.0.1", 0) as app:
        facets = {
            "p.toml": manifest("p", "proxy", routes, to(app)),
            "q.toml": manifest("q", "proxy", [("GET", "/*tail", {})], to(app, base_path="/echo/")),
        }
        async with micronode(facets, tmp_path) as url:
            answer = await ask(
                url, "GET", "/facets/p/echo?a=%20b", MACRO, ("TE", "trailers"), ("X-A", "1")
            )
            said = answer.json()
            assert said["target"] == "/echo?a=%20b"
            assert said["fields"]["authorization"] == "Macro t"
            assert said["fields"]["x-a"] == "1"
            assert "te" not in said["fields"]
            assert said["fields"]["host"] == app.removeprefix("http://")
            assert answer.field("set-cookie") == "b=2"
            for target, seen in (
                ("/facets/p/deep/x/y", "/echo/moved/x/y"),
                ("/facets/q/a%20b?c", "/echo/a%20b?c"),
            ):
                assert (await ask(url, "GET", target)).json()["target"] == seen
            exact = await ask(url, "POST", "/facets/p/exact", body=b"12345")
            assert (exact.json()["target"], exact.json()["content"]) == ("/echo/there", 5)
            assert (await ask(url, "GET", "/facets/p/again/4")).json() == "there"
            assert (await ask(url, "GET", "/facets/p/again/6")).status == 502
            most = await ask(url, "POST", "/facets/p/echo/x", body=b"x" * 8 * MIB)
            assert most.json()["content"] == 8 * MIB
            assert shown(await ask(url, "POST", "/facets/p/x", body=b"x" * (8 * MIB + 1))) == (
                400,
                "",
            )


async def test_a_proxy_without_its_upstream_says_no_more_than_that(tmp_path: Path) -> None:
    with refusing_port() as port:
        upstream = to(f"http://127.0.0.1:{port}")
        facets = {"p.toml": manifest("p", "proxy", [("GET", "/x", {})], upstream)}
        async with micronode(facets, tmp_path) as url:
            assert shown(await ask(url, "GET", "/facets/p/x")) == (502, "")
