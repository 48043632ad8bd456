"""Files of JSON or YAML, and where in them something stands."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import yaml

from ..defaults import MAX_SCHEMA_NODES
from ..errors import RonRequestError


class _Yaml(yaml.SafeLoader):
    """YAML by the JSON schema of YAML 1.2, as OpenAPI demands: ``no`` is a text, and so is a
    date."""


_Yaml.yaml_implicit_resolvers = {}

for _tag, _pattern, _first in (
    ("bool", r"true|false", "tf"),
    ("null", r"null|~|", ["n", "~", ""]),
    ("int", r"-?(?:0|[1-9][0-9]*)", "-0123456789"),
    ("float", r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]*)?(?:[eE][-+]?[0-9]+)?", "-0123456789"),
):
    _Yaml.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}", re.compile(rf"(?:{_pattern})\Z"), list(_first)
    )


class Document:
    """What is in a file.

    Attributes:
        path: the file.
        content: its JSON value; objects are not shared.
        identity: the URL that it gives itself, or an empty text.
    """

    def __init__(self, path: Path) -> None:
        """Reads the file.

        Raises:
            RonRequestError: it is neither JSON nor YAML; names file and line.
            OSError: it can't be read.
        """
        self.path = path
        text = path.read_bytes()
        try:
            self._text = text.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = text[: error.start].count(b"\n") + 1
            raise _fault(f"{path}:{line}: this is not UTF-8; save the file as UTF-8") from None
        self.content = _plain(self._loaded(), path)
        identity = self.content.get("$id") if isinstance(self.content, dict) else None
        self.identity = identity if isinstance(identity, str) else ""

    def fault(self, pointer: str, message: str) -> RonRequestError:
        """An error about what stands at a JSON Pointer (RFC 6901) such as ``#/properties/a``."""
        line = self._line(pointer)
        where = self.path if line is None else f"{self.path}:{line}"
        return _fault(f"{where}: {message}")

    def at(self, pointer: str) -> Any:
        """What stands at a JSON Pointer such as ``#/$defs/a%20b``.

        Raises:
            KeyError: nothing does.
        """
        value = self.content
        if pointer != "#" and not pointer.startswith("#/"):
            raise KeyError(pointer)
        for part in _parts(pointer):
            match value:
                case dict() if part in value:
                    value = value[part]
                case list() if part.isdecimal() and int(part) < len(value):
                    value = value[int(part)]
                case _:
                    raise KeyError(pointer)
        return value

    def _loaded(self) -> Any:
        name = self.path
        try:
            if self._is_json():
                return json.loads(self._text, parse_constant=_refuse)
            return yaml.load(self._text, _Yaml)  # noqa: S506 # it is a SafeLoader
        except json.JSONDecodeError as error:
            where, why = f"{name}:{error.lineno}", f"{error.msg} at column {error.colno}"
            raise _fault(f"{where}: this is not JSON: {why}") from None
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            where = f"{name}:{mark.line + 1}" if mark else str(name)
            raise _fault(f"{where}: this is not YAML: {error.problem or error.context}") from None
        except yaml.reader.ReaderError as error:
            line = self._text[: error.position].count("\n") + 1
            raise _fault(f"{name}:{line}: this is not YAML: it has a control character") from None
        except RecursionError:
            raise _fault(f"{name}: this nests too deep to be read") from None
        except ValueError as error:
            raise _fault(f"{name}: a value can't be read: {error}") from None

    def _is_json(self) -> bool:
        suffix = self.path.suffix
        return suffix == ".json" or (
            suffix not in (".yaml", ".yml") and self._text.lstrip().startswith("{")
        )

    def _line(self, pointer: str) -> int | None:
        """Where it stands; JSON is YAML as far as that goes, but for tabs."""
        text = self._text.replace("\t", " ") if self._is_json() else self._text
        try:
            node = yaml.compose(text, yaml.SafeLoader)
        except (yaml.YAMLError, RecursionError):
            return None
        for part in _parts(pointer):
            match node:
                case yaml.MappingNode():
                    found = [value for key, value in node.value if key.value == part]
                    node = found[-1] if found else None
                case yaml.SequenceNode() if part.isdecimal() and int(part) < len(node.value):
                    node = node.value[int(part)]
                case _:
                    return None
        return None if node is None else node.start_mark.line + 1


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number of JSON")


def _fault(message: str) -> RonRequestError:
    return RonRequestError(message, code="invalid_schema")


def _parts(pointer: str) -> list[str]:
    _, *parts = unquote(pointer).split("/")
    return [part.replace("~1", "/").replace("~0", "~") for part in parts]


def joined(pointer: str, *parts: str | int) -> str:
    """The JSON Pointer to what is further inside."""
    texts = (str(part).replace("~", "~0").replace("/", "~1").replace("%", "%25") for part in parts)
    return "/".join((pointer, *texts))


def _plain(value: Any, path: Path) -> Any:
    """The value as JSON has it: YAML's aliases copied, the names of members texts."""
    left = MAX_SCHEMA_NODES

    def copy(value: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise _fault(
                f"{path}: this has more than {MAX_SCHEMA_NODES} values; split it, or look for "
                "aliases that repeat themselves"
            )
        match value:
            case dict():
                return {_name(key, path): copy(member) for key, member in value.items()}
            case list():
                return [copy(item) for item in value]
            case None | str() | bool() | int() | float():
                return value
        raise _fault(f"{path}: this holds a {type(value).__name__}, which JSON does not have")

    try:
        return copy(value)
    except RecursionError:
        raise _fault(f"{path}: this nests too deep to be read, or holds itself") from None


def _name(key: object, path: Path) -> str:
    match key:
        case str():
            return key
        case bool() | None:
            return json.dumps(key)
        case int() | float():
            return str(key)
    raise _fault(f"{path}: the name of a member is no text")
