"""Names that become one segment of a path."""

from __future__ import annotations

from urllib.parse import quote

from ..errors import RonRequestError

_NEVER = "/?#\\"
"""Servers in between decode a path before they take it apart (``protocol.md`` 10, row 6)."""


def segment(kind: str, name: object) -> str:
    """A name as a segment of a path, percent-encoded.

    Args:
        kind: what it names, for the error.
        name: the name.

    Raises:
        RonRequestError: it can't be one; the code is ``invalid_`` and the kind.
    """
    if not isinstance(name, str):
        raise _refused(kind, f"is {type(name).__name__}; give a str")
    if not name:
        raise _refused(kind, "is empty; give a name")
    if name.strip(" ") in (".", ".."):
        raise _refused(kind, f"is {name!a:.60}, which servers read as a step in the path")
    for character in name:
        if character in _NEVER:
            raise _refused(
                kind,
                f"{name!a:.60} holds {character!r}, which does not survive servers in between; "
                "write the name without it",
            )
        if not character.isprintable() and (character < " " or "\x7f" <= character <= "\x9f"):
            raise _refused(
                kind, f"{name!a:.60} holds the control character U+{ord(character):04X}; remove it"
            )
        if "\ud800" <= character <= "\udfff":
            raise _refused(
                kind,
                f"holds the lone surrogate U+{ord(character):04X}, which is no text; decode the "
                "name with the right encoding first",
            )
    return quote(name, safe="")


def _refused(kind: str, why: str) -> RonRequestError:
    return RonRequestError(f"{kind} {why}", code=f"invalid_{kind.replace(' ', '_')}")
