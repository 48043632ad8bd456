"""The node beside the app plane, in every form in which servers answer (protocol.md 9)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from ron_app_sdk_py import (
    PROTO_VERSION,
    PROTOCOL_VERSION,
    NodeHealth,
    NodeReadiness,
    NodeVersion,
    RonClient,
    RonClientSync,
    RonError,
    RonParseError,
    RonProblem,
    RonRequestError,
    RonVersionWarning,
)
from servers import TOKEN, raw_server, read_request, reply

TEXT = "content-type: text/plain; charset=utf-8"
JSON = "content-type: application/json"


async def asked(method: str, answers: dict[str, bytes]) -> tuple[Any, list[tuple[str, list[str]]]]:
    """What ``client.node.<method>()`` returns from a server with these answers by path, and the
    requests that it made."""
    seen: list[tuple[str, list[str]]] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            first, fields, _ = await read_request(reader)
            seen.append((first, [name.lower() for name, _ in fields]))
            writer.write(answers.get(first.split()[1], reply("404 Not Found")))

    async with raw_server(handler) as url, RonClient(url, token=TOKEN) as client:
        return await getattr(client.node, method)(), seen


CHECKS = {"event_loop": "ok", "clock": "ok"}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (reply("200 OK", b"ok", TEXT), NodeHealth(True, 200)),
        (reply("200 OK"), NodeHealth(True, 200)),
        (reply("200 OK", b'{"ok":true}', JSON), NodeHealth(True, 200)),
        (
            reply("200 OK", b'{"ok":true,"checks":{"event_loop":"ok","clock":"ok"}}', JSON),
            NodeHealth(True, 200, CHECKS),
        ),
        (
            reply("200 OK", b'{"config":true,"omnigate":true}', JSON),
            NodeHealth(True, 200, {"config": True, "omnigate": True}),
        ),
        (
            reply("200 OK", b'{"config":true,"omnigate":false}', JSON),
            NodeHealth(False, 200, {"config": True, "omnigate": False}),
        ),
        (reply("200 OK", b'{"ok":false}', JSON), NodeHealth(False, 200)),
        (reply("503 x", b"degraded", TEXT), NodeHealth(False, 503)),
        (reply("503 x", b'{"unhealthy":["a"]}', JSON), NodeHealth(False, 503, {"a": False})),
        (reply("503 x", b'{"unhealthy":5}', JSON), NodeHealth(False, 503)),
        (reply("503 x", b'{"unhealthy":"db"}', JSON), NodeHealth(False, 503)),
        (
            reply("503 x", b'{"ok":false,"checks":{"clock":"late"}}', JSON),
            NodeHealth(False, 503, {"clock": "late"}),
        ),
    ],
)
async def test_health_is_read_in_every_form(answer: bytes, expected: NodeHealth) -> None:
    health, seen = await asked("health", {"/healthz": answer})
    assert health == expected
    ((first, names),) = seen
    assert first == "GET /healthz HTTP/1.1"
    assert "authorization" not in names


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (reply("200 OK", b"ready", TEXT), NodeReadiness(True, 200)),
        (reply("200 OK", b"ready (dev override)", TEXT), NodeReadiness(True, 200)),
        (reply("200 OK"), NodeReadiness(True, 200)),
        (reply("200 OK", b'{"ready":true}', JSON), NodeReadiness(True, 200)),
        (reply("200 OK", b'{"ready":false}', JSON), NodeReadiness(False, 200)),
        (
            reply("200 OK", b'{"ready":true,"deps":{"dht":"ok"},"mode":"truthful"}', JSON),
            NodeReadiness(True, 200, deps={"dht": "ok"}, mode="truthful"),
        ),
        (reply("503 x", b"not ready", TEXT), NodeReadiness(False, 503)),
        (reply("504 x", b"timeout", TEXT), NodeReadiness(False, 504)),
        (
            reply("503 x", b'{"missing":["config","services"]}', JSON, "retry-after: 3"),
            NodeReadiness(False, 503, missing=("config", "services"), retry_after=3.0),
        ),
        (
            reply("503 x", b'{"ready":false,"deps":{"dht":"down"},"mode":"truthful"}', JSON),
            NodeReadiness(False, 503, deps={"dht": "down"}, mode="truthful"),
        ),
        (
            reply(
                "503 x",
                b'{"code":"SERVICE_DEGRADED","message":"m","retryable":true,"retry_after_ms":250}',
                JSON,
            ),
            NodeReadiness(False, 503, retry_after=0.25),
        ),
    ],
)
async def test_readiness_is_read_in_every_form(answer: bytes, expected: NodeReadiness) -> None:
    readiness, _ = await asked("ready", {"/readyz": answer})
    assert readiness == expected


@pytest.mark.parametrize(
    ("path", "answer", "version", "name"),
    [
        ("/version", reply("200 OK", b"0.1.0", TEXT), "0.1.0", None),
        (
            "/version",
            reply("200 OK", b'{"name":"svc-gateway","version":"0.1.0","built_at_unix":1}', JSON),
            "0.1.0",
            "svc-gateway",
        ),
        (
            "/version",
            reply("200 OK", b'{"service":"macronode","version":"0.1.2","api":{}}', JSON),
            "0.1.2",
            "macronode",
        ),
        ("/version", reply("200 OK", b'{"version":"svc 0.1.0 (git:x)"}', JSON), "0.1.0", None),
        ("/versionz", reply("200 OK", b'{"version":"0.1.0"}', JSON), "0.1.0", None),
    ],
)
async def test_the_version_is_found_in_every_form(
    path: str, answer: bytes, version: str, name: str | None
) -> None:
    found, seen = await asked("version", {path: answer})
    assert isinstance(found, NodeVersion)
    assert (found.version, found.name) == (version, name)
    assert seen[-1][0] == f"GET {path} HTTP/1.1"


@pytest.mark.parametrize("version", ["0.2.0", "1.0.0", "0.10.1-rc.1"])
async def test_a_version_that_was_not_tested_is_warned_of(version: str) -> None:
    with pytest.warns(RonVersionWarning, match=version.replace(".", r"\.")):
        await asked("version", {"/version": reply("200 OK", version.encode(), TEXT)})


@pytest.mark.parametrize(
    "body", [b"", b"<html>nothing here</html>", b"1", b"x" * 10_000 + b" 0.1.0"], ids=len
)
async def test_an_answer_without_a_version_is_a_parse_error(body: bytes) -> None:
    with pytest.raises(RonParseError, match="tells no version"):
        await asked("version", {"/version": reply("200 OK", body, TEXT)})


@pytest.mark.parametrize(("method", "path"), [("health", "/healthz"), ("ready", "/readyz")])
async def test_a_web_page_is_no_answer_of_a_node(method: str, path: str) -> None:
    page = reply("200 OK", b"<html>welcome</html>", "content-type: text/html; charset=utf-8")
    with pytest.raises(RonParseError, match=f"{path} is answered with a web page") as caught:
        await asked(method, {path: page})
    assert caught.value.code == "not_a_node"


@pytest.mark.parametrize("method", ["health", "ready", "version"])
@pytest.mark.parametrize("status", [403, 404, 500])
async def test_other_answers_are_problems(method: str, status: int) -> None:
    answers = dict.fromkeys(("/healthz", "/readyz", "/version", "/versionz"), reply(f"{status} x"))
    with pytest.raises(RonProblem) as caught:
        await asked(method, answers)
    assert caught.value.status == status


async def test_any_path_behind_the_base_url_can_be_asked_with_the_credential_or_without() -> None:
    seen: list[tuple[str, str | None]] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            first, fields, _ = await read_request(reader)
            seen.append((first, {n.lower(): v for n, v in fields}.get("authorization")))
            writer.write(reply("200 OK"))

    async with raw_server(handler) as url, RonClient(f"{url}/ron/app", token=TOKEN) as client:
        await client.node.request("GET", "/metrics", query={"a": 1})
        await client.node.request("PUT", "/v1/kv/b/k", content=b"x", credential=True)
        for path in ("/../x", "//evil.example/", "http://evil.example/", "/%2e%2e/x"):
            with pytest.raises(RonRequestError):
                await client.node.request("GET", path)
    assert seen == [
        ("GET /ron/metrics?a=1 HTTP/1.1", None),
        ("PUT /ron/v1/kv/b/k HTTP/1.1", f"Macro {TOKEN}"),
    ]


@pytest.mark.parametrize("credential", ["omit", "", 1, None])
async def test_the_credential_is_asked_for_with_true_only(credential: Any) -> None:
    async with RonClient("http://127.0.0.1:1", token=TOKEN) as client:
        with pytest.raises(RonRequestError, match="credential is"):
            await client.node.request("GET", "/x", credential=credential)


@pytest.mark.parametrize("node", ["include", "omit"])
async def test_a_call_of_the_app_plane_cannot_be_talked_out_of_it(node: str) -> None:
    options: Any = {"node": node}
    async with RonClient("http://127.0.0.1:1", token=TOKEN) as client:
        with pytest.raises(TypeError):
            await client.get("/healthz", **options)


def test_the_synchronous_client_asks_too(node: str) -> None:
    with RonClientSync(node) as client:
        assert client.node.health().ok
        assert client.node.ready().ready
        assert client.node.request("GET", "/healthz").text == "ok"
        assert client.node.version().version


def test_the_versions_of_the_protocol_are_named() -> None:
    assert (PROTOCOL_VERSION, PROTO_VERSION) == ("v0.1", 1)


async def test_a_node_that_is_not_there_is_an_error() -> None:
    async with RonClient("http://127.0.0.1:1") as client:
        for ask in (client.node.health, client.node.ready, client.node.version):
            with pytest.raises(RonError):
                await ask()
