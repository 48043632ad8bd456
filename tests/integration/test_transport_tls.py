"""TLS: whom a transport trusts, what it presents, and how each failure is told."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import ssl
import threading
import warnings
from pathlib import Path
from typing import Any

import pytest

from attacks import DOORS, Client, closing, enter, opened, outcome
from certificates import LAST_WEEK, NEXT_WEEK, TOMORROW, YESTERDAY, Authority, self_signed
from ron_app_sdk_py import (
    ClientConfig,
    RonClient,
    RonClientSync,
    RonConfigError,
    RonConnectError,
    RonNetworkError,
    RonSecurityWarning,
    RonStreamError,
    RonTimeoutError,
    RonTlsError,
)
from ron_app_sdk_py.transport import (
    TransportFailure,
    TransportRequest,
    TransportResponse,
    TransportSettings,
)
from servers import TOKEN, Request, answering, blocking_tls_server, raw_server, read_request, reply
from stream_servers import END, chunk, chunked_head, event

OK = reply("200 OK", b'{"ok":true}', "content-type: application/json")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("stranger"))


def by_name(url: str) -> str:
    return url.replace("127.0.0.1", "localhost")


ways = pytest.mark.parametrize(
    ("kind", "door"), [*itertools.product([RonClient, RonClientSync], ["get", "stream"])]
)
"""Both clients, for a call and for a stream."""


async def failure(
    kind: type[Client], door: str, transport: str, config: ClientConfig
) -> RonNetworkError:
    """What keeps a client from its gateway."""
    async with opened(kind, config=config, transport=transport, retries=0) as client:
        error = await outcome(client, DOORS[door], "/x")
    if isinstance(error, RonStreamError):
        error = error.last_error
    assert isinstance(error, RonNetworkError)
    assert error.__cause__ is None
    return error


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
async def test_a_server_of_the_private_authority_is_trusted_by_name_and_by_address(
    transport: str, authority: Authority, host: str
) -> None:
    seen: list[Request] = []
    async with raw_server(answering(seen, OK), host=host, tls=authority.server()) as url:
        config = ClientConfig(base_url=url, tls_ca=authority.file)
        async with RonClient(config=config, transport=transport, retries=0) as client:
            for _ in range(2):
                assert await client.get("/x") == {"ok": True}
    assert len(seen) == 2


async def test_a_folder_of_authorities_is_trusted_whatever_its_files_are_called(
    transport: str, authority: Authority, stranger: Authority, tmp_path: Path
) -> None:
    for name, source in (("one.pem", stranger), ("two.crt", authority)):
        (tmp_path / name).write_bytes(Path(source.file).read_bytes())
    (tmp_path / "README").write_text("no certificate")
    async with raw_server(answering([], OK), tls=authority.server()) as url:
        config = ClientConfig(base_url=url, tls_ca=str(tmp_path))
        async with RonClient(config=config, transport=transport, retries=0) as client:
            assert await client.get("/x") == {"ok": True}


@ways
async def test_calls_and_streams_of_both_clients_go_over_tls(
    transport: str, authority: Authority, kind: type[Client], door: str
) -> None:
    seen: list[Request] = []
    answer = OK if door == "get" else b"HTTP/1.1 204 No Content\r\n\r\n"
    async with raw_server(answering(seen, answer), tls=authority.server()) as url:
        config = ClientConfig(base_url=url, tls_ca=authority.file, token=TOKEN)
        async with opened(kind, config=config, transport=transport, retries=0) as client:
            for _ in range(2):
                await enter(client, DOORS[door], "/x")
    assert len(seen) == 2
    for _, fields, _ in seen:
        assert ("authorization", f"Bearer {TOKEN}") in fields


async def test_events_come_over_tls(transport: str, authority: Authority) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(chunked_head() + chunk(event("one")) + chunk(event("two")) + END)

    def subscribe(client: RonClientSync) -> list[str]:
        with client:
            return [event.data for event in client.subscribe("/x", max_events=2)]

    async with raw_server(handler, tls=authority.server()) as url:
        config = ClientConfig(base_url=url, tls_ca=authority.file)
        async with RonClient(config=config, transport=transport) as client:
            events = [event.data async for event in client.subscribe("/x", max_events=2)]
        assert events == ["one", "two"]
        client_sync = RonClientSync(config=config, transport=transport)
        assert await asyncio.to_thread(subscribe, client_sync) == events


@pytest.mark.parametrize("size", [0, 65_537, 2_000_000])
async def test_a_body_goes_through_tls_whole_both_ways(
    transport: str, authority: Authority, size: int
) -> None:
    content = bytes(range(250)) * (size // 250) + b"x" * (size % 250)

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            _, _, body = await read_request(reader)
            writer.write(reply("200 OK", body))

    async with raw_server(handler, tls=authority.server()) as url:
        config = ClientConfig(base_url=url, tls_ca=authority.file, max_request_bytes=size + 1)
        async with RonClient(config=config, transport=transport, retries=0) as client:
            for _ in range(2):
                response = await client.request("POST", "/x", content=content)
                assert response.content == content


async def test_a_server_that_takes_no_bytes_over_tls_ends_in_the_write_time_out(
    transport: str, authority: Authority
) -> None:
    stop = asyncio.Event()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await stop.wait()

    size = 32 * 1024 * 1024
    async with raw_server(handler, tls=authority.server()) as url:
        config = ClientConfig(
            base_url=url, tls_ca=authority.file, write_timeout=0.3, max_request_bytes=size
        )
        async with RonClient(config=config, transport=transport, retries=0) as client:
            with pytest.raises(RonTimeoutError) as caught:
                await client.post("/x", content=bytes(size))
            stop.set()
    assert caught.value.phase == "write"


def tls_1_1(authority: Authority) -> ssl.SSLContext:
    context = authority.server()
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    return context


@pytest.mark.parametrize(
    ("fault", "code", "reason", "says"),
    [
        ("stranger", "tls_certificate_error", "unknown_issuer", "unable to get local issuer"),
        ("expired", "tls_certificate_error", "expired", "certificate has expired"),
        ("early", "tls_certificate_error", "not_yet_valid", "not yet valid"),
        ("other name", "tls_certificate_error", "wrong_host", "Hostname mismatch"),
        ("self-signed", "tls_certificate_error", "self_signed", "self-signed certificate"),
    ],
)
@ways
async def test_each_fault_of_a_server_is_told_by_name_and_no_token_is_sent(
    transport: str,
    authority: Authority,
    stranger: Authority,
    door: str,
    fault: str,
    kind: type[Client],
    code: str,
    reason: str,
    says: str,
) -> None:
    context = {
        "stranger": stranger.server,
        "expired": lambda: authority.server(not_before=LAST_WEEK, not_after=YESTERDAY),
        "early": lambda: authority.server(not_before=TOMORROW, not_after=NEXT_WEEK),
        "other name": lambda: authority.server("other.example"),
        "self-signed": self_signed,
    }[fault]()
    seen: list[Request] = []
    async with raw_server(answering(seen, OK), tls=context) as url:
        config = ClientConfig(base_url=by_name(url), tls_ca=authority.file, token=TOKEN)
        error = await failure(kind, door, transport, config)
    assert isinstance(error, RonTlsError)
    assert (error.code, error.reason) == (code, reason)
    assert says in error.__notes__[0]
    assert seen == []


async def test_a_certificate_that_is_not_trusted_is_not_tried_again(
    stranger: Authority, authority: Authority
) -> None:
    config = ClientConfig(tls_ca=authority.file, retries=3)
    async with (
        raw_server(answering([], OK), tls=stranger.server()) as url,
        RonClient(url, config=config) as client,
    ):
        with pytest.raises(RonTlsError) as caught:
            await client.get("/x")
        assert caught.value.attempts == 1
        with pytest.raises(RonTlsError):
            await anext(client.subscribe("/x"))


@ways
async def test_tls_1_1_is_not_spoken(
    transport: str, authority: Authority, kind: type[Client], door: str
) -> None:
    with blocking_tls_server(tls_1_1(authority)) as url:
        config = ClientConfig(base_url=url, tls_ca=authority.file)
        error = await failure(kind, door, transport, config)
    assert isinstance(error, RonTlsError)
    assert (error.code, error.reason) == ("tls_protocol_error", "protocol_version")


async def test_an_address_that_the_certificate_does_not_name_is_refused(
    transport: str, authority: Authority
) -> None:
    async with raw_server(answering([], OK), tls=authority.server("localhost")) as url:
        config = ClientConfig(base_url=url, tls_ca=authority.file)
        async with RonClient(config=config, transport=transport, retries=0) as client:
            with pytest.raises(RonTlsError) as caught:
                await client.get("/x")
    assert caught.value.reason == "wrong_host"
    assert "IP address mismatch" in caught.value.__notes__[0]


async def test_a_private_authority_is_not_trusted_unasked(
    transport: str, authority: Authority
) -> None:
    async with (
        raw_server(answering([], OK), tls=authority.server()) as url,
        RonClient(url, transport=transport, retries=0) as client,
    ):
        with pytest.raises(RonTlsError) as caught:
            await client.get("/x")
    assert caught.value.reason == "unknown_issuer"


async def test_plain_http_on_the_port_of_https_is_told(
    transport: str, authority: Authority
) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(reply("400 Bad Request", b"speak http"))

    async with raw_server(handler) as url:
        config = ClientConfig(base_url=url.replace("http:", "https:"), tls_ca=authority.file)
        async with RonClient(config=config, transport=transport, retries=0) as client:
            with pytest.raises(RonTlsError) as caught:
                await client.get("/x")
    assert (caught.value.code, caught.value.reason) == ("tls_protocol_error", "not_tls")


@pytest.mark.parametrize("reset", [False, True])
async def test_a_server_that_hangs_up_in_the_handshake_is_told(transport: str, reset: bool) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        if reset:
            sock = writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    async with (
        raw_server(handler) as url,
        RonClient(url.replace("http:", "https:"), transport=transport, retries=0) as client,
    ):
        with pytest.raises(RonTlsError) as caught:
            await client.get("/x")
    assert (caught.value.code, caught.value.reason) == ("tls_protocol_error", "closed")


@ways
async def test_a_server_that_never_answers_the_handshake_ends_in_the_connect_time_out(
    transport: str, kind: type[Client], door: str
) -> None:
    closed = asyncio.Event()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        closed.set()

    async with raw_server(handler) as url:
        config = ClientConfig(base_url=url.replace("http:", "https:"), connect_timeout=0.3)
        error = await failure(kind, door, transport, config)
        await asyncio.wait_for(closed.wait(), 5)
    assert isinstance(error, RonTimeoutError)
    assert error.phase == "connect"


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("given", ["right", "missing", "wrong"])
@ways
async def test_a_client_certificate_is_presented_and_its_lack_is_told(
    transport: str,
    authority: Authority,
    stranger: Authority,
    kind: type[Client],
    door: str,
    version: ssl.TLSVersion,
    given: str,
) -> None:
    context = authority.server()
    context.minimum_version = context.maximum_version = version
    context.verify_mode = ssl.CERT_REQUIRED
    authority.ca.configure_trust(context)
    files: dict[str, Any] = {}
    if given != "missing":
        certificate, key = (authority if given == "right" else stranger).client()
        files = {"tls_client_certificate": certificate, "tls_client_key": key}
    with blocking_tls_server(context) as url:
        config = ClientConfig(base_url=url, tls_ca=authority.file, **files)
        if given == "right":
            async with opened(kind, config=config, transport=transport, retries=0) as client:
                error = await outcome(client, DOORS[door], "/x")
            # What that server answers is no event stream.
            assert error is None or (door, error.code) == ("stream", "wrong_content_type")
            return
        error = await failure(kind, door, transport, config)
    assert isinstance(error, RonTlsError)
    # Before TLS 1.3 a server may call a missing certificate a failure of the handshake.
    old = version is ssl.TLSVersion.TLSv1_2 and given == "missing"
    assert error.reason == ("alert" if old else "client_certificate")
    assert "alert" in error.__notes__[0]


@ways
async def test_without_verification_anybody_is_trusted_and_each_client_warns(
    transport: str, stranger: Authority, kind: type[Client], door: str
) -> None:
    seen: list[Request] = []
    answer = OK if door == "get" else b"HTTP/1.1 204 No Content\r\n\r\n"
    async with raw_server(answering(seen, answer), tls=stranger.server("other.example")) as url:
        config = ClientConfig(base_url=url, tls_verify=False)
        for _ in range(2):
            with pytest.warns(RonSecurityWarning, match="tls_ca") as warned:
                client = kind(config=config, transport=transport)
            assert [warning.filename for warning in warned] == [__file__]
            async with closing(client):
                await enter(client, DOORS[door], "/x")
    assert len(seen) == 2


@ways
async def test_the_keys_of_tls_are_written_nowhere_unless_it_is_asked_for_twice(
    transport: str,
    authority: Authority,
    kind: type[Client],
    door: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    file = tmp_path / "keys"
    answer = OK if door == "get" else b"HTTP/1.1 204 No Content\r\n\r\n"
    async with raw_server(answering([], answer), tls=authority.server()) as url:
        config = ClientConfig(base_url=url, tls_ca=authority.file)

        async def call() -> None:
            async with opened(kind, config=config, transport=transport) as client:
                await enter(client, DOORS[door], "/x")

        monkeypatch.setenv("SSLKEYLOGFILE", str(file))
        for debug in (None, "", "0", "true", "yes", "11", " 1"):
            if debug is not None:
                monkeypatch.setenv("RON_DEBUG", debug)
            await call()
            assert not file.exists(), debug
        monkeypatch.setenv("RON_DEBUG", "1")
        with pytest.warns(RonSecurityWarning, match="SSLKEYLOGFILE") as warned:
            await call()
        assert len(warned) == 1
        keys = file.read_text()
        assert "CLIENT_TRAFFIC_SECRET_0 " in keys
        monkeypatch.delenv("SSLKEYLOGFILE")
        await call()
        assert file.read_text() == keys


def test_a_file_for_keys_that_can_not_be_written_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("RON_DEBUG", "1")
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "missing" / "keys"))
    with pytest.raises(RonConfigError, match=r"SSLKEYLOGFILE names .*missing/keys.*No such file"):
        RonClient("https://gw.example")
    RonClientSync("http://127.0.0.1:1").close()


async def test_one_context_serves_all_transports_of_a_client(authority: Authority) -> None:
    contexts = []

    class Noting:
        def __init__(self, settings: TransportSettings) -> None:
            contexts.append(settings.ssl_context)

        async def send(self, request: TransportRequest) -> TransportResponse:
            raise TransportFailure("connection-refused")

        async def close(self) -> None:
            pass

    config = ClientConfig(base_url="https://gw.example", tls_ca=authority.file)
    client = RonClient(config=config, transport=Noting)

    async def call() -> None:
        with pytest.raises(RonConnectError):
            await client.get("/x")

    await call()
    await asyncio.to_thread(asyncio.run, call())
    await client.close()
    assert len(contexts) == 2
    assert contexts[0] is contexts[1]
    assert isinstance(contexts[0], ssl.SSLContext)


def _tls_that_breaks(listener: socket.socket, context: ssl.SSLContext, last: bytes) -> list[bytes]:
    """Serves TLS until a request is there, then sends these bytes in the clear: the requests."""
    seen: list[bytes] = []

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                connection.settimeout(10)
                with connection:
                    inward, outward = ssl.MemoryBIO(), ssl.MemoryBIO()
                    tls = context.wrap_bio(inward, outward, server_side=True)
                    request = b""
                    while b"\r\n\r\n" not in request:
                        try:
                            request += tls.read(65_536)
                        except ssl.SSLWantReadError:
                            connection.sendall(outward.read())
                            inward.write(connection.recv(65_536))
                    seen.append(request)
                    connection.sendall(last)
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(65_536):
                        pass

    threading.Thread(target=serve, daemon=True).start()
    return seen


@pytest.mark.parametrize(
    "last",
    [
        b"\x17\x03\x03\x00\x20" + b"x" * 32,
        b"HTTP/1.1 503 x\r\n\r\n",
        b"\x15\x03\x03\x00\x02\x02\x50",
    ],
    ids=["bad record", "not TLS", "alert in the clear"],
)
async def test_a_request_is_not_sent_again_because_tls_broke_after_it(
    transport: str, authority: Authority, last: bytes
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        seen = _tls_that_breaks(listener, authority.server(), last)
        url = f"https://localhost:{listener.getsockname()[1]}"
        config = ClientConfig(base_url=url, tls_ca=authority.file)
        async with RonClient(config=config, transport=transport) as client:
            with pytest.raises(RonNetworkError) as caught:
                await client.post("/x", json={})
            assert (caught.value.code, caught.value.reason) == ("connection_terminated", "tls")
            assert caught.value.timeline.stopped == "not idempotent"
            assert len(seen) == 1
        listener.shutdown(socket.SHUT_RDWR)
