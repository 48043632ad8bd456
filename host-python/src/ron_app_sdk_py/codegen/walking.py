"""Where schemas are in a document, by the keywords of JSON Schema 2020-12 and OpenAPI 3."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .document import Document, joined

TYPES = ("array", "boolean", "integer", "null", "number", "object", "string")

_IN_MEMBERS = frozenset(
    ("properties", "patternProperties", "$defs", "definitions", "dependentSchemas")
)
"""Keywords whose value's members are schemas; those below are schemas or lists of them."""

_ITSELF = frozenset(
    [
        "additionalProperties",
        "unevaluatedProperties",
        "propertyNames",
        "items",
        "prefixItems",
        "additionalItems",
        "unevaluatedItems",
        "contains",
        "contentSchema",
        "allOf",
        "anyOf",
        "oneOf",
        "not",
        "if",
        "then",
        "else",
    ]
)

_OTHERS = frozenset(
    [
        *("$ref", "title", "description", "type", "format", "nullable", "default", "enum", "const"),
        *("required", "dependentRequired", "minProperties", "maxProperties", "discriminator"),
        *("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
        *("minLength", "maxLength", "pattern", "contentEncoding", "contentMediaType"),
        *("minItems", "maxItems", "uniqueItems", "minContains", "maxContains"),
    ]
)

KEYWORDS = _IN_MEMBERS | _ITSELF | _OTHERS
"""The keywords that mean something for a model."""


def schemas(document: Document, schema: Any, pointer: str) -> Iterator[tuple[dict[str, Any], str]]:
    """A schema and all inside it, outer before inner, each with its JSON Pointer.

    Raises:
        RonRequestError: one of them is no schema.
    """
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict):
        raise document.fault(pointer, f"{pointer} is no schema: it is {described(schema)}")
    _check(document, schema, pointer)
    yield schema, pointer
    for keyword, value in list(schema.items()):
        inside = joined(pointer, keyword)
        if keyword in _IN_MEMBERS:
            if not isinstance(value, dict):
                raise document.fault(
                    inside, f"{inside} has to be an object of schemas; it is {described(value)}"
                )
            for name, member in value.items():
                yield from schemas(document, member, joined(inside, name))
        elif keyword in _ITSELF and isinstance(value, list):
            for number, item in enumerate(value):
                yield from schemas(document, item, joined(inside, number))
        elif keyword in _ITSELF:
            yield from schemas(document, value, inside)


def openapi_schemas(
    document: Document, value: Any, pointer: str
) -> Iterator[tuple[dict[str, Any], str]]:
    """The schemas of an OpenAPI document, or of a part of it that is no schema."""
    for name, member in _members(value):
        inside = joined(pointer, name)
        if pointer == "#/components/schemas" or name == "schema":
            yield from schemas(document, member, inside)
        else:
            yield from openapi_schemas(document, member, inside)


def openapi_references(value: Any, pointer: str) -> Iterator[tuple[dict[str, Any], str]]:
    """The references to what is no schema, of the same."""
    if isinstance(value, dict) and isinstance(value.get("$ref"), str):
        yield value, pointer
        return
    for name, member in _members(value):
        if pointer != "#/components/schemas" and name != "schema":
            yield from openapi_references(member, joined(pointer, name))


def _members(value: Any) -> list[tuple[Any, Any]]:
    """What may have schemas inside: examples don't."""
    match value:
        case dict():
            return [
                (name, member)
                for name, member in value.items()
                if name not in ("example", "examples") and not name.startswith("x-")
            ]
        case list():
            return list(enumerate(value))
    return []


def _check(document: Document, schema: dict[str, Any], pointer: str) -> None:
    if "type" in schema:
        given = schema["type"]
        for name in given if isinstance(given, list) else [given]:
            if name not in TYPES:
                where = joined(pointer, "type")
                raise document.fault(
                    where, f"{where} is {described(name)}; types are {', '.join(TYPES)}"
                )
    for keyword in ("$ref", "$dynamicRef", "$id", "format"):
        if not isinstance(schema.get(keyword, ""), str):
            where = joined(pointer, keyword)
            raise document.fault(where, f"{where} has to be a text")
    if "$id" in schema and pointer != "#":
        where = joined(pointer, "$id")
        raise document.fault(
            where, f"{where} names a schema within a schema, which is not supported; remove it"
        )


def described(value: Any) -> str:
    """What a JSON value is, for errors."""
    match value:
        case dict():
            return "an object"
        case list():
            return "a list"
        case None:
            return "null"
        case str():
            return repr(value if len(value) <= 40 else value[:40] + "…")
    return f"the {'boolean' if isinstance(value, bool) else 'number'} {value}".lower()
