"""Checks of what is between here and the gateway's answer, each bounded in time."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from yarl import URL

from ..client import RonClient
from ..config import CREDENTIALS, ClientConfig
from ..errors import (
    RonAuthError,
    RonBufferingWarning,
    RonConfigError,
    RonError,
    RonNetworkError,
    RonParseError,
    RonProblem,
    RonStreamError,
    RonTimeoutError,
    RonTlsError,
    RonTooLargeError,
)
from ..node import NodeHealth
from ..secret import revealed
from ..subscription import Subscription
from ..transport.proxy import parse_proxy
from ..transport.resolver import Resolver
from .output import options_for

PROXY_VARIABLES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")
"""What other programs take their proxy from."""

STREAM = "/events"
"""The event stream that is tried if none is named."""

_MENDS = {
    "expired": "renew the server's certificate, or set this machine's clock",
    "not_yet_valid": "set this machine's clock, or wait for the certificate",
    "wrong_host": "use the name in --url that the certificate is for",
    "self_signed": "trust the certificate with --ca if it is yours",
    "unknown_issuer": "trust the authority that signed it with --ca",
    "client_certificate": "the gateway wants a client certificate, which ron does not have",
    "protocol_version": "have the server speak TLS 1.2 or newer",
    "not_tls": "the port speaks something else: use http, or another port",
    "closed": "see the server's log: it hung up in the handshake",
    "proxy_auth": "give the proxy's user name and password in RON_SDK_PROXY",
    "proxy_status": "have the proxy allow CONNECT to this host and port",
}
"""What helps, by reasons of errors (``docs/errors.md``)."""

_NO_GATEWAY_MEND = "check that --url names a RON gateway, not something before it"
_TIMEOUT_MEND = "see whether the node is overloaded, or give --timeout more seconds"


@dataclass(frozen=True, slots=True)
class Check:
    """What a check has found.

    Attributes:
        name: what was checked.
        state: ``ok``; ``warn``, which calls can live with; ``fail``; or ``skip`` if it was not
            checked.
        cause: what was seen.
        mend: what helps, or empty.
    """

    name: str
    state: Literal["ok", "warn", "fail", "skip"]
    cause: str
    mend: str = ""


class Examination:
    """The checks of one gateway.

    Args:
        configure: makes the configuration.
        path: what is called on the app plane.
        stream: the event stream that is tried there; None for one that need not be there.
        limit: seconds that each check may take.
    """

    def __init__(
        self, configure: Callable[[], ClientConfig], *, path: str, stream: str | None, limit: float
    ) -> None:
        self._configure = configure
        self._path = path
        self._stream = stream
        self._limit = limit
        self._addresses: list[str] = []
        self._answer: NodeHealth | RonError | None = None

    async def checks(self) -> AsyncIterator[Check]:
        """The checks in order. What comes after one that fails is not reached."""
        client: RonClient | None = None
        failed = ""
        try:
            check, client = self._configuration()
            yield check
            steps: tuple[tuple[str, Callable[[RonClient], Awaitable[Check]]], ...] = (
                ("dns", self._dns),
                ("tcp", self._tcp),
                ("tls", self._tls),
                ("gateway", self._gateway),
                ("auth", self._auth),
                ("streaming", self._streaming),
            )
            failed = "" if client is not None else check.name
            for name, step in steps:
                if client is None or failed:
                    yield Check(name, "skip", f"not reached: {failed} failed")
                    continue
                check = await step(client)
                failed = name if check.state == "fail" else ""
                yield check
        finally:
            if client is not None:
                await client.close()

    def _configuration(self) -> tuple[Check, RonClient | None]:
        try:
            config = self._configure()
            # What takes the whole time is then known to be no handshake.
            client = RonClient(
                config=dataclasses.replace(
                    config,
                    timeout=self._limit,
                    # What is no time is said once.
                    connect_timeout=self._limit / 2 if self._limit > 0 else None,
                    read_timeout=None,
                    write_timeout=None,
                    retries=0,
                )
            )
        except RonConfigError as error:
            return _failure("configuration", error), None
        token = "no token" if (kind := _credential(config)) is None else f"a {kind}"
        parts = [config.base_url, token]
        parts.append("no proxy" if config.proxy is None else f"proxy {self._target(config)[2]}")
        unused = [name for name in PROXY_VARIABLES if os.environ.get(name)]
        if unused and config.proxy is None:
            parts.append(f"{unused[0]} is not used: give --proxy if it is needed")
        return Check("configuration", "ok", ", ".join(parts)), client

    @staticmethod
    def _target(config: ClientConfig) -> tuple[str, int, str]:
        """Host and port of what is connected to, and both together: the proxy, if there is one."""
        if config.proxy is not None:
            proxy = parse_proxy(revealed(config.proxy))
            return proxy.host, proxy.port, proxy.authority
        url = URL(config.base_url)
        host, port = url.host or "", url.port or 0
        return host, port, f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

    async def _dns(self, client: RonClient) -> Check:
        host, port, _ = self._target(client.config)
        try:
            async with asyncio.timeout(self._limit):
                found = await Resolver().addresses(host, port)
        except TimeoutError:
            cause = f"nobody has told the address of {host}"
            return self._late("dns", cause, "check this machine's resolver")
        except OSError as error:
            why = error.strerror or "it can't be looked up"
            return Check(
                "dns", "fail", f"{host} does not resolve: {why}", "check the name in --url"
            )
        self._addresses = list(dict.fromkeys(address[0] for *_, address in found))
        shown = ", ".join(self._addresses)
        return Check("dns", "ok", shown if shown == host else f"{host} is {shown}")

    async def _tcp(self, client: RonClient) -> Check:
        _, port, authority = self._target(client.config)
        refused: list[str] = []
        mend = f"start what should listen on port {port}, or check the port and the firewall"
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with asyncio.timeout(self._limit):
                for address in self._addresses:
                    try:
                        transport, _ = await loop.create_connection(asyncio.Protocol, address, port)
                    except OSError as error:
                        refused.append(f"{address}: {os.strerror(error.errno or 0)}")
                        continue
                    transport.abort()
                    taken = f"{address} port {port} in {(loop.time() - began) * 1000:.0f} ms"
                    return Check("tcp", "ok", ", but ".join([taken, *refused]))
        except TimeoutError:
            return self._late("tcp", f"{authority} does not answer", mend)
        return Check("tcp", "fail", f"{authority} can't be connected to: {refused[-1]}", mend)

    async def _tls(self, client: RonClient) -> Check:
        if not client.config.base_url.lower().startswith("https:"):
            return Check("tls", "skip", "plain http has none")
        error = await self._ask(client)
        if isinstance(error, RonTimeoutError) and error.phase == "connect":
            return self._late(
                "tls",
                "the handshake does not end",
                "check that the port speaks TLS",
                self._limit / 2,
            )
        connected = not isinstance(error, RonTlsError) and not (
            isinstance(error, RonNetworkError) and (error.reason or "").startswith("proxy_")
        )
        if isinstance(error, RonError) and not connected:
            return _failure("tls", error)
        return Check("tls", "ok", "the certificate is trusted and for this host")

    async def _gateway(self, client: RonClient) -> Check:
        answer = await self._ask(client)
        if isinstance(answer, RonProblem):
            return Check(
                "gateway",
                "fail",
                f"GET /healthz is answered by {answer}",
                _NO_GATEWAY_MEND,
            )
        if isinstance(answer, RonParseError):
            return Check("gateway", "fail", _parts(answer)[0], _NO_GATEWAY_MEND)
        if isinstance(answer, RonError):
            return _failure("gateway", answer)
        if not answer.ok:
            bad = [str(name) for name, state in answer.checks.items() if state is not True]
            cause = f"it says that it is unwell: {', '.join(bad) or 'of what, it does not say'}"
            log = "the node's log" if bad else "the log of the node, or of what is before it"
            return Check("gateway", "fail", cause, f"see {log}")
        try:
            readiness = await client.node.ready()
        except (RonProblem, RonParseError):
            return Check("gateway", "ok", "healthy; it does not tell whether it is ready")
        except RonError as error:
            return _failure("gateway", error)
        if not readiness.ready:
            missing = f", waits for {', '.join(readiness.missing)}" if readiness.missing else ""
            return Check("gateway", "fail", f"not ready{missing}", "wait, or see the node's log")
        return Check("gateway", "ok", "healthy and ready")

    async def _auth(self, client: RonClient) -> Check:
        told = f"GET {self._path} of the app plane"
        try:
            response = await client.request("GET", self._path)
        except RonAuthError as error:
            mend = "check what the token may do" if error.status == 403 else "get a new token"
            if _credential(client.config) is None:
                mend = "give a token: RON_APP_TOKEN, --token-file or --ask-token"
            return Check("auth", "fail", f"{told} is refused: {error}", mend)
        except RonProblem as error:
            if error.status == 404:
                return Check("auth", "ok", f"{told} is not refused, but not there (404)")
            mend = "see the app's log; name another path with --path"
            return Check("auth", "fail", f"{told} is answered by {error}", mend)
        except RonError as error:
            return _failure("auth", error)
        kind = _credential(client.config)
        who = "without a token" if kind is None else f"with the {kind}"
        return Check("auth", "ok", f"{told} is answered {who}: HTTP {response.status}")

    async def _streaming(self, client: RonClient) -> Check:
        path = STREAM if self._stream is None else self._stream
        told = f"the stream {path}"
        subscription = client.subscribe(
            path, reconnect=False, max_events=1, max_duration=self._limit
        )
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always", RonBufferingWarning)
            outcome = await _first(subscription)
        if any(issubclass(warning.category, RonBufferingWarning) for warning in warned):
            return Check(
                "streaming",
                "warn",
                f"{told} is held back until it ends, as RON gateways do",
                "watch the service itself, or poll (docs/streams.md)",
            )
        mend = "name a stream of your app with --stream"
        match outcome:
            case RonAuthError():
                may = "check what the token may do"
                return Check("streaming", "fail", f"{told} is refused: {outcome}", may)
            case RonProblem(status=404) | RonStreamError() if self._stream is None:
                return Check("streaming", "skip", f"there is no stream {path}", mend)
            case RonStreamError() | RonProblem() | RonTooLargeError():
                return Check("streaming", "fail", f"{told}: {outcome}", mend)
            case RonError():
                return _failure("streaming", outcome)
            case True:
                return Check("streaming", "ok", f"{told} gives events as they come")
        opened = subscription.counters.connections > 0
        what = f"is open, and silent for {self._limit:g} s" if opened else "ended without an event"
        return Check("streaming", "ok", f"{told} {what}")

    async def _ask(self, client: RonClient) -> NodeHealth | RonError:
        """What the gateway answers, asked once."""
        if self._answer is None:
            try:
                self._answer = await client.node.health()
            except RonError as error:
                self._answer = error
        return self._answer

    def _late(self, name: str, cause: str, mend: str, limit: float | None = None) -> Check:
        return Check(name, "fail", f"{cause} within {limit or self._limit:g} s", mend)


async def _first(subscription: Subscription) -> bool | RonError:
    """Whether an event came, or in what the stream ended."""
    try:
        async with subscription:
            async for _ in subscription:
                return True
    except RonError as error:
        return error
    return False


def _parts(error: RonError) -> tuple[str, str]:
    """Cause and mend, as its message has them."""
    cause, _, mend = error.message.partition("; ")
    return cause, mend


def _failure(name: str, error: RonError) -> Check:
    """A check that failed in an error, whose message has the mend after the cause."""
    cause, mend = _parts(error)
    reason = getattr(error, "reason", None)
    if isinstance(error, RonConfigError):
        # It may have several faults, each with its mend.
        cause, mend = error.message, options_for(error.message)
    if reason is not None:
        cause = f"{cause} ({reason})"
    if isinstance(error, RonTimeoutError):
        mend = _TIMEOUT_MEND
    return Check(name, "fail", cause, _MENDS.get(reason or "", mend))


def _credential(config: ClientConfig) -> str | None:
    """The kind of credential that a client has."""
    return next((kind for kind in CREDENTIALS if getattr(config, kind) is not None), None)
