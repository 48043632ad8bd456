"""How many examples property tests try: few, or as many as `make fuzz` says."""

from __future__ import annotations

import os

from hypothesis import settings

VARIABLE = "EXAMPLES"


def examples(few: int) -> int:
    """The number for a test that tries so few by default."""
    return int(os.environ.get(VARIABLE) or few)


def load_profile() -> None:
    """Sets the number for all other tests."""
    if os.environ.get(VARIABLE):
        settings.register_profile("fuzz", max_examples=examples(0), deadline=None)
        settings.load_profile("fuzz")
