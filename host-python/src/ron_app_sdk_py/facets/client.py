"""Calls of one facet."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ..errors import RonRequestError
from ..options import StreamOptions
from ..plane import Plane
from ..request import Request
from ..response import Response
from ..verbs import Verbs
from ..verbs_sync import VerbsSync

if TYPE_CHECKING:
    from ..reception import Callback, Reception
    from ..thread_loops import ThreadLoops

APP: Final = "/app"
"""Where facets of the app plane are."""

NODE: Final = "/facets"
"""Where a micronode has them."""

_ID = re.compile(r"(?!\.{1,2}\Z)[A-Za-z0-9._-]+\Z")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")


class _Placed:
    """The calls of a facet among those of its plane."""

    def __init__(
        self,
        plane: Plane,
        mount: str,
        facet_id: str,
        node: str | None = None,
    ) -> None:
        self.id = facet_id
        self._prefix = prefix(mount, facet_id)
        self._plane = plane
        self._redactor = plane.redactor
        self._node = node

    async def _perform(self, request: Request) -> Response:
        placed = request.as_it_is()
        placed.path = within(self._prefix, request.path)
        placed.node = self._node
        return await self._plane.perform(placed)

    def _reception(
        self,
        path: str,
        callback: Callback | None,
        options: StreamOptions,
        node: str | None = None,
    ) -> Reception:
        return self._plane.receive(
            within(self._prefix, path), callback, options, node or self._node
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._redactor.scrub(self.id)!r})"


class Facet(_Placed, Verbs):
    """A facet, made by :meth:`RonClient.facet` and :meth:`Node.facet`. It has the calls of
    :class:`RonClient`; paths are the facet's own, so that ``/list`` of the facet ``users`` is
    ``/app/users/list``, and none leaves the facet.

    Attributes:
        id: its id.
    """


class FacetSync(_Placed, VerbsSync):
    """As :class:`Facet`, for :class:`RonClientSync`.

    Attributes:
        id: its id.
    """

    def __init__(
        self,
        plane: Plane,
        loops: ThreadLoops,
        mount: str,
        facet_id: str,
        node: str | None = None,
    ) -> None:
        super().__init__(plane, mount, facet_id, node)
        self._loops = loops


def prefix(mount: str, facet_id: object) -> str:
    """What the paths of a facet begin with.

    Args:
        mount: :data:`APP` or :data:`NODE`.
        facet_id: its id.

    Raises:
        RonRequestError: the id is no good (``invalid_facet_id``).
    """
    if not isinstance(facet_id, str):
        raise RonRequestError(
            f"facet_id is {type(facet_id).__name__}; give a str", code="invalid_facet_id"
        )
    if not _ID.match(facet_id):
        # It is not repeated: it may be a secret in the wrong place.
        odd = next((c for c in facet_id if not _ID.match(c + "x")), None)
        what = "is '.', '..' or empty" if odd is None else f"holds {odd!a}"
        raise RonRequestError(
            f"facet_id {what}; give letters, digits, '.', '_' and '-' of ASCII",
            code="invalid_facet_id",
        )
    return f"{mount}/{facet_id}"


def within(prefix: str, path: object) -> str:
    """A facet's path as one of its plane. What could leave the facet in a hidden way, the component
    refuses in any path.

    Args:
        prefix: what the paths of the facet begin with.
        path: the path, with or without a slash in front, perhaps with a query.

    Raises:
        RonRequestError: it is a URL, or no text (``invalid_path``).
    """
    if not isinstance(path, str):
        raise RonRequestError(f"path is {type(path).__name__}; give a str", code="invalid_path")
    if path.startswith("//") or _SCHEME.match(path):
        what = "names another host ('//')" if path.startswith("//") else "is an absolute URL"
        raise RonRequestError(
            f"path {what}; give a path of the facet, such as /list", code="invalid_path"
        )
    if not path or path[0] in "/?":
        return prefix + path
    return f"{prefix}/{path}"
