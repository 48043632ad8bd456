"""Caveats and claims as ``wit/ron-tools/capabilities.wit`` has them, and as JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from wasmtime.component import Record, Variant

from ..engine import tools
from ..errors import RonRequestError
from . import caveats as kinds
from .caveats import Caveat, Scope

_INTERFACE = "ron:tools/capabilities@0.1.0"

_KINDS: dict[str, type[Any]] = {
    "exp": kinds.Exp,
    "nbf": kinds.Nbf,
    "aud": kinds.Aud,
    "method": kinds.Method,
    "path-prefix": kinds.PathPrefix,
    "ip-cidr": kinds.IpCidr,
    "bytes-le": kinds.BytesLe,
    "rate": kinds.Rate,
    "tenant": kinds.Tenant,
    "amnesia": kinds.Amnesia,
    "gov-policy-digest": kinds.GovPolicyDigest,
    "custom": kinds.Custom,
    "unknown": kinds.Unknown,
}
"""The cases of the variant ``caveat``."""

_CASES = {kind: case for case, kind in _KINDS.items()}


class Refused(Exception):
    """The component refuses what it was given. Its text repeats neither token nor key."""


def call(function: str, *arguments: Any) -> Any:
    """Calls a function of the interface.

    Returns:
        Its result; of a ``result``, what is in ``ok``.

    Raises:
        Refused: the result is an ``err``.
        RonRequestError: an argument is of the wrong type (code ``invalid_argument``).
        RonSandboxError: the component trapped or can't be loaded.
    """
    result = tools.call(_INTERFACE, function, *arguments)
    if isinstance(result, Variant) and result.tag in ("ok", "err"):
        if result.tag == "err":
            raise Refused(result.payload)
        return result.payload
    # The bindings tell `ok` and `err` by their types where they can, and a text is then an error.
    if isinstance(result, str):
        raise Refused(result)
    return result


def record(**fields: Any) -> Record:
    """A record, by the names of its fields with underscores."""
    made = Record()
    vars(made).update({name.replace("_", "-"): value for name, value in fields.items()})
    return made


def fields(made: Record) -> dict[str, Any]:
    """The reverse of :func:`record`."""
    return {name.replace("-", "_"): value for name, value in vars(made).items()}


def all_to_wit(caveats: Iterable[Caveat]) -> list[Variant]:
    """Caveats as the component wants them.

    Raises:
        RonRequestError: they are none (code ``invalid_argument``).
    """
    if not isinstance(caveats, Iterable):
        raise _refused("caveats", caveats, "give a list, such as [Exp(1700000000)]")
    return [to_wit(caveat) for caveat in caveats]


def to_wit(caveat: Caveat) -> Variant:
    """A caveat as the component wants it.

    Raises:
        RonRequestError: it is no caveat (code ``invalid_argument``).
    """
    case = _CASES.get(type(caveat))
    if case is None:
        mend = "give one of ron_app_sdk_py.capabilities, such as Exp(1700000000)"
        raise _refused("a caveat", caveat, mend)
    members = _members(caveat)
    if len(members) > 1:
        return Variant(case, record(**members))
    (value,) = members.values()
    return Variant(case, list(value) if isinstance(value, tuple) else value)


def from_wit(told: Variant) -> Caveat:
    """A caveat that the component gives."""
    kind = _KINDS[told.tag]
    value = told.payload
    caveat: Caveat = kind(**fields(value)) if isinstance(value, Record) else kind(value)
    return caveat


def scope_to_wit(scope: Scope) -> Record:
    """A scope as the component wants it.

    Raises:
        RonRequestError: it is none (code ``invalid_argument``).
    """
    if not isinstance(scope, Scope):
        raise _refused("scope", scope, "give a Scope")
    return record(prefix=scope.prefix, methods=list(scope.methods), max_bytes=scope.max_bytes)


def scope_from_wit(told: Record) -> Scope:
    """A scope that the component gives."""
    return Scope(**fields(told))


def as_json(caveat: Caveat) -> dict[str, Any]:
    """A caveat in values of JSON, by its name on the wire, as in ``tests/vectors/tokens.json``."""
    members = _members(caveat)
    if len(members) > 1:
        return {"t": type(caveat).__name__, "v": members}
    (value,) = members.values()
    return {"t": type(caveat).__name__, "v": list(value) if isinstance(value, tuple) else value}


def _refused(name: str, given: object, mend: str) -> RonRequestError:
    return RonRequestError(f"{name} is {type(given).__name__}; {mend}", code="invalid_argument")


def _members(caveat: Caveat) -> dict[str, Any]:
    return {field.name: getattr(caveat, field.name) for field in dataclasses.fields(caveat)}
