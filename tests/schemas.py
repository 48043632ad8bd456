"""The schemas of ``schemas/`` for tests: validators, and strategies of instances."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from functools import cache
from typing import Any

from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from servers import ROOT

SUFFIX = ".schema.json"
FOLDER = ROOT / "schemas"
NAMES = sorted(path.name.removesuffix(SUFFIX) for path in FOLDER.glob(f"*{SUFFIX}"))

Schema = dict[str, Any]

TEXT = st.text(max_size=20)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
"""Values of JSON, without numbers that only some readers can take."""


@cache
def read(name: str) -> Schema:
    """The schema of this name as it is in the file."""
    schema: Schema = json.loads((FOLDER / (name + SUFFIX)).read_text("utf-8"))
    return schema


def validator(schema: Schema) -> Draft202012Validator:
    """Checks instances, formats too."""
    return Draft202012Validator(
        for_python(schema), format_checker=Draft202012Validator.FORMAT_CHECKER
    )


def resolved(schema: Schema, defs: Schema) -> Schema:
    """A schema with what its reference refers to."""
    if "$ref" not in schema:
        return schema
    target: Schema = defs[schema["$ref"].removeprefix("#/$defs/")]
    return {**resolved(target, defs), **{name: schema[name] for name in schema.keys() - {"$ref"}}}


def properties(schema: Schema, place: str = "#") -> Iterator[tuple[str, Schema]]:
    """Every property of a schema, and of those within it, with its place."""
    for name, value in schema.items():
        if name in ("properties", "$defs"):
            for member, part in value.items():
                if name == "properties":
                    yield f"{place}/{member}", part
                yield from properties(part, f"{place}/{member}")
        elif isinstance(value, list):
            for at, part in enumerate(value):
                if isinstance(part, dict):
                    yield from properties(part, f"{place}/{name}/{at}")
        elif isinstance(value, dict) and name not in ("default", "dependentRequired", "not"):
            yield from properties(value, f"{place}/{name}")


def instances(schema: Schema | bool, defs: Schema | None = None) -> st.SearchStrategy[Any]:
    """Instances of a schema: of the keywords that ours have; any other is an error.

    Args:
        schema: the schema.
        defs: what its references refer to; by default its own definitions.
    """
    if schema is True:
        return JSON
    assert isinstance(schema, dict), schema
    defs = schema.get("$defs", {}) if defs is None else defs
    asserted = {
        name: value
        for name, value in for_python(resolved(schema, defs)).items()
        if name not in _ANNOTATIONS and not name.startswith("x-")
    }
    if "const" in asserted:
        return st.just(asserted["const"])
    types = asserted.pop("type", None)
    if isinstance(types, list):
        return st.one_of(*(instances({**asserted, "type": one}, defs) for one in types))
    kind = types or next(iter(asserted))
    keywords, strategy = _KINDS[kind]
    unknown = asserted.keys() - keywords
    # Bounds of another type stay behind where a type may be null.
    assert not unknown or kind == "null", unknown
    made: st.SearchStrategy[Any] = strategy(asserted, defs)
    return made


_ANNOTATIONS = {"$defs", "$id", "$schema", "default", "description", "format", "title"}


def _object(schema: Schema, defs: Schema) -> st.SearchStrategy[Any]:
    parts = {name: instances(part, defs) for name, part in schema.get("properties", {}).items()}
    required = schema.get("required", ())
    made: st.SearchStrategy[Any] = st.fixed_dictionaries(
        {name: part for name, part in parts.items() if name in required},
        optional={name: part for name, part in parts.items() if name not in required},
    )
    if schema.get("additionalProperties") is True:
        more = st.dictionaries(TEXT.filter(lambda name: name not in parts), JSON, max_size=3)
        made = st.builds(lambda one, other: {**one, **other}, made, more)
    if "not" in schema:
        refused = validator({"$defs": defs, **schema["not"]})
        made = made.filter(lambda instance: not refused.is_valid(instance))
    demands = schema.get("dependentRequired", {})
    return made.filter(
        lambda instance: all(
            instance.keys() >= set(demanded)
            for name, demanded in demands.items()
            if name in instance
        )
    )


def _array(schema: Schema, defs: Schema) -> st.SearchStrategy[Any]:
    if "prefixItems" in schema:
        parts = schema["prefixItems"]
        assert schema["minItems"] == schema["maxItems"] == len(parts)
        return st.tuples(*(instances(part, defs) for part in parts)).map(list)
    return st.lists(instances(schema["items"], defs), max_size=4)


def _string(schema: Schema, _defs: Schema) -> st.SearchStrategy[str]:
    if "pattern" in schema:
        assert "minLength" not in schema
        pattern: str = schema["pattern"]
        return st.from_regex(pattern)
    return st.text(min_size=schema.get("minLength", 0), max_size=20)


def _one_of(schema: Schema, defs: Schema) -> st.SearchStrategy[Any]:
    (alternatives,) = schema.values()
    return st.one_of(*(instances(part, defs) for part in alternatives))


def _number(schema: Schema, _defs: Schema) -> st.SearchStrategy[float]:
    least = schema.get("exclusiveMinimum", -math.inf)
    return st.floats(least, exclude_min=True, allow_infinity=False, allow_nan=False)


_KINDS: dict[str, tuple[set[str], Any]] = {
    "object": (
        {"properties", "required", "additionalProperties", "dependentRequired", "not"},
        _object,
    ),
    "array": ({"items", "prefixItems", "minItems", "maxItems"}, _array),
    "string": ({"pattern", "minLength"}, _string),
    "integer": (
        {"minimum", "maximum"},
        lambda schema, _: st.integers(schema.get("minimum"), schema.get("maximum")),
    ),
    "number": ({"exclusiveMinimum"}, _number),
    "boolean": (set(), lambda *_: st.booleans()),
    "null": (set(), lambda *_: st.none()),
    "anyOf": ({"anyOf"}, _one_of),
    "oneOf": ({"oneOf"}, _one_of),
}
"""By their types, or by what stands in place of one: the keywords that are known, and what makes
instances."""


def for_python(schema: Any) -> Any:
    """Patterns are of ECMA 262, whose ``$`` is the end; Python's also stands before a last LF."""
    if isinstance(schema, list):
        return [for_python(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    out = {name: for_python(value) for name, value in schema.items()}
    if isinstance(out.get("pattern"), str):
        # At its end and at that of a group; elsewhere it is one of a class.
        out["pattern"] = re.sub(r"\$(?=\)|\Z)", r"\\Z", out["pattern"])
    return out
