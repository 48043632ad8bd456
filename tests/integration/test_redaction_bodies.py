"""Bodies that are logged, for who has asked for it twice."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from processes import run_python
from ron_app_sdk_py import ClientConfig, RonClient, RonClientSync, RonConfigError, RonProblem
from ron_app_sdk_py.defaults import MAX_LOGGED_BODY_CHARACTERS
from servers import TOKEN, answering, on_a_thread, raw_server, reply
from stream_servers import event, serving, stream

LOGGER = "ron_app_sdk_py.bodies"
JSON = "content-type: application/json"


@pytest.fixture(autouse=True)
def _debugging(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RON_DEBUG", "1")


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Iterator[list[dict[str, Any]]]:
    """The attributes of what is logged."""
    records: list[dict[str, Any]] = []

    class Keeping(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append({**vars(record), "text": record.getMessage()})

    handler = Keeping()
    logger = logging.getLogger(LOGGER)
    caplog.set_level(logging.DEBUG, LOGGER)
    logger.addHandler(handler)
    yield records
    logger.removeHandler(handler)


@pytest.mark.parametrize("value", [None, "", "0", "true", "yes"])
async def test_bodies_are_not_logged_unless_the_environment_says_so_too(
    value: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if value is None:
        monkeypatch.delenv("RON_DEBUG")
    else:
        monkeypatch.setenv("RON_DEBUG", value)
    for kind in (RonClient, RonClientSync):
        with pytest.raises(RonConfigError, match=r"log_bodies .*; set RON_DEBUG=1 too"):
            kind(config=ClientConfig(log_bodies=True))
    RonClientSync(config=ClientConfig(log_bodies=False)).close()


def test_log_bodies_is_a_bool() -> None:
    given: Any = "yes"
    with pytest.raises(RonConfigError, match="log_bodies is str; give a bool"):
        RonClient(config=ClientConfig(log_bodies=given))


async def test_what_is_sent_and_received_is_logged_with_its_call(
    transport: str, told: list[dict[str, Any]]
) -> None:
    async with (
        raw_server(answering([], reply("200 OK", b'{"ok": "\xc3\xa9"}', JSON))) as url,
        RonClient(
            config=ClientConfig(base_url=url, log_bodies=True), transport=transport
        ) as client,
    ):
        response = await client.request("POST", "/jobs", json={"a": "b\n"}, query={"q": "hidden"})
    sent, received = told
    common = {"levelname": "DEBUG", "method": "POST", "path": "/app/jobs"}
    common["request_id"] = response.request_id
    for record, size, content in ((sent, 11, r'{"a":"b\\n"}'), (received, 12, '{"ok": "é"}')):
        assert {name: record[name] for name in common} == common
        assert (record["bytes"], record["content"]) == (size, f"'{content}'")
    assert sent["text"].startswith("request body: method=POST path=/app/jobs request_id=")
    assert received["status"] == 200
    assert "hidden" not in str(told)


@pytest.mark.parametrize("switch", ["log_bodies", "level"])
async def test_nothing_is_logged_and_nothing_collected_unless_it_is_wanted(
    switch: str, told: list[dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO if switch == "level" else logging.DEBUG, LOGGER)
    async with raw_server(answering([], reply("200 OK", b"{}", JSON))) as url:
        config = ClientConfig(base_url=url, log_bodies=switch == "level")
        async with RonClient(config=config) as client:
            await client.post("/x", content="sent")
    assert told == []


async def test_bodies_lose_secrets_by_value_and_members_and_parameters_by_name(
    told: list[dict[str, Any]],
) -> None:
    answer = {"said": TOKEN, "password": "hunter22", "x_ron_cap": ["c"], "Cookie": 1, "kept": "k"}
    async with raw_server(answering([], reply("200 OK", json.dumps(answer).encode(), JSON))) as url:
        config = ClientConfig(base_url=url, token=TOKEN, log_bodies=True)
        async with RonClient(config=config) as client:
            # Who gets the answer gets all of it.
            assert await client.post("/x", json={"token": "short", "a": {"b": TOKEN}}) == answer
            await client.post("/x", content=f"grant_type=password&client_secret=s3&a={TOKEN}")
    contents = [record["content"] for record in told]
    assert contents[0] == """'{"token":"[redacted]","a":{"b":"[redacted]"}}'"""
    assert json.loads(contents[1][1:-1]) == {
        "said": "[redacted]",
        "password": "[redacted]",
        "x_ron_cap": "[redacted]",
        "Cookie": "[redacted]",
        "kept": "k",
    }
    assert contents[2] == "'grant_type=password&client_secret=[redacted]&a=[redacted]'"
    assert TOKEN not in str(told)


@pytest.mark.parametrize("content", [b"\x00\x01", b"\xff\xfe", b"PK\x03\x04 and text", b"\xe9"])
async def test_of_a_body_that_is_no_text_the_size_is_logged(
    content: bytes, told: list[dict[str, Any]]
) -> None:
    async with raw_server(answering([], reply("200 OK", content))) as url:
        config = ClientConfig(base_url=url, log_bodies=True)
        async with RonClient(config=config) as client:
            await client.post("/x", content=content)
    assert [(record["content"], record["bytes"]) for record in told] == [
        ("no text", len(content))
    ] * 2


MOST = MAX_LOGGED_BODY_CHARACTERS


@pytest.mark.parametrize("unit", ["a", "é", "😀"])
@pytest.mark.parametrize("count", [MOST, MOST + 1, 5 * MOST, 100 * MOST])
async def test_of_a_long_body_the_start_is_logged(
    unit: str, count: int, told: list[dict[str, Any]]
) -> None:
    content = unit * count
    async with raw_server(answering([], reply("200 OK", content.encode()))) as url:
        config = ClientConfig(base_url=url, log_bodies=True)
        async with RonClient(config=config) as client:
            assert await client.get("/x") == content.encode()
    (record,) = told
    more = " and more" if count > MOST else ""
    assert record["content"] == f"'{unit * MOST}'{more}"
    assert record["bytes"] == len(content.encode())


@pytest.mark.parametrize("at", range(-3, 3))
async def test_no_part_of_a_secret_is_logged_where_a_body_is_cut(
    at: int, told: list[dict[str, Any]]
) -> None:
    """Secrets take less room when they are replaced, so what is looked at may end in one too."""
    escaped = "".join(f"\\u{ord(character):04x}" for character in TOKEN)
    for content in (
        "a" * (MOST + at) + TOKEN * 9,
        "a" * (MOST + at) + escaped * 9,
        "b" * (at + 3) + TOKEN * 2000,
        "b" * (at + 3) + escaped * 500,
    ):
        told.clear()
        async with raw_server(answering([], reply("200 OK", content.encode()))) as url:
            config = ClientConfig(base_url=url, token=TOKEN, log_bodies=True)
            async with RonClient(config=config) as client:
                await client.get("/x")
        (record,) = told
        shown = record["content"].replace("[redacted]", "").replace("\\\\", "\\")
        assert "test" not in shown
        assert "\\u0074" not in shown


async def test_an_error_answer_is_logged_once_it_was_read(
    transport: str, told: list[dict[str, Any]]
) -> None:
    body = b'{"code":"c","message":"m"}'
    async with raw_server(answering([], reply("400 Bad", body, JSON))) as url:
        config = ClientConfig(base_url=url, log_bodies=True)
        async with RonClient(config=config, transport=transport) as client:
            with pytest.raises(RonProblem):
                await client.get("/x")
    (record,) = told
    assert (record["status"], record["content"]) == (400, f"'{body.decode()}'")


async def test_of_a_stream_the_start_is_logged_once_however_it_is_cut_into_pieces(
    transport: str, told: list[dict[str, Any]]
) -> None:
    said = event(f"a {TOKEN} b", "1") * 2
    pieces = [said[at : at + 7] for at in range(0, len(said), 7)]
    async with serving(stream(*pieces)) as served:
        config = ClientConfig(base_url=served.url, token=TOKEN, log_bodies=True)
        async with RonClient(config=config, transport=transport) as client:
            events = [item async for item in client.subscribe("/x", max_events=2)]
    assert [item.data for item in events] == [f"a {TOKEN} b"] * 2
    (record,) = told
    assert record["content"].count("[redacted]") == 2
    assert TOKEN[:8] not in record["content"]


async def test_of_a_stream_that_is_left_what_came_is_logged(told: list[dict[str, Any]]) -> None:
    async with serving(stream(event("one"), 60.0)) as served:
        config = ClientConfig(base_url=served.url, log_bodies=True)
        async with RonClient(config=config) as client:
            subscription = client.subscribe("/x")
            assert (await anext(subscription)).data == "one"
            assert told == []
            subscription.close()
            while not told:
                await asyncio.sleep(0)
    (record,) = told
    assert "data: one" in record["content"]
    assert record["content"].endswith("' and more")


def test_the_synchronous_client_logs_bodies_too(told: list[dict[str, Any]]) -> None:
    with on_a_thread(answering([], reply("200 OK", b"{}", JSON))) as url:
        config = ClientConfig(base_url=url, log_bodies=True)
        with RonClientSync(config=config) as client:
            client.post("/x", json={})
    assert [record["content"] for record in told] == ["'{}'"] * 2


def test_a_body_of_backslashes_holds_nobody_up() -> None:
    """Where it took a time that grows with the square of its length, this took minutes."""
    code = (
        "from ron_app_sdk_py.calls.bodies import without_secret_members as without\n"
        "text = '\\\\' * 400_000\n"
        "assert without(text) == text\n"
    )
    done = run_python(code)
    assert done.returncode == 0, done.stderr
