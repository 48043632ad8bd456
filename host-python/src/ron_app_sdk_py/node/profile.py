"""Which server answers, and whether it keeps what it is given: ``protocol.md`` 9.

No server says what it is in a field of its own, so it is asked for what only one kind has.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Literal, cast

from ..errors import RonParseError, RonProblem
from ..response import Response
from .answers import said, text
from .version import semver

NodeKind = Literal["micronode", "macronode", "gateway", "omnigate", "unknown"]

Ask = Callable[[str], Awaitable[Response]]
"""Performs a GET of a path behind the base URL, without the credential."""

_AMNESIA = "storage_mem_amnesia"
_NOT_HERE = (404, 405, 410, 501)

_FORGETS = "it keeps everything in memory: what is written is gone when it ends"
_KEEPS = "it does not count forgetting among its capabilities"
_UNTOLD_BY_MICRONODE = "it does not tell whether it keeps what is written"
_UNTOLD_BY_MACRONODE = (
    "a macronode keeps what is written unless it was configured otherwise, which it does not tell"
)
_EMBEDDED = "this is the gateway inside of a macronode; its admin plane has another address"
_BEHIND = (
    "a gateway does not tell what is behind it: neither the profile of the node nor whether it "
    "keeps what is written can be known here"
)
_OMNIGATE = "omnigate does not tell whether the node keeps what is written"
_UNKNOWN = "nothing that answers here says that it is a RON server"


@dataclass(frozen=True, slots=True)
class NodePlane:
    """A part of a node.

    Attributes:
        name: its name, such as ``kv``.
        health: ``healthy``, ``degraded`` or ``down``, or whatever the node says; None if nothing.
        ready: whether it takes calls; None if the node does not say.
        restart_count: how often it was started again; None if the node does not say.
    """

    name: str
    health: str | None = None
    ready: bool | None = None
    restart_count: int | None = None


@dataclass(frozen=True, slots=True)
class NodeProfile:
    """Which server answers at the base URL.

    Attributes:
        kind: ``micronode``, ``macronode``, ``gateway``, ``omnigate`` or ``unknown``.
        version: its version, or None if it tells none.
        capabilities: what a micronode says that it can do; empty for the others.
        amnesia: whether it forgets everything when it ends; None if that can't be known.
        planes: its parts, if it tells them.
        note: what else there is to know, in a sentence.
    """

    kind: NodeKind
    version: str | None = None
    capabilities: tuple[str, ...] = ()
    amnesia: bool | None = None
    planes: tuple[NodePlane, ...] = ()
    note: str = ""


async def profile(ask: Ask) -> NodeProfile:
    """Asks until the kind is clear: one request for micronodes and macronodes, up to four for
    others.

    Raises:
        RonError: a request failed, with another problem than that there is no such path.
    """
    told = await status_profile(ask)
    if told is not None:
        return told
    answer = await _told(ask, "/version")
    if answer.get("name") == "svc-gateway":
        return NodeProfile("gateway", semver(answer.get("version")), note=_BEHIND)
    version = semver((await _told(ask, "/versionz")).get("version"))
    if version is not None:
        return NodeProfile("omnigate", version, note=_OMNIGATE)
    if (await _told(ask, "/ingress/ping")).get("profile") == "macronode":
        return NodeProfile("macronode", note=_EMBEDDED)
    return NodeProfile("unknown", semver(answer.get("version")), note=_UNKNOWN)


async def status_profile(ask: Ask) -> NodeProfile | None:
    """What ``/api/v1/status`` tells, which only micronodes and the admin planes of macronodes have;
    None if this is neither.

    Raises:
        RonError: as :func:`profile`.
    """
    answer = await _told(ask, "/api/v1/status")
    kind = answer.get("profile")
    if kind not in ("micronode", "macronode"):
        return None
    capabilities = answer.get("capabilities")
    known = isinstance(capabilities, list)
    listed = tuple(name for name in capabilities or () if isinstance(name, str)) if known else ()
    amnesia: bool | None = None
    if kind == "macronode":
        note = _UNTOLD_BY_MACRONODE
    elif _AMNESIA in listed:
        amnesia, note = True, _FORGETS
    else:
        amnesia, note = (False, _KEEPS) if known else (None, _UNTOLD_BY_MICRONODE)
    return NodeProfile(
        cast(NodeKind, kind),
        semver(answer.get("version")),
        listed,
        amnesia,
        _planes(answer.get("planes")),
        note,
    )


async def _told(ask: Ask, path: str) -> dict[str, Any]:
    """The JSON object at a path; empty if there is none."""
    try:
        return said(await ask(path))
    except RonParseError:
        return {}
    except RonProblem as problem:
        if problem.status < 400 or problem.status in _NOT_HERE:
            return {}
        raise


def _planes(told: object) -> tuple[NodePlane, ...]:
    planes = []
    for plane in told if isinstance(told, list) else ():
        name = text(plane.get("name")) if isinstance(plane, dict) else None
        if name is None:
            continue
        ready, restarts = plane.get("ready"), plane.get("restart_count")
        planes.append(
            NodePlane(
                name,
                text(plane.get("health")),
                ready if isinstance(ready, bool) else None,
                restarts if type(restarts) is int else None,
            )
        )
    return tuple(planes)
