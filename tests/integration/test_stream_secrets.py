"""The credential, searched for in everything that a subscription might print, log, raise or store.

What comes in events and comments is the server's affair and reaches the consumer as it is.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import warnings
from typing import Any

import pytest

from ron_app_sdk_py import Attempt, CallRecord, ClientConfig, Middleware, RonClient, RonError
from servers import TOKEN
from shown import texts_of
from stream_servers import (
    EVENT_STREAM,
    Step,
    answer,
    chunk,
    chunked_head,
    closing,
    event,
    head,
    serving,
    stream,
)

JSON = "content-type: application/json"
FOUND_AT = range(55, 85)
"""Where a message is cut off, so that half a credential might stay."""


def answers() -> list[Step]:
    """Answers in which the credential comes back."""
    problem = f'{{"code":"{TOKEN}","message":"{TOKEN}","details":{{"{TOKEN}":"{TOKEN}"}}}}'.encode()
    unusable = [f"content-type: {'x' * count}/{TOKEN}" for count in FOUND_AT]
    codings = [f"content-encoding: {'x' * count}{TOKEN}" for count in FOUND_AT]
    return [
        *(closing("200 OK", b"", field) for field in unusable),
        *(closing("200 OK", b"", EVENT_STREAM, field) for field in codings),
        closing(f"201 {TOKEN}", b"", f"location: /{TOKEN}"),
        *(closing("302 x", b"", f"location: {'x' * n}://{TOKEN}/?{TOKEN}") for n in FOUND_AT),
        closing("307 x", problem, JSON, f"location: https://e/{TOKEN}"),
        closing("307 x", b"", f"location: /app/\\{TOKEN}"),
        closing("403 x", problem, JSON),
        closing("500 x", problem, JSON, f"x-request-id: {TOKEN}", f"x-correlation-id: {TOKEN}"),
        closing("503 x", problem, JSON, f"retry-after: {TOKEN}"),
        answer(f"HTTP/1.1 200 OK\r\n{TOKEN} {TOKEN}\r\n\r\n"),
        answer(f"{TOKEN}\r\n\r\n"),
        answer(head(EVENT_STREAM), f"data: {TOKEN}"),
        answer(chunked_head(), chunk(event(TOKEN, TOKEN, type_=TOKEN)), f"{TOKEN}\r\n"),
        answer(chunked_head(), chunk(f": {TOKEN}\n"), f"4;{TOKEN}={TOKEN}\r\n", "x"),
        stream(event(TOKEN, f"{TOKEN}\x01"), f"id: {TOKEN}\nevent: {TOKEN}\ndata: {TOKEN * 9}\n"),
        stream(f"retry: {TOKEN}\n\n", f":{TOKEN}\n", ends="reset"),
        stream(f"{TOKEN * 600}"),
        stream(*[f"data: {TOKEN * 20}\n"] * 30),
    ]


@pytest.mark.parametrize("transport", ["aiohttp", "httpx2"])
async def test_wherever_the_credential_comes_back_a_subscription_does_not_show_it(
    transport: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    loop.slow_callback_duration = 0.0
    seen: list[object] = []
    records: list[CallRecord] = []
    errors: list[BaseException] = []

    class Watching(Middleware):
        def after_attempt(self, attempt: Attempt) -> None:
            seen.append(f"{attempt!r} {attempt.headers!r} {attempt.failure}")

        def after_error(self, request: Any, error: RonError) -> None:
            seen.append(repr(error))

    def told(error: RonError) -> None:
        errors.append(error)

    bad: list[dict[str, Any]] = [
        {"last_event_id": f"{TOKEN}\n"},
        {"last_event_id": f"{TOKEN}\ud800"},
        {"reconnect": TOKEN},
        {"max_events": TOKEN},
        {"idle_timeout": TOKEN},
        {"max_queue": TOKEN},
        {"headers": {"last-event-id": f"{TOKEN}\n"}},
        {"method": f"{TOKEN} "},
    ]
    steps = answers()
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        async with serving(*steps) as served:
            client = RonClient(served.url, config=ClientConfig(token=TOKEN), transport=transport)
            client.add_middleware(Watching())
            client.add_metrics_hook(records.append)
            while len(served.seen) < len(steps):
                subscription = client.subscribe(
                    "/x",
                    last_event_id=TOKEN,
                    on_error=told,
                    on_comment=lambda text: None,
                    reconnect=False,
                    max_line_bytes=10_000,
                    max_event_bytes=10_000,
                    timeout=5.0,
                )
                seen.append(repr(subscription))
                try:
                    async for item in subscription:
                        repr(item)
                except RonError as error:
                    errors.append(error)
                seen.append(f"{subscription!r} {subscription.counters!r} {subscription.request_id}")
                if subscription.last_error is not None:
                    errors.append(subscription.last_error)
            for path, options in [*(("/x", options) for options in bad), (f"/{TOKEN}?{TOKEN}", {})]:
                with pytest.raises(RonError) as caught:
                    await anext(client.subscribe(path, **options))
                errors.append(caught.value)
            await client.close()
        gc.collect()
    loop.set_debug(False)
    # httpcore2 shows in its own log, at DEBUG, the heads that servers send.
    logged = [
        record.getMessage() + repr(vars(record))
        for record in caplog.records
        if not record.name.startswith("httpcore2.")
    ]
    assert any(record.name == "asyncio" for record in caplog.records)
    caplog.clear()
    logged += [str(warning.message) for warning in warned]
    everything = [*logged, *seen, *records]
    everything += [text for error in errors for text in texts_of(error)]
    assert [text for text in map(str, everything) if TOKEN[:8] in text] == []
