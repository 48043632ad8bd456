"""What lets others see more than they should, and is therefore asked for twice."""

from __future__ import annotations

import os
from typing import Final

DEBUG: Final = "RON_DEBUG"
"""The variable without which no such switch has any effect."""


def is_debugging() -> bool:
    """Whether the environment allows it: ``RON_DEBUG`` is ``1``, and no other word for yes."""
    return os.environ.get(DEBUG) == "1"
