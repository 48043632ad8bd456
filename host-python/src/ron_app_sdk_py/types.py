"""Types of fields for what JSON has no types for: large whole numbers, times, bytes.

What each reads and writes stands in ``tests/vectors``, for other languages too; ``docs/types.md``
says where it comes from.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import PydanticCustomError, core_schema

from .decoding import OWN_FAULTS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DIGITS = re.compile(r"0|-?[1-9][0-9]{0,38}", re.ASCII)
_RFC_3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)T((?:[01]\d|2[0-3]):[0-5]\d:)([0-5]\d|60)(?:\.(\d+))?"
    r"(Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)",
    re.ASCII | re.IGNORECASE,
)


class RonModel(BaseModel):
    """A Pydantic model that keeps the members that it does not know (``protocol.md`` 4.1, row 4):
    they are attributes, stand in ``model_extra``, and are written again."""

    model_config = ConfigDict(extra="allow")


@dataclass(frozen=True, eq=False, repr=False)
class _Form:
    """How Pydantic reads and writes a type.

    Attributes:
        read: makes the value of what JSON or Python has of it; ValueError if that is none.
        write: makes what JSON has of it.
        name: what to call the type in the kind of a fault.
        expected: what is expected, for the message of the fault.
        schema: the same as JSON Schema.
    """

    read: Callable[[Any], Any]
    write: Callable[[Any], Any]
    name: str
    expected: str
    schema: dict[str, Any]

    def __repr__(self) -> str:
        # It is what errors call a model of this type.
        return self.name

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        writing = core_schema.plain_serializer_function_ser_schema(self.write, when_used="json")
        return core_schema.no_info_plain_validator_function(self._validated, serialization=writing)

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return dict(self.schema)

    def _validated(self, value: Any) -> Any:
        try:
            return self.read(value)
        except (ValueError, OverflowError):
            pass
        # Pydantic's template has no other arguments: braces don't occur in what is expected.
        raise PydanticCustomError(OWN_FAULTS + self.name, self.expected)


def _whole(value: Any) -> int:
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    raise ValueError


def _integer(name: str, least: int, most: int, write: Callable[[int], Any]) -> _Form:
    def read(value: Any) -> int:
        number = _whole(value)
        if not least <= number <= most:
            raise ValueError
        return number

    sign = "-?" if least < 0 else ""
    pattern = f"^(0|{sign}[1-9][0-9]{{0,{len(str(most)) - 1}}})$"
    return _Form(
        read,
        write,
        name,
        f"Input should be a whole number from {least} to {most}, as a number or a string of its "
        "decimal digits",
        {
            "anyOf": [
                {"type": "integer", "minimum": least, "maximum": most},
                {"type": "string", "pattern": pattern},
            ]
        },
    )


def _aware(value: Any) -> datetime | None:
    """A time that a caller gave, in UTC."""
    if isinstance(value, datetime) and value.utcoffset() is not None:
        return value.astimezone(UTC)
    return None


def _from_rfc_3339(value: Any) -> datetime:
    time = _aware(value)
    if time is not None:
        return time
    match = _RFC_3339.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise ValueError
    date, minute, second, fraction, offset = match.groups()
    is_leap = second == "60"
    # A microsecond is the least that Python knows.
    micros = f"{fraction or '':0<6.6}"
    text = f"{date}T{minute}{'59' if is_leap else second}.{micros}{offset.upper()}"
    time = datetime.fromisoformat(text).astimezone(UTC)
    if is_leap:
        time += timedelta(seconds=1)
        # Leap seconds end a month in UTC (RFC 3339, section 5.7).
        if (time.day, time.hour, time.minute) != (1, 0, 0):
            raise ValueError
    return time


def _to_rfc_3339(value: datetime) -> str:
    return f"{value.astimezone(UTC).replace(tzinfo=None).isoformat()}Z"


def _unix(unit: str) -> _Form:
    tick = timedelta(**{unit: 1})

    def read(value: Any) -> datetime:
        time = _aware(value)
        if time is not None:
            return time
        number = _whole(value)
        if number < 0:
            raise ValueError
        return _EPOCH + number * tick

    return _Form(
        read,
        lambda time: (time - _EPOCH) // tick,
        f"unix_{unit}",
        f"Input should be a time as {unit} since 1970, as a number or a string of its decimal "
        "digits, before the year 10000",
        {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": "^[0-9]+$"}]},
    )


def _from_base64url(value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    if not isinstance(value, str):
        raise ValueError
    content = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
    # Python reads much that is none: other characters, wrong padding, bits beyond the end.
    padded = base64.urlsafe_b64encode(content).decode()
    if value not in (padded, padded.rstrip("=")):
        raise ValueError
    return content


def _to_base64url(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


U64 = Annotated[int, _integer("u64", 0, 2**64 - 1, int)]
"""A whole number from 0 to 2^64 - 1: a JSON number, or a string of its decimal digits
(``protocol.md`` 10, row 18). Written as a number, which is all that servers read (3.1)."""

I64 = Annotated[int, _integer("i64", -(2**63), 2**63 - 1, int)]
"""A whole number from -2^63 to 2^63 - 1. Otherwise as :data:`U64`."""

U128 = Annotated[int, _integer("u128", 0, 2**128 - 1, str)]
"""A whole number from 0 to 2^128 - 1, such as an amount of money. Read as :data:`U64`, written as a
string of its decimal digits (``protocol.md`` 3.1, money)."""

Timestamp = Annotated[
    datetime,
    _Form(
        _from_rfc_3339,
        _to_rfc_3339,
        "timestamp",
        "Input should be a time after RFC 3339 with an offset, such as 2026-01-31T12:00:00Z, from "
        "the year 1 to 9999",
        {"type": "string", "format": "date-time"},
    ),
]
"""A time: text after RFC 3339 (``protocol.md`` 4.1, row 8), or an aware ``datetime``. The value is
in UTC; it is written with ``Z``. Of a fraction, six digits count. A leap second is the second after
it."""

UnixSeconds = Annotated[datetime, _unix("seconds")]
"""A time as seconds since 1970, such as ``built_at_unix`` (``protocol.md`` 1.2). The value is a
``datetime`` in UTC; it is written as a number, without a fraction."""

UnixMilliseconds = Annotated[datetime, _unix("milliseconds")]
"""The same as milliseconds, such as ``unix_ms`` (``protocol.md`` 1.11)."""

Base64Url = Annotated[
    bytes,
    _Form(
        _from_base64url,
        _to_base64url,
        "base64url",
        "Input should be base64url after RFC 4648, section 5, with its padding or without",
        {"type": "string", "pattern": "^[A-Za-z0-9_-]*={0,2}$"},
    ),
]
"""Bytes as base64url text (``protocol.md`` 4.1, row 7), with its padding or without; it is written
without. For the standard alphabet, Pydantic has ``Base64Bytes``."""
