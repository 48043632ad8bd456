"""``/healthz`` in every form: ``protocol.md`` 9."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import RonProblem
from ..response import Response
from .answers import UNAVAILABLE, refuse_page, said


@dataclass(frozen=True, slots=True)
class NodeHealth:
    """The answer of ``/healthz``.

    Attributes:
        ok: whether the node says that it is well.
        status: the HTTP status.
        checks: what it says of its parts: names and states; empty if it says nothing.
    """

    ok: bool
    status: int
    checks: Mapping[str, Any] = field(default_factory=dict)


def health(response: Response) -> NodeHealth:
    """Reads text, an empty answer, ``{"ok", "checks"}`` and a map of parts to booleans.

    Raises:
        RonParseError: it is a web page, or no JSON though it says so.
    """
    refuse_page("/healthz", response)
    answer = said(response)
    checks = answer.get("checks")
    if isinstance(checks, dict):
        parts = checks
    else:
        parts = {name: value for name, value in answer.items() if name != "ok"}
    ok = answer.get("ok") is not False and all(value is not False for value in parts.values())
    return NodeHealth(ok, response.status, parts)


def unhealthy(problem: RonProblem) -> NodeHealth:
    """Reads a 503 or 504 of ``/healthz``; raises any other problem."""
    if problem.status not in UNAVAILABLE:
        raise problem
    parts = dict(problem.problem.extensions)
    unwell = parts.pop("unhealthy", None)
    for name in unwell if isinstance(unwell, list) else ():
        parts[str(name)] = False
    checks = parts.pop("checks", None)
    parts.pop("ok", None)
    return NodeHealth(False, problem.status, checks if isinstance(checks, dict) else parts)
