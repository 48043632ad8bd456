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
        raise _refused(kind, f"is {name.strip(' ')!r}, which servers read as a step in the path")
    for position, character in enumerate(name):
        if character in _NEVER:
            what = f"holds {character!r}, which does not survive servers in between"
        elif character < " " or "\x7f" <= character <= "\x9f":
            what = f"holds the control character U+{ord(character):04X}"
        elif "\ud800" <= character <= "\udfff":
            what = f"holds the lone surrogate U+{ord(character):04X}, which is no text"
        else:
            continue
        # The name itself is not repeated: it may be a secret in the wrong place.
        raise _refused(kind, f"{what}, at position {position}; write the name without it")
    return quote(name, safe="")


def _refused(kind: str, why: str) -> RonRequestError:
    return RonRequestError(f"{kind} {why}", code=f"invalid_{kind.replace(' ', '_')}")
