"""Nothing that a caller, middleware or a server gives becomes a line of a request, or a second one.

The gateway reads with h11, which refuses what is not HTTP to the letter.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import h11
import pytest

import shared_vectors
from attacks import CONTROLS, DOORS, NODE, Client, enter, opened
from other_host import OtherHost
from ron_app_sdk_py import (
    Attempt,
    ClientConfig,
    Middleware,
    Request,
    RonClient,
    RonClientSync,
    RonConfigError,
    RonRequestError,
)
from servers import TOKEN, raw_server, reply
from stream_servers import END, chunk, chunked_head

clients = pytest.mark.parametrize("kind", [RonClient, RonClientSync])

INJECTIONS = [
    "a\r\nX-Evil: 1",
    "a\nX-Evil: 1",
    "a\rX-Evil: 1",
    "a\r\n X-Evil: 1",
    "a\0X-Evil: 1",
    "a\r\n\r\nGET /evil HTTP/1.1\r\nHost: other.example\r\n\r\n",
    " HTTP/1.1\r\nX-Evil: 1\r\nA: ",
    # Characters whose last byte is a line end, for who cuts them to one.
    "a\u010d\u010aX-Evil: 1",
    "a\u560d\u560aX-Evil: 1",
    # What some take for line ends.
    "a\x85X-Evil: 1",
    "a\u2028X-Evil: 1",
    "a\x0bX-Evil: 1",
    "a\x0cX-Evil: 1",
    # Line ends that a careless decoder makes.
    "a\udc0d\udc0aX-Evil: 1",
    *(f"a{control}b" for control in CONTROLS if control != "\t"),
]

SENT = {
    "host",
    "accept",
    "accept-encoding",
    "authorization",
    "cache-control",
    "content-length",
    "content-type",
    "connection",
    "idempotency-key",
    "last-event-id",
    "user-agent",
    "x-correlation-id",
    "x-request-id",
    "x-mine",
}
"""The fields that there may be."""

Answer = Callable[[h11.Request], bytes]


def _empty(request: h11.Request) -> bytes:
    """No event, or a page without items."""
    if dict(request.headers).get(b"accept") == b"text/event-stream":
        return b"HTTP/1.1 204 No Content\r\n\r\n"
    return reply("200 OK", b'{"items":[]}', "content-type: application/json")


class Strict:
    """A gateway that notes requests, and ends the test with what is none."""

    def __init__(self, answer: Answer = _empty) -> None:
        self.answer = answer
        self.requests: list[h11.Request] = []
        self.faults: list[str] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = h11.Connection(h11.SERVER)
        while content := await reader.read(65_536):
            try:
                connection.receive_data(content)
                while (event := connection.next_event()) is not h11.NEED_DATA:
                    if isinstance(event, h11.Request):
                        self.requests.append(event)
                    if isinstance(event, h11.EndOfMessage):
                        writer.write(self.answer(self.requests[-1]))
                        self._next(connection)
            except h11.ProtocolError as error:
                self.faults.append(str(error))
                return

    @staticmethod
    def _next(connection: h11.Connection) -> None:
        connection.send(h11.Response(status_code=204, headers=[]))
        connection.send(h11.EndOfMessage())
        connection.start_next_cycle()

    @property
    def targets(self) -> list[bytes]:
        """Those of the requests."""
        return [request.target for request in self.requests]

    def check(self) -> None:
        """What came was HTTP, without anything that only an attacker wants."""
        assert self.faults == []
        for request in self.requests:
            names = {name.decode().lower() for name, _ in request.headers}
            assert names <= SENT, names - SENT
            assert request.target != b"/evil"


def _with_middleware(client: Client, **hooks: Any) -> Client:
    derived = client.with_options()
    derived.add_middleware(type("Injecting", (Middleware,), hooks)())
    return derived


def _changed(name: str, change: Callable[[Any], Any]) -> Callable[[Client, str], Any]:
    """Middleware that sets a part of each request."""

    def door(client: Client, text: str) -> Any:
        def before_request(_self: object, request: Request) -> None:
            setattr(request, name, change(text))

        return _with_middleware(client, before_request=before_request).get("/x")

    return door


def _added(change: Callable[[str], tuple[str, str]]) -> Callable[[Client, str], Any]:
    """Middleware that adds a field to each attempt."""

    def door(client: Client, text: str) -> Any:
        def before_attempt(_self: object, attempt: Attempt) -> None:
            attempt.add_header(*change(text))

        return _with_middleware(client, before_attempt=before_attempt).get("/x")

    return door


PLACES: dict[str, Callable[[Client, str], Any]] = {
    "method": lambda client, text: client.call(text, "/x"),
    "path": lambda client, text: client.get(f"/{text}"),
    "query of the path": lambda client, text: client.get(f"/x?{text}"),
    "name of a parameter": lambda client, text: client.get("/x", query={text: "a"}),
    "value of a parameter": lambda client, text: client.get("/x", query={"a": text}),
    "name of a field": lambda client, text: client.get("/x", headers={text: "a"}),
    "value of a field": lambda client, text: client.get("/x", headers={"x-mine": text}),
    "content type": lambda client, text: client.post(
        "/x", content=b"a", headers={"content-type": text}
    ),
    "idempotency key": lambda client, text: client.post("/x", idem=text),
    "request id": lambda client, text: client.get("/x", headers={"x-request-id": text}),
    "stream's path": lambda client, text: client.subscribe(f"/{text}"),
    "stream's field": lambda client, text: client.subscribe("/x", headers={"x-mine": text}),
    "stream's method": lambda client, text: client.subscribe("/x", method=text),
    "last event id": lambda client, text: client.subscribe("/x", last_event_id=text),
    "page token": lambda client, text: client.paginate("/x", page_token=text),
    "facet": lambda client, text: client.facet("users").get(f"/{text}"),
    "facet's id": lambda client, text: client.facet(text).get("/x"),
    "node's path": lambda client, text: client.node.request("GET", f"/{text}"),
    "node's facet": lambda client, text: client.node.facet(text).get("/x"),
    "bucket": lambda client, text: client.node.kv.delete(text, "key"),
    "key": lambda client, text: client.node.kv.delete("bucket", text),
    "middleware's path": _changed("path", lambda text: f"/{text}"),
    "middleware's method": _changed("method", lambda text: text),
    "middleware's fields": _changed("headers", lambda text: [("x-mine", text)]),
    "middleware's names": _changed("headers", lambda text: [(text, "a")]),
    "middleware's query": _changed("query", lambda text: [("a", text)]),
    "attempt's field": _added(lambda text: ("x-mine", text)),
    "attempt's name": _added(lambda text: (text, "a")),
}


@clients
@pytest.mark.parametrize("place", PLACES)
async def test_no_text_of_a_caller_becomes_another_line_or_request(
    other_host: OtherHost, transport: str, kind: type[Client], place: str
) -> None:
    gateway = Strict()
    async with (
        raw_server(gateway) as url,
        opened(kind, url, token=TOKEN, transport=transport, retries=0) as client,
    ):
        for text in INJECTIONS:
            before = len(gateway.requests)
            try:
                await enter(client, PLACES[place], text)
            except RonRequestError:
                assert len(gateway.requests) == before, text
            else:
                assert len(gateway.requests) == before + 1, text
            await enter(client, DOORS["get"], "/after")
            assert gateway.requests[-1].target == b"/app/after", text
    gateway.check()
    assert len(gateway.requests) >= len(INJECTIONS)


@clients
@pytest.mark.parametrize(
    "field", ["token", "macaroon", "passport", "user_agent", "base_url", "proxy"]
)
def test_no_configuration_holds_a_line_end(
    other_host: OtherHost, kind: type[Client], field: str
) -> None:
    fields = {"base_url": other_host.url}
    for text in INJECTIONS:
        value = f"{other_host.url}/{text}" if field in ("base_url", "proxy") else text
        with pytest.raises(RonConfigError, match=field):
            kind(config=ClientConfig(**fields | {field: value}))  # type: ignore[arg-type]


def _reserved() -> Iterable[str]:
    vectors = shared_vectors.read("headers.json")
    for case in vectors["refused_as_reserved"]:
        name = case["name"]
        yield from {name, name.upper(), name.title(), name.swapcase()}


RESERVED: dict[str, Callable[[Client, str], Any]] = {
    "call": lambda client, name: client.get("/x", headers={name: "mallory"}),
    "call with content": lambda client, name: client.put("/x", json=1, headers=[(name, "1")]),
    "stream": lambda client, name: client.subscribe("/x", headers={name: "mallory"}),
    "pages": lambda client, name: client.paginate("/x", headers={name: "mallory"}),
    "facet": lambda client, name: client.facet("users").get("/x", headers={name: "mallory"}),
    "node": lambda client, name: client.node.request("GET", "/x", headers={name: "mallory"}),
    "node's stream": lambda client, name: client.node.subscribe("/x", headers={name: "mallory"}),
    "middleware": _changed("headers", lambda name: [(name, "mallory")]),
    "attempt": _added(lambda name: (name, "mallory")),
}


@clients
@pytest.mark.parametrize("place", RESERVED)
async def test_a_reserved_field_is_refused_wherever_it_is_given(
    other_host: OtherHost, transport: str, kind: type[Client], place: str
) -> None:
    gateway = Strict()
    async with (
        raw_server(gateway) as url,
        opened(kind, url, token=TOKEN, transport=transport) as client,
    ):
        for name in _reserved():
            with pytest.raises(RonRequestError) as caught:
                await enter(client, RESERVED[place], name)
            assert caught.value.code == "reserved_header", name
    assert gateway.requests == []


@clients
@pytest.mark.parametrize("door", NODE)
async def test_a_credential_goes_beside_the_app_plane_only_where_it_is_asked_for(
    other_host: OtherHost, transport: str, kind: type[Client], door: str
) -> None:
    without: dict[str, Callable[[Client, str], Any]] = {
        "node": lambda client, path: client.node.request("GET", path),
        "node's stream": lambda client, path: client.node.subscribe(path),
        "node's facet": lambda client, path: client.node.facet("users", credential=False).get(path),
        "node's facet's stream": lambda client, path: client.node.facet(
            "users", credential=False
        ).subscribe(path),
    }
    gateway = Strict()
    async with (
        raw_server(gateway) as url,
        opened(kind, url, token=TOKEN, transport=transport) as client,
    ):
        await enter(client, without[door], "/x")
        await enter(client, DOORS[door], "/x")
    given = [dict(request.headers).get(b"authorization") for request in gateway.requests]
    assert given[0] is None
    assert given[1] is not None


@clients
async def test_no_event_id_of_a_server_becomes_another_line_of_the_next_request(
    other_host: OtherHost, transport: str, kind: type[Client]
) -> None:
    """Ids come back as ``Last-Event-ID``: WHATWG HTML, section 9.2.4."""
    ids = [text for text in INJECTIONS if not any("\ud800" <= c <= "\udfff" for c in text)]

    def answer(request: h11.Request) -> bytes:
        if b"last-event-id" in dict(request.headers) or gateway.targets.count(request.target) > 1:
            return _empty(request)
        number = int(request.target.rpartition(b"/")[2])
        return chunked_head() + chunk(f"retry: 1\nid: {ids[number]}\ndata: x\n\n") + END

    def subscribe(client: Client, path: str) -> Any:
        return client.subscribe(path)

    gateway = Strict(answer)
    async with (
        raw_server(gateway) as url,
        opened(kind, url, token=TOKEN, transport=transport) as client,
    ):
        # At once, because each of them waits before it connects again.
        numbers = range(len(ids))
        await asyncio.gather(*(enter(client, subscribe, f"/{number}") for number in numbers))
    gateway.check()
    assert len(gateway.requests) == 2 * len(ids)
    sent = {dict(request.headers).get(b"last-event-id") for request in gateway.requests}
    assert {b"a", "a\u010d\u010aX-Evil: 1".encode()} <= sent
