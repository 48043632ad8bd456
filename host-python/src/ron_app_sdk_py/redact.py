"""Keeping secrets out of texts that this side makes; the component does so with its own.

Both look for a secret as it is, with the escapes of URLs, JSON and JavaScript, once or in each
other, and in base64.
"""

from __future__ import annotations

import binascii
import contextlib
import re
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple

from .defaults import MAX_NESTED_ESCAPES, MAX_SUSPECT_PLACES
from .errors import RonError

REDACTED = "[redacted]"
"""What stands in place of a secret."""

SHORTEST_SECRET = 8
"""Shorter ones would tear holes into innocent text: the component's number."""


SECRET_FIELDS = frozenset(
    {"authorization", "cookie", "proxy-authorization", "set-cookie", "x-api-key"}
)
"""Fields whose values are secret by their name, in lower case (``protocol.md`` 10, row 28); held to
``tests/vectors/redaction.json``."""

SECRET_PREFIXES = ("x-ron-",)
"""Families of such names."""

_QUOTED = "\"'/\\"
_PERCENT = rf"%(?:25){{,{MAX_NESTED_ESCAPES}}}"
_AFTER = {
    "%": re.compile("(?P<code>[0-9A-Fa-f]{2})"),
    "\\": re.compile(
        "x(?P<byte>[0-9A-Fa-f]{2})|u(?P<unit>[0-9A-Fa-f]{4})"
        rf"|(?P<quoted>[{re.escape(_QUOTED)}])|{_PERCENT}(?P<code>22|27|2[Ff]|5[Cc])"
    ),
}
"""What makes escapes, and what follows it in one."""

_FOR_URLS = str.maketrans("+/", "-_")
_STANDARD = str.maketrans("-_", "+/")


def is_secret_name(name: str) -> bool:
    """Whether a header field, or a JSON member, of this name holds what is secret. An underscore
    counts as a hyphen: members that are named after fields often have one."""
    name = name.lower().replace("_", "-")
    return name in SECRET_FIELDS or name.startswith(SECRET_PREFIXES)


class Redactor:
    """Replaces secrets in texts, and what is left of one where a text was cut. Those shorter than
    :data:`SHORTEST_SECRET` are left to be kept out by name.

    Args:
        secrets: the secrets; None is none.
    """

    __slots__ = ("_search", "_secrets")

    def __init__(self, *secrets: str | None) -> None:
        self._secrets: list[str] = []
        self._search: _Search | None = None
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str | None) -> None:
        """Replaces this secret too, from now on."""
        if isinstance(secret, str) and len(secret) >= SHORTEST_SECRET:
            self._secrets.append(secret)

    def remove(self, secret: str) -> None:
        """Takes one :meth:`add` of this secret back."""
        with contextlib.suppress(ValueError):
            self._secrets.remove(secret)
            self._search = None

    def clear(self) -> None:
        """Forgets all secrets."""
        self._secrets.clear()
        self._search = None

    def scrub(self, text: str) -> str:
        """The text without the secrets, and without pieces of them from their start. A text that
        keeps one looking, as nobody writes it but on purpose, is replaced as a whole."""
        return self._scrubber()(text)

    def _scrubber(self) -> Callable[[str], str]:
        """What takes the secrets out of texts, for so many places that may be one."""
        # Other threads may add to them meanwhile.
        secrets = self._secrets.copy()
        if not secrets:
            return str
        search = self._search
        if search is None or search.secrets != secrets:
            # Most clients never show anything.
            self._search = search = _Search(secrets)
        return partial(search.scrubbed, iter(range(MAX_SUSPECT_PLACES)))

    def scrub_all(self, value: Any) -> Any:
        """The same for every text in lists and dictionaries, which also lose the members that are
        secret by their name."""
        return _shown(value, self._scrubber())

    def fields(self, fields: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Header fields as they may be shown: without values that are secret by their name, and
        without the secrets elsewhere."""
        return [
            (self.scrub(name), REDACTED if is_secret_name(name) else self.scrub(value))
            for name, value in fields
        ]

    def scrub_error(self, error: RonError) -> None:
        """Takes the secrets out of an error's message, where they stand for what a caller gave."""
        error.message = self.scrub(error.message)
        error.args = (error.message,)


NOTHING_SECRET = Redactor(None)
"""For texts that no credential can be in."""


class _Form(NamedTuple):
    """How a secret may be written, but for escapes.

    Attributes:
        text: the characters.
        is_base64: whether they are base64: those that the secret alone decides.
        before: how many characters before them have some bits of it.
        behind: how many behind them.
    """

    text: str
    is_base64: bool = False
    before: int = 0
    behind: int = 0

    def spellings(self, character: str) -> set[str]:
        """What may stand for a character: there is another base64 for URLs."""
        return {character, character.translate(_FOR_URLS)} if self.is_base64 else {character}

    def end_of_piece(self, text: str, at: int) -> int | None:
        """Where the longest piece from its start ends whose first character ends at a place,
        however it is escaped; None if it is too short for one."""
        # What is written as it is goes the fast way.
        plain = text[at : at + len(self.text) - 1]
        if self.is_base64:
            plain = plain.translate(_STANDARD)
        pairs = zip(self.text[1:], plain, strict=False)
        same = next((n for n, (a, b) in enumerate(pairs) if a != b or a in _AFTER), len(plain))
        ends, matched = {at + same}, 1 + same
        for character in self.text[matched:]:
            wanted = self.spellings(character)
            longer = {end for at in ends for meant, end in _readings(text, at) if meant in wanted}
            if not longer:
                break
            ends, matched = longer, matched + 1
        return max(ends) if matched >= SHORTEST_SECRET else None


class _Search:
    """Where secrets stand in texts.

    Attributes:
        secrets: the secrets.
    """

    __slots__ = ("_forms", "_heads", "_starts", "secrets")

    def __init__(self, secrets: list[str]) -> None:
        self.secrets = secrets
        self._heads: set[str] = set()
        seconds: dict[str, set[str]] = {}
        self._forms: dict[str, list[_Form]] = {}
        for form in [form for secret in dict.fromkeys(secrets) for form in _forms(secret)]:
            head = form.text[:SHORTEST_SECRET]
            self._heads |= {head, head.translate(_FOR_URLS)} if form.is_base64 else {head}
            for first in form.spellings(head[0]):
                self._forms.setdefault(first, []).append(form)
                seconds[first] = seconds.get(first, set()) | form.spellings(head[1])
        self._starts = _starts(seconds)

    def scrubbed(self, places: Iterator[int], text: str) -> str:
        """The text without the secrets; nothing of it when there are no places left to look at."""
        if not any(part in text for part in (*_AFTER, *self._heads)):
            return text
        parts, behind = [], 0
        for found in self._starts.finditer(text):
            at = found.start()
            if at < behind:
                continue
            if next(places, None) is None:
                return REDACTED
            if pieces := [*self._pieces(text, at)]:
                end, start = max(pieces)
                parts += [text[behind:start], REDACTED]
                behind = end
        return "".join([*parts, text[behind:]])

    def _pieces(self, text: str, start: int) -> Iterator[tuple[int, int]]:
        """Where pieces of secrets end and begin that begin at a place."""
        for meant, at in _readings(text, start):
            for form in self._forms.get(meant, ()):
                end = form.end_of_piece(text, at)
                if end is not None:
                    before = text[max(start - form.before, 0) : start]
                    behind = text[end : end + form.behind]
                    yield end + _base64_length(behind), start - _base64_length(before)


def _forms(secret: str) -> Iterator[_Form]:
    content = secret.encode("utf-8", "surrogatepass")
    yield _Form(secret)
    if not secret.isascii():
        # What the escapes of bytes and of UTF-16 mean.
        units = memoryview(secret.encode("utf-16", "surrogatepass")).cast("H")[1:]
        yield _Form(content.decode("latin-1"))
        yield _Form("".join(map(chr, units)))
    for before in range(3):
        text = binascii.b2a_base64(bytes(before) + content, newline=False).decode("ascii")
        first, last = before * 8, (before + len(content)) * 8
        whole = text[-(-first // 6) : last // 6]
        yield _Form(whole, True, before=int(first % 6 > 0), behind=int(last % 6 > 0))


def _starts(characters: dict[str, set[str]]) -> re.Pattern[str]:
    """What finds the places that may mean one of these characters and what may follow it, and few
    others. It has no more of a secret, because ``re`` keeps patterns."""
    codes = sorted(map(ord, characters))
    plain = "".join(re.escape(chr(code)) for code in codes)
    pairs = "|".join(
        rf"{re.escape(first)}[%\\{''.join(map(re.escape, sorted(characters[first])))}]"
        for first in sorted(characters)
    )
    quoted = [f"{code:02x}" for code in codes if chr(code) in _QUOTED]
    byte = "|".join(f"{code:02x}" for code in (*codes, ord("\\")) if code < 256)
    unit = "|".join(f"{code:04x}" for code in codes)
    escape = rf"(?:x|u00)(?:25){{,{MAX_NESTED_ESCAPES}}}(?:{byte})|u(?:{unit})"
    if quoted:
        escape += rf"|[{plain}]|{_PERCENT}(?:{'|'.join(quoted)})"
    escapes = rf"{_PERCENT}(?:{byte})|\\{{1,{MAX_NESTED_ESCAPES}}}(?:{escape})"
    return re.compile(rf"(?={pairs}|(?i:{escapes}))")


def _readings(text: str, at: int) -> list[tuple[str, int]]:
    """What a text may mean at a place, and where that ends: its character; what that stands for, if
    an escape begins with it; what begins with that, and so on."""
    meant, end = text[at : at + 1], at + 1
    readings = [(meant, end)]
    while meant in _AFTER and len(readings) <= MAX_NESTED_ESCAPES:
        escape = _AFTER[meant].match(text, end)
        if escape is None:
            break
        kind = escape.lastgroup or ""
        meant = escape[kind] if kind == "quoted" else chr(int(escape[kind], 16))
        end = escape.end()
        readings.append((meant, end))
    return readings


def _shown(value: Any, scrub: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return scrub(value)
    if isinstance(value, list):
        return [_shown(item, scrub) for item in value]
    if isinstance(value, dict):
        return {
            scrub(name): REDACTED if is_secret_name(name) else _shown(item, scrub)
            for name, item in value.items()
        }
    return value


def _base64_length(text: str) -> int:
    """Its length if it is of base64, else 0."""
    return len(text) if re.fullmatch("[A-Za-z0-9+/_-]+", text) else 0
