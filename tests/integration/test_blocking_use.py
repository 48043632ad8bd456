"""Components that block reach the host through ``wire``'s one import, ``wait``.

A fixture uses the typed interface as a facet will; this test is the host: it carries out the
commands of docs/abi.md over real sockets, one at a time.
"""

from __future__ import annotations

import asyncio
import http.client
import os
import time
from urllib.parse import urlsplit

import pytest
from wasmtime import Engine, Store, WasmtimeError
from wasmtime.component import Component, Linker

from ron_app_sdk_py.engine.messages import Abort, Read, Send, Start, block, decode, encode
from servers import ROOT, raw_server, read_request, reply

pytestmark = pytest.mark.checkout


class BlockingHost:
    """Answers ``wait``."""

    def __init__(self) -> None:
        self.responses: dict[int, http.client.HTTPResponse] = {}
        self.connections: dict[int, http.client.HTTPConnection] = {}
        self.commands: list[str] = []

    def wait(self, _store: object, commands: str) -> str:
        wake_at, items = decode(commands)
        for item in items:
            self.commands.append(type(item).__name__)
            match item:
                case Start():
                    return self.event("start", os.urandom(32).hex())
                case Send():
                    return self.send(item)
                case Read(exchange=exchange, max_bytes=most):
                    content = self.responses[exchange].read(most)
                    return self.event("data", str(exchange), "0" if content else "1") + (
                        content.decode("latin-1")
                    )
                case Abort(exchange=exchange):
                    self.connections[exchange].close()
        assert wake_at is not None, "nothing to do and nothing to wait for"
        time.sleep(max(0, (wake_at - time.monotonic_ns()) / 1e9))
        return self.event("tick")

    def send(self, send: Send) -> str:
        url = urlsplit(send.url)
        assert url.hostname is not None
        connection = http.client.HTTPConnection(url.hostname, url.port, timeout=10)
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
        self.connections[send.exchange] = connection
        self.responses[send.exchange] = response
        return self.event(
            "response", str(send.exchange), str(response.status), *block(response.getheaders())
        )

    def event(self, *fields: str) -> str:
        clocks = (str(time.monotonic_ns()), str(time.time_ns()))
        return encode((*clocks, "0", *fields)).decode()


def run(host: BlockingHost, *arguments: str | None) -> str:
    engine = Engine()
    store = Store(engine)
    linker = Linker(engine)
    with linker.root() as root, root.add_instance("ron:wire/host@0.1.0") as instance:
        instance.add_func("wait", host.wait)
    component = Component.from_file(engine, ROOT / "target/probe.wasm")
    probe = linker.instantiate(store, component)
    interface = probe.get_export_index(store, "ron:probe/probe@0.1.0")
    index = probe.get_export_index(store, "run", interface)
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
        def send(self, send: Send) -> str:
            self.connections[send.exchange] = http.client.HTTPConnection("127.0.0.1", 1)
            return self.event("tick")

    mute = MuteHost()
    assert run(mute, "http://127.0.0.1:1", "GET", "/x", None) == (
        "error ErrorKind::Timeout overall_timeout"
    )


def test_an_event_that_is_malformed_traps() -> None:
    class BrokenHost(BlockingHost):
        def wait(self, _store: object, commands: str) -> str:
            return "nonsense"

    with pytest.raises(WasmtimeError, match="unreachable"):
        run(BrokenHost(), "http://127.0.0.1:1", "GET", "/x", None)
