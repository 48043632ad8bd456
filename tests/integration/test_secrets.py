"""The credential, searched for in everything that a program might print, log, send or store."""

from __future__ import annotations

import asyncio
import gc
import logging
import warnings
from typing import Any

import pytest

from ron_app_sdk_py import (
    Attempt,
    CallRecord,
    ClientConfig,
    Middleware,
    Request,
    RonClient,
    RonConfigError,
    RonError,
    iter_pages,
)
from ron_app_sdk_py.engine.guest import Begin
from ron_app_sdk_py.engine.messages import Send
from servers import TOKEN, raw_server, read_request, reply
from shown import texts_of

AUTHORIZATION = ("authorization", f"Bearer {TOKEN}")


@pytest.mark.parametrize("transport", ["aiohttp", "httpx2"])
async def test_wherever_the_credential_is_given_or_comes_back_nothing_shows_it(
    transport: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The answers of a successful call are the user's and stay as they are."""
    json, plain = "content-type: application/json", "content-type: text/plain"
    answers = {
        "/problem": reply("403 x", f'{{"code":"{TOKEN}","message":"{TOKEN}"}}'.encode(), json),
        "/text": reply(f"500 {TOKEN}", TOKEN.encode(), plain, f"x-request-id: {TOKEN}"),
        "/nested": reply("400 x", f'{{"a":[{{"{TOKEN}":"{TOKEN}"}}]}}'.encode(), json),
        "/redirect": reply("302 x", b"", f"location: https://e/?t={TOKEN}"),
        "/broken": f"HTTP/1.1 200 OK\r\n{TOKEN} {TOKEN}\r\n\r\n".encode(),
        "/cut": f"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{TOKEN}".encode(),
        "/chunks": f"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{TOKEN}\r\n".encode(),
        "/bad-json": reply("200 OK", f"{{{TOKEN}".encode(), json),
        "/hang-up": b"",
        "/page": reply("200 OK", f'{{"items":"{TOKEN}"}}'.encode(), json),
    }

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            first, _, _ = await read_request(reader)
            answer = answers.get(first.split()[1].removeprefix("/app").partition("?")[0], b"")
            writer.write(answer)
            if not answer.startswith(b"HTTP") or b"\r\ncontent-length: 99" in answer:
                return

    caplog.set_level(logging.DEBUG)
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    loop.slow_callback_duration = 0.0
    seen: list[object] = []

    class Watching(Middleware):
        def after_attempt(self, attempt: Attempt) -> None:
            seen.append(
                f"{attempt!r} {attempt.headers!r} {attempt.headers.raw()} {attempt.failure}"
            )

        def after_error(self, request: Request, error: RonError) -> None:
            seen.append(repr(error))

    records: list[CallRecord] = []
    errors: list[BaseException] = []
    bad: list[tuple[str, dict[str, Any]]] = [
        *((path, {}) for path in answers),
        (f"/hang-up?{TOKEN}", {}),
        (f"/x/{TOKEN}/../y", {}),
        (f"/{TOKEN}\n", {}),
        (f"/x?{TOKEN}\n", {}),
        *((f"/{'x' * count}{TOKEN}/../", {}) for count in range(50, 80)),
        ("/x", {"query": {"a": TOKEN + "\0"}}),
        ("/x", {"query": {TOKEN: "\ud800"}}),
        ("/x", {"headers": {"a": TOKEN + "\n"}}),
        ("/x", {"headers": {"Authorization": f"Bearer {TOKEN}"}}),
        ("/x", {"headers": {TOKEN + " ": "a"}}),
        ("/x", {"headers": [(("authorization", TOKEN), "a")]}),
        ("/x", {"json": {"a": {TOKEN}}}),
        ("/x", {"content": TOKEN + "\ud800"}),
        ("/x", {"idem": TOKEN + " "}),
        ("/x", {"timeout": TOKEN}),
    ]
    config = ClientConfig(token=TOKEN)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        async with raw_server(handler) as url:
            client = RonClient(url, config=config, transport=transport)
            client.add_middleware(Watching())
            client.add_metrics_hook(records.append)
            for path, options in bad:
                try:
                    await client.call("POST", path, **options)
                except RonError as error:
                    errors.append(error)
                else:
                    assert path == "/page"
            with pytest.raises(RonError) as caught:
                async for _ in iter_pages(client, "/page"):
                    pass
            errors.append(caught.value)
            task = asyncio.create_task(client.get("/x"))
            await asyncio.sleep(0)
            task.cancel()
            errors += await asyncio.gather(task, return_exceptions=True)
            await client.close()
        gc.collect()
    loop.set_debug(False)
    assert len(errors) == len(bad) + 1
    # httpcore2 shows in its own log, at DEBUG, the heads that servers send.
    logged = [
        record.getMessage() + repr(vars(record))
        for record in caplog.records
        if not record.name.startswith("httpcore2.")
    ]
    assert any(record.name == "asyncio" for record in caplog.records)
    caplog.clear()
    logged += [str(warning.message) for warning in warned]
    everything = [*logged, *seen, *records, client, client.config, client.metrics, config]
    everything += [text for error in errors for text in texts_of(error)]
    assert [text for text in map(str, everything) if TOKEN in text or TOKEN[:10] in text] == []


def test_messages_to_the_component_and_from_it_show_no_fields() -> None:
    """asyncio shows what it is about to call, when it is asked to watch."""
    send = Send(1, 2, "GET", "https://e/", None, None, None, [AUTHORIZATION], None)
    begin = Begin("GET", "/x", None, [("idempotency-key", TOKEN)], [("a", TOKEN)], [("b", TOKEN)])
    assert TOKEN not in f"{send!r} {send} {begin!r} {begin} {[send, begin]}"


@pytest.mark.parametrize(
    "arguments",
    [
        {"method": "GET", "path": f"/{TOKEN}\ud800"},
        {"method": f"{TOKEN}\ud800", "path": "/"},
        {"method": "GET", "path": "/", "headers": {"x-a": f"{TOKEN}\ud800"}},
        {"method": "GET", "path": "/", "query": {"a": f"{TOKEN}\ud800"}},
        {"method": "POST", "path": "/", "content": f"{TOKEN}\ud800"},
        {"method": "POST", "path": "/", "json": {"a": f"{TOKEN}\ud800"}},
    ],
)
async def test_what_is_no_text_shows_nothing_of_what_stands_beside_it(
    arguments: dict[str, Any],
) -> None:
    async with RonClient("http://127.0.0.1:1", token=TOKEN) as client:
        with pytest.raises(RonError) as caught:
            await client.request(**arguments)
    assert TOKEN not in "".join(texts_of(caught.value))


@pytest.mark.parametrize(
    "arguments",
    [
        {"expiry": TOKEN},
        {"strength": TOKEN, "readonly": True},
        {"methods": [f"{TOKEN} "]},
        {"path_prefix": f"https://{TOKEN}@e/"},
        {"path_prefix": f"/../{TOKEN}"},
    ],
)
async def test_a_caveat_that_is_refused_does_not_show_it(arguments: dict[str, Any]) -> None:
    async with RonClient("http://127.0.0.1:1", token=TOKEN) as client:
        with pytest.raises(RonError) as caught:
            client.with_caveat(**arguments)
    assert TOKEN not in "".join(texts_of(caught.value))


def test_a_variable_that_holds_the_token_by_mistake_does_not_show_it() -> None:
    for variable in ("RON_APP_TIMEOUT", "RON_SDK_INSECURE_HTTP", "RON_SDK_READ_TIMEOUT_MS"):
        with pytest.raises(RonConfigError, match=variable) as caught:
            ClientConfig.from_env({"RON_APP_TOKEN": TOKEN, variable: TOKEN})
        assert TOKEN not in "".join(texts_of(caught.value))
