"""The client is a standard component: it runs on wasmtime's own WASI and ``wasi:http``.

Nothing of this package's engine, wire or bridge takes part: only ``ron_client.wasm``, its typed
interface and its blocking form.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from wasmtime import Config, Engine, Store, WasiConfig
from wasmtime.component import Component, Func, Instance, Linker, Record, ResourceAny, Variant

from gates import Gate
from ron_app_sdk_py.defaults import GUEST_FUEL
from ron_app_sdk_py.engine.artifact import CLIENT, load
from servers import TOKEN, raw_server, read_request, reply
from stream_servers import closing, event, serving, stream


@pytest.fixture(scope="module")
def component() -> tuple[Engine, Component]:
    engine = Engine(Config())
    return engine, Component(engine, load(CLIENT).wasm)


BEARER = Variant("token", TOKEN)
PASSPORT = "passport-0123456789"

BROKEN_OFF = {"host_error", "connection_closed", "read_timeout"}
"""In what a stream that breaks off ends: ``http-error-code`` of wasmtime 50 knows no reason for it,
so that a closed connection and a silent one are the same to the component."""


class Client:
    """The typed interface of an instance."""

    def __init__(self, component: tuple[Engine, Component], *, fuel: int | None = None) -> None:
        engine, compiled = component
        self.store = Store(engine)
        if fuel is not None:
            self.store.set_fuel(fuel)
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
            "passport",
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
        credential = settings.get("credential", Variant("none"))
        configuration = SimpleNamespace(
            **{"base-url": base_url, "allow-insecure-http": False, "credential": credential},
            **{name: settings.get(name.replace("-", "_")) for name in names},
        )
        return self.call("admin", "open", configuration)

    def subscribe(self, session: Any, path: str, **options: Any) -> Any:
        names = (
            "reconnect-delay",
            "reconnect-timeout",
            "max-reconnects",
            "idle-timeout",
            "max-duration",
            "max-events",
            "max-line-bytes",
            "max-event-bytes",
        )
        settings = SimpleNamespace(
            **{name: options.get(name.replace("-", "_")) for name in names},
            **{"last-event-id": options.get("last_event_id", ""), "reconnect": True},
            **{"comments": options.get("comments", False), "drop-heartbeats": False},
        )
        request = self.request("GET", path)
        return self.call("events", "subscribe", session, request, settings, 1)

    def poll(self, subscription: Any) -> tuple[str, Any]:
        """The next update, ``ended``, ``failed`` or ``nothing yet``."""
        answer = self.call("events", "[method]subscription.poll", subscription)
        match answer.tag, answer.payload:
            case "none", _:
                return "nothing yet", None
            case _, None:
                return "ended", None
            case _, Variant(tag=kind, payload=payload):
                return kind, payload
            case _, error:
                return "failed", error

    def updates(self, subscription: Any) -> Iterator[tuple[str, Any]]:
        """What a subscription brings, blocking, until it ends; and in what it failed."""
        while True:
            self.call("events", "[method]subscription.wait", subscription)
            kind, payload = self.poll(subscription)
            if kind == "ended":
                return
            assert kind != "nothing yet"
            yield kind, payload
            if kind == "failed":
                return

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
            session = client.open(url, credential=BEARER)

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
            session = client.open(url, credential=BEARER)
            for credential in ("omit", "include"):
                node = client.call("node", "open", session, credential)
                assert status(client, client.send(node, "GET", "/healthz")) == 200

        await asyncio.to_thread(work)
    target = "GET /healthz?q=%C3%A9%20%26 HTTP/1.1"
    assert seen == [(target, None), (target, f"Bearer {TOKEN}")]


async def test_who_blocks_has_the_token_that_was_provided_before_and_can_be_given_no_other(
    component: tuple[Engine, Component],
) -> None:
    gate = Gate({f"Bearer {TOKEN}"})
    provided = Record()
    vars(provided).update(token=TOKEN, lifetime=None)

    async with raw_server(gate) as url:

        def work() -> None:
            client = Client(component)
            session = client.open(url, credential=Variant("provided"))
            error = client.send(session, "GET", "/x")
            assert (error.kind, "provide it first" in error.message) == ("credential", True)
            client.call("admin", "provide", session, provided)
            assert status(client, client.send(session, "GET", "/x")) == 200
            gate.accepted = {"Bearer another"}
            assert client.send(session, "GET", "/x").kind == "credential"

        await asyncio.to_thread(work)
    assert gate.credentials == [f"Bearer {TOKEN}"] * 2


async def test_a_derived_session_is_held_to_its_caveats_and_sends_no_passport_of_another(
    component: tuple[Engine, Component],
) -> None:
    gate = Gate()
    absent = dict.fromkeys(
        (
            "overall-timeout",
            "connect-timeout",
            "read-timeout",
            "write-timeout",
            "max-request-bytes",
            "retries",
            "backoff",
        )
    )
    none = dict.fromkeys(("expires-at", "methods", "path-prefix", "max-bytes"))

    async with raw_server(gate) as url:

        def work() -> None:
            client = Client(component)
            session = client.open(url, credential=BEARER, passport=PASSPORT)

            def derive(credential: Variant | None, caveats: dict[str, Any]) -> Any:
                members = {
                    "credential": credential,
                    "without-passport": credential is not None,
                    "caveats": SimpleNamespace(**{**none, **caveats}),
                }
                overrides = SimpleNamespace(**absent, **members)
                return client.call("admin", "derive", session, overrides)

            reader = derive(None, {"methods": ["GET"], "path-prefix": "/feed"})
            assert status(client, client.send(reader, "GET", "/feed/1")) == 200
            for method, path in (("POST", "/feed/1"), ("GET", "/x")):
                assert client.send(reader, method, path).kind == "capability"
            assert derive(None, {"methods": []}).kind == "capability"
            other = derive(Variant("token", f"other-{TOKEN}"), {})
            assert status(client, client.send(other, "GET", "/x")) == 200

        await asyncio.to_thread(work)
    assert [(credential, passport) for _, credential, passport in gate.seen] == [
        (f"Bearer {TOKEN}", PASSPORT),
        (f"Bearer other-{TOKEN}", None),
    ]


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


async def test_a_subscription_gives_its_events_and_goes_on_where_it_was(
    component: tuple[Engine, Component],
) -> None:
    async with serving(
        stream(": hello\n", event("a", "1"), event("b", "2", type_="tick", retry=100)),
        stream(event("b", "2"), event("c\nd", "3"), ends="close"),
    ) as served:

        def work() -> tuple[list[Any], list[Any]]:
            client = Client(component)
            session = client.open(served.url, credential=BEARER)
            told: list[Any] = []
            messages: list[Any] = []
            for kind, payload in client.updates(
                client.subscribe(session, "/log", comments=True, last_event_id="0")
            ):
                told.append(kind)
                if kind == "received":
                    delivery = client.call("events", "[method]batch.take", payload)
                    told[-1] = (vars(delivery)["last-event-id"], delivery.duplicates)
                    messages += [
                        message
                        if isinstance(message, str)
                        else (message.kind, message.data, message.id, message.retry)
                        for message in delivery.messages
                    ]
                elif kind == "lost":
                    told[-1] = payload.error.code
                    assert payload.wait <= 200_000_000
            return told, messages

        told, messages = await asyncio.to_thread(work)
    assert messages == [
        " hello",
        ("message", "a", "1", None),
        ("tick", "b", "2", 100),
        ("message", "c\nd", "3", None),
    ]
    connections = [what for what in told if isinstance(what, str)]
    assert connections[:3] == ["connected", "stream_ended", "connected"]
    assert connections[3] in BROKEN_OFF
    ids = [what for what in told if isinstance(what, tuple)]
    assert (ids[-1][0], sum(duplicates for _, duplicates in ids)) == ("3", 1)
    assert served.ids == ["0", "2", "3"]
    first = served.seen[0].fields
    assert (first["accept"], first["authorization"]) == ("text/event-stream", f"Bearer {TOKEN}")
    assert served.seen[2].fields["x-request-id"] == first["x-request-id"]


async def test_a_stream_that_falls_silent_is_connected_again(
    component: tuple[Engine, Component],
) -> None:
    """By ``wasi:http``'s own time-out between bytes."""
    async with serving(stream(event("a", "1"), ends="silence")) as served:

        def work() -> list[Any]:
            client = Client(component)
            subscription = client.subscribe(
                client.open(served.url), "/log", idle_timeout=300_000_000
            )
            assert client.poll(subscription) == ("nothing yet", None)
            return [*client.updates(subscription)]

        updates = await asyncio.to_thread(work)
        assert [kind for kind, _ in updates] == ["connected", "received", "lost"]
        error = updates[-1][1].error
        assert error.code in BROKEN_OFF
        await served.seen[0].gone.wait()
    assert served.ids == [None, "1"]


async def test_a_stream_that_is_refused_ends_with_the_problem(
    component: tuple[Engine, Component],
) -> None:
    body = b'{"code":"no_such_log","message":"m"}'
    async with serving(closing("404 Not Found", body)) as served:

        def work() -> list[Any]:
            client = Client(component)
            return [*client.updates(client.subscribe(client.open(served.url), "/log"))]

        ((kind, error),) = await asyncio.to_thread(work)
    assert (kind, error.kind, error.problem.code) == ("failed", "problem", "no_such_log")
    assert len(served.seen) == 1


@pytest.mark.parametrize("by", ["closing its session", "dropping it"])
async def test_a_subscription_that_is_ended_closes_its_connection(
    component: tuple[Engine, Component], by: str
) -> None:
    async with serving(stream(event("a", "1"), ends="silence")) as served:

        def work() -> tuple[Client, Any]:
            client = Client(component)
            session = client.open(served.url)
            subscription = client.subscribe(session, "/log")
            updates = client.updates(subscription)
            assert next(updates)[0] == "connected"
            kind, batch = next(updates)
            assert kind == "received"
            assert isinstance(batch, ResourceAny)
            batch.drop(client.store)
            if by == "dropping it":
                subscription.drop(client.store)
                return client, None
            client.call("admin", "close", session)
            return client, next(updates)

        client, ended = await asyncio.to_thread(work)
        if ended is not None:
            assert (ended[0], ended[1].kind) == ("failed", "closed")
        await served.seen[0].gone.wait()
    assert len(served.seen) == 1
    del client


async def test_a_batch_of_values_takes_less_than_a_third_of_the_fuel_of_a_crossing() -> None:
    """What a component that is given a batch takes for it, as a facet will be."""
    config = Config()
    config.consume_fuel = True
    engine = Engine(config)
    component = engine, Component(engine, load(CLIENT).wasm)
    async with serving(stream(":\n" * 40_000, event("a"))) as served:

        def work() -> tuple[int, int]:
            client = Client(component, fuel=GUEST_FUEL)
            most = count = 0
            updates = client.updates(
                client.subscribe(client.open(served.url), "/log", comments=True, max_events=1)
            )
            for kind, payload in updates:
                if kind == "received":
                    client.store.set_fuel(GUEST_FUEL)
                    delivery = client.call("events", "[method]batch.take", payload)
                    most = max(most, GUEST_FUEL - client.store.get_fuel())
                    count += len(delivery.messages)
                client.store.set_fuel(GUEST_FUEL)
            return most, count

        most, count = await asyncio.to_thread(work)
    assert count == 40_001
    assert most * 3 < GUEST_FUEL
