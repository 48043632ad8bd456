"""Text of others as it may reach a terminal: without control characters and invisible ones."""

from __future__ import annotations

import re

# What is no plain ASCII is looked at closer.
_SUSPECT = re.compile(r"[^\n\t\x20-\x7e]")


def escaped(text: str) -> str:
    r"""The text with what is not printable written as ``\x1b`` or ``\u202e``; line feeds and tabs
    stay."""
    return _SUSPECT.sub(lambda found: _escape(found[0], r"\x{:02x}"), text)


def escaped_json(text: str) -> str:
    r"""The same for JSON text, with escapes that JSON has: its meaning stays."""
    return _SUSPECT.sub(lambda found: _escape(found[0], r"\u{:04x}"), text)


def _escape(character: str, short: str) -> str:
    if character.isprintable():
        return character
    number = ord(character)
    if number < 0x100:
        return short.format(number)
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(rf"\u{int.from_bytes(units[at : at + 2]):04x}" for at in range(0, len(units), 2))


def one_line(text: str) -> str:
    """The escaped text, its line ends and tabs too."""
    return escaped(text).replace("\n", r"\n").replace("\t", r"\t")


def encodable(text: str, encoding: str | None) -> str:
    r"""The text with what a stream's encoding lacks written as ``\xe9`` or ``\u2026``."""
    name = encoding or "ascii"
    return text.encode(name, "backslashreplace").decode(name)
