"""The test service that launchdarkly/sse-contract-tests drives: our client behind its HTTP API.

The suite has the service open streams, send what comes of them to callbacks, and close them. Run it
as ``docs/testing.md`` says. It uses the public API of the package only.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import itertools
import json
import logging
import signal
from collections.abc import AsyncIterator
from typing import Annotated, Any

from aiohttp import ClientError, ClientSession, ClientTimeout, web
from pydantic import (
    AfterValidator,
    AnyHttpUrl,
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
)
from yarl import URL

from ron_app_sdk_py import (
    ClientConfig,
    Event,
    RonClient,
    RonConfigError,
    RonError,
    RonRequestError,
    Subscription,
)

NAME = "ron-app-sdk-py"

PORT = 8000
"""The port in the suite's own examples."""

CAPABILITIES = (
    "bom",
    "comments",
    "headers",
    "last-event-id",
    "post",
    "read-timeout",
    "report",
    "restart",
    "server-directed-shutdown-request",
)
"""Left out: ``event-type-listeners`` is for clients that must be told which types to expect, and
``payload-size-stress-testable`` sends events of up to 128 MiB, where a client holds 16 MiB."""

MAX_EVENT_BYTES = 15 * 1024 * 1024
"""The suite sends lines of 14 MB."""

SHORTEST_DELAY = 0.1
"""Seconds: the suite asks for 0 ms, which the client refuses."""

CALLBACK_SECONDS = 30.0
"""How long the suite may take to accept a message."""

_JSON = {"content-type": "application/json"}

_GRACE_SECONDS = 1.0
"""How long requests under way may still take when the service stops."""

# Answers don't repeat what was sent: it may be a secret.
_MODEL = ConfigDict(strict=True, hide_input_in_errors=True)

_http_url = TypeAdapter(AnyHttpUrl, config=ConfigDict(hide_input_in_errors=True))
_log = logging.getLogger("sse_contract_service")


def _checked(url: str) -> str:
    """The URL as it was given, for a parsed one would be spelled otherwise."""
    _http_url.validate_python(url)
    return url


class Parameters(BaseModel):
    """What ``POST /`` says of a stream. The suite writes null for numbers that it leaves out."""

    model_config = _MODEL

    stream_url: Annotated[str, Field(alias="streamUrl"), AfterValidator(_checked)]
    callback_url: Annotated[str, Field(alias="callbackUrl"), AfterValidator(_checked)]
    tag: str = ""
    initial_delay_ms: Annotated[int | None, Field(alias="initialDelayMs", ge=0)] = None
    read_timeout_ms: Annotated[int | None, Field(alias="readTimeoutMs", gt=0)] = None
    last_event_id: Annotated[str | None, Field(alias="lastEventId")] = None
    headers: dict[str, str] = {}
    method: str = "GET"
    body: str | None = None


class Command(BaseModel):
    """What ``POST`` of a stream asks for."""

    model_config = _MODEL

    command: str


class Callbacks:
    """Messages for the suite, posted in order and one at a time to numbered URLs."""

    def __init__(self, session: ClientSession, url: str) -> None:
        self._session = session
        self._url = url.rstrip("/")
        self._waiting: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    def event(self, event: Event) -> None:
        """An event came."""
        fields = {"type": event.type, "data": event.data}
        if event.id:
            fields["id"] = event.id
        self._waiting.put_nowait({"kind": "event", "event": fields})

    def comment(self, text: str) -> None:
        """A comment came."""
        self._waiting.put_nowait({"kind": "comment", "comment": text})

    def error(self, error: RonError) -> None:
        """A connection was lost, or the stream has failed."""
        # The suite's specification says `comment`, its code reads `error`.
        text = str(error)
        self._waiting.put_nowait({"kind": "error", "error": text, "comment": text})

    async def accepted(self) -> None:
        """Waits until the suite has accepted all of them."""
        await self._waiting.join()

    async def deliver(self) -> None:
        """Posts them, until cancelled.

        Raises:
            aiohttp.ClientError: the suite did not accept one. Any after it would be out of order.
            TimeoutError: as above.
        """
        for number in itertools.count(1):
            # As a file: aiohttp warns of megabytes that are given as bytes.
            content = io.BytesIO(json.dumps(await self._waiting.get()).encode())
            async with self._session.post(
                f"{self._url}/{number}", data=content, headers=_JSON, raise_for_status=True
            ):
                pass
            self._waiting.task_done()


class Stream:
    """A subscription whose events go to the suite.

    Args:
        session: for the callbacks.
        parameters: what the suite asked for.
        transport: that of the client.

    Raises:
        RonConfigError: the URL of the stream is not one that the client takes.
        RonRequestError: another parameter is not.
    """

    def __init__(self, session: ClientSession, parameters: Parameters, transport: str) -> None:
        self._tag = parameters.tag
        self._callbacks = Callbacks(session, parameters.callback_url)
        url = URL(parameters.stream_url, encoded=True)
        self._client = RonClient(
            config=ClientConfig(
                base_url=f"{url.scheme}://{url.raw_authority}", allow_insecure_http=True
            ),
            transport=transport,
        )
        self._subscription = _subscribe(self._client, url.raw_path_qs, parameters, self._callbacks)
        self._task = asyncio.create_task(self._run())

    def restart(self) -> bool:
        """Drops the connection and makes another, unless the stream has ended."""
        if self._subscription.state == "closed":
            return False
        self._subscription.restart()
        return True

    async def close(self) -> None:
        """Ends it; no message is sent any more."""
        self._task.cancel()
        await asyncio.wait([self._task])
        await self._client.close()
        if not self._task.cancelled():
            self._task.result()

    async def _run(self) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                delivery = group.create_task(self._callbacks.deliver())
                await self._receive()
                delivery.cancel()
        except* (ClientError, TimeoutError) as failures:
            _log.warning("[%s] a callback failed: %s", self._tag, failures.exceptions[0])

    async def _receive(self) -> None:
        try:
            async with self._subscription as events:
                async for event in events:
                    self._callbacks.event(event)
                    await self._callbacks.accepted()
        except RonError as error:
            self._callbacks.error(error)
        await self._callbacks.accepted()


def _subscribe(
    client: RonClient, path: str, parameters: Parameters, callbacks: Callbacks
) -> Subscription:
    headers = parameters.headers
    if parameters.body is not None and "content-type" not in map(str.lower, headers):
        headers = {**headers, "content-type": "text/plain"}
    options: dict[str, Any] = {}
    if parameters.initial_delay_ms is not None:
        options["reconnect_delay"] = max(parameters.initial_delay_ms / 1000, SHORTEST_DELAY)
    if parameters.read_timeout_ms is not None:
        # The head of the answer is what a connection receives first.
        options["idle_timeout"] = options["timeout"] = parameters.read_timeout_ms / 1000
    return client.node.subscribe(
        path,
        method=parameters.method,
        headers=headers,
        content=parameters.body,
        last_event_id=parameters.last_event_id or None,
        max_line_bytes=MAX_EVENT_BYTES,
        max_event_bytes=MAX_EVENT_BYTES,
        on_comment=callbacks.comment,
        on_error=callbacks.error,
        **options,
    )


class Service:
    """The resources of the service."""

    def __init__(self, transport: str) -> None:
        self.stopped = asyncio.Event()
        """Set when the suite has asked the service to quit."""
        self._transport = transport
        self._streams: dict[str, Stream] = {}
        self._numbers = itertools.count(1)
        self._session: ClientSession

    def application(self) -> web.Application:
        """The service as an application."""
        app = web.Application()
        app.cleanup_ctx.append(self._resources)
        app.add_routes(
            [
                web.get("/", self._status),
                web.delete("/", self._quit),
                web.post("/", self._open),
                web.post("/streams/{id}", self._command),
                web.delete("/streams/{id}", self._close),
            ]
        )
        return app

    async def _resources(self, _app: web.Application) -> AsyncIterator[None]:
        async with ClientSession(timeout=ClientTimeout(CALLBACK_SECONDS)) as self._session:
            yield
            for stream in self._streams.values():
                await stream.close()

    async def _status(self, _request: web.Request) -> web.Response:
        return web.json_response({"name": NAME, "capabilities": CAPABILITIES})

    async def _quit(self, _request: web.Request) -> web.Response:
        self.stopped.set()
        return web.Response(status=204)

    async def _open(self, request: web.Request) -> web.Response:
        try:
            parameters = Parameters.model_validate_json(await request.read())
            stream = Stream(self._session, parameters, self._transport)
        except (ValidationError, RonConfigError, RonRequestError) as error:
            raise web.HTTPBadRequest(text=str(error)) from None
        number = str(next(self._numbers))
        self._streams[number] = stream
        location = request.url.join(URL.build(path=f"/streams/{number}"))
        return web.Response(status=201, headers={"Location": str(location)})

    async def _command(self, request: web.Request) -> web.Response:
        stream = self._streams.get(request.match_info["id"])
        if stream is None:
            raise web.HTTPNotFound(text="no such stream")
        try:
            command = Command.model_validate_json(await request.read()).command
        except ValidationError as error:
            raise web.HTTPBadRequest(text=str(error)) from None
        if command != "restart":
            raise web.HTTPBadRequest(text=f"unknown command {command!a:.60}; there is restart")
        if not stream.restart():
            raise web.HTTPNotFound(text="the stream has ended")
        return web.Response(status=204)

    async def _close(self, request: web.Request) -> web.Response:
        stream = self._streams.pop(request.match_info["id"], None)
        if stream is None:
            raise web.HTTPNotFound(text="no such stream")
        await stream.close()
        return web.Response(status=204)


async def serve(host: str, port: int, transport: str) -> None:
    """Serves until the suite asks the service to quit, or SIGINT or SIGTERM comes.

    Raises:
        OSError: the address can't be listened on.
    """
    service = Service(transport)
    for number in (signal.SIGINT, signal.SIGTERM):
        # Loops of Windows have no signal handlers.
        with contextlib.suppress(NotImplementedError):
            asyncio.get_running_loop().add_signal_handler(number, service.stopped.set)
    runner = web.AppRunner(service.application(), access_log=None, shutdown_timeout=_GRACE_SECONDS)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        url = URL.build(scheme="http", host=host, port=runner.addresses[0][1])
        print(f"SSE contract test service of {NAME}, listening on {url}", flush=True)
        await service.stopped.wait()
    finally:
        await runner.cleanup()


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument("--port", type=int, default=PORT, help="0 for a free one (%(default)s)")
    parser.add_argument(
        "--transport",
        choices=("aiohttp", "httpx2"),
        default="aiohttp",
        help="transport of the client (%(default)s)",
    )
    given = parser.parse_args()
    try:
        asyncio.run(serve(given.host, given.port, given.transport))
    except (OSError, OverflowError) as error:
        parser.exit(1, f"{parser.prog}: {given.host}:{given.port}: {error}\n")


if __name__ == "__main__":
    main()
