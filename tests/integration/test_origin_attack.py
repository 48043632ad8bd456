"""No path leads a client to another host or out of its plane, whatever way it gets in."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from attacks import (
    APP,
    DOORS,
    FACET,
    NODE,
    Client,
    enter,
    harmless,
    is_in_plane,
    opened,
    outcome,
    steps,
    urls_of,
)
from other_host import NAME, OtherHost, names_lead_here
from processes import LIMIT
from ron_app_sdk_py import RonClient, RonClientSync, RonRequestError, RonTimeoutError
from servers import ROOT, TOKEN, raw_server, read_head, reply

PAGE = reply("200 OK", b'{"items":[]}', "content-type: application/json")
NO_MORE = b"HTTP/1.1 204 No Content\r\n\r\n"
BASE = "/ron"
"""The path of the gateways."""

REFUSALS = {"invalid_path", "invalid_text"}

clients = pytest.mark.parametrize("kind", [RonClient, RonClientSync])


class Gateway:
    """Notes the targets of what it is sent."""

    def __init__(self) -> None:
        self.targets: list[str] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            first, fields = await read_head(reader)
            named = {name.lower(): value for name, value in fields}
            await reader.readexactly(int(named.get("content-length", 0)))
            assert named["authorization"].endswith(TOKEN)
            self.targets.append(first.split(" ")[1])
            writer.write(NO_MORE if named.get("accept") == "text/event-stream" else PAGE)


def plane_of(door: str) -> str:
    """What the targets of this way begin with."""
    if door in FACET:
        return f"{BASE}/app/users"
    if door in APP:
        return f"{BASE}/app"
    return f"{BASE}/facets/users" if "facet" in door else BASE


async def passed(client: Client, door: str, attacks: list[str]) -> list[tuple[str, str]]:
    """The attacks that are not refused, and what becomes of them."""
    found = []
    for path in attacks:
        error = await outcome(client, DOORS[door], path)
        if not isinstance(error, RonRequestError) or error.code not in REFUSALS:
            found.append((path, repr(error)))
    return found


@clients
@pytest.mark.parametrize("door", DOORS)
async def test_a_url_of_another_host_is_refused_before_anything_is_sent(
    other_host: OtherHost, transport: str, kind: type[Client], door: str
) -> None:
    gateway = Gateway()
    attacks = [*urls_of(other_host.authority), *urls_of(f"{NAME}:{other_host.port}")]
    async with (
        raw_server(gateway) as url,
        opened(kind, url + BASE, token=TOKEN, transport=transport) as client,
    ):
        assert await passed(client, door, attacks) == []
    assert gateway.targets == []


@pytest.mark.parametrize("door", DOORS)
async def test_a_step_out_of_the_plane_is_refused_in_every_encoding_and_depth(door: str) -> None:
    gateway = Gateway()
    attacks = steps()
    assert len(attacks) > 400
    async with raw_server(gateway) as url, RonClient(url + BASE, token=TOKEN) as client:
        assert await passed(client, door, attacks) == []
    assert gateway.targets == []


@clients
@pytest.mark.parametrize("door", DOORS)
async def test_a_path_that_only_looks_like_it_goes_to_the_gateway_and_stays_in_its_plane(
    other_host: OtherHost, transport: str, kind: type[Client], door: str
) -> None:
    gateway = Gateway()
    paths = harmless(other_host.authority)
    async with (
        raw_server(gateway) as url,
        opened(kind, url + BASE, token=TOKEN, transport=transport) as client,
    ):
        for path in paths:
            await enter(client, DOORS[door], path)
    assert len(gateway.targets) == len(paths)
    plane = plane_of(door)
    for target in gateway.targets:
        assert target.startswith(plane)
        assert target[len(plane) :][:1] in ("/", "?", "")
        assert door in NODE or is_in_plane(target.removeprefix(BASE)), target


@clients
@pytest.mark.parametrize(
    "facet_id",
    ["..", ".", "", "a/b", "a%2fb", "//other.example", "a\\b", "a\r\nb", "é", "a?b", "a#"],
)
async def test_a_name_that_is_a_path_is_refused(
    other_host: OtherHost, kind: type[Client], facet_id: str
) -> None:
    gateway = Gateway()
    async with raw_server(gateway) as url, opened(kind, url, token=TOKEN) as client:
        for place in (client, client.node):
            with pytest.raises(RonRequestError, match="facet_id"):
                place.facet(facet_id)
        doors = [
            lambda client, name: client.node.kv.get("bucket", name),
            lambda client, name: client.node.kv.delete(name, "key"),
            lambda client, name: client.node.admin(token=TOKEN).database(name),
        ]
        if facet_id not in ("a%2fb", "é"):
            for door in doors:
                with pytest.raises(RonRequestError, match=r"^(bucket|key|name) (holds|is) "):
                    await enter(client, door, facet_id)
    assert gateway.targets == []


async def test_the_other_host_hears_who_goes_there(transport: str) -> None:
    """Or that it heard nothing would prove nothing."""
    host = OtherHost()
    try:
        assert host.heard() == []
        with names_lead_here():
            for authority in (host.authority, f"{NAME}:{host.port}", f"[::1]:{host.port}"):
                client = RonClient(
                    f"http://{authority}", allow_insecure_http=True, timeout=0.2, retries=0
                )
                async with client:
                    with pytest.raises(RonTimeoutError):
                        await client.get("/x")
        heard = host.heard()
        assert len(heard) == 3
        assert all(b"GET /app/x HTTP/1.1" in content for content in heard)
    finally:
        host.close()


@pytest.mark.checkout
def test_a_run_in_which_the_other_host_hears_anything_fails(tmp_path: Path) -> None:
    (tmp_path / "test_attack.py").write_text(
        """
import socket

def test_that_goes_there(_listening):
    socket.create_connection(("127.0.0.1", _listening.port)).close()
"""
    )
    plugins = ("-p", "conftest", "-p", "no:cacheprovider")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *plugins, "-o", f"pythonpath={ROOT / 'tests'}", "."],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=LIMIT,
    )
    assert "1 connections, 0 bytes" in done.stdout
    assert "1 passed, 1 error" in done.stdout
    assert done.returncode == 1
