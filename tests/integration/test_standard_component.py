"""The client is a standard component: it runs on wasmtime's own WASI and ``wasi:http``.

Nothing of this package's engine, wire or bridge takes part: only ``ron_client.wasm``, its typed
interface and its blocking form.
"""

from __future__ import annotations

import asyncio
import socket
from types import SimpleNamespace
from typing import Any

import pytest
from wasmtime import Config, Engine, Store, WasiConfig
from wasmtime.component import Component, Func, Instance, Linker, ResourceAny, Variant

from ron_app_sdk_py.engine.artifact import CLIENT, load
from servers import TOKEN, raw_server, read_request, reply


@pytest.fixture(scope="module")
def component() -> tuple[Engine, Component]:
    engine = Engine(Config())
    return engine, Component(engine, load(CLIENT).wasm)


class Client:
    """The typed interface of an instance."""

    def __init__(self, component: tuple[Engine, Component]) -> None:
        engine, compiled = component
        self.store = Store(engine)
        self.store.set_wasi(WasiConfig())
        self.store.set_wasi_http()
        linker = Linker(engine)
        linker.add_wasip2()
        linker.add_wasi_http()
        self.instance: Instance = linker.instantiate(self.store, compiled)

    def call(self, interface: str, name: str, *arguments: Any) -> Any:
        index = self.instance.get_export_index(self.store, f"ron:app/{interface}@0.1.0")
        export = self.instance.get_export_index(self.store, name, index)
        assert export is not None, name
        function = self.instance.get_func(self.store, export)
        assert isinstance(function, Func), name
        return function(self.store, *arguments)

    def open(self, base_url: str, **settings: Any) -> Any:
        names = (
            "token",
            "user-agent",
            "overall-timeout",
            "connect-timeout",
            "read-timeout",
            "write-timeout",
            "max-concurrency",
            "max-queue",
            "max-request-bytes",
            "retries",
            "backoff",
        )
        configuration = SimpleNamespace(
            **{"base-url": base_url, "allow-insecure-http": False},
            **{name: settings.get(name.replace("-", "_")) for name in names},
        )
        return self.call("admin", "open", configuration)

    def request(self, method: str, path: str, body: bytes | None = None) -> Any:
        headers = [SimpleNamespace(name="content-type", value=b"application/json")]
        request = SimpleNamespace(
            method=method,
            path=path,
            query=[SimpleNamespace(name="q", value="é &")],
            headers=headers if body is not None else [],
            body=body,
            timeout=None,
            idempotency=Variant("generated"),
            retries=None,
        )
        return request

    def send(self, session: Any, method: str, path: str, body: bytes | None = None) -> Any:
        request = self.request(method, path, body)
        return self.call("session", "[method]session.send", session, request)


def status(client: Client, response: Any) -> int:
    assert isinstance(response, ResourceAny), vars(response)
    return int(client.call("types", "[method]response.status", response))


async def test_a_get_a_post_and_failing_calls_through_the_blocking_form(
    component: tuple[Engine, Component],
) -> None:
    seen: list[tuple[str, list[tuple[str, str]], bytes]] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await read_request(reader)
        seen.append(request)
        if "/problem" in request[0]:
            body = b'{"code":"upstream_unavailable","message":"m","retryable":true}'
            writer.write(reply("502 Bad Gateway", body, "connection: close"))
        else:
            writer.write(reply("200 OK", b"{}", "x-own: 1", "connection: close"))
        await writer.drain()

    async with raw_server(handler) as url:

        def work() -> None:
            client = Client(component)
            session = client.open(url, token=TOKEN)

            response = client.send(session, "GET", "/hello")
            assert status(client, response) == 200
            fields = client.call("types", "[method]response.headers", response)
            assert ("x-own", b"1") in [(field.name, field.value) for field in fields]
            assert client.call("types", "[method]response.attempts", response) == 1
            request_id = client.call("types", "[method]response.request-id", response)

            large = b'"' + b"x" * 300_000 + b'"'
            posted = client.send(session, "POST", "/echo", large)
            assert status(client, posted) == 200

            error = client.send(session, "GET", "/problem")
            assert (error.kind, error.problem.status) == ("problem", 502)
            assert error.problem.code == "upstream_unavailable"
            assert [attempt.status for attempt in error.timeline] == [502, 502, 502]
            assert error.stopped == "attempts-used-up"
            refused = client.send(session, "GET", "/../x")
            assert refused.kind == "request"

            headers = {name.lower(): value for name, value in seen[0][1]}
            assert seen[0][0] == "GET /app/hello?q=%C3%A9%20%26 HTTP/1.1"
            assert headers["authorization"] == f"Bearer {TOKEN}"
            assert headers["x-request-id"] == headers["x-correlation-id"] == request_id
            posted_headers = {name.lower(): value for name, value in seen[1][1]}
            assert posted_headers["content-length"] == str(len(large))
            assert seen[1][2] == large
            assert len(posted_headers["idempotency-key"]) == 36

        await asyncio.to_thread(work)
    assert len(seen) == 2 + 3


async def test_a_silent_server_ends_the_blocking_form_at_its_deadline(
    component: tuple[Engine, Component],
) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    async with raw_server(handler) as url:

        def work() -> Any:
            client = Client(component)
            return client.send(client.open(url, overall_timeout=300_000_000), "GET", "/x")

        error = await asyncio.wait_for(asyncio.to_thread(work), 10)
    assert (error.kind, error.code, error.phase) == ("timeout", "overall_timeout", "overall")


def test_a_server_that_takes_no_bytes_ends_the_blocking_form_at_the_write_time_out(
    component: tuple[Engine, Component],
) -> None:
    with socket.socket() as mute:
        # It accepts nothing, so that only its small buffer and the sender's take bytes in.
        mute.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        client = Client(component)
        session = client.open(
            f"http://127.0.0.1:{mute.getsockname()[1]}",
            write_timeout=300_000_000,
            overall_timeout=60 * 10**9,
            max_request_bytes=2**28,
        )
        error = client.send(session, "POST", "/x", bytes(8 * 1024 * 1024))
    assert (error.kind, error.code, error.phase) == ("timeout", "write_timeout", "write")


async def test_the_node_is_asked_without_the_credential_unless_it_is_included(
    component: tuple[Engine, Component],
) -> None:
    seen: list[tuple[str, str | None]] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first, fields, _ = await read_request(reader)
        seen.append((first, {n.lower(): v for n, v in fields}.get("authorization")))
        writer.write(reply("200 OK", b"ok", "connection: close"))

    async with raw_server(handler) as url:

        def work() -> None:
            client = Client(component)
            session = client.open(url, token=TOKEN)
            for credential in ("omit", "include"):
                request = client.request("GET", "/healthz")
                call = client.call("node", "start", session, request, credential, 0)
                client.call("session", "[method]call.wait", call)
                response = client.call("session", "[method]call.poll", call)
                assert status(client, response) == 200

        await asyncio.to_thread(work)
    target = "GET /healthz?q=%C3%A9%20%26 HTTP/1.1"
    assert seen == [(target, None), (target, f"Bearer {TOKEN}")]


def test_a_bad_configuration_and_an_unreachable_host_are_typed_errors(
    component: tuple[Engine, Component],
) -> None:
    client = Client(component)
    refused = client.open("http://example.com")
    assert refused.kind == "config"
    session = client.open("http://127.0.0.1:1")
    error = client.send(session, "GET", "/x")
    assert error.kind == "connect"
    client.call("admin", "close", session)
    assert client.send(session, "GET", "/x").kind == "closed"
