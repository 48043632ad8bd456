"""The messages of ``docs/abi.md``: the twin of ``component/abi`` and ``component/bridge``."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ..defaults import MAX_ANSWER_FIELDS
from ..errors import RonRequestError, RonSandboxError

Pairs = Sequence[tuple[str, str]]
"""A block: names and values."""


class Send(NamedTuple):
    """Send this request. Time-outs are in nanoseconds."""

    call: int
    exchange: int
    method: str
    url: str
    connect_timeout: int | None
    first_byte_timeout: int | None
    between_bytes_timeout: int | None
    headers: list[tuple[str, str]]
    body: list[tuple[str, str]] | None

    def __repr__(self) -> str:
        # The fields hold the credential, and asyncio shows what it is about to call.
        return f"Send({self.call}, {self.exchange}, {self.method!r}, {len(self.headers)} headers)"


class Abort(NamedTuple):
    """Close the exchange."""

    call: int
    exchange: int


class Read(NamedTuple):
    """Read from the body."""

    call: int
    exchange: int
    max_bytes: int


class Done(NamedTuple):
    """The call has an answer."""

    call: int
    exchange: int | None
    attempts: int
    request_id: str


class Attempts(NamedTuple):
    """What became of the call's attempts: each its start, duration, status, error and the wait
    after it, with times in nanoseconds."""

    call: int
    stopped: str
    attempts: list[tuple[int, int, int | None, str, int | None]]


class Failed(NamedTuple):
    """The call, or opening a session, failed. ``report`` is JSON."""

    call: int
    kind: str
    report: str


class Opened(NamedTuple):
    """The session is open."""

    call: int
    session: int


class Start(NamedTuple):
    """Give clocks and entropy: only in the commands of ``wait``."""

    call: int


class Stats(NamedTuple):
    """What the instance holds."""

    call: int
    counts: dict[str, int]


class Log(NamedTuple):
    """Something that a call tells of itself."""

    call: int
    level: str
    message: str
    fields: list[tuple[str, str]]


class Connected(NamedTuple):
    """The stream is open. ``buffered``: something on the way seems to hold answers back."""

    call: int
    request_id: str
    buffered: bool


class Disconnected(NamedTuple):
    """The connection of a stream ended, or could not be made. ``report`` is JSON.

    Attributes:
        wait: nanoseconds until the next one is tried, or None if none will be.
    """

    call: int
    wait: int | None
    buffered: bool
    kind: str
    report: str


class Events(NamedTuple):
    """Events of a stream, in columns of equal length.

    Attributes:
        last_event_id: the stream's last event id after these.
        duplicates: how many events were dropped since the last of these items because a resumed
            stream gave them again.
        heartbeats: how many heartbeats were dropped.
        types: their types; empty for a comment.
        data: their data, or the text of the comment.
        ids: the last event id at each.
        retries: the reconnection time that each set, in milliseconds, or None.
    """

    call: int
    last_event_id: str
    duplicates: int
    heartbeats: int
    types: list[str]
    data: list[str]
    ids: list[str]
    retries: list[int | None]

    def __repr__(self) -> str:
        return f"Events({self.call}, {len(self.types)})"


class Credential(NamedTuple):
    """Ask the provider of the session for a token. ``reason``: ``missing``, ``expired`` or
    ``refused``."""

    call: int
    reason: str


Item = (
    Send
    | Abort
    | Read
    | Done
    | Attempts
    | Failed
    | Opened
    | Log
    | Start
    | Stats
    | Connected
    | Disconnected
    | Events
    | Credential
)


def size(value: object) -> int:
    """About how many bytes an item, or a part of one, takes."""
    if isinstance(value, list | tuple):
        return sum(map(size, value), _OBJECT_BYTES)
    return _OBJECT_BYTES + (len(value) if isinstance(value, str) else 0)


_OBJECT_BYTES = 64


class Output(NamedTuple):
    """What an export answers.

    Attributes:
        wake_at: the monotonic time, in nanoseconds, of the next tick that is wanted; or None.
        items: what to do, in order.
    """

    wake_at: int | None
    items: list[Item]


def encode(fields: Sequence[str], labels: Iterable[str] = ()) -> bytes:
    """Frames an input.

    Args:
        fields: its fields.
        labels: what the last fields are, for the message of an error; never their values, which
            may be secret.

    Raises:
        RonRequestError: a field holds NUL, CR, LF or a lone surrogate (code ``invalid_text``).
    """
    message = "\0".join(fields) + "\0"
    if message.count("\0") != len(fields) or "\n" in message or "\r" in message:
        raise _refused(fields, labels)
    try:
        return message.encode()
    except UnicodeEncodeError:
        # It has all of the message, so nothing is raised in here.
        pass
    raise _refused(fields, labels)


def _refused(fields: Sequence[str], labels: Iterable[str]) -> RonRequestError:
    named = [*labels]
    named = ["a field"] * (len(fields) - len(named)) + named
    for label, field in zip(named, fields, strict=True):
        for character in field:
            if character in "\0\r\n":
                return RonRequestError(
                    f"{label} holds U+{ord(character):04X} (NUL or a line end), which can't be "
                    "sent there; remove it (a path's own query may have it percent-encoded)",
                    code="invalid_text",
                )
            if "\ud800" <= character <= "\udfff":
                return RonRequestError(
                    f"{label} holds the lone surrogate U+{ord(character):04X}, which is no text; "
                    "decode it with the right encoding first",
                    code="invalid_text",
                )
    return RonRequestError("a field can't be sent", code="invalid_text")


def block(pairs: Pairs) -> list[str]:
    """The fields of a block."""
    return [str(len(pairs)), *itertools.chain.from_iterable(pairs)]


def pair_labels(what: str, pairs: Pairs) -> list[str]:
    """The labels of a block's fields: names are shown, values are not."""
    labels = [what]
    for name, _value in pairs:
        shown = ascii(name[:60])
        labels += (f"the name {shown} of {what}", f"the value of {what} {shown}")
    return labels


def decode(text: str) -> Output:
    """Takes an output apart.

    Raises:
        RonSandboxError: it is not as ``docs/abi.md`` says (code ``abi``): the component is broken
            or lies.
    """
    # More are left in the last one, which is then not ended.
    fields = text.split("\0", MAX_ANSWER_FIELDS)
    try:
        if "\r" in text or "\n" in text:
            raise ValueError("a field holds a line end")
        if fields.pop():
            raise ValueError(f"the last field is not ended, or not within {MAX_ANSWER_FIELDS}")
        wake_at = _optional(fields[0])
        items: list[Item] = []
        at, end = 1, len(fields)
        while at < end:
            call, kind = int(fields[at]), fields[at + 1]
            at += 2
            if kind == "send":
                headers, next_at = _pairs(fields, at + 6)
                body = None
                if fields[next_at]:
                    body, next_at = _pairs(fields, next_at)
                else:
                    next_at += 1
                items.append(
                    Send(
                        call,
                        int(fields[at]),
                        fields[at + 1],
                        fields[at + 2],
                        _optional(fields[at + 3]),
                        _optional(fields[at + 4]),
                        _optional(fields[at + 5]),
                        headers,
                        body,
                    )
                )
                at = next_at
            elif kind == "done":
                exchange = _optional(fields[at])
                items.append(Done(call, exchange, int(fields[at + 1]), fields[at + 2]))
                at += 3
            elif kind == "timeline":
                attempts, next_at = _attempts(fields, at + 1)
                items.append(Attempts(call, fields[at], attempts))
                at = next_at
            elif kind == "error":
                items.append(Failed(call, fields[at], fields[at + 1]))
                at += 2
            elif kind == "events":
                events, at = _events(call, fields, at, escaped="\x1a" in text)
                items.append(events)
            elif kind == "read":
                items.append(Read(call, int(fields[at]), int(fields[at + 1])))
                at += 2
            elif kind == "abort":
                items.append(Abort(call, int(fields[at])))
                at += 1
            elif kind == "connected":
                items.append(Connected(call, fields[at], _boolean(fields[at + 1])))
                at += 2
            elif kind == "lost":
                wait, buffered = _optional(fields[at]), _boolean(fields[at + 1])
                items.append(Disconnected(call, wait, buffered, fields[at + 2], fields[at + 3]))
                at += 4
            elif kind == "credential":
                items.append(Credential(call, fields[at]))
                at += 1
            elif kind == "opened":
                items.append(Opened(call, int(fields[at])))
                at += 1
            elif kind == "log":
                level, message = fields[at], fields[at + 1]
                pairs, at = _pairs(fields, at + 2)
                items.append(Log(call, level, message, pairs))
            elif kind == "stats":
                pairs, at = _pairs(fields, at)
                items.append(Stats(call, {name: int(count) for name, count in pairs}))
            elif kind == "start":
                items.append(Start(call))
            else:
                raise ValueError(f"there is no item kind {kind[:20]!r}")
    except (ValueError, IndexError) as error:
        raise RonSandboxError(
            f"the component's answer is malformed: {str(error)[:100]}", code="abi"
        ) from None
    return Output(wake_at, items)


def _optional(field: str) -> int | None:
    return _number(field) if field else None


def _number(field: str) -> int:
    number = int(field)
    if not 0 <= number < 2**64:
        raise ValueError("a number is out of range")
    return number


def _boolean(field: str) -> bool:
    if field not in ("true", "false"):
        raise ValueError("a truth value is neither true nor false")
    return field == "true"


def _events(call: int, fields: list[str], at: int, *, escaped: bool) -> tuple[Events, int]:
    # Slices, because a stream has hundreds of thousands of events a second.
    count = _number(fields[at + 3])
    start = at + 4
    end = start + 4 * count
    if end > len(fields):
        raise ValueError("events are longer than their message")
    last_event_id = fields[at]
    types = fields[start:end:4]
    data = fields[start + 1 : end : 4]
    ids = fields[start + 2 : end : 4]
    told = fields[start + 3 : end : 4]
    retries: list[int | None] = [None] * count
    if any(told):
        retries = [*map(_optional, told)]
    if escaped:
        last_event_id = _unescaped(last_event_id)
        types, data = (
            [_unescaped(field) if "\x1a" in field else field for field in column]
            for column in (types, data)
        )
        ids = _whole_ids(ids)
    duplicates, heartbeats = _number(fields[at + 1]), _number(fields[at + 2])
    return Events(call, last_event_id, duplicates, heartbeats, types, data, ids, retries), end


def _whole_ids(fields: list[str]) -> list[str]:
    """Ids in full, where a long one stands once and then a sign for it. All share one string, which
    may be large."""
    before = ""
    ids = []
    for field in fields:
        if field == _AS_BEFORE:
            ids.append(before)
            continue
        id_ = _unescaped(field) if "\x1a" in field else field
        # A comment between events has none.
        before = id_ or before
        ids.append(id_)
    return ids


_AS_BEFORE = "\x1a="
_ESCAPED = {"0": "\0", "n": "\n", "r": "\r", "s": "\x1a"}


def _unescaped(field: str) -> str:
    """Escaped text: U+001A stands before a letter for what a field can't hold."""
    first, *rest = field.split("\x1a")
    try:
        return first + "".join([_ESCAPED[part[0]] + part[1:] for part in rest])
    except (KeyError, IndexError):
        raise ValueError("a field is escaped wrongly") from None


def _attempts(
    fields: list[str], at: int
) -> tuple[list[tuple[int, int, int | None, str, int | None]], int]:
    count = int(fields[at])
    at += 1
    end = at + 5 * count
    if count < 0 or end > len(fields):
        raise ValueError("a timeline is longer than its message")
    attempts = [
        (
            _number(fields[n]),
            _number(fields[n + 1]),
            _optional(fields[n + 2]),
            fields[n + 3],
            _optional(fields[n + 4]),
        )
        for n in range(at, end, 5)
    ]
    return attempts, end


def _pairs(fields: list[str], at: int) -> tuple[list[tuple[str, str]], int]:
    count = int(fields[at])
    at += 1
    end = at + 2 * count
    if count < 0 or end > len(fields):
        raise ValueError("a block is longer than its message")
    return list(zip(fields[at:end:2], fields[at + 1 : end : 2], strict=True)), end
