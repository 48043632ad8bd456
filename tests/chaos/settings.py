"""What ``make chaos`` is told."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True)
class Settings:
    """Which cases run.

    Attributes:
        seed: of the first round; each round has the next one.
        rounds: how many rounds.
        case: the number of the only case to run, or 0 for all.
        budget: seconds after which no case begins any more, or 0 for no limit.
        retries: how often a call may be tried again: the client's default.
    """

    seed: int = 1
    rounds: int = 1
    case: int = 0
    budget: int = 0
    retries: int = 2

    @classmethod
    def from_environment(cls) -> Self:
        """Settings as ``SEED``, ``ROUNDS``, ``CASE``, ``BUDGET`` and ``RETRIES`` say. Exits if one
        of them is no good."""
        given = {}
        for name in cls.__dataclass_fields__:
            text = os.environ.get(name.upper(), "")
            if text and not (text.isascii() and text.isdigit()):
                sys.exit(f"{name.upper()} is {text!r}; give a whole number of 0 or more")
            if text:
                given[name] = int(text)
        return cls(**given)
