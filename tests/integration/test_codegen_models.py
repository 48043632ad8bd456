"""The models that ``ron codegen`` writes of real schemas: they are typed, and lose nothing."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import TypeAdapter, ValidationError

from ron_app_sdk_py import RonClientSync, RonParseError
from ron_app_sdk_py.codegen import models_of
from schemas import FOLDER, NAMES, SUFFIX, instances, read

OPENAPI = Path(__file__).parent.parent / "vectors" / "openapi" / "jupyterlab_server.yaml"
SOURCES = [*(FOLDER / (name + SUFFIX) for name in NAMES), OPENAPI]

pytestmark = pytest.mark.checkout


def loaded(text: str, folder: Path, name: str) -> ModuleType:
    path = folder / f"{name}.py"
    path.write_text(text, "utf-8")
    spec = importlib.util.spec_from_file_location(f"codegen_models.{name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def modules(folder: Path) -> Iterator[dict[Path, ModuleType]]:
    made = {}
    for source in SOURCES:
        name = source.name.partition(".")[0].replace("-", "_")
        made[source] = loaded(models_of(source), folder, name)
    yield made
    for module in made.values():
        del sys.modules[module.__name__]


def written_again(model: Any, instance: Any) -> Any:
    """What a model makes of an instance, as JSON."""
    adapter: TypeAdapter[Any] = TypeAdapter(model)
    value = adapter.validate_json(json.dumps(instance))
    return json.loads(adapter.dump_json(value, by_alias=True, exclude_unset=True))


def root_model(module: ModuleType, name: str) -> Any:
    title = read(name)["title"]
    return getattr(module, "".join(word[0].upper() + word[1:] for word in title.split()))


@pytest.mark.parametrize("name", NAMES)
@settings(suppress_health_check=list(HealthCheck), deadline=None)
@given(data=st.data())
def test_instances_of_our_schemas_come_back_as_they_were(
    modules: dict[Path, ModuleType], name: str, data: st.DataObject
) -> None:
    model = root_model(modules[FOLDER / (name + SUFFIX)], name)
    instance = data.draw(instances(read(name)))
    assert written_again(model, instance) == instance


PACKAGE = {"extractedText": "…", "licenseId": "MIT", "name": "a", "versionInfo": "1", "new": [1]}
OPENAPI_INSTANCES: dict[str, list[dict[str, Any]]] = {
    "ListEntry": [{}, {"name": "x", "regexp": ".*", "type": "t", "reason": "", "later": None}],
    "SettingsEntry": [
        {"id": "a:b", "schema": {"type": "object", "properties": {}}, "version": "1", "raw": "{}"},
        {
            "settings": {"a": {"b": [1, 2.5, None]}},
            "warning": "w",
            "last_modified": "",
            "created": "",
        },
    ],
    "TranslationEntry": [{"data": {"displayName": "é", "nativeName": "\0"}, "message": ""}],
    "Workspace": [{"data": {"x": 1}, "metadata": {"id": "w", "more": {"deep": [True]}}}],
    "LicenseBundles": [{"bundles": {}}, {"bundles": {"b": {"packages": [PACKAGE, {}]}, "": {}}}],
}


@pytest.mark.parametrize("name", OPENAPI_INSTANCES)
def test_instances_of_a_real_openapi_document_come_back_as_they_were(
    modules: dict[Path, ModuleType], name: str
) -> None:
    document = yaml.safe_load(OPENAPI.read_text("utf-8"))
    assert document["components"]["schemas"].keys() == OPENAPI_INSTANCES.keys()
    schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}
    for instance in OPENAPI_INSTANCES[name]:
        Draft202012Validator(schema).validate(instance)
        assert written_again(getattr(modules[OPENAPI], name), instance) == instance


def test_bodies_without_a_name_have_models_too(modules: dict[Path, ModuleType]) -> None:
    listings = {"blocked_extensions": [{"name": "x", "more": 1}], "allowed_extension_uris": ["u"]}
    (name,) = (name for name in vars(modules[OPENAPI]) if name.endswith("ListingsJsonGetResponse"))
    assert written_again(getattr(modules[OPENAPI], name), listings) == listings


def test_the_modules_pass_mypy_strictly(modules: dict[Path, ModuleType], folder: Path) -> None:
    (folder / "types_of.py").write_text(models_of(schema_of_types(folder)))
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-incremental", "."],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.stdout == f"Success: no issues found in {len(modules) + 1} source files\n"


def schema_of_types(folder: Path) -> Path:
    """A schema with all formats that have types, and with names that are in the way."""
    large = {"type": "integer", "format": "uint64"}
    time = {"type": "string", "format": "date-time"}
    properties = {
        "id": {"type": "string", "format": "uuid"},
        "size": {**large, "minimum": 0, "maximum": 2**64 - 1},
        "offset": {"type": "integer", "format": "int64", "default": -1},
        "perhaps": {**large, "type": ["integer", "null"], "minimum": 2},
        "amount": {"type": "string", "format": "uint128"},
        "wide": {"type": "integer", "format": "uint128"},
        "small": {"type": "integer", "format": "uint8"},
        "created": time,
        "changed": {**time, "type": ["string", "null"]},
        "times": {"type": "array", "items": time},
        "sizes": {"type": "object", "additionalProperties": large},
        "key": {"type": "string", "contentEncoding": "base64url"},
        "day": {"type": "string", "format": "date"},
        "url": {"type": "string", "format": "uri"},
        "mail": {"type": "string", "format": "email", "default": "a@b.example"},
        "named": {"$ref": "#/$defs/Timestamp", "default": {}},
        "kind": {"$ref": "#/$defs/Kind", "default": "a"},
        **{
            name: {"type": "string"}
            for name in ("class", "self", "json", "model_fields", "x-y", "_")
        },
    }
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Thing",
        "type": "object",
        "required": ["id", "size", "perhaps"],
        "additionalProperties": False,
        "properties": properties,
        "$defs": {
            "Timestamp": {"type": "object", "properties": {"U64": large}},
            "Kind": {"enum": ["a", "no"]},
        },
    }
    path = folder / "thing.schema.json"
    path.write_text(json.dumps(schema))
    return path


THING = {
    "id": "6f1c0b1e-3c7b-4b1e-9b8f-0a1b2c3d4e5f",
    "size": 2**64 - 1,
    "offset": -(2**63),
    "perhaps": None,
    "amount": str(2**128 - 1),
    "wide": 2**128 - 1,
    "small": 255,
    "created": "2026-01-31T12:00:00.123456Z",
    "changed": None,
    "times": ["2026-01-31T12:00:00Z"],
    "sizes": {"a": 2**53 + 1},
    "key": "-_8",
    "day": "2026-01-31",
    "url": "HTTP://Example.com",
    "mail": "x",
    "named": {"U64": 1, "later": True},
    "kind": "no",
    "class": "c",
    "self": "s",
    "json": "j",
    "model_fields": "m",
    "x-y": "x",
    "_": "u",
    "later": {"than": "the schema"},
}


@pytest.fixture(scope="module")
def thing(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("thing")
    return loaded(models_of(schema_of_types(folder)), folder, "thing").Thing


def test_formats_have_the_types_of_the_client(thing: Any) -> None:
    assert written_again(thing, THING) == THING
    value = thing.model_validate_json(json.dumps(THING))
    assert value.size == 2**64 - 1
    assert value.amount == value.wide == 2**128 - 1
    assert value.created == datetime(2026, 1, 31, 12, 0, 0, 123456, UTC)
    assert value.key == b"\xfb\xff"
    assert value.model_extra == {"later": {"than": "the schema"}}
    assert thing.model_validate_json(json.dumps({**THING, "size": "17"})).size == 17


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("size", -1),
        ("size", 2**64),
        ("size", None),
        ("perhaps", 1),
        ("offset", 2**63),
        ("created", "2026-01-31T12:00:00"),
        ("key", "+/8"),
        ("kind", "b"),
    ],
)
def test_what_the_schema_does_not_allow_is_refused(thing: Any, field: str, value: Any) -> None:
    with pytest.raises(ValidationError) as refused:
        thing.model_validate_json(json.dumps({**THING, field: value}))
    assert {error["loc"][0] for error in refused.value.errors()} == {field}


def test_answers_become_models(thing: Any, node: str) -> None:
    with RonClientSync(node) as client:
        answer = client.post("/echo", json=THING, model=thing)
        assert isinstance(answer, thing)
        assert answer.size == 2**64 - 1
        with pytest.raises(RonParseError, match="size") as refused:
            client.post("/echo", json={**THING, "size": "x"}, model=thing)
        assert refused.value.code == "invalid_model"
