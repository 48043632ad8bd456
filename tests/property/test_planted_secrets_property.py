"""Secrets planted in everything that goes into a client, and looked for in all that comes out.

What is the caller's own stays as it is: data of successful answers, and the exceptions that
middleware raises.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import logging
import pickle
import re
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from examples import examples
from ron_app_sdk_py import (
    AccessToken,
    Attempt,
    CallRecord,
    ClientConfig,
    Middleware,
    Request,
    Response,
    RonClient,
    RonConfigError,
    RonError,
)
from ron_app_sdk_py.calls import logs
from ron_app_sdk_py.engine.messages import Log
from servers import raw_server, read_request, reply
from shown import texts_of
from stream_servers import event

JSON = "content-type: application/json"
EVENTS = "content-type: text/event-stream"
GRAPHIC = st.characters(min_codepoint=0x21, max_codepoint=0x7E)
TOKENS = st.text(GRAPHIC, min_size=12, max_size=26).map(lambda text: f"^7Zq{text}")
"""What a credential can be, that is in no other text by chance."""

FORMS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "in a URL": lambda secret: quote(secret, safe=""),
    "every character": lambda secret: "".join(f"%{ord(each):02x}" for each in secret),
    "twice": lambda secret: quote(quote(secret, safe=""), safe=""),
    "in JSON": lambda secret: json.dumps(secret)[1:-1].replace("/", "\\/"),
    "in JSON in JSON": lambda secret: json.dumps(json.dumps(secret))[1:-1],
    "as units": lambda secret: "".join(f"\\u{ord(each):04X}" for each in secret),
    "in base64": lambda secret: base64.b64encode(f"u:{secret}".encode()).decode(),
    "in base64 for URLs": lambda secret: base64.urlsafe_b64encode(f"{secret}}}".encode()).decode(),
}


@dataclass
class Planted:
    """The secrets of an example, and where they are planted.

    Attributes:
        data: what decides.
        secrets: the secrets by their names.
        kind: how the credential is given.
        shown: everything that was shown.
        unknown: the names of those that the client has not been given yet.
    """

    data: st.DataObject
    secrets: dict[str, str]
    kind: str = "token"
    shown: list[object] = field(default_factory=list)
    unknown: set[str] = field(default_factory=set)

    def text(self, *, only: str = "") -> str:
        """A text with a secret in it."""
        name = self.data.draw(st.sampled_from(sorted(self.secrets.keys() - self.unknown)))
        form = self.data.draw(st.sampled_from(sorted(FORMS)))
        before = self.data.draw(st.text("ab%\\ =&", max_size=70)) if not only else ""
        return before + FORMS[only or form](self.secrets[name])

    def config(self, **fields: Any) -> ClientConfig:
        """The configuration that has all the secrets."""
        secrets = self.secrets
        given: dict[str, Any] = {
            "passport": secrets["passport"],
            "tls_client_key_password": secrets["key"],
            "log_bodies": True,
            "retries": 1,
            "timeout": 10.0,
        }
        if self.kind == "token_provider":
            given["token_provider"] = self.provide
            self.unknown.add("credential")
        else:
            given[self.kind] = secrets["credential"]
        return ClientConfig(**given | fields)

    async def provide(self) -> AccessToken:
        """A provider that may fail with the secret on its lips."""
        if self.data.draw(st.booleans()):
            raise ValueError(self.secrets["credential"])
        asyncio.get_running_loop().call_soon(self.unknown.discard, "credential")
        return AccessToken(self.secrets["credential"], expires_in=60.0)

    def left(self) -> list[str]:
        """What is shown and holds a secret, whatever it is written in."""
        return [text for text in map(str, self.shown) if holds(text, self.secrets.values())]


def holds(text: str, secrets: Any) -> bool:
    """Whether a text, decoded in all ways, has a secret or half of one."""
    layers = {text}
    for _ in range(4):
        layers |= {unquote(layer) for layer in layers}
        layers |= {_unescaped(layer) for layer in layers}
    for secret in secrets:
        half = secret[: max(8, len(secret) // 2)]
        if any(half in layer for layer in layers):
            return True
        for before in range(3):
            # The characters that it alone decides.
            encoded = base64.b64encode(bytes(before) + half.encode())[before + 1 : -4].decode()
            spellings = (encoded, encoded.translate(str.maketrans("+/", "-_")))
            if any(spelling in layer for layer in layers for spelling in spellings):
                return True
    return False


def _unescaped(text: str) -> str:
    return re.sub(
        r"\\(?:(u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2})|([\"'/\\]))",
        lambda found: chr(int(found[1][1:], 16)) if found[1] else found[2],
        text,
    )


class Planting(Middleware):
    """Middleware that puts secrets into what it may change, and keeps what it is shown."""

    def __init__(self, planted: Planted) -> None:
        self.planted = planted

    def before_request(self, request: Request) -> None:
        self.planted.shown.append(repr(request))
        if self.planted.data.draw(st.booleans()):
            request.headers.append(("X-Planted", self.planted.text()))
        self.planted.shown.append(repr(request))

    def after_response(self, request: Request, response: Response) -> None:
        self.planted.shown += [repr(request), repr(response), repr(response.headers)]
        self.planted.shown.append(response.timeline)

    def after_error(self, request: Request, error: RonError) -> None:
        self.planted.shown += [repr(request), *texts_of(error)]

    def before_attempt(self, attempt: Attempt) -> None:
        self.after_attempt(attempt)
        if self.planted.data.draw(st.booleans()):
            attempt.add_header("X-Attempt", self.planted.text())

    def after_attempt(self, attempt: Attempt) -> None:
        self.planted.shown += [f"{attempt!r} {attempt.url} {attempt.failure}"]
        self.planted.shown += [attempt.headers, attempt.headers.raw()]


def answer(planted: Planted) -> bytes:
    """What the server, or the proxy, says."""
    one, two, three = (planted.text() for _ in range(3))
    line = planted.text(only="in a URL")
    problem = json.dumps(
        {
            "code": one,
            "message": two,
            "title": three,
            "reason": one,
            "type": two,
            "details": {one: [two, {"a": three}], "authorization": "x"},
            three: {"x-ron-cap": two},
            "correlation_id": one,
        }
    ).encode()
    ids = [f"{name}: {line}" for name in ("x-request-id", "x-correlation-id")]
    stream = event(one, line, type_=line).encode() + b": " + line.encode() + b"\n\n"
    return planted.data.draw(
        st.sampled_from(
            [
                reply("400 Bad", problem, JSON, *ids),
                reply(f"401 {line}", problem, JSON, f"www-authenticate: Bearer a={line}"),
                reply("503 Busy", problem, "content-type: application/problem+json", *ids),
                reply("500 No", two.encode(), "content-type: text/html", f"retry-after: {line}"),
                reply(f"302 {line}", b"", f"location: http://e/{line}"),
                reply("407 No", problem, JSON, f"proxy-authenticate: Basic realm={line}"),
                reply("200 OK", problem, JSON, f"set-cookie: {line}", *ids),
                reply("200 OK", f"{{{one}".encode(), JSON),
                reply("200 OK", json.dumps([one, two]).encode(), JSON),
                reply("200 OK", three.encode(), f"content-type: text/{line}", *ids),
                reply("200 OK", stream, EVENTS),
                reply("204 No Content", b"", f"x-note: {line}"),
                f"HTTP/1.1 200 OK\r\n{line} {line}\r\n\r\n".encode(),
                f"HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n{one}".encode(),
                f"{line}\r\n\r\n".encode(),
            ]
        )
    )


def arguments(planted: Planted) -> tuple[str, dict[str, Any]]:
    """The arguments of a call."""
    text = planted.text
    options: dict[str, Any] = {"timeout": 5.0}
    places = "none path bad-path query header bad-header json content idem bad-json option id"
    place = planted.data.draw(st.sampled_from(places.split()))
    path = "/x"
    match place:
        case "path":
            path = f"/x/{text(only='in a URL')}?a={text(only='in a URL')}"
        case "bad-path":
            path = f"/x/{text()}/../{text()}\n"
        case "query":
            options["query"] = {text(): text()}
        case "header":
            options["headers"] = {"X-Note": text()}
        case "bad-header":
            options["headers"] = {text(): f"{text()}\n"}
        case "json":
            options["json"] = {text(): [text(), {"password": "hunter22hunter22"}]}
        case "content":
            options["content"] = text()
        case "bad-json":
            options["json"] = {"a": {text()}}
        case "idem":
            options["idem"] = text()
        case "option":
            options["timeout"] = text()
        case "id":
            options["headers"] = {"X-Request-Id": text()}
    return path, options


async def use(planted: Planted, transport: str) -> None:
    """Uses a client in many ways."""
    answers: list[bytes] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await read_request(reader)
            said = answers[0]
            writer.write(said)
            if b"content-length: 9999" in said or not said.startswith(b"HTTP/1.1 4"):
                return

    def failing_hook(record: CallRecord) -> None:
        planted.shown.append(record)
        raise LookupError(planted.text())

    asyncio.get_running_loop().slow_callback_duration = 0.0
    async with raw_server(handler) as url:
        proxy = planted.data.draw(st.booleans())
        user = quote(planted.secrets["proxy"], safe="")
        if not proxy:
            del planted.secrets["proxy"]
        fields = {
            "base_url": "http://127.0.0.1:9/base" if proxy else url,
            "proxy": url.replace("//", f"//user:{user}@") if proxy else None,
            "user_agent": planted.data.draw(st.none() | st.just(planted.secrets["key"])),
        }
        config = planted.config(**fields)
        planted.shown.append(config)
        if planted.kind != "token_provider":
            planted.shown.append(repr(pickle.loads(pickle.dumps(config))))
        client = RonClient(config=config, transport=transport)
        client.add_middleware(Planting(planted))
        client.add_metrics_hook(failing_hook)
        async with client:
            for _ in range(2):
                answers[:] = [answer(planted)]
                path, options = arguments(planted)
                try:
                    await client.call("POST", path, **options)
                except RonError as error:
                    planted.shown += texts_of(error)
                    planted.shown.append(repr(pickle.loads(pickle.dumps(error))))
                options = {name: options[name] for name in ("query", "headers") if name in options}
                with contextlib.suppress(RonError):
                    pages = client.paginate(path, **options)
                    planted.shown.append(repr(pages))
                try:
                    subscription = client.subscribe(path, reconnect=False, **options)
                    planted.shown.append(repr(subscription))
                    async for item in subscription:
                        assert item.data
                    planted.shown += [repr(subscription), subscription.counters]
                except RonError as error:
                    planted.shown += texts_of(error)
            with contextlib.suppress(RonError):
                planted.shown.append(repr(client.facet(planted.text())))
            planted.shown += [repr(client), client.metrics, repr(client.config)]
        planted.shown += [repr(client), client.config]


class Keeping(logging.Handler):
    """Keeps what a formatter shows of each record, and its attributes."""

    def __init__(self, planted: Planted) -> None:
        super().__init__(logging.DEBUG)
        self.planted = planted

    def emit(self, record: logging.LogRecord) -> None:
        # httpcore2 shows in its own log, at DEBUG, the heads that servers send.
        if not record.name.startswith("httpcore2."):
            text = logging.Formatter("%(levelname)s %(name)s %(message)s").format(record)
            self.planted.shown += [text, repr(vars(record))]


@contextlib.contextmanager
def kept(planted: Planted) -> Iterator[None]:
    """Keeps what is logged at any level, what is warned of, and what the component tells."""
    root, handler, write = logging.getLogger(), Keeping(planted), logs.write
    known = {planted.secrets[name] for name in ("credential", "passport")}

    def noting(log: Log, *rest: Any) -> None:
        assert not holds(repr(log.fields), known), log.fields
        write(log, *rest)

    level = root.level
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        patch.setattr(logs, "write", noting)
        patch.setenv("RON_DEBUG", "1")
        root.addHandler(handler)
        root.setLevel(logging.DEBUG)
        try:
            yield
        finally:
            root.setLevel(level)
            root.removeHandler(handler)
    planted.shown += [str(warning.message) for warning in warned]


SECRETS = st.fixed_dictionaries(dict.fromkeys(("credential", "passport", "proxy", "key"), TOKENS))
KINDS = st.sampled_from(["token", "macaroon", "token_provider"])


@settings(max_examples=examples(40), deadline=None, suppress_health_check=list(HealthCheck))
@given(
    data=st.data(), secrets=SECRETS, kind=KINDS, transport=st.sampled_from(["aiohttp", "httpx2"])
)
def test_whatever_secrets_are_planted_in_nothing_that_a_client_shows_has_one(
    data: st.DataObject, secrets: dict[str, str], kind: str, transport: str
) -> None:
    planted = Planted(data, secrets, kind)
    with kept(planted):
        asyncio.run(use(planted, transport), debug=True)
    assert planted.left() == []


@settings(max_examples=examples(40), deadline=None)
@given(data=st.data(), secrets=SECRETS, kind=KINDS)
def test_a_configuration_that_is_refused_shows_no_secret(
    data: st.DataObject, secrets: dict[str, str], kind: str
) -> None:
    planted = Planted(data, secrets, kind)
    text = planted.text
    bad: dict[str, Any] = data.draw(
        st.sampled_from(
            [
                {"base_url": f"http://{text(only='in a URL')}@127.0.0.1"},
                {"base_url": f"http://127.0.0.1:1/{text(only='in a URL')}"},
                {"base_url": f"http://{text()}"},
                {"base_url": text()},
                {"base_url": "https://e", "tls_ca": f"/no/{text()}"},
                {"base_url": "https://e", "tls_client_certificate": f"/no/{text()}"},
                {"user_agent": f"{text()}\n"},
                {"user_agent": f"{text()}\u00e9"},
                {"backoff": text()},
                {"timeout": text()},
                {"proxy": f"http://{text()}:x@/"},
                {"proxy": f"ftp://{text()}"},
                {"tls_client_key": f"/no/{text()}", "base_url": "https://e", "retries": -1},
            ]
        )
    )
    with kept(planted):
        password = quote(secrets["proxy"], safe="")
        config = planted.config(**{"proxy": f"http://user:{password}@127.0.0.1:1"} | bad)
        planted.shown.append(config)
        with pytest.raises(RonConfigError) as caught:
            RonClient(config=config)
    planted.shown += texts_of(caught.value)
    assert planted.left() == []
