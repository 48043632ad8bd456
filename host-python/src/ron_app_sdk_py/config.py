"""What a client is configured with."""

from __future__ import annotations

import dataclasses
import io
import math
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import unquote

from . import defaults
from .credentials import TokenProvider
from .debug import DEBUG, is_debugging
from .errors import RonConfigError, RonRequestError
from .redact import REDACTED, SHORTEST_SECRET, Redactor
from .request import nanoseconds, whole_number
from .secret import Secret, SecretField
from .transport.proxy import proxy_secrets

DEFAULT_BASE_URL = "http://127.0.0.1:8080"
"""Where a client goes that was told nothing."""


CREDENTIALS = ("token", "macaroon", "token_provider")
"""The kinds of credentials, of which a client has one at most."""


@dataclass(frozen=True, kw_only=True)
class ClientConfig:
    """The configuration of a client. None means the default of ``docs/defaults.md``.

    Secrets may be given as str, :class:`Secret` or anything with ``get_secret_value()``, and are
    kept as :class:`Secret`: ``repr`` does not show them. The component checks the values when a
    client is made.
    """

    base_url: str = DEFAULT_BASE_URL
    """The gateway: http or https, with or without a path. Plain http only to this machine."""

    token: SecretField = SecretField()
    """The credential, sent as ``Authorization: Bearer``, to a micronode's store and facets as
    ``Macro``. Like those below it goes to the origin of ``base_url`` only."""

    macaroon: SecretField = SecretField()
    """A capability instead of a token, sent likewise, but that once the origin has answered it with
    ``WWW-Authenticate: Macro`` it is sent as ``Macro`` everywhere."""

    passport: SecretField = SecretField()
    """Sent as ``x-ron-passport`` wherever the credential is sent."""

    token_provider: TokenProvider | None = dataclasses.field(default=None, repr=False)
    """A function, plain or ``async``, that gives tokens when they are needed, instead of one token:
    see ``docs/auth.md``."""

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

    max_response_bytes: int | None = None
    """Largest body of a successful answer in bytes. Default 16 MiB."""

    retries: int | None = None
    """Attempts after the first, for calls that may be tried again. Default 2, at most 100."""

    backoff: str | None = None
    """How the waits between attempts grow: ``exponential`` (the default) or ``linear``."""

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

    tls_client_key_password: SecretField = SecretField()
    """The password of an encrypted private key."""

    tls_pq_mode: str = "off"
    """Key exchange that withstands quantum computers: ``off``. ``hybrid`` is reserved, and refused
    until what was agreed upon can be told."""

    proxy: SecretField = SecretField()
    """An HTTP proxy for every request, ``http://user:password@host:port``. None is read from the
    environment."""

    log_bodies: bool = False
    """Log what is sent and received, at most 4,096 characters of each body, to the logger
    ``ron_app_sdk_py.bodies`` at ``DEBUG``. Refused unless ``RON_DEBUG`` is ``1``: secrets of this
    configuration are taken out, but what else is secret only this program knows."""

    def __repr__(self) -> str:
        shown = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.repr and field.name not in SECRETS
        }
        if "@" in str(self.base_url):
            # It is refused when a client is made, but may hold a password until then.
            shown["base_url"] = REDACTED
        text = ", ".join(f"{name}={value!r}" for name, value in shown.items())
        return f"ClientConfig({Redactor(*self.secret_texts()).scrub(text)})"

    @classmethod
    def from_env(
        cls,
        environ: Mapping[str, str] | None = None,
        *,
        dotenv: bool | str | os.PathLike[str] = False,
        **overrides: Any,
    ) -> Self:
        """The configuration of the environment; ``overrides`` win unless they are None.

        Reads ``RON_SDK_GATEWAY_ADDR`` or ``RON_APP_URL``, ``RON_APP_TOKEN`` or
        ``RON_APP_MACAROON``, ``RON_APP_PASSPORT``, ``RON_SDK_INSECURE_HTTP``,
        ``RON_SDK_OVERALL_TIMEOUT_MS`` or ``RON_APP_TIMEOUT`` (seconds, or with ``ms`` or ``s``),
        and ``RON_SDK_{CONNECT,READ,WRITE}_TIMEOUT_MS``. Where two of the same field are named the
        first wins. Empty variables count as not set. A credential of any kind among ``overrides``
        takes the place of the environment's.

        Args:
            environ: the variables; by default ``os.environ``.
            dotenv: True to read ``.env`` in the working directory if it is there, or the path of
                such a file, which must be there. The environment wins over it. Needs the extra
                ``dotenv``.
            overrides: fields of the configuration.

        Raises:
            RonConfigError: variables have values that can't be read, or the file can't; names
                every one.
        """
        values, faults = from_environment(os.environ if environ is None else environ, dotenv)
        config = cls(**values)
        if faults:
            message = Redactor(*config.secret_texts()).scrub("; ".join(faults))
            raise RonConfigError(message, code="invalid_config")
        given = {name: value for name, value in overrides.items() if value is not None}
        return config.with_fields(given)

    def with_fields(self, fields: Mapping[str, Any]) -> Self:
        """This configuration with other fields. A credential takes the place of one of any kind."""
        if any(name in fields for name in CREDENTIALS):
            fields = {**dict.fromkeys(CREDENTIALS), **fields}
        return dataclasses.replace(self, **fields)

    def with_own_secrets(self) -> Self:
        """This configuration with copies of the secrets, to be wiped while others live on."""
        copies: dict[str, Any] = {
            name: secret.copy()
            for name in SECRETS
            if isinstance(secret := getattr(self, name), Secret)
        }
        return dataclasses.replace(self, **copies)

    def secret_texts(self, *names: str) -> list[str]:
        """What texts must not show of the secrets in these fields, by default in all of them. Those
        that were wiped, and those that are none, are left out."""
        texts = []
        for name in names or SECRETS:
            secret = getattr(self, name)
            if not isinstance(secret, Secret) or secret.is_wiped:
                continue
            texts.append(secret.get_secret_value())
            if name == "proxy":
                texts += proxy_secrets(texts[-1])
        return texts

    def scrubbed(self) -> Self:
        """This configuration without the texts of its secrets in other fields."""
        redactor = Redactor(*self.secret_texts())
        texts: dict[str, Any] = {
            field.name: redactor.scrub(value)
            for field in dataclasses.fields(self)
            if isinstance(value := getattr(self, field.name), str)
        }
        return dataclasses.replace(self, **texts)

    def settings(self, fields: Iterable[str]) -> tuple[list[tuple[str, str | Secret]], list[str]]:
        """The settings of the component for these fields, and what is wrong with them on this side.

        A field that is wrong is left out, so that the component can find what else is wrong.
        """
        settings: list[tuple[str, str | Secret]] = []
        faults: list[str] = []
        given = [name for name in CREDENTIALS if getattr(self, name) is not None]
        if len(given) > 1:
            faults.append(
                f"{' and '.join(given)} are both given; give one credential (RON_APP_TOKEN and "
                "RON_APP_MACAROON count)"
            )
        if "base_url" in fields and self._holds_secret(self.base_url):
            faults.append(
                "base_url holds the credential or the passport, which would be logged wherever it "
                "passes; leave it out"
            )
        text: str | Secret | None
        for field in fields:
            value = getattr(self, field)
            if value is None or field not in _SETTINGS:
                continue
            name, write = _SETTINGS[field]
            try:
                text = write(field, value)
            except ValueError as fault:
                faults.append(str(fault))
                text = DEFAULT_BASE_URL if field == "base_url" else None
            if name is not None and text is not None and field not in given[1:]:
                settings.append((name, text))
        return settings, faults

    def _holds_secret(self, url: object) -> bool:
        credentials = self.secret_texts("token", "macaroon", "passport")
        long = [text for text in credentials if len(text) >= SHORTEST_SECRET]
        return isinstance(url, str) and any(text in unquote(url) for text in long)


def from_environment(
    environ: Mapping[str, str], dotenv: bool | str | os.PathLike[str] = False
) -> tuple[dict[str, Any], list[str]]:
    """The fields that the environment sets, and what is wrong with it. See
    :meth:`ClientConfig.from_env`."""
    faults: list[str] = []
    sources = [environ]
    if dotenv is not False:
        try:
            sources.append(_dotenv(dotenv))
        except ValueError as fault:
            faults.append(str(fault))
    values: dict[str, Any] = {}
    for source in sources:
        found: dict[str, Any] = {}
        # A credential of any kind takes the place of all kinds.
        settled = {*values, *(CREDENTIALS if any(name in values for name in CREDENTIALS) else ())}
        for field, variable, read in _VARIABLES:
            text = source.get(variable, "")
            if text and field not in found and field not in settled:
                try:
                    if not isinstance(text, str):
                        raise ValueError(f"is {type(text).__name__}; give a str")
                    found[field] = read(text)
                except ValueError as fault:
                    faults.append(f"{variable} {fault}")
        values |= found
    return values, faults


def _dotenv(given: bool | str | os.PathLike[str]) -> dict[str, str]:
    """The variables of a ``.env`` file."""
    if given is not True and not isinstance(given, str | os.PathLike):
        raise ValueError(f"dotenv is {type(given).__name__}; give a bool or a path")
    path = Path(".env") if given is True else Path(given)
    try:
        from dotenv import dotenv_values
    except ImportError:
        raise RonConfigError(
            "reading a .env file needs the extra: pip install 'ron-app-sdk-py[dotenv]'",
            code="missing_extra",
        ) from None
    try:
        text = path.read_text("utf-8")
    except FileNotFoundError:
        if given is True:
            return {}
        raise ValueError(f"the file {path} does not exist") from None
    except OSError as error:
        raise ValueError(f"the file {path} can't be read ({error.strerror})") from None
    except UnicodeDecodeError:
        raise ValueError(f"the file {path} is not UTF-8") from None
    except ValueError:
        raise ValueError(f"dotenv is {str(path)!a:.80}, which is no path") from None
    # Interpolation would mix the process's own variables in.
    values = dotenv_values(stream=io.StringIO(text), interpolate=False)
    return {name: value for name, value in values.items() if value is not None}


def setting_text(field: str, value: object) -> str:
    """A text as the component can be given it.

    Raises:
        ValueError: it is none; names the field and not the text.
    """
    if not isinstance(value, str):
        raise ValueError(f"{field} is {type(value).__name__}; give a str")
    if len(value) > defaults.MAX_SETTING_CHARACTERS:
        raise ValueError(
            f"{field} has {len(value)} characters, more than {defaults.MAX_SETTING_CHARACTERS}; "
            "shorten it"
        )
    bad = next((c for c in value if c in "\0\r\n" or "\ud800" <= c <= "\udfff"), None)
    if bad is not None:
        raise ValueError(
            f"{field} holds U+{ord(bad):04X} (NUL, a line end or a lone surrogate); remove it"
        )
    return value


def _secret(field: str, value: object) -> Secret:
    if not isinstance(value, Secret):
        raise ValueError(f"{field} is {type(value).__name__}; give a str or a Secret")
    setting_text(field, value.get_secret_value())
    return value


def _provider(field: str, value: object) -> str:
    if not callable(value):
        raise ValueError(
            f"{field} is {type(value).__name__}; give a function without arguments, plain or async"
        )
    return "true"


def _flag_text(field: str, value: object) -> str:
    if not isinstance(value, bool):
        raise ValueError(f"{field} is {type(value).__name__}; give a bool")
    return "true" if value else "false"


def _debug_flag(field: str, value: object) -> str:
    text = _flag_text(field, value)
    if value and not is_debugging():
        raise ValueError(f"{field} shows others more than they should see; set {DEBUG}=1 too")
    return text


def _time(field: str, value: object) -> str:
    try:
        return nanoseconds(field, value)
    except RonRequestError as error:
        raise ValueError(error.message) from None


def _number(**bounds: int) -> Callable[[str, object], str]:
    def write(field: str, value: object) -> str:
        try:
            return whole_number(field, value, **bounds)
        except RonRequestError as error:
            raise ValueError(error.message) from None

    return write


def _backoff(field: str, value: object) -> str:
    if value not in ("exponential", "linear"):
        given = repr(value[:40]) if isinstance(value, str) else type(value).__name__
        raise ValueError(f"{field} is {given}; give 'exponential' or 'linear'")
    return str(value)


_SETTINGS: dict[str, tuple[str | None, Callable[[str, object], str | Secret]]] = {
    "base_url": ("base-url", setting_text),
    "allow_insecure_http": ("allow-insecure-http", _flag_text),
    "token": ("token", _secret),
    "macaroon": ("macaroon", _secret),
    "passport": ("passport", _secret),
    "token_provider": ("token-provider", _provider),
    "user_agent": ("user-agent", setting_text),
    "timeout": ("overall-timeout", _time),
    "connect_timeout": ("connect-timeout", _time),
    "read_timeout": ("read-timeout", _time),
    "write_timeout": ("write-timeout", _time),
    "max_concurrency": ("max-concurrency", _number(least=1)),
    "max_queue": ("max-queue", _number()),
    "max_request_bytes": ("max-request-bytes", _number(least=1)),
    "max_response_bytes": (None, _number()),
    "retries": ("retries", _number(most=defaults.MAX_RETRIES)),
    "backoff": ("backoff", _backoff),
    "log_bodies": (None, _debug_flag),
}
"""Names of settings of the component, None for what this side decides; and how they are written."""

SECRETS = tuple(name for name, kind in vars(ClientConfig).items() if isinstance(kind, SecretField))
"""The fields that hold secrets."""


def _shown(text: str) -> str:
    return repr(text[:40])


def _milliseconds(text: str) -> float:
    if not (text.isascii() and text.isdigit() and 0 < float(text) < math.inf):
        raise ValueError(f"is {_shown(text)}; give a positive number of milliseconds")
    return float(text) / 1000


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
        if not 0 < seconds < math.inf:
            raise ValueError
    except ValueError:
        raise ValueError(f"is {_shown(text)}; give seconds such as 2.5, 2.5s or 2500ms") from None
    return seconds


def _flag(text: str) -> bool:
    lower = text.lower()
    if lower in ("1", "true", "yes", "on"):
        return True
    if lower in ("0", "false", "no", "off"):
        return False
    raise ValueError(f"is {_shown(text)}; give 1 or 0")


_VARIABLES: tuple[tuple[str, str, Callable[[str], Any]], ...] = (
    ("base_url", "RON_SDK_GATEWAY_ADDR", str),
    ("base_url", "RON_APP_URL", str),
    ("token", "RON_APP_TOKEN", str),
    ("macaroon", "RON_APP_MACAROON", str),
    ("passport", "RON_APP_PASSPORT", str),
    ("allow_insecure_http", "RON_SDK_INSECURE_HTTP", _flag),
    ("timeout", "RON_SDK_OVERALL_TIMEOUT_MS", _milliseconds),
    ("timeout", "RON_APP_TIMEOUT", _seconds),
    ("connect_timeout", "RON_SDK_CONNECT_TIMEOUT_MS", _milliseconds),
    ("read_timeout", "RON_SDK_READ_TIMEOUT_MS", _milliseconds),
    ("write_timeout", "RON_SDK_WRITE_TIMEOUT_MS", _milliseconds),
)
