"""What both clients share: a configuration, a session of the component, middleware."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import functools
import os
import warnings
import weakref
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any, Self

from ._version import USER_AGENT
from .amnesia import Amnesia
from .calls.calls import Calls
from .calls.limits import Limits
from .calls.metrics import Metrics, MetricsHook
from .calls.sessions import Session
from .config import ClientConfig, from_environment
from .engine.guest import Clock
from .errors import RonConfigError, RonError, RonRequestError, RonSecurityWarning
from .middleware import NONE
from .plane import Plane
from .redact import SHORTEST_SECRET, Redactor
from .request import Request
from .response import Response
from .transport.choice import transport_factory
from .transport.protocol import TransportFactory
from .transport.settings import dangers, transport_settings

if TYPE_CHECKING:
    from .calls.progress import Progress
    from .calls.streams import Stream
    from .options import StreamOptions
    from .reception import Callback, Reception
    from .stream_request import StreamRequest


class BaseClient:
    """A client: the root, or one derived by :meth:`with_options`. Arguments and errors are those of
    :class:`RonClient`."""

    _clock: Clock | None = None
    """Time and randomness, the system's if None: what a simulation replaces."""

    _flow: Callable[[], object] = staticmethod(asyncio.current_task)
    """The task or thread that the calling code belongs to."""

    def __init__(
        self,
        base_url: str | None = None,
        *,
        token: str | None = None,
        timeout: float | None = None,
        retries: int | None = None,
        allow_insecure_http: bool | None = None,
        config: ClientConfig | None = None,
        transport: str | TransportFactory = "aiohttp",
    ) -> None:
        given = _given(
            base_url=base_url,
            token=token,
            timeout=timeout,
            retries=retries,
            allow_insecure_http=allow_insecure_http,
        )
        faults: list[str] = []
        if config is not None and not isinstance(config, ClientConfig):
            raise RonConfigError(
                f"config is {type(config).__name__}; give a ClientConfig", code="invalid_config"
            )
        if config is None:
            values, faults = from_environment(os.environ)
            config = ClientConfig(**{**values, **given})
        else:
            config = dataclasses.replace(config, **given)
        settings, bad_settings = transport_settings(config)
        factory, bad_choice = transport_factory(transport)
        self._middleware = NONE
        self._amnesia = Amnesia()
        self._redactor = Redactor(config.token)
        self._calls = Calls(
            functools.partial(factory, settings), clock=self._clock, flow=self._flow
        )
        # A session ends before the one that it is derived from, so that one's client must live on.
        self._parent: Self | None = None
        self._open(config, _ALL_FIELDS, [*faults, *bad_settings, *bad_choice])
        for danger in dangers(settings):
            warnings.warn(danger, RonSecurityWarning, stacklevel=2)
        _warn_of_short(config.token)
        self._opened()

    @classmethod
    def from_env(cls, *, dotenv: bool | str | os.PathLike[str] = False, **overrides: Any) -> Self:
        """A client configured by the environment: see :meth:`ClientConfig.from_env`.

        Raises:
            RonConfigError: as there, and as the constructor.
        """
        return cls(config=ClientConfig.from_env(dotenv=dotenv, **overrides))

    def _opened(self) -> None:
        """Called once the root session is open, for what a client has beside it."""

    def with_options(
        self,
        *,
        timeout: float | None = None,
        connect_timeout: float | None = None,
        read_timeout: float | None = None,
        write_timeout: float | None = None,
        max_request_bytes: int | None = None,
        max_response_bytes: int | None = None,
        retries: int | None = None,
        backoff: str | None = None,
    ) -> Self:
        """A client that differs from this one in what is given.

        It shares this one's credential, connections, places, queue and retry budget, and has its
        middleware; it ends with this one, or by a ``close`` of its own. Origin, TLS and proxy can't
        be changed: make another client for that.

        Args:
            timeout: seconds for a whole call.
            connect_timeout: seconds for DNS, TCP and TLS together.
            read_timeout: seconds that the server may be silent.
            write_timeout: seconds that the server may take no bytes.
            max_request_bytes: largest request body in bytes.
            max_response_bytes: largest body of a successful answer in bytes.
            retries: attempts after the first.
            backoff: ``exponential`` or ``linear``.

        Raises:
            RonConfigError: a value is no good; names every fault.
            RonClosedError: the client was closed.
        """
        given = _given(
            timeout=timeout,
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            write_timeout=write_timeout,
            max_request_bytes=max_request_bytes,
            max_response_bytes=max_response_bytes,
            retries=retries,
            backoff=backoff,
        )
        derived = copy.copy(self)
        derived._parent = self
        derived._open(dataclasses.replace(self._config, **given), given, [], self._session)
        weakref.finalize(derived, self._calls.abandon, derived._session).atexit = False
        return derived

    def _perform_with(self, token: str) -> Callable[[Request], Awaitable[Response]]:
        """As :meth:`_perform`, of a client that differs from this one in its credential. It shares
        connections and middleware, but neither places nor retry budget; it ends with this one, or
        when nobody has the result any more.

        Raises:
            RonConfigError: the token is no good.
            RonClosedError: the client was closed.
        """
        if not isinstance(token, str):
            raise RonConfigError(
                f"token is {type(token).__name__}; give a str", code="invalid_config"
            )
        config = dataclasses.replace(self._config, token=token)
        derived = copy.copy(self)
        derived._parent = self
        derived._open(config, _ALL_FIELDS, [], self._session, is_root=True)
        self._redactor.add(token)
        weakref.finalize(derived, self._calls.abandon, derived._session).atexit = False
        weakref.finalize(derived, self._redactor.remove, token).atexit = False
        _warn_of_short(token)
        return derived._perform

    def add_middleware(self, middleware: object) -> None:
        """Adds middleware for the calls that begin from now on, of this client and of those that
        are derived from it later.

        Args:
            middleware: a :class:`Middleware`, or any object with some of its methods.

        Raises:
            RonRequestError: it has none of them.
        """
        self._middleware = self._middleware.with_added(middleware)

    def add_metrics_hook(self, hook: MetricsHook) -> None:
        """Has ``hook`` called with a :class:`CallRecord` after each call of the root client and all
        that are derived from it. What it raises is logged and does the call no harm.

        Raises:
            RonRequestError: it can't be called.
        """
        if not callable(hook):
            raise RonRequestError(
                f"the metrics hook is {type(hook).__name__}; give a function of one argument",
                code="invalid_hook",
            )
        self._calls.add_hook(hook)

    @property
    def metrics(self) -> Metrics:
        """Counters of the root client and all that are derived from it."""
        return self._calls.metrics()

    @property
    def config(self) -> ClientConfig:
        """The configuration in force."""
        return self._config

    def _open(
        self,
        config: ClientConfig,
        fields: Iterable[str],
        faults: list[str],
        parent: Session | None = None,
        *,
        is_root: bool = False,
    ) -> None:
        """Opens the session, collecting what both sides find wrong."""
        settings, own_faults = config.settings(fields)
        faults = faults + own_faults
        if (parent is None or is_root) and config.user_agent is None:
            settings.append(("user-agent", USER_AGENT))
        session = None
        try:
            session = self._calls.open(settings, parent, is_root=is_root)
        except RonConfigError as error:
            faults.append(error.message)
        if session is None or faults:
            if session is not None:
                self._calls.close_session(session)
            raise RonConfigError("; ".join(faults), code="invalid_config")
        self._config = config
        self._session = session
        self._limits = Limits.of(config, self._redactor)

    @property
    def _plane(self) -> Plane:
        return Plane(self._perform, self._reception, self._redactor)

    async def _perform(self, request: Request) -> Response:
        """Performs a call with this client's middleware around it."""
        chain = self._middleware
        if not chain:
            self._amnesia.warn_of(request)
            return await self._calls.perform(self._session, self._limits, request)
        await chain.run("before_request", request)
        try:
            request.normalize()
            self._amnesia.warn_of(request)
            response = await self._calls.perform(
                self._session, self._limits, request.as_it_is(), chain
            )
        except RonError as error:
            await chain.run("after_error", request, error)
            raise
        await chain.run("after_response", request, response)
        return response

    def _reception(
        self, path: str, callback: Callback | None, options: StreamOptions, node: str | None = None
    ) -> Reception:
        """What a subscription is made of; ``node`` as of :class:`~.request.Request`."""
        # Who has no streams is not to load them.
        from .reception import Reception, arguments

        request, delivery = arguments(path, callback, options)
        request.node = node
        shown_path = self._limits.redactor.scrub(request.path.partition("?")[0])
        return Reception(self._begin, request, delivery, shown_path)

    async def _begin(self, request: StreamRequest, progress: Progress) -> Stream:
        """Begins a stream with this client's middleware around it."""
        chain = self._middleware
        begun: Request = request
        if chain:
            await chain.run("before_request", request)
        try:
            if chain:
                request.normalize()
                begun = request.as_it_is()
            return await self._calls.stream(self._session, self._limits, begun, progress, chain)
        except RonError as error:
            await chain.run("after_error", request, error)
            raise

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._config.base_url!r})"


_ALL_FIELDS = tuple(field.name for field in dataclasses.fields(ClientConfig))


def _warn_of_short(token: str | None) -> None:
    if token is not None and len(token) < SHORTEST_SECRET:
        warnings.warn(
            f"the token has fewer than {SHORTEST_SECRET} characters, too few to be found and taken "
            "out of texts that servers send; use a longer one",
            RonSecurityWarning,
            stacklevel=3,
        )


def _given(**arguments: Any) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if value is not None}
