"""JSON text in another layout. Digits, escapes and members stay as they are: no value is read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{},:]|[^\s\[\]{},:"]+')
_STEP = "  "


def in_one_line(text: str) -> str:
    """Valid JSON text in one line and in ASCII."""
    # Line ends and tabs stand between tokens only (RFC 8259, section 7).
    line = re.sub(r"[\t\n\r]", " ", text)
    return re.sub(r"[^\x20-\x7e]", lambda found: escape(found[0]), line)


def indented(text: str) -> str:
    """Valid JSON text with a line for each member and item."""
    parts: list[str] = []
    depth = 0
    before = ""
    for found in _TOKEN.finditer(text):
        mark = found[0]
        if mark in ("]", "}"):
            depth -= 1
            if before not in ("[", "{"):
                parts.append("\n" + _STEP * depth)
        elif before in ("[", "{", ","):
            parts.append("\n" + _STEP * depth)
        parts.append(": " if mark == ":" else mark)
        if mark in ("[", "{"):
            depth += 1
        before = mark
    return "".join(parts)


def changed(text: str, change: Callable[[str], str]) -> str:
    """Valid JSON text, with its strings as ``change`` makes them of what they mean. A number that
    it changes becomes a string."""
    is_plain = change(text) == text
    if is_plain and "\\" not in text:
        return text

    def changed_token(found: re.Match[str]) -> str:
        token = found[0]
        if is_plain and "\\" not in token:
            return token
        meant = json.loads(token) if token[0] == '"' else token
        new = change(meant)
        return token if new == meant else json.dumps(new)

    return _TOKEN.sub(changed_token, text)


def escape(character: str) -> str:
    r"""A character as ``\uXXXX``, twice for those outside of the Basic Multilingual Plane."""
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(rf"\u{int.from_bytes(units[at : at + 2]):04x}" for at in range(0, len(units), 2))
