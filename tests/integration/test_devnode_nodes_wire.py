"""The development node answers recorded requests as the real micronode and macronode did."""

from __future__ import annotations

import asyncio
import json
import re
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import hello_app
from micronodes import manifest, micronode, to
from rawhttp import Answer, exchange
from ron_app_sdk_py.devnode.listening import listening
from ron_app_sdk_py.devnode.server import running
from ron_app_sdk_py.devnode.settings import Settings
from servers import ROOT, refusing_port

_LINES = (ROOT / "tests/vectors/node_exchanges.jsonl").read_text("utf-8").splitlines()
RECORDED: list[dict[str, Any]] = [json.loads(line) for line in _LINES[1:]]
GROUPS: dict[str, list[dict[str, Any]]] = defaultdict(list)
for _exchange in RECORDED:
    GROUPS[_exchange["group"]].append(_exchange)

NOT_REPLAYED = {
    129: "the numbers of a process that does not exist would be made up",
    134: "the gateway inside of a macronode, which answers nothing else",
    135: "as 134",
    136: "as 134",
    138: "as 129",
    140: "as 129, of a machine",
    154: "the node has it only with MICRONODE_DEV_ROUTES",
    155: "as 154",
}
"""Lines of the recording that can't be compared, and why."""

CONTENT = {166: b"second"}
"""Request bodies that a later answer tells."""

HOSTS = {132: "node.example"}
"""``Host`` where it mattered."""

VARYING = {
    *("uptime_seconds", "http_addr", "metrics_addr"),
    *("totalBytes", "usedBytes", "freeBytes", "updatedAt", "fsType"),
    *("counter", "banner", "unix_ms", "port"),
}
"""Members whose values tell of the machine, the process or the time."""

MINTED_ID = re.compile(r"macronode-[0-9]{19}")
UNCOMPARED_FIELDS = {"date", "connection", "server", "content-length", "x-request-id"}


def _facets(url: str, folder: Path) -> dict[str, str]:
    """The manifests that the recorded node had loaded, in its order."""
    file = folder / "page"
    file.write_text("a page")
    upstream = to(url, base_path="")
    served: dict[str, str] = {"file": str(file)}
    hello = [
        ("GET", "/"),
        ("GET", "/api/counter"),
        ("POST", "/admin/reload"),
        ("POST", "/admin/crash"),
        ("GET", "/*tail"),
        ("POST", "/*tail"),
    ]
    wow = ["/", "/index.html", "/app.js", "/style.css"]
    texts = [
        manifest("docs", "static", [("GET", "/hello", served)]),
        manifest("hello", "proxy", [(*route, {}) for route in hello], upstream),
        manifest("echoer", "echo", [("GET", "/who", {})]),
        manifest("hello_ref", "proxy", [(*route, {}) for route in hello[:2]], upstream),
        manifest("wow", "static", [("GET", path, served) for path in wow]),
    ]
    return {f"{number}.toml": text for number, text in enumerate(texts)}


@asynccontextmanager
async def _node(group: str, folder: Path) -> AsyncIterator[str]:
    """The node as it was configured when the group was recorded."""
    if group.startswith("macronode"):
        async with running(settings=Settings(profile="macronode")) as url:
            yield url
        return
    security = "deny_all" if group == "micronode-auth" else "dev_allow"
    if group == "facet-hello":
        async with (
            listening(hello_app.application(), "127.0.0.1", 0) as app,
            micronode(_facets(app, folder), folder, security) as url,
        ):
            yield url
        return
    with refusing_port() as port:
        facets = _facets(f"http://127.0.0.1:{port}", folder)
        async with micronode(facets, folder, security) as url:
            yield url


async def _replayed(url: str, recorded: dict[str, Any]) -> Answer:
    line, length = recorded["line"], recorded.get("content_length")
    fields = [(name, value) for name, value in recorded["fields"]]
    chunked = recorded.get("chunked", False)
    if length == 0:
        fields.append(("Content-Length", "0"))
    return await asyncio.to_thread(
        exchange,
        url,
        recorded["method"],
        recorded["target"],
        fields,
        CONTENT.get(line, b"x" * (length or chunked)),
        chunked=chunked,
        host=HOSTS.get(line),
    )


def _compare(answer: Answer, recorded: dict[str, Any]) -> None:
    expected = dict(recorded["answer_fields"])
    given = dict(answer.fields)
    assert answer.status == recorded["status"]
    assert given.keys() - {"connection", "date"} == expected.keys()
    if "x-request-id" in expected:
        assert MINTED_ID.fullmatch(given["x-request-id"])
        assert MINTED_ID.fullmatch(expected["x-request-id"])
    for name in expected.keys() - UNCOMPARED_FIELDS:
        assert given[name] == expected[name], name
    if "body" not in recorded:
        return
    if recorded["body"].startswith("{"):
        said = (_lasting(json.loads(text)) for text in (answer.body, recorded["body"]))
        ours, theirs = (json.dumps(value) for value in said)
        assert ours == theirs
    else:
        assert answer.body == recorded["body"].encode()


def _lasting(value: Any) -> Any:
    """The value with the types in place of what varies. The order of members stays."""
    if isinstance(value, list):
        return [_lasting(item) for item in value]
    if isinstance(value, dict):
        return {
            name: type(item).__name__ if name in VARYING else _lasting(item)
            for name, item in value.items()
        }
    return value


@pytest.mark.parametrize(
    "group", sorted(GROUPS.keys() - {"macronode-gateway", "micronode-devecho"})
)
async def test_recorded_requests_get_the_recorded_answers(group: str, tmp_path: Path) -> None:
    compared = 0
    async with _node(group, tmp_path) as node:
        for recorded in GROUPS[group]:
            if recorded["line"] in NOT_REPLAYED:
                continue
            answer = await _replayed(node, recorded)
            try:
                _compare(answer, recorded)
            except AssertionError as difference:
                difference.add_note(f"line {recorded['line']}: {recorded}, but {answer}")
                raise
            compared += 1
    assert compared


def test_every_recorded_exchange_is_replayed_or_has_a_reason() -> None:
    lines = {recorded["line"] for recorded in RECORDED}
    assert NOT_REPLAYED.keys() <= lines
    assert (len(lines), len(lines - NOT_REPLAYED.keys())) == (70, 62)
