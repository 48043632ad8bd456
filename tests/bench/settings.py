"""How much is measured: by the environment."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """What a run does.

    Attributes:
        rounds: rounds of small calls (``ROUNDS``); parts whose calls are long make fewer.
        calls: calls a round (``CALLS``), likewise.
        seconds: how long the sustained part loads each candidate (``SECONDS``).
        parts: what is measured, in order (``ONLY``, separated by commas; default all).
    """

    rounds: int
    calls: int
    seconds: float
    parts: tuple[str, ...]

    @classmethod
    def from_environment(cls, parts: Collection[str]) -> Settings:
        """Reads the environment.

        Raises:
            SystemExit: a variable can't be read.
        """
        chosen = [part for part in os.environ.get("ONLY", "").split(",") if part]
        unknown = [part for part in chosen if part not in parts]
        if unknown:
            raise SystemExit(f"ONLY names {', '.join(unknown)}; the parts are {', '.join(parts)}")
        return cls(
            rounds=_positive("ROUNDS", 41),
            calls=_positive("CALLS", 100),
            seconds=_positive("SECONDS", 30),
            parts=tuple(part for part in parts if not chosen or part in chosen),
        )

    def fewer(self, divisor: int) -> Settings:
        """As many calls in fewer rounds."""
        return Settings(max(3, self.rounds // divisor), self.calls, self.seconds, self.parts)


def _positive(name: str, default: int) -> int:
    text = os.environ.get(name, str(default))
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise SystemExit(f"{name} is {text!r}; give a positive whole number")
    return int(text)
