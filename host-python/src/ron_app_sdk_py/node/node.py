"""The node behind the gateway's address: health, readiness, version, streams.

Servers answer in several forms, text and JSON (``protocol.md`` 9). They are brought into one here.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, Unpack

from .errors import RonParseError, RonProblem, RonRequestError
from .options import ContentOptions, StreamOptions
from .request import Request
from .response import Response

if TYPE_CHECKING:
    from .reception import Callback, Reception
    from .subscription import Subscription
    from .subscription_sync import SubscriptionSync
    from .thread_loops import ThreadLoops

PROTOCOL_VERSION = "v0.1"
"""The version of the app-plane protocol that this package speaks (``protocol.md`` 10, row 30)."""

PROTO_VERSION = 1
"""The version of the shapes of ``ron-proto`` that it speaks."""

SUPPORTED_NODES = "0.1"
"""Major and minor version of the servers that it was tested with."""

_UNAVAILABLE = (503, 504)
_SEMVER = re.compile(r"(?<![\w.])v?((\d+\.\d+)\.\d+(?:[-+][0-9A-Za-z.+-]+)?)")
_LONGEST_VERSION = 200


class RonVersionWarning(UserWarning):
    """The server says that it has a version that this package was not tested with."""


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


class Receive(Protocol):
    """Prepares a subscription."""

    def __call__(
        self, path: str, callback: Callback | None, options: StreamOptions, node: str, /
    ) -> Reception:
        """What it is made of."""


class Node:
    """Calls beside the app plane, at the same origin. No credential is sent unless asked for."""

    def __init__(
        self,
        perform: Callable[[Request], Awaitable[Response]],
        receive: Receive,
    ) -> None:
        self._perform = perform
        self._receive = receive

    async def request(
        self, method: str, path: str, *, credential: bool = False, **options: Unpack[ContentOptions]
    ) -> Response:
        """Performs a call of any path behind the base URL.

        Args:
            method: the method.
            path: the path, such as ``/metrics``.
            credential: whether to send the credential.
            options: see :class:`~.options.ContentOptions`.

        Raises:
            RonError: as :meth:`RonClient.request`.
        """
        request = Request(method, path, **options)
        request.node = _credential(credential)
        return await self._perform(request)

    def subscribe(
        self,
        path: str,
        callback: Callback | None = None,
        *,
        credential: bool = False,
        **options: Unpack[StreamOptions],
    ) -> Subscription:
        """Subscribes to an event stream at any path behind the base URL.

        Args:
            path: the path, such as ``/registry/stream``.
            callback: as of :meth:`RonClient.subscribe`.
            credential: whether to send the credential.
            options: see :class:`~.options.StreamOptions`.

        Raises:
            RonRequestError: an argument is no good.
        """
        from .subscription import Subscription

        return Subscription(self._receive(path, callback, options, _credential(credential)))

    async def health(self) -> NodeHealth:
        """Asks ``/healthz``, once. A node that is unwell is an answer, not an error.

        Raises:
            RonError: there is no such answer.
        """
        try:
            return _health(await self.request("GET", "/healthz", retries=0))
        except RonProblem as problem:
            return _unhealthy(problem)

    async def ready(self) -> NodeReadiness:
        """Asks ``/readyz``, once. A node that is not ready is an answer, not an error.

        Raises:
            RonError: there is no such answer.
        """
        try:
            return _readiness_of(await self.request("GET", "/readyz", retries=0))
        except RonProblem as problem:
            return _unready(problem)

    async def version(self) -> NodeVersion:
        """Asks ``/version``, or ``/versionz`` where that does not exist.

        Warns with :class:`RonVersionWarning` if the version is not a supported one.

        Raises:
            RonError: there is no such answer.
        """
        try:
            response = await self.request("GET", "/version")
        except RonProblem as problem:
            if problem.status != 404:
                raise
            response = await self.request("GET", "/versionz")
        return _checked(_version(response))


class NodeSync:
    """As :class:`Node`, for :class:`RonClientSync`."""

    def __init__(self, node: Node, receive: Receive, loops: ThreadLoops) -> None:
        self._node = node
        self._receive = receive
        self._loops = loops

    def request(
        self, method: str, path: str, *, credential: bool = False, **options: Unpack[ContentOptions]
    ) -> Response:
        """See :meth:`Node.request`."""
        return self._loops.run(
            lambda: self._node.request(method, path, credential=credential, **options)
        )

    def subscribe(
        self,
        path: str,
        callback: Callback | None = None,
        *,
        credential: bool = False,
        **options: Unpack[StreamOptions],
    ) -> SubscriptionSync:
        """See :meth:`Node.subscribe`."""
        from .subscription_sync import SubscriptionSync

        reception = self._receive(path, callback, options, _credential(credential))
        return SubscriptionSync(reception, self._loops)

    def health(self) -> NodeHealth:
        """See :meth:`Node.health`."""
        return self._loops.run(self._node.health)

    def ready(self) -> NodeReadiness:
        """See :meth:`Node.ready`."""
        return self._loops.run(self._node.ready)

    def version(self) -> NodeVersion:
        """See :meth:`Node.version`."""
        return self._loops.run(self._node.version)


def _credential(wanted: object) -> str:
    if not isinstance(wanted, bool):
        raise RonRequestError(
            f"credential is {type(wanted).__name__}; give True or False", code="invalid_credential"
        )
    return "include" if wanted else "omit"


def _health(response: Response) -> NodeHealth:
    """Reads text, an empty answer, ``{"ok", "checks"}`` and a map of parts to booleans."""
    said = _object(response)
    checks = said.get("checks")
    if isinstance(checks, dict):
        parts = checks
    else:
        parts = {name: value for name, value in said.items() if name != "ok"}
    ok = said.get("ok") is not False and all(value is not False for value in parts.values())
    return NodeHealth(ok, response.status, parts)


def _unhealthy(problem: RonProblem) -> NodeHealth:
    """Reads a 503 of ``/healthz``; raises any other problem."""
    if problem.status not in _UNAVAILABLE:
        raise problem
    parts = dict(problem.problem.extensions)
    unhealthy = parts.pop("unhealthy", None)
    for name in unhealthy if isinstance(unhealthy, list) else ():
        parts[str(name)] = False
    checks = parts.pop("checks", None)
    parts.pop("ok", None)
    return NodeHealth(False, problem.status, checks if isinstance(checks, dict) else parts)


def _readiness_of(response: Response) -> NodeReadiness:
    """Reads text, an empty answer, and ``{"ready", "deps", "missing", "mode"}``."""
    said = _object(response)
    return _readiness(said, response.status, ready=said.get("ready") is not False, retry_after=None)


def _unready(problem: RonProblem) -> NodeReadiness:
    """Reads a 503 or 504 of ``/readyz``; raises any other problem."""
    if problem.status not in _UNAVAILABLE:
        raise problem
    said = problem.problem.extensions
    return _readiness(said, problem.status, ready=False, retry_after=problem.retry_after)


def _version(response: Response) -> NodeVersion:
    """Reads a version in a line of text, and ``{"version", "name" or "service"}``.

    Raises:
        RonParseError: there is no version in it.
    """
    said = _object(response)
    told = said.get("version", "" if said else response.text.strip())
    match = _SEMVER.search(told) if isinstance(told, str) and len(told) < _LONGEST_VERSION else None
    if match is None:
        raise RonParseError(
            "the answer tells no version; use node.request() for the whole of it",
            code="invalid_version",
            attempts=response.attempts,
            request_id=response.request_id,
        )
    name = said.get("name", said.get("service"))
    return NodeVersion(match.group(1), name if isinstance(name, str) else None, said)


def _checked(node: NodeVersion) -> NodeVersion:
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


def _readiness(
    said: Mapping[str, Any], status: int, *, ready: bool, retry_after: float | None
) -> NodeReadiness:
    missing, deps, mode = said.get("missing"), said.get("deps"), said.get("mode")
    return NodeReadiness(
        ready,
        status,
        tuple(map(str, missing)) if isinstance(missing, list) else (),
        deps if isinstance(deps, dict) else {},
        mode if isinstance(mode, str) else None,
        retry_after,
    )


def _object(response: Response) -> dict[str, Any]:
    """The answer's JSON object; empty if it is something else."""
    value = response.value()
    return value if isinstance(value, dict) else {}
