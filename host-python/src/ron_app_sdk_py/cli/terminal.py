"""Text of others as it may reach a terminal: without control characters and invisible ones."""

from __future__ import annotations

import os
import re
from typing import TextIO

from .json_layout import escape

# What is no plain ASCII is looked at closer.
_SUSPECT = re.compile(r"[^\n\t\x20-\x7e]")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")


def escaped(text: str) -> str:
    r"""The text with what is not printable written as ``\x1b`` or ``\u202e``; line feeds and tabs
    stay."""
    return _SUSPECT.sub(lambda found: _shown(found[0]), text)


def escaped_json(text: str) -> str:
    r"""The same for JSON text, by escapes that JSON has: its meaning stays."""
    return _SUSPECT.sub(lambda found: _shown(found[0], json=True), text)


def one_line(text: str) -> str:
    """The escaped text, its line ends and tabs too."""
    return escaped(text).replace("\n", r"\n").replace("\t", r"\t")


def encodable(text: str, encoding: str | None) -> str:
    r"""The text with what a stream's encoding lacks written as ``\xe9`` or ``\u2026``."""
    name = encoding or "ascii"
    return text.encode(name, "backslashreplace").decode(name)


def encodable_json(text: str, encoding: str | None) -> str:
    """The same for JSON text, by escapes that JSON has."""
    try:
        text.encode(encoding or "ascii")
    except UnicodeEncodeError:
        return _NOT_ASCII.sub(lambda found: escape(found[0]), text)
    return text


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a stream is a terminal: it may obey what it is shown."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False


def can_redraw(stream: TextIO | None) -> bool:
    """Whether a stream is a terminal that can show more than plain lines."""
    return is_terminal(stream) and os.environ.get("TERM") != "dumb"


def _shown(character: str, *, json: bool = False) -> str:
    if character.isprintable():
        return character
    if ord(character) < 0x100 and not json:
        return rf"\x{ord(character):02x}"
    return escape(character)
