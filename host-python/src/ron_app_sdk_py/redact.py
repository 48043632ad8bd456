"""Keeping credentials out of texts that this side makes; the component does so with its own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Any

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
    """Replaces secrets in texts, and what is left of one where a text was cut. Those shorter than
    :data:`SHORTEST_SECRET` are left to be kept out by name.

    Args:
        secrets: the secrets; None is none.
    """

    __slots__ = ("_secrets",)

    def __init__(self, *secrets: str | None) -> None:
        self._secrets: list[str] = []
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

    def scrub(self, text: str) -> str:
        """The text without the secrets, and without pieces of them from their start."""
        for secret in tuple(self._secrets):
            text = _without(secret, text)
        return text

    def scrub_all(self, value: Any) -> Any:
        """The same for every text in lists and dictionaries."""
        if isinstance(value, str):
            return self.scrub(value)
        if isinstance(value, list):
            return [self.scrub_all(item) for item in value]
        if isinstance(value, dict):
            return {self.scrub(name): self.scrub_all(item) for name, item in value.items()}
        return value

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
        """Takes the secrets out of an error's message, where they stand for what a caller gave."""
        error.message = self.scrub(error.message)
        error.args = (error.message,)


NOTHING_SECRET = Redactor(None)
"""For texts that no credential can be in."""


def _without(secret: str, text: str) -> str:
    start = secret[:SHORTEST_SECRET]
    if start not in text:
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
