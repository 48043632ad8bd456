"""A TOML text: what it says, and on which line it says so.

``tomllib`` does not tell lines. But a text may be read up to any line between two statements, so
the line on which something stands is the one after the last up to which it is not there.
"""

from __future__ import annotations

import math
import re
import tomllib
from datetime import date, time
from typing import Any

from ..defaults import MAX_LINE_SEARCH_BYTES, MAX_MANIFEST_BYTES

_STEPS = re.compile(r"([A-Za-z0-9_-]+)|'((?:[^'…])*)'|\[(\d+)\]")
_DEEPEST = 100
"""How far a manifest may nest; none has a reason to. The component reads 127."""

_TOO_DEEP = f"the manifest nests deeper than {_DEEPEST} levels"

_DEEP_KEY = re.compile(
    rf"""(?<![\w-])((?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){{{_DEEPEST}}}""", re.ASCII
)
"""A key that nests too deep, for which ``tomllib`` takes quadratic time."""

_LINE = re.compile(r" \(at (?:line (\d+), column \d+|end of document)\)$")


class TomlFault(Exception):
    """A text is no TOML that a node reads.

    Attributes:
        reason: why.
        line: the line, from 1, or None if it is the whole text.
    """

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.line = line


class TomlText:
    """A TOML text that has been read.

    Args:
        text: the text, or its bytes.

    Attributes:
        document: what it says, in values that JSON has too. A date is a table, as which the node's
            loader sees it.

    Raises:
        TomlFault: it is too large, not UTF-8 or not TOML 1.0, or has numbers beyond 64 bits.
    """

    def __init__(self, text: str | bytes) -> None:
        content = _encoded(text) if isinstance(text, str) else text
        if len(content) > MAX_MANIFEST_BYTES:
            raise TomlFault(
                f"the manifest has more than {MAX_MANIFEST_BYTES} bytes; make several facets of it"
            )
        try:
            decoded = content.decode().removeprefix("\ufeff").replace("\r\n", "\n")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            raise TomlFault("the manifest is not UTF-8; save it as such", line) from None
        self._lines = decoded.split("\n")
        if _DEEP_KEY.search(decoded):
            raise TomlFault(_TOO_DEEP)
        try:
            self._whole = tomllib.loads(decoded)
            self.document = _plain(self._whole)
        except RecursionError:
            raise TomlFault(_TOO_DEEP) from None
        except ValueError as error:
            raise self._fault(str(error)) from None
        self._read: dict[int, Any] = {0: {}, len(self._lines): self._whole}
        self._searched = 0

    def line_of(self, field: str) -> int | None:
        """The line on which a field is begun, or what it would be in.

        Args:
            field: such as ``route[1].method``.

        Returns:
            The line, from 1; None if nothing of it is there, or too much would have to be read.
        """
        steps: list[str | int] = [
            int(index) if index else name or quoted for name, quoted, index in _STEPS.findall(field)
        ]
        while steps and not _holds(self._whole, steps):
            steps.pop()
        if not steps:
            return None
        without, end = 0, len(self._lines)
        while without + 1 < end:
            middle = (without + end) // 2
            upto = next((n for n in range(middle, end) if self._upto(n) is not None), None)
            if self._searched > MAX_LINE_SEARCH_BYTES:
                return None
            if upto is None or _holds(self._upto(upto), steps):
                end = middle
            else:
                without = upto
        return without + 1

    def _upto(self, count: int) -> Any:
        """What that many lines say, or None if they end within a statement."""
        if count not in self._read and self._searched <= MAX_LINE_SEARCH_BYTES:
            text = "\n".join(self._lines[:count])
            self._searched += len(text)
            try:
                self._read[count] = tomllib.loads(text)
            except ValueError:
                self._read[count] = None
        return self._read.get(count)

    def _fault(self, reason: str) -> TomlFault:
        at = _LINE.search(reason)
        if at is None:
            return TomlFault(f"the manifest can't be read: {reason}")
        line = int(at[1]) if at[1] else len(self._lines)
        return TomlFault(f"this is not TOML 1.0: {reason[: at.start()]}", line)


def _encoded(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        line = text.count("\n", 0, error.start) + 1
        raise TomlFault("the manifest holds a lone surrogate, which is no text", line) from None


def _holds(document: Any, steps: list[str | int]) -> bool:
    for step in steps:
        if isinstance(step, int):
            if not isinstance(document, list) or step >= len(document):
                return False
        elif not isinstance(document, dict) or step not in document:
            return False
        document = document[step]
    return True


def _plain(value: Any, depth: int = 0) -> Any:
    if depth > _DEEPEST:
        raise RecursionError
    match value:
        case dict():
            return {key: _plain(item, depth + 1) for key, item in value.items()}
        case list():
            return [_plain(item, depth + 1) for item in value]
        case date() | time():
            return {"date": value.isoformat()}
        case float() if not math.isfinite(value):
            return 0.5
        case int() if not -(2**63) <= value < 2**63:
            raise ValueError("a whole number needs more than 64 bits")
    return value
