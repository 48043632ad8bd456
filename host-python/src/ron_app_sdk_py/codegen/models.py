"""Models of a schema, by datamodel-code-generator."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

from datamodel_code_generator import InputFileType, OpenAPIScope, generate
from datamodel_code_generator.enums import DataModelType
from datamodel_code_generator.format import Formatter, PythonVersion

from ..errors import RonRequestError
from .document import Document
from .references import bundled, stem
from .walking import TYPES, described

_KEYWORDS = frozenset(
    [
        "$schema",
        "$ref",
        "$defs",
        "definitions",
        "type",
        "properties",
        "patternProperties",
        "additionalProperties",
        "items",
        "allOf",
        "anyOf",
        "oneOf",
        "enum",
        "const",
    ]
)
"""Those of which a JSON Schema has one, if there is something to be made of it."""


def models_of(path: Path, *, root: Path | None = None) -> str:
    """A Python module with a Pydantic model for each object of a schema.

    The same files give the same text. The models keep unknown fields, as
    :class:`ron_app_sdk_py.types.RonModel` does, whatever ``additionalProperties`` says: servers
    grow. Integers of the formats ``int64``, ``uint64`` and ``uint``, and texts of the formats
    ``date-time``, ``base64url`` and ``uint128``, become the types of :mod:`ron_app_sdk_py.types`;
    texts of other formats stay texts, but for ``date`` and ``uuid``. Of defaults, those of texts,
    numbers and booleans are taken over; other fields that may be absent are None then.

    Args:
        path: JSON Schema 2020-12 (older drafts are read as far as they agree with it) or OpenAPI
            3, as JSON or YAML.
        root: the folder that may be read; by default the file's own. Nothing is read from the
            network.

    Raises:
        RonRequestError: the file, or one that it refers to, is no schema, or has nothing to make
            a model of; names file and line.
        OSError: the file can't be read.
    """
    document = Document(path)
    kind = _kind(document)
    try:
        content = bundled(document, path.parent if root is None else root)
    except RecursionError:
        raise _fault(f"{path}: this nests too deep to be read") from None
    if kind is InputFileType.JsonSchema:
        name = stem(path)
        content.setdefault("title", name if name[0].isalpha() else f"Model {name}")
    text = _generated(path, kind, content)
    # Written by another's program from input of yet another: better here than where it is used.
    compile(text, path.name, "exec", dont_inherit=True)
    return text


def _kind(document: Document) -> InputFileType:
    content = document.content
    what = f"{document.path} is no schema: it is"
    if not isinstance(content, dict):
        raise _fault(f"{what} {described(content)}; a JSON Schema or OpenAPI document is an object")
    if "openapi" in content:
        version = content["openapi"]
        if isinstance(version, str) and version.startswith("3."):
            return InputFileType.OpenAPI
        raise document.fault(
            "#/openapi", f"this is OpenAPI {described(version)}; only OpenAPI 3 is read"
        )
    if "swagger" in content:
        raise document.fault("#/swagger", "this is Swagger; convert it to OpenAPI 3 first")
    if "asyncapi" in content:
        raise document.fault("#/asyncapi", "this is AsyncAPI, which is not read")
    keywords = _KEYWORDS & content.keys()
    # An object of another kind may have a type too: a problem does (RFC 9457).
    if keywords == {"type"} and isinstance(content["type"], str) and content["type"] not in TYPES:
        keywords = frozenset()
    if not keywords:
        members = ", ".join(repr(name) for name in list(content)[:5]) or "none"
        raise _fault(
            f"{what} an object with the members {members}, none of which is a keyword of JSON "
            "Schema, nor 'openapi'"
        )
    return InputFileType.JsonSchema


def _generated(path: Path, kind: InputFileType, content: dict[str, Any]) -> str:
    with warnings.catch_warnings():
        # They are for those who chose its options.
        warnings.simplefilter("ignore")
        try:
            result = generate(
                content,
                input_file_type=kind,
                openapi_scopes=[OpenAPIScope.Schemas, OpenAPIScope.Paths],
                output_model_type=DataModelType.PydanticV2BaseModel,
                base_class="ron_app_sdk_py.types.RonModel",
                extra_fields="allow",
                target_python_version=PythonVersion.PY_311,
                field_constraints=True,
                use_annotated=True,
                strict_nullable=True,
                set_default_enum_member=True,
                use_schema_description=True,
                use_double_quotes=True,
                disable_timestamp=True,
                # References are resolved already; should one be left, it is not fetched either.
                allow_remote_refs=False,
                strict_refs=True,
                treat_dot_as_module=False,
                formatters=[Formatter.BUILTIN],
                builtin_format_line_length=100,
                # By default a pyproject.toml near the working folder has a say.
                settings_path=Path(path.resolve().anchor),
                custom_file_header=(
                    f"# Written by `ron codegen {_one_word(path.name)}`; changes are lost "
                    "when it is written again."
                ),
            )
        except Exception as error:
            # What it raises for schemas that are none is of all kinds.
            lines = str(error).strip().splitlines()
            why = lines[0] if lines else type(error).__name__
            if "not found in the input" in why:
                why = "it describes no object"
            raise _fault(f"{path}: no models can be made of this: {why}") from None
    if not isinstance(result, str):
        raise _fault(f"{path}: this has models of several modules, not of one")
    return result if result.endswith("\n") else result + "\n"


def _one_word(name: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in name)


def _fault(message: str) -> RonRequestError:
    return RonRequestError(message, code="invalid_schema")
