"""What both clients share: a configuration, a session of the component, middleware."""

from __future__ import annotations

import asyncio
import copy
import dataclasses
import functools
import os
import time
import warnings
import weakref
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, Any, Self

from ._version import USER_AGENT
from .amnesia import Amnesia
from .calls.calls import Calls
from .calls.credentials import StartThread, start_daemon
from .calls.limits import Limits
from .calls.metrics import Metrics, MetricsHook
from .calls.sessions import Session
from .config import SECRETS, ClientConfig, from_environment
from .credentials import TokenProvider
from .engine.guest import Clock
from .errors import RonConfigError, RonError, RonRequestError, RonSecurityWarning
from .middleware import NONE
from .plane import Plane
from .redact import Redactor
from .request import Request
from .response import Response
from .secret import Secret, SecretText, warn_of_short
from .transport.choice import transport_factory
from .transport.protocol import Transport, TransportFactory
from .transport.settings import dangers, transport_settings

if TYPE_CHECKING:
    from .calls.progress import Progress
    from .calls.sessions import Settings
    from .calls.streams import Stream
    from .capabilities.attenuation import Attenuation
    from .capabilities.capability import Capability
    from .capabilities.expiry import Expiry
    from .capabilities.key import IssuerKey
    from .capabilities.narrowing import Issuer
    from .options import StreamOptions
    from .reception import Callback, Reception
    from .stream_request import StreamRequest


class BaseClient:
    """A client: the root, or one derived by :meth:`with_options`. Arguments and errors are those of
    :class:`RonClient`."""

    _config: ClientConfig
    _session: Session

    _clock: Clock | None = None
    """Time and randomness, the system's if None: what a simulation replaces."""

    _flow: Callable[[], object] = staticmethod(asyncio.current_task)
    """The task or thread that the calling code belongs to."""

    _start_thread: StartThread = staticmethod(start_daemon)
    """Calls token providers that are plain functions."""

    _attenuation: Attenuation | None = None
    """How it is narrowed."""

    def __init__(
        self,
        base_url: str | None = None,
        *,
        token: SecretText | None = None,
        macaroon: SecretText | None = None,
        passport: SecretText | None = None,
        token_provider: TokenProvider | None = None,
        timeout: float | None = None,
        retries: int | None = None,
        allow_insecure_http: bool | None = None,
        config: ClientConfig | None = None,
        transport: str | TransportFactory = "aiohttp",
    ) -> None:
        given = _given(
            base_url=base_url,
            token=token,
            macaroon=macaroon,
            passport=passport,
            token_provider=token_provider,
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
            config = ClientConfig(**values)
        config = config.with_fields(given).with_own_secrets()
        settings, bad_settings = transport_settings(config)
        factory, bad_choice = transport_factory(transport)
        self._middleware = NONE
        self._amnesia = Amnesia()
        self._redactor: Redactor = Redactor(*config.secret_texts(*_TRANSPORT_SECRETS))
        make_transport: Callable[[], Transport] = functools.partial(factory, settings)
        if config.log_bodies:
            # Who logs none is not to load it.
            from .calls.bodies import logging_bodies

            make_transport = logging_bodies(make_transport, self._redactor)
        self._calls = Calls(
            make_transport,
            redactor=self._redactor,
            clock=self._clock,
            flow=self._flow,
            start_thread=self._start_thread,
        )
        # A session ends before the one that it is derived from, so that one's client must live on.
        self._parent: Self | None = None
        self._open(config, _ALL_FIELDS, [*faults, *bad_settings, *bad_choice])
        for danger in dangers(settings):
            warnings.warn(danger, RonSecurityWarning, stacklevel=2)
        for name in ("token", "macaroon", "passport"):
            if (secret := getattr(config, name)) is not None:
                warn_of_short(name, secret.get_secret_value(), stacklevel=2)
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
        return self._derive(given)

    def with_caveat(
        self,
        *,
        expiry: Expiry | None = None,
        readonly: bool = False,
        path_prefix: str | None = None,
        methods: Iterable[str] | None = None,
        max_bytes: int | None = None,
        tenant: str | None = None,
        strength: str | None = None,
        issuer_key: IssuerKey | None = None,
        issuer: Issuer | None = None,
    ) -> Self:
        """A client that may do less than this one (``docs/capabilities.md``); :attr:`capability`
        tells what is left, and how well it is held to that.

        Like one of :meth:`with_options` it shares all but its rights with this one, and its
        credential too unless ``issuer_key`` or ``issuer`` is given.

        Args:
            expiry: when its rights end: ``10m`` (a whole number and ``s``, ``m``, ``h`` or ``d``),
                positive seconds, a timedelta, or a datetime with a time zone.
            readonly: leave ``GET``, ``HEAD`` and ``OPTIONS``; with a token of its own ``GET`` and
                ``HEAD``.
            path_prefix: a path of the app plane, as in a call: leave it and what is below it.
            methods: leave these methods.
            max_bytes: the largest content of a request in bytes.
            tenant: bind its token to this tenant.
            strength: ``local``, ``delegated`` or ``minted``; by default the strongest that can be
                given.
            issuer_key: the key of this client's token, which is extended with it: 32 bytes or 64
                hexadecimal digits. It is not kept.
            issuer: a function, plain or ``async``, that is given the caveats
                (:mod:`ron_app_sdk_py.capabilities`) and returns a token with them, as a token
                provider does.

        Raises:
            RonCapabilityError: more is asked for than this client has, or than can be given.
            RonRequestError: an argument is no good, or none is given.
            RonClosedError: the client was closed.
        """
        from .capabilities.attenuation import Attenuation, attenuated
        from .capabilities.narrowing import Arguments

        arguments = Arguments(
            expiry=expiry,
            readonly=readonly,
            path_prefix=path_prefix,
            methods=methods,
            max_bytes=max_bytes,
            tenant=tenant,
            strength=strength,
            issuer_key=issuer_key,
            issuer=issuer,
        )
        before = self._attenuation or Attenuation()
        try:
            step = attenuated(before, self._config, self._calls.wall_ns(), arguments)
            return self._derive(step.fields, step.settings, step.attenuation)
        except RonError as error:
            self._redactor.scrub_error(error)
            raise

    @property
    def capability(self) -> Capability:
        """What this client may do."""
        from .capabilities.attenuation import Attenuation
        from .capabilities.capability import Capability, own_token

        left = self._attenuation or Attenuation()
        token = own_token(self._config)
        wall_ns = time.time_ns if self._clock is None else self._clock.wall_ns
        return Capability(left.strength, left.tenant, token, left.rights, wall_ns)

    def _perform_with(self, token: SecretText) -> Callable[[Request], Awaitable[Response]]:
        """As :meth:`_perform`, of a client that differs from this one in its credential. It ends
        with this one, or when nobody has the result any more.

        Raises:
            RonConfigError: the token is no good.
            RonClosedError: the client was closed.
        """
        if token is None:
            # No other credential: this client's.
            raise RonConfigError("token is NoneType; give a str or a Secret", code="invalid_config")
        derived = self._derive({"token": token}, [("without-passport", "true")])
        warn_of_short("token", Secret.of(token).get_secret_value(), stacklevel=3)
        # The session has a copy of its own.
        derived._config = self._config
        return derived._perform

    def _derive(
        self,
        fields: dict[str, Any],
        settings: Settings = (),
        attenuation: Attenuation | None = None,
    ) -> Self:
        derived = copy.copy(self)
        derived._parent = self
        derived._attenuation = attenuation or self._attenuation
        derived._open(self._config.with_fields(fields), fields, [], self._session, settings)
        weakref.finalize(derived, self._calls.abandon, derived._session).atexit = False
        return derived

    def _end(self) -> None:
        """Ends every call in flight and drops the secrets; of a derived client, its own."""
        if self._parent is None:
            self._calls.end()
            # Nothing will know what to take out of it.
            self._config = self._config.scrubbed()
            for text in self._config.secret_texts(*_TRANSPORT_SECRETS):
                self._redactor.remove(text)
        else:
            self._calls.close_session(self._session)
        shared = None if self._parent is None else self._parent._config
        for name in SECRETS:
            secret = getattr(self._config, name)
            if isinstance(secret, Secret) and secret is not getattr(shared, name, None):
                secret.wipe()
        self._config = dataclasses.replace(self._config, token_provider=None)

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
        more: Settings = (),
    ) -> None:
        """Opens the session, with more settings than the configuration has, collecting what both
        sides find wrong."""
        settings, own_faults = config.settings(fields)
        settings += more
        faults = faults + own_faults
        if parent is None and config.user_agent is None:
            settings.append(("user-agent", USER_AGENT))
        provider = config.token_provider if ("token-provider", "true") in settings else None
        session = None
        try:
            session = self._calls.open(settings, parent, provider=provider)
        except RonConfigError as error:
            faults.append(error.message)
        if session is None or faults:
            if session is not None:
                self._calls.close_session(session)
            message = Redactor(*config.secret_texts()).scrub("; ".join(faults))
            raise RonConfigError(message, code="invalid_config")
        self._config = config
        self._session = session
        rights = None if self._attenuation is None else self._attenuation.rights
        self._limits = Limits.of(config, self._redactor, rights, self._calls.wall_ns)

    @property
    def _plane(self) -> Plane:
        return Plane(self._perform, self._reception, self._redactor)

    async def _perform(self, request: Request) -> Response:
        """Performs a call with this client's middleware around it."""
        chain = self._middleware
        if not chain:
            self._amnesia.warn_of(request)
            return await self._calls.perform(self._session, self._limits, request)
        request.redactor = self._redactor
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
        request.redactor = self._redactor
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
        return f"{type(self).__name__}({self._redactor.scrub(self._config.base_url)!r})"


_TRANSPORT_SECRETS = ("tls_client_key_password", "proxy")
"""The secrets that the component does not know."""

_ALL_FIELDS = tuple(field.name for field in dataclasses.fields(ClientConfig))


def _given(**arguments: Any) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if value is not None}
