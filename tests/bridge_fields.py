"""Messages of the bridge as the schema says that they are framed: ``x-fields`` and ``x-field``.

Nothing here knows a field by its name, so what these functions write and read is what the schema
says.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from typing import Any

import schemas
from schemas import Schema, resolved

SCHEMA = schemas.read("bridge-messages")
DEFS: Schema = SCHEMA["$defs"]

_ESCAPES = {"\x1a": "\x1as", "\0": "\x1a0", "\n": "\x1an", "\r": "\x1ar"}
_UNESCAPED = {escape[1]: plain for plain, escape in _ESCAPES.items()}
_SAME_AS_BEFORE = "\x1a="

Field = tuple[str, str]
"""A name and the text of the field."""


def variant(of: str, tag: str, value: str) -> Schema:
    """The schema of one kind of a definition."""
    (found,) = (one for one in DEFS[of]["oneOf"] if one["properties"][tag].get("const") == value)
    schema: Schema = found
    return schema


def variants(of: str, tag: str) -> list[str]:
    """The kinds of a definition."""
    return [one["properties"][tag]["const"] for one in DEFS[of]["oneOf"]]


def fields(schema: Schema, instance: dict[str, Any]) -> Iterator[Field]:
    """The fields of an instance, in order, each with the name that the component gives it."""
    schema = _chosen(schema, instance)
    for name in schema["x-fields"]:
        yield from _written(name, resolved(schema["properties"][name], DEFS), instance[name])


def framed(fields: list[Field]) -> str:
    """The message of these fields."""
    return "".join(text if name == "bytes" else text + "\0" for name, text in fields)


def _chosen(schema: Schema, instance: dict[str, Any]) -> Schema:
    """Of several schemas the one whose tag the instance has."""
    schema = resolved(schema, DEFS)
    for one in schema.get("oneOf", ()):
        consts = {name: part.get("const") for name, part in one["properties"].items()}
        if all(instance.get(name) == const for name, const in consts.items() if const):
            chosen: Schema = one
            return chosen
    return schema


def _written(name: str, schema: Schema, value: Any) -> Iterator[Field]:
    kind = schema.get("x-field")
    if kind in ("block", "items"):
        if value is None:
            yield name, ""
            return
        if kind == "block":
            yield name, str(len(value))
        if isinstance(value, dict):
            for member, one in value.items():
                yield name, member
                yield name, _text(one)
            return
        for entry in value:
            if isinstance(entry, dict):
                yield from fields(schema["items"], entry)
            else:
                yield from ((name, _text(one)) for one in entry)
    elif kind == "escaped":
        yield name, "".join(_ESCAPES.get(character, character) for character in value)
    elif kind == "json":
        yield name, json.dumps(value)
    elif kind is None and "const" not in schema:
        yield from fields(schema, value)
    else:
        yield name, _text(value)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def output(message: str) -> dict[str, Any]:
    """Reads an output.

    Raises:
        AssertionError: it is not as the schema says.
    """
    reader = _Reader(message.split("\0"))
    instance = reader.object(DEFS["Output"])
    assert reader.rest == [""], reader.rest
    return instance


class _Reader:
    def __init__(self, fields: list[str]) -> None:
        self.rest = fields

    def text(self) -> str:
        return self.rest.pop(0)

    def object(self, schema: Schema) -> dict[str, Any]:
        schema = resolved(schema, DEFS)
        if "oneOf" in schema:
            # All have the call in front of their kind.
            schema = variant("Item", "kind", self.rest[1])
        return {
            name: self.value(resolved(schema["properties"][name], DEFS))
            for name in schema["x-fields"]
        }

    def value(self, schema: Schema) -> Any:
        kind = schema.get("x-field")
        if kind == "items":
            items = []
            while self.rest != [""]:
                items.append(self.object(schema["items"]))
            return items
        text = self.text()
        if kind == "block":
            return None if text == "" else self.entries(schema["items"], int(text))
        types = schema.get("type", ())
        if text == "" and "null" in types:
            return None
        if kind == "number":
            return int(text)
        if kind == "json":
            return json.loads(text)
        if kind == "escaped":
            return text if text == _SAME_AS_BEFORE else _unescaped(text)
        if types == "boolean":
            return {"true": True, "false": False}[text]
        return text

    def entries(self, schema: Schema, count: int) -> list[Any]:
        schema = resolved(schema, DEFS)
        if "prefixItems" in schema:
            parts = [resolved(part, DEFS) for part in schema["prefixItems"]]
            return [[self.value(part) for part in parts] for _ in range(count)]
        entries = [self.object(schema) for _ in range(count)]
        for before, entry in itertools.pairwise(entries):
            if entry.get("id") == _SAME_AS_BEFORE:
                entry["id"] = before["id"]
        return entries


def _unescaped(text: str) -> str:
    first, *parts = text.split("\x1a")
    return first + "".join(_UNESCAPED[part[0]] + part[1:] for part in parts)
