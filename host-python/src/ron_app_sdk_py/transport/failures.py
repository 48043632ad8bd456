"""What an exception of the network means, whatever the library.

The text of a library's exception may hold header values and is never used. What OpenSSL says is
kept: it names certificates and alerts, no secret.
"""

from __future__ import annotations

import errno
import socket
import ssl
from collections.abc import Iterator
from typing import TypeVar

from .protocol import TransportFailure
from .proxy import Proxy
from .resolver import LookupsHangError

E = TypeVar("E", bound=BaseException)

_UNREACHABLE = frozenset(
    {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL, errno.ENETDOWN, errno.EHOSTDOWN}
)

# X509_V_ERR_* of OpenSSL's x509_vfy.h.
_VERIFY_REASONS = {
    2: "unknown_issuer",
    9: "not_yet_valid",
    10: "expired",
    18: "self_signed",
    19: "unknown_issuer",
    20: "unknown_issuer",
    21: "unknown_issuer",
    62: "wrong_host",
    64: "wrong_host",
}
_CERTIFICATE_ALERTS = ("CERTIFICATE", "UNKNOWN_CA")
_NOT_TLS = ("WRONG_VERSION_NUMBER", "PACKET_LENGTH_TOO_LONG", "HTTP_REQUEST")
_VERSION = ("PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL", "NO_PROTOCOLS_AVAILABLE")


def find(error: BaseException | None, kind: type[E]) -> E | None:
    """The first exception of a kind among an exception and what caused it."""
    for cause in causes(error):
        if isinstance(cause, kind):
            return cause
    return None


def causes(error: BaseException | None) -> Iterator[BaseException]:
    """An exception and what caused it: chained, grouped, or held as an argument."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        cause = waiting.pop()
        if not isinstance(cause, BaseException) or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        if isinstance(cause, BaseExceptionGroup):
            waiting += cause.exceptions
        waiting += [cause.__cause__, *cause.args]


def error_number(error: BaseException) -> int | None:
    """The errno of an exception or of what caused it."""
    for cause in causes(error):
        number = getattr(cause, "errno", None)
        if isinstance(number, int) and not isinstance(cause, ssl.SSLError):
            return number
    return None


def detail(error: BaseException) -> str:
    """The class of an exception, and the errno."""
    number = error_number(error)
    return type(error).__name__ + ("" if number is None else f", errno {number}")


def connect_failure(
    error: BaseException, *, secure: bool = False, proxy: Proxy | None = None
) -> TransportFailure:
    """Why no connection came about: name, TCP, proxy or TLS.

    Args:
        error: the exception.
        secure: whether TLS was to be spoken.
        proxy: the proxy that was to be connected to, or None.
    """
    tls = find(error, ssl.SSLError)
    if tls is not None:
        return tls_failure(tls)
    if find(error, socket.gaierror) is not None:
        return name_failure(error, proxy=proxy)
    number = error_number(error)
    if proxy is not None:
        what = "refused" if number == errno.ECONNREFUSED else "unreachable"
        return proxy_failure(proxy, what, detail(error))
    if number == errno.ECONNREFUSED:
        return TransportFailure("connection-refused", detail(error))
    if number == errno.ETIMEDOUT:
        return TransportFailure("connection-timeout", detail(error))
    if secure and number not in _UNREACHABLE:
        # TCP stood: the server hung up in the handshake.
        return TransportFailure("TLS-protocol-error", detail(error), reason="closed")
    return TransportFailure("destination-unavailable", detail(error))


def name_failure(error: BaseException, *, proxy: Proxy | None = None) -> TransportFailure:
    """A name does not resolve: the proxy's if there is one, since it resolves all others."""
    hanging = find(error, LookupsHangError)
    why = detail(error) if hanging is None else str(hanging)
    if proxy is not None:
        return proxy_failure(proxy, "unresolved", why)
    return TransportFailure("DNS-error", why, reason=None if hanging is None else "lookups_hang")


def proxy_failure(proxy: Proxy, what: str, why: str) -> TransportFailure:
    """The proxy was in the way.

    Args:
        proxy: the proxy.
        what: ``refused``, ``unresolved``, ``unreachable`` or ``closed``.
        why: text without secrets.
    """
    return TransportFailure(
        "destination-unavailable", f"proxy {proxy.authority} {what}: {why}", reason=f"proxy_{what}"
    )


def proxy_refusal(proxy: Proxy, status: int) -> TransportFailure:
    """The proxy answered CONNECT with this status, not 2xx."""
    return TransportFailure(
        "destination-unavailable",
        f"proxy {proxy.authority} answered CONNECT with status {status}",
        reason="proxy_auth" if status == 407 else "proxy_status",
    )


def lost_failure(error: BaseException, *, head_seen: bool) -> TransportFailure:
    """The connection broke in the middle of an exchange.

    Args:
        error: the exception.
        head_seen: whether the head of the answer was here already.
    """
    tls = find(error, ssl.SSLError)
    if tls is not None and not head_seen:
        failure = tls_failure(tls)
        if failure.reason == "client_certificate":
            # In TLS 1.3 a server that refuses it says so only now, before it takes the request.
            return failure
        # The server may have the request, so this must not pass for a failed handshake.
        return TransportFailure("connection-terminated", failure.detail, reason="tls")
    number = error_number(error)
    if number == errno.ETIMEDOUT:
        # Its system no longer acknowledges what it is sent.
        return TransportFailure("connection-write-timeout", detail(error))
    return TransportFailure(
        "HTTP-response-incomplete" if head_seen else "connection-terminated",
        detail(error),
        reason="reset" if number == errno.ECONNRESET else "closed",
    )


def tls_failure(error: ssl.SSLError) -> TransportFailure:
    """What OpenSSL says went wrong."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return TransportFailure(
            "TLS-certificate-error",
            f"{type(error).__name__}, {error.verify_message}",
            reason=_VERIFY_REASONS.get(error.verify_code, "untrusted"),
        )
    name = error.reason or ""
    text = name.lower().replace("_", " ")
    return TransportFailure(
        "TLS-protocol-error",
        type(error).__name__ + (f", {text}" if text else ""),
        reason=_tls_reason(error, name),
    )


def _tls_reason(error: ssl.SSLError, name: str) -> str:
    if isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return "closed"
    if any(part in name for part in _VERSION):
        return "protocol_version"
    if "ALERT" in name:
        # A server speaks of no certificate but ours.
        ours = any(part in name for part in _CERTIFICATE_ALERTS)
        return "client_certificate" if ours else "alert"
    return "not_tls" if any(part in name for part in _NOT_TLS) else "protocol"
