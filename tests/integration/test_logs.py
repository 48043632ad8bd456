"""What calls tell of themselves."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from typing import Any

import pytest

from ron_app_sdk_py import (
    ClientConfig,
    RonClient,
    RonClientSync,
    RonConnectError,
    RonProblem,
    RonRequestError,
)
from ron_app_sdk_py.calls.logs import write
from ron_app_sdk_py.engine.guest import Begin
from ron_app_sdk_py.engine.messages import Log, Output
from servers import TOKEN, raw_server, read_request, reply
from stream_servers import event, serving, stream

LOGGER = "ron_app_sdk_py"


async def test_at_info_each_call_is_one_line_with_id_status_and_duration(
    node: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, LOGGER)
    async with RonClient(node, token=TOKEN) as client:
        response = await client.request("GET", "/hello", query={"q": "not logged"})
        with pytest.raises(RonProblem):
            await client.get("/problem", retries=1)
    done, retried, refused = caplog.records
    assert (vars(retried)["attempt"], vars(retried)["code"]) == (1, "upstream_unavailable")
    assert vars(retried)["wait_ms"] < 100
    assert done.name == "ron_app_sdk_py.calls"
    assert (done.levelname, done.msg % ("x", "y")) == ("INFO", "x: y")
    fields = vars(done)
    assert fields["request_id"] == response.request_id
    assert (fields["method"], fields["path"], fields["status"]) == ("GET", "/app/hello", 200)
    assert 0 < fields["duration_ms"] < 10_000
    assert "call done: method=GET path=/app/hello status=200" in done.getMessage()
    assert (vars(refused)["status"], vars(refused)["code"]) == (502, "upstream_unavailable")
    assert "not logged" not in caplog.text


async def test_at_debug_each_attempt_is_told_with_its_outcome(
    node: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, LOGGER)
    async with RonClient(node) as client:
        await client.get("/hello")
    async with RonClient("http://127.0.0.1:1", retries=0) as client:
        with pytest.raises(RonConnectError):
            await client.get("/x")
    records = [record for record in caplog.records if record.name == "ron_app_sdk_py.calls"]
    told = [record.getMessage().partition(":")[0] for record in records]
    assert told == ["attempt", "answer", "call done", "attempt", "no answer", "call failed"]
    assert [vars(record).get("attempt") for record in records] == [1, 1, None, 1, 1, None]
    assert vars(records[4])["code"] == "connection_refused"
    assert records[5].levelno == logging.WARNING
    assert len({vars(record)["request_id"] for record in records}) == 2


async def test_off_the_component_is_not_asked_to_tell_anything(
    node: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[tuple[str, str]]] = []
    async with RonClient(node) as client:
        guest = client._calls._sessions.guest
        assert guest is not None
        begin = guest.begin

        def recording(session: int, call: int, what: Begin) -> Output:
            asked.append(list(what.options))
            return begin(session, call, what)

        monkeypatch.setattr(guest, "begin", recording)
        caplog.set_level(logging.WARNING, LOGGER)
        await client.get("/hello")
        caplog.set_level(logging.DEBUG, LOGGER)
        await client.get("/hello")
        assert caplog.records
        caplog.set_level(logging.WARNING, LOGGER)
        caplog.clear()
        await client.get("/hello")
    assert asked == [[], [("log-level", "debug")], []]
    assert not caplog.records


async def test_no_line_holds_the_credential_wherever_it_comes_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            body = f'{{"code":"{TOKEN}","message":"{TOKEN}"}}'.encode()
            writer.write(reply("400 Bad", body, f"x-request-id: {TOKEN}"))

    caplog.set_level(logging.DEBUG)
    async with raw_server(handler) as url, RonClient(url, token=TOKEN) as client:
        with pytest.raises(RonProblem):
            await client.get("/x", headers={"X-Note": TOKEN, "X-Request-Id": TOKEN})
        with pytest.raises(RonRequestError):
            await client.get(f"/../{TOKEN}")
    assert caplog.records
    shown = caplog.text + repr([vars(record) for record in caplog.records])
    assert TOKEN not in shown
    assert "[redacted]" in shown


def test_what_a_lying_component_tells_is_still_a_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, LOGGER)
    fields = [
        ("status", "many"),
        ("message", "x"),
        ("args", "y"),
        ("duration_us", ""),
        ("code", "c"),
    ]
    write(Log(1, "fatal", "%s %d", fields))
    assert caplog.records[0].getMessage() == "%s %d: code=c"


@pytest.mark.parametrize("kind", ["handler", "filter"])
async def test_a_handler_that_fails_does_no_call_harm(
    node: str, kind: str, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_: object) -> Any:
        raise ZeroDivisionError

    caplog.set_level(logging.DEBUG, LOGGER)

    class Failing(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            fail(record)

    logger, handler = logging.getLogger("ron_app_sdk_py.calls"), Failing()
    try:
        logger.addHandler(handler) if kind == "handler" else logger.addFilter(fail)
        config = ClientConfig(base_url=node, token=TOKEN, max_concurrency=1)
        async with RonClient(config=config) as client:
            client.add_metrics_hook(fail)
            answers = await asyncio.gather(*(client.get("/hello") for _ in range(5)))
        assert all(answer["ok"] for answer in answers)
    finally:
        logger.removeHandler(handler)
        logger.removeFilter(fail)
    shown = capsys.readouterr().err
    assert "ZeroDivisionError" in shown
    assert TOKEN not in shown


def test_a_handler_may_call_the_client_and_is_not_told_of_that(node: str) -> None:
    """Its lock is held meanwhile, and to tell it of that call would never end."""
    sent: list[str] = []

    class Sending(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            sent.append(client.post("/echo", json=record.getMessage()))

    logger, handler = logging.getLogger("ron_app_sdk_py.calls"), Sending()
    level = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    try:
        with RonClientSync(node) as client:
            assert client.get("/hello")["ok"]
            assert client.get("/hello")["ok"]
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    assert len(sent) == 2
    assert all("path=/app/hello" in line for line in sent)


def test_a_program_that_configures_no_logging_sees_nothing() -> None:
    code = (
        "from ron_app_sdk_py import RonClientSync, RonConnectError\n"
        "with RonClientSync('http://127.0.0.1:1') as client:\n"
        "    try: client.get('/x')\n"
        "    except RonConnectError: pass\n"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


async def test_what_streams_tell_has_their_request_id(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, LOGGER)
    async with serving(stream(event("1"))) as served, RonClient(served.url) as client:
        subscription = client.subscribe("/x", max_events=1)
        assert [item.data async for item in subscription] == ["1"]
        (told,) = [vars(record) for record in caplog.records if record.msg % ("x", "y")]
        assert (
            told["request_id"] == subscription.request_id == served.seen[0].fields["x-request-id"]
        )
