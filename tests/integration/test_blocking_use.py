"""Components that block reach the host through ``wire``'s one import, ``wait``.

A fixture uses the typed interface as a facet will, and ``wasi:http`` beneath it; this test is the
host: it carries out the commands of docs/abi.md over real sockets, one at a time. Its clock stands
still but for timers, which end at once.
"""

from __future__ import annotations

import asyncio
import http.client
from collections import deque
from typing import Any
from urllib.parse import urlsplit

import pytest
from wasmtime import Engine, Store, WasmtimeError
from wasmtime.component import Component, Linker

from ron_app_sdk_py.defaults import GUEST_MEMORY_BYTES
from ron_app_sdk_py.engine.messages import Abort, Item, Read, Send, Start, block, decode, encode
from servers import ROOT, raw_server, read_request, reply

pytestmark = pytest.mark.checkout

WRITTEN = 4 * 1024 * 1024
"""``MAX_WRITTEN_BYTES`` of ``wire``."""


class BlockingHost:
    """Answers ``wait``."""

    def __init__(self) -> None:
        self.responses: dict[int, http.client.HTTPResponse] = {}
        self.connections: dict[int, http.client.HTTPConnection] = {}
        self.commands: list[str] = []
        self.queue: deque[Item] = deque()
        self.now = 1_000

    def wait(self, _store: object, commands: str) -> str:
        wake_at, items = decode(commands)
        self.queue.extend(items)
        while self.queue:
            item = self.queue.popleft()
            self.commands.append(type(item).__name__)
            event = self.carry_out(item)
            if event is not None:
                return event
        assert wake_at is not None, "nothing to do and nothing to wait for"
        self.now = max(self.now, wake_at)
        return self.event("tick")

    def carry_out(self, item: Item) -> str | None:
        match item:
            case Start():
                return self.event("start", "5" * 64)
            case Send():
                return self.send(item)
            case Read(exchange=exchange, max_bytes=most):
                content = self.responses[exchange].read(most)
                return self.event("data", str(exchange), "0" if content else "1") + (
                    content.decode("latin-1")
                )
            case Abort(exchange=exchange):
                self.connections[exchange].close()
        return None

    def send(self, send: Send) -> str | None:
        url = urlsplit(send.url)
        assert url.hostname is not None
        connection = http.client.HTTPConnection(url.hostname, url.port, timeout=10)
        self.connections[send.exchange] = connection
        content = b"".join(bytes.fromhex(value) for _, value in send.body or [])
        try:
            connection.putrequest(send.method, url.path, skip_accept_encoding=True)
            for name, value in send.headers:
                connection.putheader(name, value)
            connection.putheader("content-length", str(len(content)))
            connection.endheaders(content)
        except ConnectionRefusedError:
            return self.event("failure", str(send.exchange), "connection-refused", "")
        response = connection.getresponse()
        self.responses[send.exchange] = response
        return self.event(
            "response", str(send.exchange), str(response.status), *block(response.getheaders())
        )

    def event(self, *fields: str) -> str:
        return encode((str(self.now), "0", "0", *fields)).decode()


def call(host: BlockingHost, name: str, *arguments: Any) -> str:
    engine = Engine()
    store = Store(engine)
    store.set_limits(memory_size=GUEST_MEMORY_BYTES)
    linker = Linker(engine)
    with linker.root() as root, root.add_instance("ron:wire/host@0.1.0") as instance:
        instance.add_func("wait", host.wait)
    component = Component.from_file(engine, ROOT / "target/probe.wasm")
    probe = linker.instantiate(store, component)
    interface = probe.get_export_index(store, "ron:probe/probe@0.1.0")
    index = probe.get_export_index(store, name, interface)
    assert index is not None
    function = probe.get_func(store, index)
    assert function is not None
    try:
        answer: str = function(store, *arguments)
        return answer
    finally:
        for response in host.responses.values():
            response.close()
        for connection in host.connections.values():
            connection.close()


def run(host: BlockingHost, *arguments: str | None) -> str:
    return call(host, "run", *arguments)


async def test_a_blocking_call_sends_and_reads_through_wait() -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first, _, content = await read_request(reader)
        status = "404 Not Found" if "missing" in first else "200 OK"
        writer.write(reply(status, b"got " + content + " é".encode()))
        await writer.drain()

    async with raw_server(handler) as url:
        host = BlockingHost()
        answer = await asyncio.to_thread(run, host, url, "POST", "/echo", "x" * 100_000)
        assert answer == "200 got " + "x" * 100_000 + " é"
        assert host.commands[:2] == ["Start", "Send"]
        assert set(host.commands[2:]) == {"Read"}
        missing = await asyncio.to_thread(run, BlockingHost(), url, "GET", "/missing", None)
        assert missing == "error ErrorKind::Problem http_404"


def test_failures_and_deadlines_reach_a_blocking_call() -> None:
    assert run(BlockingHost(), "http://127.0.0.1:1", "GET", "/x", None) == (
        "error ErrorKind::Connect connection_refused"
    )

    class MuteHost(BlockingHost):
        def send(self, send: Send) -> str | None:
            self.connections[send.exchange] = http.client.HTTPConnection("127.0.0.1", 1)
            return None

    mute = MuteHost()
    assert run(mute, "http://127.0.0.1:1", "GET", "/x", None) == (
        "error ErrorKind::Timeout overall_timeout"
    )
    assert mute.now == 1_000 + 2_000_000_000


def test_an_event_that_is_malformed_traps() -> None:
    class BrokenHost(BlockingHost):
        def wait(self, _store: object, commands: str) -> str:
            return "nonsense"

    with pytest.raises(WasmtimeError, match="unreachable"):
        run(BrokenHost(), "http://127.0.0.1:1", "GET", "/x", None)


async def test_an_answer_is_streamed_into_a_request_and_its_answer_back() -> None:
    content = bytes(range(256)) * 1_000

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first, _, received = await read_request(reader)
        if first.startswith("GET"):
            writer.write(reply("200 OK", content))
        else:
            whole = received == content + b"!"
            writer.write(reply("201 Created", f"{len(received)} {whole}".encode()))
        await writer.drain()

    async with raw_server(handler) as url:
        host = BlockingHost()
        authority = urlsplit(url).netloc
        answer = await asyncio.to_thread(call, host, "relay", authority, "/source", "/target")
        assert answer == f"201 {len(content) + 1} True"
        assert [name for name in host.commands if name != "Read"] == ["Send", "Send"]


async def test_an_answer_that_breaks_is_not_passed_on_and_says_why() -> None:
    seen = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first, _, _ = await read_request(reader)
        seen.append(first)
        writer.write(reply("200 OK", b"half"))
        await writer.drain()

    class BreakingHost(BlockingHost):
        def carry_out(self, item: Item) -> str | None:
            if isinstance(item, Read) and self.commands.count("Read") == 2:
                return self.event("failure", str(item.exchange), "HTTP-response-body-size", "77")
            return super().carry_out(item)

    async with raw_server(handler) as url:
        host = BreakingHost()
        authority = urlsplit(url).netloc
        answer = await asyncio.to_thread(call, host, "relay", authority, "/source", "/target")
    assert answer == ("HTTP-response-body-size 77 Some(ErrorCode::HttpResponseBodySize(Some(77)))")
    assert seen == ["GET /source HTTP/1.1"]


def test_answers_and_a_timer_are_polled_together_in_the_order_in_which_they_come() -> None:
    script = deque(
        [(10, "response", "2", "200", "0"), (20, "failure", "3", "DNS-error", "NXDOMAIN 9")]
    )

    class ScriptedHost(BlockingHost):
        """Tells of these after so many nanoseconds, then that the timer has ended."""

        def wait(self, store: object, commands: str) -> str:
            wake_at, items = decode(commands)
            if items == [Start(0)]:
                return super().wait(store, commands)
            assert wake_at == 1_000 + 25
            self.commands += [type(item).__name__ for item in items]
            if not script:
                self.now = wake_at
                return self.event("tick")
            after, *event = script.popleft()
            self.now = 1_000 + int(after)
            return self.event(*map(str, event))

    host = ScriptedHost()
    payload = 'DnsErrorPayload { rcode: Some("NXDOMAIN"), info-code: Some(9) }'
    assert call(host, "race", "h", ["/0", "/1", "/2"], 25) == (
        f"1 200, 2 ErrorCode::DnsError({payload}), timer"
    )
    assert host.commands == ["Start", "Send", "Send", "Send", "Abort"]


def test_a_component_s_own_body_is_sent_whole_up_to_its_bound_and_fails_beyond() -> None:
    class CountingHost(BlockingHost):
        size = 0

        def send(self, send: Send) -> str | None:
            self.size = sum(len(value) // 2 for _, value in send.body or [])
            return self.event("response", str(send.exchange), "204", "0")

    host = CountingHost()
    assert call(host, "upload", "h", "/x", WRITTEN) == "204"
    assert host.size == WRITTEN
    host = CountingHost()
    assert call(host, "upload", "h", "/x", WRITTEN + 1) == (
        f"HTTP-request-body-size {WRITTEN + 1} "
        f"Some(ErrorCode::HttpRequestBodySize(Some({WRITTEN + 1})))"
    )
    assert host.commands == []
