"""Makes one document of one that refers to others. Nothing is fetched from the network."""

from __future__ import annotations

import copy
import itertools
import os
import posixpath
import re
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit
from urllib.request import url2pathname

from .document import Document, joined
from .formats import set_default, set_type
from .walking import KEYWORDS, described, openapi_references, openapi_schemas, schemas

_Place = tuple[Path, str]
"""A file, and a JSON Pointer into it."""


def bundled(main: Document, root: Path) -> dict[str, Any]:
    """The content of a document with all that it refers to in other files inside it.

    Args:
        main: a JSON Schema or an OpenAPI document, whose content is changed.
        root: the folder that holds all files that may be read.

    Raises:
        RonRequestError: a reference leads nowhere, to the network or out of the folder; or what
            it leads to is no schema. Names file and line.
    """
    return _Bundle(main, root).content


class _Bundle:
    def __init__(self, main: Document, root: Path) -> None:
        self._main = main
        self._root = root.resolve()
        self._documents: dict[Path, Document] = {main.path.resolve(): main}
        self._names: dict[_Place, str] = {}
        self._left: list[tuple[Document, Any, str]] = []
        self.content: dict[str, Any] = main.content
        is_openapi = "openapi" in main.content
        self._keys = ("components", "schemas") if is_openapi else ("$defs",)
        self._definitions = self.content
        for key in self._keys:
            self._definitions = self._definitions.setdefault(key, {})
        if is_openapi:
            self._add_part(main, self.content, "#", ())
        else:
            self._left.append((main, self.content, "#"))
        # Schemas of other files join the queue as they are come upon.
        for document, value, pointer in self._left:
            for schema, where in list(schemas(document, value, pointer)):
                self._make_ready(document, schema, where)

    def _add_part(
        self, document: Document, value: Any, pointer: str, way: tuple[_Place, ...]
    ) -> None:
        """Makes a part of an OpenAPI document ready that is no schema: what it refers to in other
        files is put in place of the reference, but for schemas.

        Args:
            document: which it is a part of.
            value: the part, which is changed.
            pointer: where it stands there.
            way: the places of the references that led here.
        """
        references = list(openapi_references(value, pointer))
        for schema, where in list(openapi_schemas(document, value, pointer)):
            self._make_ready(document, schema, where)
        for part, where in references:
            target, inside, found = self._target(document, part["$ref"], joined(where, "$ref"))
            if target is self._main:
                part["$ref"] = inside
                continue
            place = target.path.resolve(), inside
            if place in way or not isinstance(found, dict):
                why = "leads to itself" if place in way else f"leads to {described(found)}"
                raise document.fault(joined(where, "$ref"), f"{part['$ref']} {why}")
            part.clear()
            part.update(copy.deepcopy(found))
            self._add_part(target, part, inside, (*way, place))

    def _make_ready(self, document: Document, schema: dict[str, Any], where: str) -> None:
        found = None
        if "$dynamicRef" in schema:
            schema.setdefault("$ref", schema["$dynamicRef"])
        if "$ref" in schema:
            schema["$ref"], found = self._led(document, schema["$ref"], joined(where, "$ref"))
        match schema.get("discriminator"):
            case {"mapping": dict() as mapping}:
                for value, target in mapping.items():
                    if target not in self._definitions:
                        inside = joined(where, "discriminator", "mapping", value)
                        mapping[value], _ = self._led(document, str(target), inside)
        # The generator has keywords of its own, with which a schema could import what it likes.
        for keyword in schema.keys() - KEYWORDS:
            del schema[keyword]
        set_default(schema, found)
        set_type(schema)

    def _led(self, document: Document, reference: str, where: str) -> tuple[str, Any]:
        """Where a reference to a schema leads in the main document, and what is there."""
        target, pointer, found = self._target(document, reference, where)
        if target is not self._main:
            pointer = joined("#", *self._keys, self._definition(target, pointer, found))
        return pointer, found

    def _definition(self, target: Document, pointer: str, found: Any) -> str:
        """The name under which a schema of another file is put into the main one."""
        place = target.path.resolve(), pointer
        if place not in self._names:
            title = found.get("title") if isinstance(found, dict) and pointer == "#" else None
            last = unquote(pointer).rpartition("/")[2]
            name = re.sub(r"\W+", "_", str(title or last.strip("#") or stem(target.path)))
            names = itertools.chain([name], (f"{name}_{number}" for number in itertools.count(2)))
            unused = next(name for name in names if name not in self._definitions)
            self._names[place] = unused
            self._definitions[unused] = copy.deepcopy(found)
            self._left.append((target, self._definitions[unused], pointer))
        return self._names[place]

    def _target(self, document: Document, reference: str, where: str) -> tuple[Document, str, Any]:
        """Where a reference leads: the document, the JSON Pointer in it, and what is there."""
        url, _, fragment = reference.partition("#")
        target = self._other(document, url, where) if url else document
        pointer = f"#{fragment}"
        if fragment and not fragment.startswith("/"):
            anchors = {
                schema.get(keyword): pointer
                for schema, pointer in schemas(target, target.content, "#")
                for keyword in ("$anchor", "$dynamicAnchor")
            }
            pointer = anchors.get(fragment, pointer)
        try:
            return target, pointer, target.at(pointer)
        except KeyError:
            raise document.fault(
                where, f"{reference} leads nowhere: {target.path} has no {pointer}"
            ) from None

    def _other(self, document: Document, url: str, where: str) -> Document:
        path = _local(document, url)
        if path is None:
            raise document.fault(
                where,
                f"{url} is remote, and nothing is fetched; save it beside {document.path.name} "
                "and refer to it by its name",
            )
        if not path.is_relative_to(self._root):
            raise document.fault(
                where,
                f"{url} leads out of {self._root.name or self._root}; allow a folder with --root",
            )
        if path not in self._documents:
            try:
                self._documents[path] = Document(path)
            except OSError as error:
                why = os.strerror(error.errno) if error.errno else type(error).__name__
                raise document.fault(where, f"{url} can't be read: {why}") from None
        return self._documents[path]


def stem(path: Path) -> str:
    """The name of a file without what says that it is a schema."""
    return path.name.partition(".")[0] or "model"


def _local(document: Document, url: str) -> Path | None:
    """The file that a URL in a document stands for, or None if it is on the network.

    Where the document has an ``$id``, the URLs near it stand for the files near it.
    """
    try:
        base = urlsplit(document.identity)
        absolute = urlsplit(urljoin(document.identity, url))
    except ValueError:
        return None
    if absolute.scheme == "file" and absolute.netloc in ("", "localhost"):
        return Path(url2pathname(absolute.path)).resolve()
    if (absolute.scheme, absolute.netloc) != (base.scheme, base.netloc):
        return None
    if base.scheme:
        near = posixpath.relpath(absolute.path, posixpath.dirname(base.path) or "/")
    else:
        near = absolute.path
    return (document.path.parent / unquote(near)).resolve()
