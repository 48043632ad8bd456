"""What a client is configured with."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from . import defaults
from .errors import RonConfigError, RonRequestError
from .request import nanoseconds

DEFAULT_BASE_URL = "http://127.0.0.1:8080"
"""Where a client goes that was told nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ClientConfig:
    """The configuration of a client. None means the default of ``docs/defaults.md``.

    ``repr`` leaves the token out. The component checks the values when a client is made.
    """

    base_url: str = DEFAULT_BASE_URL
    """The gateway: http or https, with or without a path. Plain http only to this machine."""

    token: str | None = dataclasses.field(default=None, repr=False)
    """The credential, sent as ``Authorization: Bearer`` to the origin of ``base_url`` only."""

    timeout: float | None = None
    """Seconds for a whole call, waiting for a place and reading the body included. Default 10."""

    connect_timeout: float | None = None
    """Seconds for DNS, TCP and TLS together. Default 3, or the overall time-out if shorter."""

    read_timeout: float | None = None
    """Seconds that the server may be silent. Default 7, or the overall time-out if shorter."""

    write_timeout: float | None = None
    """Seconds in which the server takes the next 64 KiB of a request body. Default 5, or the
    overall time-out if shorter."""

    max_concurrency: int | None = None
    """Exchanges under way at once. Default 100."""

    max_queue: int | None = None
    """Calls that may wait for a place. Default 1,000."""

    max_request_bytes: int | None = None
    """Largest request body in bytes. Default 1 MiB."""

    max_response_bytes: int = defaults.MAX_RESPONSE_BYTES
    """Largest body of a successful answer in bytes. Default 16 MiB."""

    allow_insecure_http: bool = False
    """Allow plain http to hosts other than this machine: anybody on the way can read the token."""

    user_agent: str | None = None
    """The ``User-Agent``. Default this package's name and version."""

    tls_verify: bool = True
    """Check the server's certificate and its name. False warns with :class:`RonSecurityWarning`
    each time a client is made: anybody on the way can read the token."""

    tls_ca: str | None = None
    """A PEM file, or a folder of PEM files: the authorities to trust instead of the system's."""

    tls_client_certificate: str | None = None
    """A PEM file of the client's certificate and its chain, for servers that demand one."""

    tls_client_key: str | None = None
    """A PEM file of its private key. Default the file of the certificate."""

    tls_client_key_password: str | None = dataclasses.field(default=None, repr=False)
    """The password of an encrypted private key."""

    proxy: str | None = dataclasses.field(default=None, repr=False)
    """An HTTP proxy for every request, ``http://user:password@host:port``. None is read from the
    environment."""

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, **overrides: Any) -> Self:
        """The configuration of the environment; ``overrides`` win unless they are None.

        Reads ``RON_SDK_GATEWAY_ADDR`` or ``RON_APP_URL``, ``RON_APP_TOKEN``,
        ``RON_SDK_INSECURE_HTTP``, ``RON_SDK_OVERALL_TIMEOUT_MS`` or ``RON_APP_TIMEOUT`` (seconds,
        or with ``ms`` or ``s``), ``RON_SDK_CONNECT_TIMEOUT_MS`` and ``RON_SDK_READ_TIMEOUT_MS``.

        Raises:
            RonConfigError: variables have values that can't be read; names every one.
        """
        environ = os.environ if environ is None else environ
        faults: list[str] = []
        found: dict[str, Any] = {}
        for name, variable, read in _VARIABLES:
            text = environ.get(variable, "")
            if text and name not in found:
                try:
                    found[name] = read(text)
                except ValueError as error:
                    faults.append(f"{variable} {error}")
        if faults:
            raise RonConfigError("; ".join(faults), code="invalid_config")
        given = {name: value for name, value in overrides.items() if value is not None}
        return cls(**{**found, **given})

    def settings(self, user_agent: str) -> list[tuple[str, str]]:
        """The settings of the component's ``open``.

        Args:
            user_agent: the ``User-Agent`` if none is configured.

        Raises:
            RonConfigError: a value has the wrong type.
        """
        settings = [("base-url", _text("base_url", self.base_url))]
        if self.allow_insecure_http:
            settings.append(("allow-insecure-http", "true"))
        if self.token is not None:
            settings.append(("token", _text("token", self.token)))
        agent = user_agent if self.user_agent is None else self.user_agent
        settings.append(("user-agent", _text("user_agent", agent)))
        for name, seconds in (
            ("timeout", self.timeout),
            ("connect_timeout", self.connect_timeout),
            ("read_timeout", self.read_timeout),
        ):
            if seconds is not None:
                setting = "overall-timeout" if name == "timeout" else name.replace("_", "-")
                try:
                    settings.append((setting, nanoseconds(name, seconds)))
                except RonRequestError as error:
                    raise RonConfigError(error.message, code="invalid_config") from None
        for name in ("max_concurrency", "max_queue", "max_request_bytes", "max_response_bytes"):
            number = getattr(self, name)
            if number is None:
                continue
            if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < 2**32:
                raise RonConfigError(
                    f"{name} is {number!r}; give a whole number from 0 to {2**32 - 1}",
                    code="invalid_config",
                )
            if name != "max_response_bytes":
                settings.append((name.replace("_", "-"), str(number)))
        return settings


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise RonConfigError(f"{name} is {type(value).__name__}; give a str", code="invalid_config")
    return value


def _milliseconds(text: str) -> float:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise ValueError(f"is {text!r:.40}; give a positive number of milliseconds")
    return int(text) / 1000


def _seconds(text: str) -> float:
    number, scale = text, 1.0
    if text.endswith("ms"):
        number, scale = text[:-2], 0.001
    elif text.endswith("s"):
        number = text[:-1]
    try:
        if not number.isascii() or not number.replace(".", "", 1).isdigit():
            raise ValueError
        seconds = float(number) * scale
        if seconds <= 0:
            raise ValueError
    except ValueError:
        raise ValueError(f"is {text!r:.40}; give seconds such as 2.5, 2.5s or 2500ms") from None
    return seconds


def _flag(text: str) -> bool:
    lower = text.lower()
    if lower in ("1", "true", "yes", "on"):
        return True
    if lower in ("0", "false", "no", "off"):
        return False
    raise ValueError(f"is {text!r:.40}; give 1 or 0")


_VARIABLES: tuple[tuple[str, str, Callable[[str], Any]], ...] = (
    ("base_url", "RON_SDK_GATEWAY_ADDR", str),
    ("base_url", "RON_APP_URL", str),
    ("token", "RON_APP_TOKEN", str),
    ("allow_insecure_http", "RON_SDK_INSECURE_HTTP", _flag),
    ("timeout", "RON_SDK_OVERALL_TIMEOUT_MS", _milliseconds),
    ("timeout", "RON_APP_TIMEOUT", _seconds),
    ("connect_timeout", "RON_SDK_CONNECT_TIMEOUT_MS", _milliseconds),
    ("read_timeout", "RON_SDK_READ_TIMEOUT_MS", _milliseconds),
)
