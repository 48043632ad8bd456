"""What stands in front of real gateways: nginx and haproxy."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from certificates import NAMES, Authority
from processes import haproxy, nginx
from ron_app_sdk_py import (
    ClientConfig,
    RonClient,
    RonClientSync,
    RonNetworkError,
    RonProblem,
)
from servers import Request, answering, raw_server, read_request, reply, unused_port

pytestmark = pytest.mark.servers

OK = reply("200 OK", b'{"ok":true}', "content-type: application/json")
WHO = "location / { default_type text/plain; return 200 $connection; }"
"""nginx answers with the number of the connection."""


async def test_connections_that_nginx_has_closed_are_replaced(
    transport: str, tmp_path: Path
) -> None:
    with nginx(tmp_path, f"keepalive_timeout 200ms; {WHO}") as port:
        async with RonClient(f"http://127.0.0.1:{port}", transport=transport) as client:
            first = await client.get("/x")
            assert await client.get("/x") == first
            await asyncio.sleep(1.0)
            assert await client.get("/x") != first


def test_the_synchronous_client_sees_after_a_pause_that_nginx_has_closed(
    transport: str, tmp_path: Path
) -> None:
    with (
        nginx(tmp_path, f"keepalive_timeout 200ms; {WHO}") as port,
        RonClientSync(f"http://127.0.0.1:{port}", transport=transport) as client,
    ):
        connections = set()
        for _ in range(3):
            connections.add(client.post("/x", content=b"y"))
            time.sleep(0.6)  # nobody runs the loop meanwhile
        assert len(connections) == 3


async def test_connections_that_haproxy_has_closed_are_replaced(
    transport: str, tmp_path: Path
) -> None:
    seen: list[Request] = []
    async with raw_server(answering(seen, OK)) as backend:
        with haproxy(
            tmp_path,
            "timeout http-keep-alive 200ms",
            f"server one {backend.removeprefix('http://')}",
        ) as port:
            async with RonClient(f"http://127.0.0.1:{port}", transport=transport) as client:
                for _ in range(3):
                    await client.post("/x", content=b"y")
                    await asyncio.sleep(0.6)
    assert len(seen) == 3


@pytest.mark.parametrize("size", [2_000, 3_000_000])
async def test_a_body_that_nginx_finds_too_large_is_a_problem(
    transport: str, tmp_path: Path, size: int
) -> None:
    with nginx(tmp_path, f"client_max_body_size 1k; {WHO}") as port:
        config = ClientConfig(base_url=f"http://127.0.0.1:{port}", max_request_bytes=size)
        async with RonClient(config=config, transport=transport) as client:
            with pytest.raises(RonProblem) as caught:
                await client.post("/x", content=bytes(size))
            assert (caught.value.status, caught.value.code) == (413, "http_413")
            assert await client.get("/x")


async def test_the_pages_of_servers_that_reach_no_gateway_are_problems(
    transport: str, tmp_path: Path
) -> None:
    nobody = f"127.0.0.1:{unused_port()}"

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with raw_server(mute) as silent:
        mute_backend = silent.removeprefix("http://")
        cases = (
            (nginx(tmp_path, f"location / {{ proxy_pass http://{nobody}; }}"), 502),
            (
                nginx(
                    tmp_path,
                    f"location / {{ proxy_pass {silent}; proxy_read_timeout 200ms; }}",
                ),
                504,
            ),
            (haproxy(tmp_path, "", f"server one {nobody}"), 503),
            (haproxy(tmp_path, "", f"timeout server 200ms\nserver one {mute_backend}"), 504),
            (haproxy(tmp_path, "http-request deny if TRUE", f"server one {nobody}"), 403),
        )
        for server, status in cases:
            with server as port:
                async with RonClient(f"http://127.0.0.1:{port}", transport=transport) as client:
                    with pytest.raises(RonProblem) as caught:
                        await client.get("/x")
            assert (caught.value.status, caught.value.code) == (status, f"http_{status}")


@pytest.mark.parametrize("front", ["nginx", "haproxy"])
async def test_chunked_bodies_come_through(transport: str, tmp_path: Path, front: str) -> None:
    body = bytes(range(256)) * 1024
    seen: list[Request] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            seen.append(await read_request(reader))
            writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            for start in range(0, len(body), 5000):
                piece = body[start : start + 5000]
                writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                await writer.drain()
            writer.write(b"0\r\n\r\n")

    async with raw_server(handler) as backend:
        address = backend.removeprefix("http://")
        server = (
            nginx(tmp_path, f"location / {{ proxy_pass {backend}; proxy_http_version 1.1; }}")
            if front == "nginx"
            else haproxy(tmp_path, "", f"server one {address}")
        )
        with server as port:
            async with RonClient(f"http://127.0.0.1:{port}", transport=transport) as client:
                for _ in range(2):
                    response = await client.request("POST", "/%7ex?a=%41", content=body)
                    assert response.content == body
                    assert response.headers["transfer-encoding"] == "chunked"
    assert [first for first, _, _ in seen] == ["POST /app/%7ex?a=%41 HTTP/1.1"] * 2
    assert [content for _, _, content in seen] == [body] * 2


async def test_an_answer_that_breaks_behind_a_front_is_an_error(
    transport: str, tmp_path: Path
) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 99999\r\n\r\n" + b"x" * 5000)

    async with raw_server(handler) as backend:
        with haproxy(tmp_path, "", f"server one {backend.removeprefix('http://')}") as port:
            async with RonClient(f"http://127.0.0.1:{port}", transport=transport) as client:
                with pytest.raises(RonNetworkError) as caught:
                    await client.get("/x")
    assert caught.value.code == "response_incomplete"


async def test_nginx_ends_tls_with_a_private_authority_and_asks_for_a_certificate(
    transport: str, tmp_path: Path
) -> None:
    authority = Authority(tmp_path / "authority")
    certificate, key = authority.files(*NAMES)
    server = f"""ssl_certificate {certificate}; ssl_certificate_key {key};
        ssl_client_certificate {authority.file}; ssl_verify_client on;
        location / {{
            default_type text/plain;
            return 200 "$ssl_protocol $ssl_client_s_dn $connection";
        }}"""
    mine, my_key = authority.client()
    with nginx(tmp_path, server, listen="ssl") as port:
        config = ClientConfig(base_url=f"https://localhost:{port}", tls_ca=authority.file)
        async with RonClient(config=config, transport=transport) as client:
            with pytest.raises(RonProblem, match="http_400"):
                await client.get("/x")
        config = ClientConfig(
            base_url=f"https://localhost:{port}",
            tls_ca=authority.file,
            tls_client_certificate=mine,
            tls_client_key=my_key,
        )
        async with RonClient(config=config, transport=transport) as client:
            answers = {await client.get("/x") for _ in range(3)}
    (answer,) = answers
    assert "trustme" in answer
