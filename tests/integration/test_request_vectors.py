"""What callers write arrives as the vectors say, or is refused by name before anything is sent."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from ron_app_sdk_py import RonClient, RonConfigError, RonConnectError, RonRequestError
from ron_app_sdk_py.transport import TransportFailure, TransportRequest, TransportSettings
from servers import TOKEN, raw_server, read_request, reply
from shared_vectors import Case, read

PATHS = read("paths.json")
QUERIES = read("queries.json")
HEADERS = read("headers.json")
ORIGINS = read("origins.json")

UNFRAMED = ("\0", "\r", "\n")
"""What a field of the ABI can't hold is refused on this side of it, in other words."""


class Recorder:
    """A server that remembers what it was sent."""

    def __init__(self) -> None:
        self.connections = 0
        self.requests: list[tuple[str, list[tuple[str, str]]]] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        while True:
            first, fields, _ = await read_request(reader)
            self.requests.append((first, fields))
            writer.write(reply("204 No Content"))


@pytest.fixture
def server() -> Recorder:
    return Recorder()


@pytest.fixture
async def client(server: Recorder) -> AsyncIterator[RonClient]:
    async with raw_server(server) as url, RonClient(url, token=TOKEN) as client:
        yield client


async def target(client: RonClient, server: Recorder, path: str, **arguments: Any) -> str:
    """The request target that arrives."""
    await client.get(path, **arguments)
    first, _ = server.requests[-1]
    method, arrived, version = first.split(" ")
    assert (method, version) == ("GET", "HTTP/1.1")
    return arrived


async def refusal(
    client: RonClient, server: Recorder, words: list[str], path: str = "/x", **arguments: Any
) -> RonRequestError:
    """The error of a call of which nothing is sent; its message has these words."""
    with pytest.raises(RonRequestError) as caught:
        await client.get(path, **arguments)
    assert server.connections == 0
    for word in words:
        assert word in caught.value.message
    assert "hunter22" not in f"{caught.value!r}{caught.value.__dict__}"
    return caught.value


@pytest.mark.parametrize("case", PATHS["accepted"], ids=lambda case: repr(case["written"]))
async def test_an_accepted_path_arrives_encoded(
    client: RonClient, server: Recorder, case: Case
) -> None:
    assert await target(client, server, case["written"]) == case["target"]


@pytest.mark.parametrize("case", PATHS["refused"], ids=lambda case: repr(case["written"]))
async def test_a_refused_path_is_named(client: RonClient, server: Recorder, case: Case) -> None:
    error = await refusal(client, server, case["named"], case["written"])
    assert error.code == "invalid_path"


@pytest.mark.parametrize("case", QUERIES["encoded"] + QUERIES["with_the_paths_own"], ids=repr)
async def test_parameters_arrive_encoded(client: RonClient, server: Recorder, case: Case) -> None:
    path = f"/x?{case['written']}" if case.get("written") else "/x"
    expected = f"/app/x?{case['query']}" if case["query"] else "/app/x"
    assert await target(client, server, path, query=case["pairs"]) == expected


@pytest.mark.parametrize("case", QUERIES["forms"], ids=repr)
async def test_each_form_of_parameters_arrives(
    client: RonClient, server: Recorder, case: Case
) -> None:
    expected = f"/app/x?{case['query']}" if case["query"] else "/app/x"
    assert await target(client, server, "/x", query=case["given"]) == expected


async def test_parameters_may_come_from_any_iterable(client: RonClient, server: Recorder) -> None:
    for query, expected in (
        ((("a", 1), ("b", (2, 3))), "a=1&b=2&b=3"),
        ({"a": (n for n in range(3))}, "a=0&a=1&a=2"),
        (((name, 1) for name in "ab"), "a=1&b=1"),
        ({"a": {"x": 1}.keys(), "b": range(2)}, "a=x&b=0&b=1"),
        ({"a": 1e300, "b": -0.0}, "a=1e%2B300&b=-0.0"),
    ):
        assert await target(client, server, "/x", query=query) == f"/app/x?{expected}"


@pytest.mark.parametrize("case", QUERIES["refused"], ids=repr)
async def test_a_refused_parameter_is_named(
    client: RonClient, server: Recorder, case: Case
) -> None:
    framed = any(bad in text for pair in case["pairs"] for text in pair for bad in UNFRAMED)
    words = ["query"] if framed else case["named"]
    await refusal(client, server, words, query=case["pairs"])


@pytest.mark.parametrize("case", HEADERS["refused_as_reserved"], ids=repr)
async def test_a_reserved_header_is_refused_with_what_to_do_instead(
    client: RonClient, server: Recorder, case: Case
) -> None:
    headers = {case["name"]: "hunter22"}
    error = await refusal(client, server, case["named"], headers=headers)
    assert error.code == "reserved_header"


@pytest.mark.parametrize("case", HEADERS["refused_as_malformed"], ids=repr)
async def test_a_malformed_header_is_refused_without_its_value(
    client: RonClient, server: Recorder, case: Case
) -> None:
    framed = any(bad in case["name"] + case["value"] for bad in UNFRAMED)
    words = ["header"] if framed else case["named"]
    await refusal(client, server, words, headers={case["name"]: case["value"]})


@pytest.mark.parametrize("case", HEADERS["accepted"], ids=repr)
async def test_an_odd_header_arrives(client: RonClient, server: Recorder, case: Case) -> None:
    await client.get("/x", headers={case["name"]: case["value"]})
    _, fields = server.requests[0]
    values = [value for name, value in fields if name.lower() == case["name"].lower()]
    assert values == [case["value"]]


@pytest.mark.parametrize("case", HEADERS["replacing"], ids=repr)
async def test_a_callers_header_takes_the_place_of_the_clients_own(
    client: RonClient, server: Recorder, case: Case
) -> None:
    await client.get("/x", headers=case["headers"])
    _, fields = server.requests[0]
    for name in dict.fromkeys(name for name, _ in case["sent"]):
        assert [value for given, value in fields if given.lower() == name] == [
            value for given, value in case["sent"] if given == name
        ]


class RecordingTransport:
    """Remembers URLs and sends nothing: the hosts of the vectors do not exist."""

    urls: list[str]

    def __init__(self) -> None:
        self.urls = []

    def __call__(self, settings: TransportSettings) -> RecordingTransport:
        return self

    async def send(self, request: TransportRequest) -> Any:
        self.urls.append(request.url)
        raise TransportFailure("connection-refused")

    async def close(self) -> None:
        pass


@pytest.mark.parametrize("case", ORIGINS["accepted"], ids=lambda case: case["base_url"])
async def test_a_base_url_names_its_origin(case: Case) -> None:
    transport = RecordingTransport()
    async with RonClient(case["base_url"], transport=transport, retries=0) as client:
        with pytest.raises(RonConnectError):
            await client.get("/hello")
    scheme = "https" if case["secure"] else "http"
    assert transport.urls == [f"{scheme}://{case['authority']}{case['prefix']}/app/hello"]


def words_of(base_url: str, **arguments: Any) -> str:
    with pytest.raises(RonConfigError) as caught:
        RonClient(base_url, **arguments)
    assert caught.value.__cause__ is None
    return f"{caught.value}{caught.value!r}{caught.value.__dict__}"


@pytest.mark.parametrize("case", ORIGINS["refused"], ids=lambda case: repr(case["base_url"]))
def test_a_refused_base_url_says_what_to_write(case: Case) -> None:
    words = words_of(case["base_url"], allow_insecure_http=True)
    for word in case["named"]:
        assert word in words


@pytest.mark.parametrize("base_url", ORIGINS["insecure"])
def test_plain_http_beyond_this_machine_is_refused(base_url: str) -> None:
    assert "allow_insecure_http=True" in words_of(base_url)
    RonClient(base_url, allow_insecure_http=True)


@pytest.mark.parametrize("base_url", ORIGINS["holding_a_secret"])
def test_a_refused_base_url_is_not_repeated(base_url: str) -> None:
    assert ORIGINS["secret"] not in words_of(base_url)
