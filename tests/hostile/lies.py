"""What a component may answer that is not so, one lie each, and how the call ends.

In the texts ``{node}`` is the configured base URL, ``{other}`` an origin that must not be reached,
``{token}`` the credential.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Item = tuple[object, ...]
Kind = Literal["call", "stream"]

BOTH: tuple[Kind, ...] = ("call", "stream")
ENDED = "no error"
CONTENT = b"0123456789"


@dataclass(frozen=True)
class Lie:
    """A lie.

    Attributes:
        begin: the items that answer a call's beginning.
        feed: those that answer all that the host tells of it.
        error: the class in which the call ends.
        code: the error's code.
        says: a piece of the error's message.
        kinds: what it is told to.
        posts: whether the call is a POST with content, and no GET.
        provides: whether the client has a provider of tokens.
    """

    begin: tuple[Item, ...]
    feed: tuple[Item, ...] = ()
    error: str = "RonSandboxError"
    code: str = "abi"
    says: str = ""
    kinds: tuple[Kind, ...] = BOTH
    posts: bool = False
    provides: bool = False


def send(
    url: str = "{node}/app/nothing-here",
    *,
    method: str = "GET",
    headers: tuple[tuple[str, str], ...] = (),
    body: tuple[tuple[str, object], ...] | None = None,
    exchange: object = 1,
    timeouts: object = "",
) -> Item:
    """An item that has a request sent."""
    fields = [field for header in headers for field in header]
    content: list[object] = [""]
    if body is not None:
        content = [len(body), *(field for segment in body for field in segment)]
    waits = (timeouts,) * 3
    return (1, "send", exchange, method, url, *waits, len(headers), *fields, *content)


def guarded(says: str = "", **request: Any) -> Lie:
    """A request that is not to be sent."""
    return Lie((send(**request),), code="guard", says=says)


def broken(*begin: Item, feed: tuple[Item, ...] = (), says: str = "", **rest: Any) -> Lie:
    """Items against the ABI."""
    return Lie(begin, feed, says=says, **rest)


def posting(body: tuple[tuple[str, object], ...]) -> Lie:
    """A request body that nobody has given."""
    return broken(
        send(method="POST", body=body), says="body that nobody holds", kinds=("call",), posts=True
    )


def reporting(report: object, kind: str = "network", says: str = "can't be read") -> Lie:
    """An error that is none."""
    text = report if isinstance(report, str) else json.dumps(report)
    return broken((1, "error", kind, text), says=says)


ELSEWHERE = {
    f"a request to {what}": guarded("leaves the configured origin", url=url)
    for what, url in {
        "another port": "{other}/app/x",
        "another origin behind a user name": "{node}@{other_host}/app/x",
        "another origin with the configured path in it": "{other}/{node}/app/x",
        "an origin that begins like ours": "{node}.example/app/x",
        "a port that begins like ours": "{node}0/app/x",
        "another scheme": "{secure_node}/app/x",
        "no origin": "/app/x",
        "an origin without a scheme": "//{other_host}/app/x",
        "a file": "file:///etc/passwd",
        "nothing": "",
        "another case of the origin": "HTTP{node_rest}/app/x",
        "what is outside of the app plane": "{node}/healthz",
        "what begins like the app plane": "{node}/application",
        "what is above": "{node}/app/../admin",
        "what is above, encoded": "{node}/app/%2e%2E/admin",
    }.items()
} | {
    f"a URL with {what}": guarded(url=url)
    for what, url in {
        "a backslash": "{node}/app/\\\\{other_host}/x",
        "a space": "{node}/app/x HTTP/1.1",
        "a tab": "{node}/app/x\ty",
        "a fragment": "{node}/app/x#y",
        "letters beyond ASCII": "{node}/app/é",
        "an escape character": "{node}/app/\x1b[2J",
    }.items()
}

FORM = {
    "another method than was asked for": guarded("another method", method="DELETE"),
    "a method with a target": guarded("another method", method="GET {other}/x HTTP/1.1"),
    "no method": guarded("another method", method=""),
    "a field of the transport's": guarded(
        "only transports set", headers=(("Host", "{other_host}"),)
    ),
    "a length of its own": guarded("only transports set", headers=(("content-length", "5"),)),
    "a framing of its own": guarded(
        "only transports set", headers=(("Transfer-Encoding", "chunked"),)
    ),
    "a name that is no token": guarded("HTTP does not know", headers=(("x: y", "z"),)),
    "a name with a space": guarded("HTTP does not know", headers=(("host ", "{other_host}"),)),
    "no name": guarded("HTTP does not know", headers=(("", "z"),)),
    "a name beyond ASCII": guarded("HTTP does not know", headers=(("x-\xe9", "z"),)),
    "a value with a control character": guarded("HTTP does not know", headers=(("x", "\x01"),)),
    "a value beyond latin-1": guarded("HTTP does not know", headers=(("x", "😀"),)),
    "a value without end": guarded("more than 262144", headers=(("x", "y" * 300_000),)),
    "fields without end": guarded("more than 262144", headers=(("x", ""),) * 140_000),
}

BODIES = {
    "a body longer than what is held": posting((("held", 11),)),
    "a body that goes back to its start": posting((("held", 10), ("held", -10)) * 10_000),
    "a body of a negative size": posting((("held", -1),)),
    "a body of no number": posting((("held", "ten"),)),
    "a body of no hexadecimal": posting((("bytes", "0g"),)),
    "a body of another kind": posting((("file", "/etc/passwd"),)),
}

EXCHANGES = {
    "bytes of an answer that is not there": broken((1, "read", 5, 10), says="not open"),
    "no bytes of an answer": broken(send(), feed=((1, "read", 1, 0),), says="no bytes"),
    "all bytes of an answer at once": broken(send(), feed=((1, "read", 1, -1),), says="no bytes"),
    "more bytes than there are numbers for": broken(
        send(), feed=((1, "read", 1, "9" * 5000),), says="malformed"
    ),
    "an answer that nobody holds": broken(
        (1, "done", 5, 1, "id"), says="nobody holds", kinds=("call",)
    ),
    "an answer to no exchange": broken(
        (1, "done", "", 1, "id"), says="nobody holds", kinds=("call",)
    ),
    "a second request with the first answer in hand": broken(
        send(), feed=(send(exchange=2),), says="dropped the last answer"
    ),
    "the same request again and again": broken(
        send(), feed=((1, "abort", 1), send()), says="more than 103 requests", kinds=("call",)
    ),
    "time-outs of centuries": broken(
        send(timeouts=2**64 - 1), feed=((1, "nothing"),), says="no item kind"
    ),
    "time-outs below zero": broken(send(timeouts=-1), says="out of range"),
}

PROBLEM = {
    "status": 400,
    "code": "c",
    "message": "m",
    "kind": "k",
    "title": "t",
    "type": "about:blank",
    "reason": None,
    "retryable": False,
    "retry_after_ms": None,
    "correlation_id": None,
    "details": None,
    "extensions": {},
}


def problem(**members: object) -> Lie:
    """A problem with these members."""
    report = {"code": "c", "message": "m", "attempts": 1, "problem": PROBLEM | members}
    return reporting(report, "problem")


REPORTS = {
    "a report that is no JSON": reporting("{"),
    "a report that nests without end": reporting("[" * 200_000),
    "a report of objects without end": reporting('{"code":' * 200_000),
    "a report that is a list": reporting([]),
    "a report that is null": reporting("null"),
    "a report without a message": reporting({"code": "c"}),
    "a message that is a number": reporting({"code": "c", "message": 5}),
    "a code that is a list": reporting({"code": ["c"], "message": "m"}),
    "attempts that are a text": reporting({"code": "c", "message": "m", "attempts": "1"}),
    "a number of too many digits": reporting('{"code":"c","message":"m","x":%s}' % ("9" * 5000)),
    "a time-out without a phase": reporting({"code": "c", "message": "m"}, "timeout"),
    "a problem that is a text": reporting({"code": "c", "message": "m", "problem": "p"}, "problem"),
    "a problem without a status": reporting(
        {"code": "c", "message": "m", "problem": {"code": "c"}}, "problem"
    ),
    "a problem whose status is a text": problem(status="400"),
    "a problem whose extensions are a list": problem(extensions=[]),
    "a problem that says to wait for ever": problem(retry_after_ms=10**400),
    "an error of no kind": reporting({"code": "abi", "message": "m"}, "no-such-kind", ""),
    "the credential in a timeline": Lie(
        (
            (1, "timeline", "it is {token}", 2, *(0, 0, "", "{token}", "") * 2),
            (1, "error", "network", '{"code":"c","message":"m"}'),
        ),
        error="RonNetworkError",
        code="c",
        says="[redacted]",
        kinds=("call",),
    ),
    "the credential in an error": Lie(
        ((1, "error", "network", '{"code":"{token}","message":"it is {token}!"}'),),
        error="RonNetworkError",
        code="[redacted]",
        says="[redacted]",
    ),
}


def logging(*fields: tuple[str, object], message: str = "m", times: int = 1) -> Lie:
    """Things told to the log, and then an error."""
    values = [value for field in fields for value in field]
    log = (1, "log", "info", message, len(fields), *values)
    return broken(*(log,) * times, (1, "nothing"), says="no item kind")


def logged(*fields: tuple[str, object], message: str = "m", times: int = 1) -> Lie:
    """The same, where the host hears of it before the error."""
    told = logging(*fields, message=message, times=times).begin[:-1]
    return broken(*told, (1, "read", 5, 10), says="not open")


LOGS = {
    "a number of too many digits in the log": logged(("status", "9" * 5000)),
    "a time of too many digits in the log": logged(("duration_us", "9" * 400)),
    "digits that are none in the log": logged(("status", "²"), ("attempt", "٣")),
    "names of the log's own": logged(("msg", "x"), ("args", "y"), ("name", "z")),
    "levels that there are none": broken(
        (1, "log", "apocalyptic", "m", 0), (1, "read", 5, 10), says="not open"
    ),
    "a log without end": logged(times=50_000),
    "the credential in the log": logged(("path", "/{token}"), message="it is {token}"),
}


def malformed(*fields: object) -> Lie:
    """An item that is not as its kind demands."""
    return broken((1, *fields), says="malformed")


ITEMS = {
    "a beginning": broken((1, "start"), says="Start"),
    "a session": broken((1, "opened", 1), says="Opened"),
    "counts": broken((1, "stats", 0), says="Stats"),
    "an open stream to a call": broken(
        (1, "connected", "id", "false"), says="Connected", kinds=("call",)
    ),
    "events to a call": broken((1, "events", "", 0, 0, 0), says="Events", kinds=("call",)),
    "a timeline to a stream": broken((1, "timeline", "", 0), says="Attempts", kinds=("stream",)),
    "the end of everything": broken((0, "error", "closed", '{"code":"abi","message":"m"}')),
    "things that are for nobody": Lie(
        ((999, "done", 1, 1, "id"), (-1, "read", 1, 1), (0, "start")),
        error="RonTimeoutError",
        code="overall_timeout",
        kinds=("call",),
    ),
    "nothing at all": Lie((), error="RonTimeoutError", code="overall_timeout", kinds=("call",)),
    "an item cut short": malformed("send", 1, "GET"),
    "more headers than there are": malformed("send", 1, "GET", "u", "", "", "", 10**6),
    "fewer headers than none": malformed("send", 1, "GET", "u", "", "", "", -1, ""),
    "more events than there are": malformed("events", "", 0, 0, 2**63),
    "fewer events than none": malformed("events", "", 0, 0, -1),
    "more attempts than there are": malformed("timeline", "", 10**18),
    "an escape of nothing": malformed("events", "\x1a", 0, 0, 0),
    "a truth that is neither": malformed("connected", "id", "perhaps"),
    "a line end": malformed("log", "info", "a\nb", 0),
    "a call that is no number": broken(("one", "start"), says="malformed"),
}

CREDENTIALS = {
    "a token wanted where there is no provider": broken(
        (1, "credential", "missing"), says="no provider"
    ),
    "tokens wanted without end": broken(
        (1, "credential", "missing"),
        feed=((1, "credential", "refused"),),
        says="tokens for a call",
        provides=True,
    ),
}

ALL: dict[str, Lie] = {
    **ELSEWHERE,
    **FORM,
    **BODIES,
    **EXCHANGES,
    **REPORTS,
    **LOGS,
    **CREDENTIALS,
    **ITEMS,
}


def filled(lie: Lie, fill: Callable[[str], str]) -> Lie:
    """The same lie with what stands for URLs and the credential replaced."""

    def items(given: tuple[Item, ...]) -> tuple[Item, ...]:
        return tuple(
            tuple(fill(field) if isinstance(field, str) else field for field in item)
            for item in given
        )

    return Lie(
        items(lie.begin), items(lie.feed), kinds=lie.kinds, posts=lie.posts, provides=lie.provides
    )
