"""Keeping the credential out of texts that this side makes; the component does so with its own."""

from __future__ import annotations

from .errors import RonError

REDACTED = "[redacted]"
"""What stands in place of a secret."""

SHORTEST_SECRET = 8
"""Shorter ones would tear holes into innocent text: the component's number."""


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

    def scrub_error(self, error: RonError) -> None:
        """Takes the secret out of an error's message, where it stands for what a caller gave."""
        error.message = self.scrub(error.message)
        error.args = (error.message,)


NOTHING_SECRET = Redactor(None)
"""For texts that no credential can be in."""
