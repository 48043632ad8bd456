"""``/readyz`` in every form: ``protocol.md`` 9."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import RonProblem
from ..response import Response
from .answers import UNAVAILABLE, refuse_page, said, text


@dataclass(frozen=True, slots=True)
class NodeReadiness:
    """The answer of ``/readyz``.

    Attributes:
        ready: whether the node takes calls.
        status: the HTTP status.
        missing: what it waits for, if it says so.
        deps: what it says of what it depends on; empty if it says nothing.
        mode: how the answer came about, such as ``truthful`` or ``dev-forced``, or None.
        retry_after: how many seconds it asks to wait, or None.
    """

    ready: bool
    status: int
    missing: tuple[str, ...] = ()
    deps: Mapping[str, Any] = field(default_factory=dict)
    mode: str | None = None
    retry_after: float | None = None


def readiness(response: Response) -> NodeReadiness:
    """Reads text, an empty answer, and ``{"ready", "deps", "missing", "mode"}``.

    Raises:
        RonParseError: it is a web page, or no JSON though it says so.
    """
    refuse_page("/readyz", response)
    answer = said(response)
    ready = answer.get("ready") is not False
    return _readiness(answer, response.status, ready=ready, retry_after=None)


def unready(problem: RonProblem) -> NodeReadiness:
    """Reads a 503 or 504 of ``/readyz``; raises any other problem."""
    if problem.status not in UNAVAILABLE:
        raise problem
    answer = problem.problem.extensions
    return _readiness(answer, problem.status, ready=False, retry_after=problem.retry_after)


def _readiness(
    answer: Mapping[str, Any], status: int, *, ready: bool, retry_after: float | None
) -> NodeReadiness:
    missing, deps = answer.get("missing"), answer.get("deps")
    return NodeReadiness(
        ready,
        status,
        tuple(map(str, missing)) if isinstance(missing, list) else (),
        deps if isinstance(deps, dict) else {},
        text(answer.get("mode")),
        retry_after,
    )
