"""Keeping the credential out of texts that this side makes; the component does so with its own."""

from __future__ import annotations

from collections.abc import Iterable

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


class Redactor:
    """Replaces a secret in texts, and what is left of one where a text was cut.

    Args:
        secret: the secret, or None.
    """

    __slots__ = ("_secret",)

    def __init__(self, secret: str | None) -> None:
        self._secret = secret if secret is not None and len(secret) >= SHORTEST_SECRET else ""

    def scrub(self, text: str) -> str:
        """The text without the secret, and without pieces of it from its start."""
        secret = self._secret
        start = secret[:SHORTEST_SECRET]
        if not secret or start not in text:
            return text
        before, *parts = text.split(start)
        out = [before]
        for part in parts:
            rest = secret[SHORTEST_SECRET:]
            same = next(
                (at for at, (a, b) in enumerate(zip(part, rest, strict=False)) if a != b),
                min(len(part), len(rest)),
            )
            out += [REDACTED, part[same:]]
        return "".join(out)

    def fields(self, fields: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Fields of a request as they may be shown: without values that are secret by their name,
        and without the secret in others."""
        shown = []
        for name, value in fields:
            lower = name.lower()
            is_secret = lower in SECRET_FIELDS or lower.startswith(SECRET_PREFIXES)
            shown.append((name, REDACTED if is_secret else self.scrub(value)))
        return shown

    def scrub_error(self, error: RonError) -> None:
        """Takes the secret out of an error's message, where it stands for what a caller gave."""
        error.message = self.scrub(error.message)
        error.args = (error.message,)


NOTHING_SECRET = Redactor(None)
"""For texts that no credential can be in."""
