"""Everything that this package raises. ``docs/errors.md`` tells when each class is raised.

Each class is a :class:`RonError`. Errors pickle, and neither ``str`` nor ``repr`` shows a secret:
the messages come scrubbed from the component.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .timeline import NO_ATTEMPT, Timeline

if TYPE_CHECKING:
    from .facets.finding import Finding
    from .problem import Problem


class RonError(Exception):
    """Base of all errors of this package.

    Attributes:
        code: a name for what went wrong, an open set of strings.
        message: a sentence that names the input and the mend.
        attempts: how many HTTP requests were sent for the call.
        request_id: the ``X-Request-Id`` of the call, if it got that far.
        timeline: those requests, and why there was no other.
    """

    code: str
    message: str
    attempts: int
    request_id: str | None
    timeline: Timeline

    def __init__(
        self,
        message: str,
        *,
        code: str = "error",
        attempts: int = 0,
        request_id: str | None = None,
        timeline: Timeline = NO_ATTEMPT,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.attempts = attempts
        self.request_id = request_id
        self.timeline = timeline

    def __reduce__(self) -> tuple[Any, ...]:
        return (_restored, (type(self), self.args, self.__dict__))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.code!r}, {self.message!r})"


def _restored(cls: type[RonError], args: tuple[Any, ...], state: dict[str, Any]) -> RonError:
    error = cls.__new__(cls, *args)
    error.args = args
    error.__dict__.update(state)
    return error


class RonProblem(RonError):
    """The server answered with a status of 300 or more.

    The members follow ``protocol.md`` 2.5; :attr:`problem` has all of them.

    Attributes:
        status: the HTTP status code.
        kind: the family, such as ``not_found`` or ``rate_limit``.
        retryable: whether the same call may succeed later.
        retry_after: how many seconds the server asks to wait, or None.
        correlation_id: the id under which the server knows the exchange, or None.
    """

    status: int
    kind: str
    retryable: bool
    retry_after: float | None
    correlation_id: str | None

    def __init__(
        self,
        fields: dict[str, Any],
        *,
        attempts: int = 0,
        request_id: str | None = None,
    ) -> None:
        super().__init__(
            fields["message"], code=fields["code"], attempts=attempts, request_id=request_id
        )
        self.status = fields["status"]
        self.kind = fields["kind"]
        self.retryable = fields["retryable"]
        wait = fields["retry_after_ms"]
        self.retry_after = None if wait is None else wait / 1000
        self.correlation_id = fields["correlation_id"]
        self._fields = fields

    @property
    def status_code(self) -> int:
        """The status, under its name in earlier versions of this SDK."""
        return self.status

    @property
    def title(self) -> str:
        """The server's title, or the code."""
        title: str = self._fields["title"]
        return title

    @property
    def detail(self) -> str:
        """The message, under its name in RFC 9457."""
        return self.message

    @property
    def type(self) -> str:
        """A URI that names the type of problem (RFC 9457)."""
        uri: str = self._fields["type"]
        return uri

    @property
    def problem(self) -> Problem:
        """All members as a Pydantic model, made when first asked for."""
        from .problem import Problem

        return Problem.model_validate(self._fields)

    def __str__(self) -> str:
        return f"HTTP {self.status} {self.code}: {self.message}"


RonProblemError = RonProblem
"""The name in earlier versions of this SDK."""


class RonAuthError(RonProblem):
    """The server answered 401 or 403."""


class RonNetworkError(RonError):
    """The exchange broke: no usable answer came.

    Attributes:
        reason: what the transport knows beyond :attr:`code`, such as ``expired`` of a certificate;
            an open set of strings (``docs/errors.md``), or None.
    """

    reason: str | None

    def __init__(self, message: str, *, reason: str | None = None, **rest: Any) -> None:
        super().__init__(message, **rest)
        self.reason = reason


class RonDnsError(RonNetworkError):
    """The host name could not be resolved."""


class RonConnectError(RonNetworkError):
    """No connection could be made."""


class RonTlsError(RonNetworkError):
    """TLS could not be agreed on, or the certificate is not trusted."""


class RonTimeoutError(RonNetworkError, TimeoutError):
    """A time-out passed.

    Attributes:
        phase: ``connect``, ``read``, ``write`` or ``overall``.
    """

    phase: str

    def __init__(self, message: str, *, phase: str = "overall", **rest: Any) -> None:
        super().__init__(message, **rest)
        self.phase = phase


class RonRequestError(RonError, ValueError):
    """An argument can't be sent: a refused path, header, body or method."""


class RonManifestError(RonRequestError):
    """A facet manifest is no good, or its file can't be read or written.

    Attributes:
        findings: what there is to say of it, errors and warnings; empty if it is the file.
    """

    findings: tuple[Finding, ...]

    def __init__(self, message: str, *, findings: tuple[Finding, ...] = (), **rest: Any) -> None:
        super().__init__(message, **rest)
        self.findings = findings


class RonConfigError(RonError):
    """The configuration is no good. The message names every fault."""


class RonCapabilityError(RonError):
    """A guard of this client refused the call before it was sent, it can't be narrowed as asked
    for, or a token is no capability."""


class RonCredentialError(RonError):
    """There is no token for the call: its provider failed, or gave none that can be used."""


class RonTooLargeError(RonError):
    """The request or the response is larger than configured."""


class RonOverloadError(RonError):
    """Too many calls wait already."""


class RonParseError(RonError):
    """A successful answer could not be decoded."""


class RonStreamError(RonError):
    """A stream ended for good.

    Attributes:
        last_error: in what its last connection ended, or None; :attr:`__cause__` too.
    """

    last_error: RonError | None

    def __init__(self, message: str, *, last_error: RonError | None = None, **rest: Any) -> None:
        super().__init__(message, **rest)
        self.last_error = self.__cause__ = last_error


class RonSandboxError(RonError):
    """The component trapped, hit a limit, or could not be loaded."""


class RonClosedError(RonError):
    """The client was closed."""


class RonAmnesiaWarning(UserWarning):
    """Something is stored at a node that forgets everything when it ends."""


class RonBufferingWarning(UserWarning):
    """Something between client and server holds a stream back until it ends."""


class RonBusyLoopWarning(UserWarning):
    """A program calls in a loop, without any pause, while everything fails."""


class RonSecurityWarning(UserWarning):
    """A configuration gives up a protection."""


_BY_KIND: dict[str, type[RonError]] = {
    "request": RonRequestError,
    "config": RonConfigError,
    "network": RonNetworkError,
    "dns": RonDnsError,
    "connect": RonConnectError,
    "tls": RonTlsError,
    "too-large": RonTooLargeError,
    "overload": RonOverloadError,
    "closed": RonClosedError,
    "capability": RonCapabilityError,
    "credential": RonCredentialError,
    "stream": RonStreamError,
    "abi": RonSandboxError,
}


def from_report(kind: str, report: dict[str, Any]) -> RonError:
    """The error for an ``error`` item of the component (``docs/abi.md``).

    Args:
        kind: the error kind of the item.
        report: its JSON object.
    """
    rest = {"attempts": report.get("attempts", 0), "request_id": report.get("request_id")}
    problem = report.get("problem")
    if kind == "problem" and problem is not None:
        cls = RonAuthError if problem["status"] in (401, 403) else RonProblem
        return cls(problem, **rest)
    message, code = report["message"], report["code"]
    if kind == "timeout":
        return RonTimeoutError(message, phase=report["phase"], code=code, **rest)
    return _BY_KIND.get(kind, RonSandboxError)(message, code=code, **rest)


def broken(what: str) -> RonSandboxError:
    """The error for a component that breaks ``docs/abi.md``: it ``what``."""
    return RonSandboxError(f"the component {what}", code="abi")
