"""Readies schemas for the generator: which formats become types, which defaults are taken over."""

from __future__ import annotations

from typing import Any

_MODULE = "ron_app_sdk_py.types"

_INTEGERS = {"uint64": "U64", "uint": "U64", "int64": "I64"}
_STRINGS = {"date-time": "Timestamp", "base64url": "Base64Url", "uint128": "U128"}
"""By how each type is written: ``U128`` as a text."""

_KEPT = ("date", "uuid")
"""Formats that the generator has types for which are written as they were read."""

_OF_TEXTS = frozenset(("enum", "const", "default", "pattern", "minLength", "maxLength"))
"""Keywords that speak of a text, not of the value that it stands for."""


def set_type(schema: dict[str, Any]) -> None:
    """Has the generator use our type for a schema whose format has one, and leave the type alone
    for all other formats: a URL stays the text that it was."""
    given = schema.get("type", [])
    types = given if isinstance(given, list) else [given]
    format_ = str(schema.get("format"))
    if "integer" in types:
        ours = None if {"enum", "const"} & schema.keys() else _INTEGERS.get(format_)
    elif "string" in types:
        encoding = schema.get("contentEncoding")
        format_ = "base64url" if encoding == "base64url" else format_
        ours = None if _OF_TEXTS & schema.keys() else _STRINGS.get(format_)
        schema.pop("contentEncoding", None)
    else:
        return
    if ours is not None:
        _use(ours, schema, types)
    if ours is not None or format_ not in _KEPT or "default" in schema:
        schema.pop("format", None)


def _use(name: str, schema: dict[str, Any], types: list[str]) -> None:
    # An extension of the generator's, beside which it overlooks null among the types.
    schema["customTypePath"] = f"{_MODULE}.{name}"
    if "null" in types:
        schema["type"] = [type_ for type_ in types if type_ != "null"]
        schema["nullable"] = True


def set_default(schema: dict[str, Any], target: Any) -> None:
    """Drops a default that is no value of the field's type as it stands: then a field that is
    absent is None.

    Args:
        schema: the schema that may have a default.
        target: what it refers to, or None.
    """
    is_enum = isinstance(target, dict) and "enum" in target
    match schema.get("default"):
        case str() | bool() | int() | float() if "$ref" not in schema or is_enum:
            return
        case [] if schema.get("type") == "array":
            return
    schema.pop("default", None)
