"""JSON as servers send it (RFC 8259)."""

from __future__ import annotations

import json
from typing import Any, NoReturn


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def json_value(text: str) -> Any:
    """What a text says.

    Raises:
        ValueError: it is not JSON, nests too deep, or holds NaN, an infinity or an integer of more
            than 4,300 digits.
    """
    try:
        return _DECODER.decode(text)
    except RecursionError:
        raise ValueError("it nests too deep") from None


def json_fault(error: ValueError) -> str:
    """What is wrong with it, for the message of an error."""
    return str(error).partition(";")[0][:100]
