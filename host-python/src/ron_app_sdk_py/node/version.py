"""``/version`` and ``/versionz`` in every form, and the versions that this package was made for."""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import RonParseError
from ..response import Response
from .answers import said, text

PROTOCOL_VERSION = "v0.1"
"""The version of the app-plane protocol that this package speaks (``protocol.md`` 10, row 30)."""

PROTO_VERSION = 1
"""The version of the shapes of ``ron-proto`` that it speaks."""

SUPPORTED_NODES = "0.1"
"""Major and minor version of the servers that it was tested with."""

_SEMVER = re.compile(r"(?<![\w.])v?((\d+\.\d+)\.\d+(?:[-+][0-9A-Za-z.+-]+)?)")
_LONGEST_VERSION = 200


class RonVersionWarning(UserWarning):
    """The server says that it has a version that this package was not tested with."""


@dataclass(frozen=True, slots=True)
class NodeVersion:
    """The answer of ``/version`` or ``/versionz``.

    Attributes:
        version: the version of the server: major, minor and patch, and what follows them.
        name: the name of the server, or None.
        fields: everything that it said.
    """

    version: str
    name: str | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)


def version(response: Response) -> NodeVersion:
    """Reads a version in a line of text, and ``{"version", "name" or "service"}``.

    Raises:
        RonParseError: there is no version in it.
    """
    answer = said(response)
    found = semver(answer.get("version", "" if answer else response.text.strip()))
    if found is None:
        raise RonParseError(
            "the answer tells no version; use node.request() for the whole of it",
            code="invalid_version",
            attempts=response.attempts,
            request_id=response.request_id,
        )
    return NodeVersion(found, text(answer.get("name", answer.get("service"))), answer)


def semver(told: object) -> str | None:
    """The version in what a server tells, or None."""
    match = _SEMVER.search(told) if isinstance(told, str) and len(told) < _LONGEST_VERSION else None
    return None if match is None else match.group(1)


def checked(node: NodeVersion) -> NodeVersion:
    """Warns of a version that is not supported."""
    match = _SEMVER.match(node.version)
    if match is not None and match.group(2) != SUPPORTED_NODES:
        warnings.warn(
            f"the node has version {node.version[:40]}; this package speaks protocol "
            f"{PROTOCOL_VERSION} and was tested with {SUPPORTED_NODES}.x: look for a newer one",
            RonVersionWarning,
            stacklevel=3,
        )
    return node
