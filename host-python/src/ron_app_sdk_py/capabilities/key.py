"""An issuer's key."""

from __future__ import annotations

import re

from ..errors import RonRequestError
from ..secret import Secret, SecretText

IssuerKey = bytes | SecretText
"""32 bytes, or 64 hexadecimal digits as a str, a Secret or anything with ``get_secret_value()``."""

_DIGITS = re.compile(r"[0-9A-Fa-f]{64}")
_BYTES = 32


def digits_of(key: object) -> str:
    """The hexadecimal digits of an issuer's key.

    Args:
        key: see :data:`IssuerKey`.

    Raises:
        RonRequestError: it is nothing of that (code ``invalid_key``). The message does not repeat
            it.
    """
    if isinstance(key, bytes | bytearray):
        digits = bytes(key).hex()
    elif isinstance(key, str):
        digits = key
    elif hasattr(key, "get_secret_value"):
        digits = Secret.of(key).get_secret_value()
    else:
        raise _refused(f"is {type(key).__name__}")
    if _DIGITS.fullmatch(digits) is None:
        size = f"{len(digits) // 2} bytes" if isinstance(key, bytes | bytearray) else "other text"
        raise _refused(f"is {size}")
    return digits


def _refused(why: str) -> RonRequestError:
    return RonRequestError(
        f"the issuer's key {why}; give {_BYTES} bytes, or {2 * _BYTES} hexadecimal digits",
        code="invalid_key",
    )
