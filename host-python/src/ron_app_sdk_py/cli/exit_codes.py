"""What the ``ron`` command exits with. ``docs/cli.md`` has the same table."""

from __future__ import annotations

from enum import IntEnum

from .. import errors


class ExitCode(IntEnum):
    """The closed set of exit codes."""

    SUCCESS = 0
    """It did what it was asked for."""

    FINDINGS = 1
    """It ran, and what it looked at is not well: a manifest with errors, a check that failed."""

    REFUSED = 2
    """Usage, configuration, a local file, or a request that this side refuses to send."""

    NETWORK = 3
    """No usable answer came: DNS, connection, TLS."""

    AUTH = 4
    """The server answered 401 or 403."""

    PROBLEM = 5
    """The server answered with another status of 300 or more, or asks for a longer wait."""

    TIMEOUT = 6
    """A time-out passed."""

    UNREADABLE = 7
    """The answer can't be read, or is too large."""

    INTERNAL = 8
    """The sandbox trapped or can't be loaded, or ``ron`` itself is at fault."""

    INTERRUPTED = 130
    """SIGINT: Ctrl-C."""

    PIPE_CLOSED = 141
    """Whoever read its output has gone, as shells report SIGPIPE."""


_BY_CLASS: tuple[tuple[type[errors.RonError], ExitCode], ...] = (
    (errors.RonAuthError, ExitCode.AUTH),
    (errors.RonProblem, ExitCode.PROBLEM),
    (errors.RonTimeoutError, ExitCode.TIMEOUT),
    (errors.RonNetworkError, ExitCode.NETWORK),
    (errors.RonRequestError, ExitCode.REFUSED),
    (errors.RonConfigError, ExitCode.REFUSED),
    (errors.RonCapabilityError, ExitCode.REFUSED),
    (errors.RonCredentialError, ExitCode.REFUSED),
    (errors.RonOverloadError, ExitCode.PROBLEM),
    (errors.RonTooLargeError, ExitCode.UNREADABLE),
    (errors.RonParseError, ExitCode.UNREADABLE),
)
"""The first that an error is an instance of decides; what is in none is internal."""

_STREAM_CODES = {
    "wrong_content_type": ExitCode.UNREADABLE,
    "wrong_content_coding": ExitCode.UNREADABLE,
    "unexpected_status": ExitCode.PROBLEM,
    "too_many_redirects": ExitCode.PROBLEM,
    "wait_too_long": ExitCode.PROBLEM,
}
"""By codes of :class:`RonStreamError`; of the others the last connection's error decides."""


def exit_code(error: errors.RonError) -> ExitCode:
    """The exit code that stands for an error."""
    if isinstance(error, errors.RonStreamError):
        if error.code in _STREAM_CODES:
            return _STREAM_CODES[error.code]
        return ExitCode.NETWORK if error.last_error is None else exit_code(error.last_error)
    if isinstance(error, errors.RonTooLargeError) and error.code.startswith("request_"):
        return ExitCode.REFUSED
    return next((code for cls, code in _BY_CLASS if isinstance(error, cls)), ExitCode.INTERNAL)
