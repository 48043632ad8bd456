"""The facets that a micronode has loaded: ``/facets/meta`` (``protocol.md`` 6.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import RonParseError
from ..response import Response

PATH = "/facets/meta"
"""Where they are listed, for everybody."""


@dataclass(frozen=True, slots=True)
class NodeFacetRoute:
    """A route of a loaded facet.

    Attributes:
        method: the method.
        path: the path at the node, such as ``/facets/docs/hello``; it may end in ``/*tail``.
    """

    method: str
    path: str


@dataclass(frozen=True, slots=True)
class NodeFacet:
    """A facet that a micronode has loaded.

    Attributes:
        id: its id.
        kind: ``static``, ``echo`` or ``proxy``, or whatever the node says.
        routes: its routes as its manifest has them: of echo and proxy only GET and POST are served.
        upstream: where a proxy passes requests on to: ``scheme``, ``host``, ``port`` and perhaps
            ``base_path``; None for other kinds.
    """

    id: str
    kind: str
    routes: tuple[NodeFacetRoute, ...]
    upstream: Mapping[str, Any] | None = None


def loaded(response: Response) -> tuple[NodeFacet, ...]:
    """Reads ``{"loaded": [{"id", "kind", "routes": [{"method", "path"}], "upstream"?}]}``.

    Raises:
        RonParseError: the answer has another form; names what is wrong.
    """
    answer = response.value()
    facets = answer.get("loaded") if isinstance(answer, dict) else None
    if not isinstance(facets, list):
        raise _unreadable(response, "has no list 'loaded'")
    return tuple(
        _facet(response, f"loaded[{number}]", facet) for number, facet in enumerate(facets)
    )


def _facet(response: Response, where: str, facet: Any) -> NodeFacet:
    id_, kind = _texts(response, where, facet, "id", "kind")
    routes = facet.get("routes")
    if not isinstance(routes, list):
        raise _unreadable(response, f"has no list {where}.routes")
    upstream = facet.get("upstream")
    if upstream is not None and not isinstance(upstream, dict):
        raise _unreadable(response, f"has {where}.upstream that is {type(upstream).__name__}")
    return NodeFacet(
        id_,
        kind,
        tuple(
            NodeFacetRoute(*_texts(response, f"{where}.routes[{number}]", route, "method", "path"))
            for number, route in enumerate(routes)
        ),
        upstream,
    )


def _texts(response: Response, where: str, value: Any, *names: str) -> list[str]:
    texts = []
    for name in names:
        text = value.get(name) if isinstance(value, dict) else None
        if not isinstance(text, str):
            raise _unreadable(response, f"has no text {where}.{name}")
        texts.append(text)
    return texts


def _unreadable(response: Response, what: str) -> RonParseError:
    return RonParseError(
        f"the answer of {PATH} {what}: it is no list of facets",
        code="invalid_facets",
        attempts=response.attempts,
        request_id=response.request_id,
    )
