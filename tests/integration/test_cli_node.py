"""``ron node`` against nodes that are well, unwell, or something else."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from processes import devnode
from ron_app_sdk_py.cli.exit_codes import ExitCode
from ron_command import ron
from servers import TOKEN, on_a_thread, read_request, refusing_port, reply

JSON = "content-type: application/json"
PLANES = b'[{"name":"kv","health":"healthy","ready":true,"restart_count":0}]'
MICRONODE = (
    b'{"profile":"micronode","version":"0.1.0","capabilities":["storage_mem_amnesia"],"planes":'
    + PLANES
    + b"}"
)


@contextmanager
def answers(known: dict[str, bytes]) -> Iterator[str]:
    """A server that knows these paths."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            first, fields, _ = await read_request(reader)
            assert "authorization" not in {name.lower() for name, _ in fields}
            writer.write(known.get(first.split()[1], reply("404 No")))

    with on_a_thread(handler) as url:
        yield url


def test_a_node_tells_its_health_readiness_version_and_profile(node: str) -> None:
    done = ron("node", url=node)
    assert (done.code, done.err) == (0, "")
    lines = done.out.decode().splitlines()
    assert lines[:4] == [
        f"url        {node}",
        "health     ok",
        "readiness  ready",
        "version    svc-gateway 0.1.0",
    ]
    assert lines[4].startswith("profile    gateway; ")
    document = ron("node", "--json", url=node).json()
    assert document["url"] == node
    assert (document["health"]["ok"], document["readiness"]["ready"]) == (True, True)
    assert (document["version"]["version"], document["profile"]["kind"]) == ("0.1.0", "gateway")
    assert "amnesia" not in document["profile"]


def test_a_node_that_forgets_says_so() -> None:
    known = {
        "/healthz": reply("200 OK", b"ok"),
        "/readyz": reply("200 OK", b"ready"),
        "/version": reply("200 OK", b"0.1.0", "content-type: text/plain"),
        "/api/v1/status": reply("200 OK", MICRONODE, JSON),
    }
    with answers(known) as url:
        done = ron("node", url=url)
        document = ron("node", "--json", url=url).json()
    assert done.code == 0
    assert "profile    micronode, amnesiac; can storage_mem_amnesia; " in done.out.decode()
    assert document["profile"]["amnesia"] is True
    assert document["profile"]["capabilities"] == ["storage_mem_amnesia"]
    assert document["profile"]["planes"][0]["name"] == "kv"


def test_a_node_that_is_not_ready_exits_with_1() -> None:
    with devnode("--not-ready") as url:
        done = ron("node", url=url)
    assert done.code == ExitCode.FINDINGS
    assert "readiness  not ready\n" in done.out.decode()


def test_a_node_that_is_unwell_exits_with_1_and_names_what_is() -> None:
    known = {
        "/healthz": reply("503 Ill", b'{"unhealthy":["db"]}', JSON),
        "/readyz": reply("503 No", b'{"missing":["config"]}', "retry-after: 3", JSON),
    }
    with answers(known) as url:
        done = ron("node", url=url)
    assert done.code == ExitCode.FINDINGS
    text = done.out.decode()
    assert "health     unwell, db\n" in text
    assert "readiness  not ready, waits for config, ask again in 3 s\n" in text
    assert "version    unknown: HTTP 404 " in text


def test_what_does_not_tell_its_health_exits_with_1() -> None:
    page = reply("200 OK", b"<html>welcome", "content-type: text/html")
    for known in ({}, dict.fromkeys(("/healthz", "/readyz", "/version"), page)):
        with answers(known) as url:
            done = ron("node", url=url)
        assert done.code == ExitCode.FINDINGS
        assert "health     unknown: " in done.out.decode()


def test_where_nothing_listens_there_is_no_node() -> None:
    with refusing_port() as port:
        done = ron("node", url=f"http://127.0.0.1:{port}")
    assert (done.code, done.out) == (ExitCode.NETWORK, b"")


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_hostile_words_of_a_node_are_escaped(options: list[str]) -> None:
    evil = f'"\\u001b[2J[red]\\u202e{TOKEN}"'.encode()
    known = {
        "/healthz": reply("503 Ill", b'{"unhealthy":[' + evil + b"]}", JSON),
        "/readyz": reply("503 No", b'{"missing":[' + evil + b"]}", JSON),
        "/version": reply("200 OK", b'{"version":"0.1.0","name":' + evil + b"}", JSON),
        "/api/v1/status": reply("200 OK", MICRONODE.replace(b'"storage_mem', evil + b',"x'), JSON),
    }
    with answers(known) as url:
        done = ron("node", *options, url=url)
    text = done.out.decode() + done.err
    assert done.code == ExitCode.FINDINGS
    assert "[red]" in text
    assert all(character.isprintable() or character == "\n" for character in text)
