"""An explicit proxy: a real one, and bad ones."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Iterator
from pathlib import Path

import pytest

from certificates import Authority
from processes import tinyproxy
from ron_app_sdk_py import (
    ClientConfig,
    RonClient,
    RonConnectError,
    RonError,
    RonProblem,
    RonTimeoutError,
    RonTlsError,
)
from ron_app_sdk_py.transport.settings import transport_settings
from servers import TOKEN, Request, answering, raw_server, read_request, reply, unused_port

OK = reply("200 OK", b'{"ok":true}', "content-type: application/json")
USER, PASSWORD = "alice", "hunter22:/@é"
CREDENTIALS = f"{USER}:hunter22%3A%2F%40%C3%A9"
BASIC = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
SECRETS = (PASSWORD, CREDENTIALS, BASIC.removeprefix("Basic "), "hunter22", TOKEN)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with tinyproxy(tmp_path_factory.mktemp("tinyproxy")) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture(scope="module")
def guarded_proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with tinyproxy(tmp_path_factory.mktemp("tinyproxy"), "BasicAuth alice hunter22") as port:
        yield f"127.0.0.1:{port}"


def assert_no_secret(error: RonError) -> None:
    notes = getattr(error, "__notes__", [])
    for secret in SECRETS:
        assert secret not in f"{error!r}{error}{error.__dict__}{notes}{error.__cause__!r}"


@pytest.mark.servers
@pytest.mark.parametrize("secure", [False, True])
async def test_requests_go_through_a_real_proxy(
    transport: str, authority: Authority, proxy: str, secure: bool
) -> None:
    seen: list[Request] = []
    context = authority.server() if secure else None
    async with raw_server(answering(seen, OK), tls=context) as url:
        config = ClientConfig(base_url=url, proxy=proxy, tls_ca=authority.file, token=TOKEN)
        async with RonClient(config=config, transport=transport, retries=0) as client:
            assert await client.get("/%7ex?a=%41") == {"ok": True}
        # tinyproxy hangs up after an exchange in absolute form, without saying so.
        async with RonClient(config=config, transport=transport, retries=0) as client:
            response = await client.request("POST", "/x", content=b"y" * 200_000)
    assert response.status == 200
    assert [first.split()[1] for first, _, _ in seen] == ["/app/%7ex?a=%41", "/app/x"]
    assert seen[1][2] == b"y" * 200_000
    for _, fields, _ in seen:
        names = [name.lower() for name, _ in fields]
        assert dict(fields)["Host"] == url.split("://")[1]
        assert ("via" in names) != secure
        assert not any(name.startswith("proxy-") for name in names)


@pytest.mark.servers
@pytest.mark.parametrize("secure", [False, True])
async def test_a_real_proxy_is_given_the_credentials_and_nobody_else(
    transport: str, authority: Authority, guarded_proxy: str, secure: bool
) -> None:
    seen: list[Request] = []
    context = authority.server() if secure else None
    async with raw_server(answering(seen, OK), tls=context) as url:
        for credentials, right in (("alice:hunter22@", True), ("alice:no@", False), ("", False)):
            config = ClientConfig(
                base_url=url, proxy=f"http://{credentials}{guarded_proxy}", tls_ca=authority.file
            )
            async with RonClient(config=config, transport=transport, retries=0) as client:
                if right:
                    assert await client.get("/x") == {"ok": True}
                    continue
                with pytest.raises(RonError) as caught:
                    await client.get("/x")
                assert_no_secret(caught.value)
                if secure:
                    assert isinstance(caught.value, RonConnectError)
                    assert "40" in caught.value.__notes__[0]  # 401 or 407
                    assert caught.value.reason in ("proxy_auth", "proxy_status")
                else:
                    assert isinstance(caught.value, RonProblem)
    assert len(seen) == 1
    assert not any(name.lower().startswith("proxy-") for name, _ in seen[0][1])


async def test_a_tunnel_is_asked_for_with_credentials_and_what_is_in_it_is_not_seen(
    transport: str, authority: Authority
) -> None:
    asked: list[Request] = []
    through = bytearray()
    seen: list[Request] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await read_request(reader))
        host, _, port = asked[-1][0].split()[1].rpartition(":")
        far_reader, far_writer = await asyncio.open_connection(host.strip("[]"), int(port))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")

        async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            try:
                while chunk := await source.read(65_536):
                    through.extend(chunk)
                    sink.write(chunk)
            finally:
                sink.close()

        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))

    async with (
        raw_server(answering(seen, OK), host="::1", tls=authority.server()) as url,
        raw_server(handler) as proxy,
    ):
        config = ClientConfig(
            base_url=url,
            proxy=proxy.replace("http://", f"http://{CREDENTIALS}@"),
            tls_ca=authority.file,
            token=TOKEN,
        )
        async with RonClient(config=config, transport=transport, retries=0) as client:
            for _ in range(2):
                assert await client.get("/x") == {"ok": True}
    ((first, fields, _),) = asked
    authority_form = url.removeprefix("https://")
    assert first == f"CONNECT {authority_form} HTTP/1.1"
    given = dict(fields)
    assert given["Host"] == authority_form
    assert given["Proxy-Authorization"] == BASIC
    assert "Authorization" not in given
    assert TOKEN not in str(fields)
    assert TOKEN.encode() not in through
    assert len(seen) == 2


async def test_plain_http_is_sent_in_absolute_form_with_credentials(transport: str) -> None:
    seen: list[Request] = []
    async with raw_server(answering(seen, OK)) as proxy:
        config = ClientConfig(
            base_url="http://127.0.0.1:1",
            proxy=proxy.replace("http://", f"http://{CREDENTIALS}@"),
        )
        async with RonClient(config=config, transport=transport, retries=0) as client:
            await client.get("/%7ex?a=%41")
    ((first, fields, _),) = seen
    assert first == "GET http://127.0.0.1:1/app/%7ex?a=%41 HTTP/1.1"
    assert dict(fields)["Host"] == "127.0.0.1:1"
    assert dict(fields)["Proxy-Authorization"] == BASIC


async def failure(transport: str, config: ClientConfig) -> RonError:
    async with RonClient(config=config, transport=transport, retries=0) as client:
        with pytest.raises(RonError) as caught:
            await client.get("/x")
    assert_no_secret(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("answer", "reason", "says"),
    [
        (reply("407 Proxy Authentication Required"), "proxy_auth", "status 407"),
        (reply("502 Bad Gateway", b"<html>" + b"x" * 9000), "proxy_status", "status 502"),
        (reply("302 Found", b"", "location: http://evil.example/"), "proxy_status", "status 302"),
        (b"", "proxy_closed", "closed"),
        (b"garbage\r\n\r\n", "proxy_closed", "closed"),
    ],
    ids=["407", "502", "302", "nothing", "garbage"],
)
async def test_a_proxy_that_opens_no_tunnel_is_told(
    transport: str, answer: bytes, reason: str, says: str
) -> None:
    asked: list[Request] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await read_request(reader))
        writer.write(answer)

    async with raw_server(handler) as proxy:
        config = ClientConfig(
            base_url="https://gw.example",
            proxy=proxy.replace("http://", f"http://{CREDENTIALS}@"),
            token=TOKEN,
        )
        error = await failure(transport, config)
    assert isinstance(error, RonConnectError)
    assert (error.code, error.reason) == ("destination_unavailable", reason)
    assert says in error.__notes__[0]
    assert proxy.removeprefix("http://") in error.__notes__[0]
    assert len(asked) == 1


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_that_is_not_there_is_told(transport: str, scheme: str) -> None:
    for host, reason in (
        (f"127.0.0.1:{unused_port()}", "proxy_refused"),
        ("no-such-host.invalid:3128", "proxy_unresolved"),
    ):
        config = ClientConfig(
            base_url=f"{scheme}://gw.example",
            proxy=f"http://{CREDENTIALS}@{host}",
            allow_insecure_http=True,
        )
        error = await failure(transport, config)
        assert isinstance(error, RonConnectError)
        assert error.reason == reason
        assert host in error.__notes__[0]


async def test_a_proxy_that_never_answers_ends_in_the_connect_time_out(transport: str) -> None:
    closed = asyncio.Event()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        closed.set()

    async with raw_server(handler) as proxy:
        config = ClientConfig(base_url="https://gw.example", proxy=proxy, connect_timeout=0.3)
        error = await failure(transport, config)
        await asyncio.wait_for(closed.wait(), 5)
    assert isinstance(error, RonTimeoutError)
    assert error.phase == "connect"


@pytest.mark.servers
async def test_the_server_behind_a_proxy_must_be_the_right_one(
    transport: str, authority: Authority, proxy: str
) -> None:
    async with raw_server(answering([], OK), tls=authority.server("other.example")) as url:
        config = ClientConfig(base_url=url, proxy=proxy, tls_ca=authority.file)
        error = await failure(transport, config)
    assert isinstance(error, RonTlsError)
    assert error.reason == "wrong_host"


def test_the_credentials_of_a_proxy_show_nowhere(tmp_path: Path) -> None:
    config = ClientConfig(
        base_url="https://gw.example", proxy=f"http://{CREDENTIALS}@proxy.example:3128"
    )
    client = RonClient(config=config)
    settings, _faults = transport_settings(config)
    for secret in SECRETS:
        assert secret not in f"{config!r}{client!r}{settings!r}{client.__dict__!r}"
