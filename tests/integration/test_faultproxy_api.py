"""Toxiproxy's REST API, as its clients see it."""

from __future__ import annotations

import json
from typing import Any

import aiohttp
import pytest

from faultproxies import PREFIX, opened
from ron_app_sdk_py.testing.faultproxy.client import Toxiproxy
from ron_app_sdk_py.testing.faultproxy.errors import ToxiproxyError
from ron_app_sdk_py.testing.faultproxy.models import (
    TYPES,
    Attributes,
    Bandwidth,
    Latency,
    LimitData,
    ResetPeer,
    Slicer,
    SlowClose,
    Timeout,
)
from ron_app_sdk_py.testing.faultproxy.server import running
from servers import raw_server, read_request, refusing_port, reply, unused_port

NAME = f"{PREFIX}api"
UPSTREAM = "127.0.0.1:9"
PROXY = {"name": NAME, "upstream": UPSTREAM, "listen": "127.0.0.1:0"}
LATENCY = {"type": "latency", "attributes": {"latency": 5}}
TOXICS = f"/proxies/{NAME}/toxics"
EACH_TYPE: list[Attributes] = [
    Bandwidth(rate=1),
    Latency(latency=1, jitter=2),
    LimitData(bytes=1),
    ResetPeer(timeout=1),
    Slicer(average_size=2, size_variation=1, delay=3),
    SlowClose(delay=1),
    Timeout(timeout=1),
]


async def sent(
    client: Toxiproxy, method: str, path: str, body: Any = None, **headers: str
) -> tuple[int, Any]:
    """What a request is answered with: status, and JSON if there is any. Bytes go as they are."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    async with (
        aiohttp.ClientSession() as session,
        session.request(
            method, client._url + path, data=None if body is None else content, headers=headers
        ) as response,
    ):
        answer = await response.read()
        return response.status, json.loads(answer) if answer else None


async def test_a_proxy_is_made_shown_changed_and_deleted(toxiproxy: Toxiproxy) -> None:
    status, made = await sent(toxiproxy, "POST", "/proxies", PROXY)
    assert status == 201
    assert made["listen"].startswith("127.0.0.1:")
    assert not made["listen"].endswith(":0")
    known = {"name", "listen", "upstream", "enabled", "toxics"}
    assert {name: made[name] for name in known} == {
        **PROXY,
        "listen": made["listen"],
        "enabled": True,
        "toxics": [],
    }
    assert await sent(toxiproxy, "GET", f"/proxies/{NAME}") == (200, made)
    status, all_of_them = await sent(toxiproxy, "GET", "/proxies")
    assert (status, all_of_them[NAME]) == (200, made)
    for method, enabled in (("POST", False), ("PATCH", True)):
        status, changed = await sent(
            toxiproxy, method, f"/proxies/{NAME}", {"enabled": enabled, "upstream": "127.0.0.1:7"}
        )
        assert (status, changed["enabled"], changed["upstream"]) == (200, enabled, "127.0.0.1:7")
        assert changed["listen"] == made["listen"]
    # What was shown may be sent back as it is.
    status, _ = await sent(toxiproxy, "POST", f"/proxies/{NAME}", changed)
    assert status == 200
    assert await sent(toxiproxy, "DELETE", f"/proxies/{NAME}") == (204, None)
    assert await sent(toxiproxy, "DELETE", f"/proxies/{NAME}") == (
        404,
        {"error": "proxy not found", "status": 404},
    )


async def test_a_toxic_is_made_shown_changed_and_deleted(toxiproxy: Toxiproxy) -> None:
    await sent(toxiproxy, "POST", "/proxies", PROXY)
    status, made = await sent(toxiproxy, "POST", TOXICS, LATENCY)
    assert (status, made) == (
        200,
        {
            "name": "latency_downstream",
            "type": "latency",
            "stream": "downstream",
            "toxicity": 1,
            "attributes": {"latency": 5, "jitter": 0},
        },
    )
    one = f"{TOXICS}/latency_downstream"
    assert await sent(toxiproxy, "GET", one) == (200, made)
    assert await sent(toxiproxy, "GET", TOXICS) == (200, [made])
    for method, jitter in (("POST", 1), ("PATCH", 2)):
        status, changed = await sent(
            toxiproxy, method, one, {"toxicity": 0.5, "attributes": {"jitter": jitter}}
        )
        assert status == 200
        assert changed["attributes"] == {"latency": 5, "jitter": jitter}
        assert changed["toxicity"] == 0.5
    status, kept = await sent(toxiproxy, "POST", one, {"attributes": {"latency": 9}})
    assert (kept["toxicity"], kept["attributes"]) == (0.5, {"latency": 9, "jitter": 2})
    assert await sent(toxiproxy, "DELETE", one) == (204, None)
    for method in ("GET", "POST", "DELETE"):
        status, error = await sent(toxiproxy, method, one, {} if method == "POST" else None)
        assert (status, error) == (404, {"error": "toxic not found", "status": 404})


async def test_the_client_reads_and_writes_every_type_of_toxic(toxiproxy: Toxiproxy) -> None:
    assert {type(attributes) for attributes in EACH_TYPE} == {*TYPES.values()}
    await toxiproxy.create(NAME, UPSTREAM, enabled=False)
    for attributes in EACH_TYPE:
        added = await toxiproxy.add(NAME, attributes, stream="upstream", toxicity=0.5)
        assert (added.attributes, added.stream, added.toxicity) == (attributes, "upstream", 0.5)
        assert await toxiproxy.toxic(NAME, added.name) == added
    toxics = await toxiproxy.toxics(NAME)
    assert [toxic.attributes for toxic in toxics] == EACH_TYPE
    assert (await toxiproxy.proxy(NAME)).toxics == toxics
    changed = await toxiproxy.change_toxic(NAME, "latency_upstream", Latency(jitter=7), toxicity=1)
    assert (changed.attributes, changed.toxicity) == (Latency(latency=1, jitter=7), 1)


async def test_toxics_are_listed_upstream_first(toxiproxy: Toxiproxy) -> None:
    await toxiproxy.create(NAME, UPSTREAM, enabled=False)
    await toxiproxy.add(NAME, Latency())
    await toxiproxy.add(NAME, Latency(), stream="upstream")
    names = [toxic.name for toxic in await toxiproxy.toxics(NAME)]
    assert names == ["latency_upstream", "latency_downstream"]


async def test_reset_enables_every_proxy_and_removes_every_toxic(toxiproxy: Toxiproxy) -> None:
    await toxiproxy.create(NAME, UPSTREAM, enabled=False)
    await toxiproxy.add(NAME, Latency(latency=1))
    assert await sent(toxiproxy, "POST", "/reset") == (204, None)
    state = await toxiproxy.proxy(NAME)
    assert (state.enabled, state.toxics) == (True, [])


async def test_populate_keeps_what_is_the_same_and_replaces_the_rest(toxiproxy: Toxiproxy) -> None:
    same = await toxiproxy.create(NAME, UPSTREAM)
    await toxiproxy.add(NAME, Latency(latency=1))
    other = {"name": f"{NAME}-2", "listen": "127.0.0.1:0", "upstream": UPSTREAM, "enabled": False}
    status, made = await sent(
        toxiproxy, "POST", "/populate", [{**PROXY, "listen": same.listen}, other]
    )
    assert status == 201
    assert [proxy["name"] for proxy in made["proxies"]] == [NAME, f"{NAME}-2"]
    assert [proxy["enabled"] for proxy in made["proxies"]] == [True, False]
    assert len((await toxiproxy.proxy(NAME)).toxics) == 1
    replaced = await toxiproxy.populate(
        [{"name": NAME, "listen": same.listen, "upstream": "127.0.0.1:7"}]
    )
    assert (replaced[0].upstream, replaced[0].toxics) == ("127.0.0.1:7", [])


async def test_a_disabled_proxy_may_be_given_a_port_later(toxiproxy: Toxiproxy) -> None:
    port = unused_port()
    await toxiproxy.create(NAME, UPSTREAM, enabled=False)
    state = await toxiproxy.change(NAME, listen=f"127.0.0.1:{port}", enabled=True)
    assert (state.listen, state.enabled) == (f"127.0.0.1:{port}", True)


@pytest.mark.parametrize(
    ("path", "body", "status", "error"),
    [
        ("/proxies", b"{", 400, "bad request body: "),
        ("/proxies", {}, 400, "missing required field: name"),
        ("/proxies", {"name": ""}, 400, "missing required field: name"),
        ("/proxies", {"name": f"{NAME}2"}, 400, "missing required field: upstream"),
        ("/proxies", {"name": 1, "upstream": UPSTREAM}, 400, "bad request body: "),
        ("/proxies", PROXY, 409, "proxy already exists"),
        (f"/proxies/{NAME}", b"{", 400, "bad request body: "),
        (f"/proxies/{NAME}", {"enabled": "yes"}, 400, "bad request body: "),
        ("/proxies/none", {}, 404, "proxy not found"),
        ("/populate", {}, 400, "bad request body: "),
        ("/populate", [{"name": "x"}], 400, "missing required field: upstream at proxy 1"),
        (TOXICS, b"", 400, "bad request body: "),
        (TOXICS, b"{", 400, "bad request body: "),
        (TOXICS, {**LATENCY, "stream": "sideways"}, 400, "stream was invalid, can be either"),
        (TOXICS, {}, 400, "invalid toxic type"),
        (TOXICS, {"type": "plague"}, 400, "invalid toxic type"),
        (TOXICS, {**LATENCY, "attributes": {"latency": "1s"}}, 400, "bad request body: "),
        (TOXICS, {**LATENCY, "toxicity": "all"}, 400, "bad request body: "),
        (TOXICS, {**LATENCY, "name": "taken"}, 409, "toxic already exists"),
        (f"{TOXICS}/taken", b"{", 400, "bad request body: "),
        (f"{TOXICS}/taken", {"attributes": {"latency": "1s"}}, 400, "bad request body: "),
        ("/proxies/none/toxics", LATENCY, 404, "proxy not found"),
    ],
    ids=str,
)
async def test_what_is_no_good_is_refused_as_toxiproxy_does(
    toxiproxy: Toxiproxy, path: str, body: Any, status: int, error: str
) -> None:
    await sent(toxiproxy, "POST", "/proxies", PROXY)
    await sent(toxiproxy, "POST", TOXICS, {**LATENCY, "name": "taken"})
    before = await toxiproxy.proxies()
    answered, said = await sent(toxiproxy, "POST", path, body)
    assert (answered, said["status"]) == (status, status)
    assert said["error"].startswith(error)
    assert await toxiproxy.proxies() == before


@pytest.mark.parametrize(
    ("path", "body", "named"),
    [
        ("/proxies", {**PROXY, "name": "x", "upstream": "nowhere"}, "upstream: 'nowhere' is no"),
        ("/proxies", {**PROXY, "name": "x", "upstream": ":80"}, "upstream: ':80' is no"),
        ("/proxies", {**PROXY, "name": "x", "listen": "127.0.0.1:65536"}, "listen: '127.0.0.1:"),
        ("/proxies", {**PROXY, "name": "x", "listen": "::1:80"}, "listen: '::1:80' is no"),
        ("/proxies", {**PROXY, "name": "x", "enabled": 1}, "enabled: "),
        ("/proxies", [], "should be an object"),
        ("/populate", [{**PROXY, "name": "x"}] * 2, "name: 'x' is there twice"),
        (TOXICS, {**LATENCY, "attributes": {"latncy": 1}}, "attributes.latncy: not known; give l"),
        (TOXICS, {**LATENCY, "attributes": {"latency": -1}}, "attributes.latency: "),
        (TOXICS, {**LATENCY, "attributes": {"latency": 1.5}}, "attributes.latency: "),
        (TOXICS, {**LATENCY, "attributes": {"latency": 2**63}}, "attributes.latency: "),
        (
            TOXICS,
            b'{"type":"latency","attributes":{"latency":' + b"9" * 5000 + b"}}",
            "number out of",
        ),
        (TOXICS, {**LATENCY, "attributes": []}, "attributes: "),
        (TOXICS, {**LATENCY, "toxicity": 1.01}, "toxicity: "),
        (TOXICS, {**LATENCY, "toxicity": -0.01}, "toxicity: "),
        (TOXICS, b'{"type":"latency","toxicity":NaN}', "toxicity"),
        (TOXICS, {"type": "slicer"}, "attributes.average_size: "),
        (TOXICS, {"type": "slicer", "attributes": {"average_size": 0}}, "attributes.average_size"),
        (
            TOXICS,
            {"type": "slicer", "attributes": {"average_size": 5, "size_variation": 5}},
            "attributes.size_variation: give less than average_size, 5",
        ),
        (TOXICS, b"[" * 100_000, "bad request body"),
        (TOXICS, b"\xff\xfe", "bad request body"),
    ],
    ids=lambda value: str(value)[:60],
)
async def test_ours_refuses_more_and_names_it(path: str, body: Any, named: str) -> None:
    async with running() as url, opened(url) as client:
        await sent(client, "POST", "/proxies", PROXY)
        status, said = await sent(client, "POST", path, body)
        assert (status, said["status"]) == (400, 400)
        assert named in said["error"]
        assert list(await client.proxies()) == [NAME]
        assert await client.toxics(NAME) == []


async def test_null_is_as_good_as_nothing(toxiproxy: Toxiproxy) -> None:
    status, _ = await sent(toxiproxy, "POST", "/proxies", {**PROXY, "enabled": None})
    assert status == 201
    status, toxic = await sent(
        toxiproxy, "POST", TOXICS, {"type": "timeout", "stream": None, "attributes": None}
    )
    assert (status, toxic["stream"], toxic["attributes"]) == (200, "downstream", {"timeout": 0})


async def test_an_address_that_can_not_be_listened_on_is_told(toxiproxy: Toxiproxy) -> None:
    with refusing_port() as port, pytest.raises(ToxiproxyError, match=str(port)) as caught:
        await toxiproxy.create(NAME, UPSTREAM, listen=f"127.0.0.1:{port}")
    assert caught.value.status == 500
    assert NAME not in await toxiproxy.proxies()


async def test_web_pages_are_kept_out(toxiproxy: Toxiproxy) -> None:
    async with (
        aiohttp.ClientSession(headers={"User-Agent": "Mozilla/5.0"}) as session,
        session.get(f"{toxiproxy._url}/proxies") as response,
    ):
        assert response.status == 403


@pytest.mark.parametrize(("method", "path"), [("GET", "/nothing"), ("PUT", "/proxies")])
async def test_paths_and_methods_that_are_not_there_are_errors_of_the_same_form(
    method: str, path: str
) -> None:
    async with running() as url, Toxiproxy(url) as client:
        status, said = await sent(client, method, path)
        assert status in (404, 405)
        assert said["status"] == status


async def test_the_client_tells_a_server_that_is_not_there_or_is_no_toxiproxy() -> None:
    async def other(reader: Any, writer: Any) -> None:
        await read_request(reader)
        writer.write(reply("200 OK", b'["no"]'))

    async with Toxiproxy(f"http://127.0.0.1:{unused_port()}") as client:
        with pytest.raises(ToxiproxyError, match="no answer from http"):
            await client.version()
    async with raw_server(other) as url, Toxiproxy(url) as client:
        with pytest.raises(ToxiproxyError, match="no Toxiproxy's") as caught:
            await client.proxies()
    assert caught.value.status is None
    with pytest.raises(ToxiproxyError, match="async with"):
        await client.version()


async def test_the_version_is_that_of_the_api(toxiproxy: Toxiproxy) -> None:
    assert (await toxiproxy.version()).lstrip("v").startswith("2.")
