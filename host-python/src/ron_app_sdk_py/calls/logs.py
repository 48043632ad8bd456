"""What the component tells of calls, in Python's ``logging``.

The logger is ``ron_app_sdk_py.calls``. While it is not enabled for ``INFO`` the component is not
asked to tell anything. The texts come scrubbed from the component.
"""

from __future__ import annotations

import logging
import traceback
from contextvars import ContextVar
from typing import Any

from ..engine.messages import Log
from ..redact import Redactor

LOGGER = logging.getLogger("ron_app_sdk_py.calls")
logging.getLogger("ron_app_sdk_py").addHandler(logging.NullHandler())

_TELLING: ContextVar[bool] = ContextVar("ron_app_sdk_py_telling", default=False)
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warn": logging.WARNING}
_TEXTS = frozenset({"code", "method", "path", "request_id"})
_NUMBERS = frozenset({"attempt", "status"})
_DIGITS = 20
"""Of a number of 64 bits. Python refuses to read some thousand."""


def wanted_level() -> str | None:
    """The ``log-level`` to ask for: ``debug`` or ``info``, or None."""
    if not LOGGER.isEnabledFor(logging.INFO):
        return None
    return "debug" if LOGGER.isEnabledFor(logging.DEBUG) else "info"


def write(log: Log, redactor: Redactor | None = None) -> None:
    """Logs an event: its fields stand in the message and are attributes of the record too.

    ``duration_us`` and ``wait_us`` become ``duration_ms`` and ``wait_ms``, floats.
    """
    scrub = str if redactor is None else redactor.scrub
    fields: dict[str, object] = {}
    for name, value in log.fields:
        if name in _TEXTS:
            fields[name] = scrub(value)
        elif not (value.isascii() and value.isdigit() and len(value) <= _DIGITS):
            continue
        elif name in _NUMBERS:
            fields[name] = int(value)
        elif name in ("duration_us", "wait_us"):
            fields[name.replace("_us", "_ms")] = int(value) / 1000
    tell(LOGGER, _LEVELS.get(log.level, logging.INFO), scrub(log.message), fields)


def tell(logger: logging.Logger, level: int, message: str, fields: dict[str, object]) -> None:
    """Logs something with fields, which stand in the message and are attributes of the record
    too."""
    shown = " ".join(f"{name}={value}" for name, value in fields.items())
    _log(logger, level, "%s: %s", message, shown, extra=fields)


def tell_failure(message: str, redactor: Redactor) -> None:
    """Logs the exception that is being handled: a user's code has failed and does no harm. Not as
    ``exc_info``, which handlers show as it is."""
    _log(LOGGER, logging.ERROR, "%s\n%s", message, redactor.scrub(traceback.format_exc()))


def _log(
    logger: logging.Logger, level: int, message: str, *arguments: object, **options: Any
) -> None:
    if _TELLING.get():
        # A handler calls the client. Its lock is held, and to tell it of that call would never end.
        return
    before = _TELLING.set(True)
    try:
        logger.log(level, message, *arguments, **options)
    except Exception:
        # `logging` lets handlers and filters raise; the call has nothing to do with them.
        record = logger.makeRecord(logger.name, level, __file__, 0, message, arguments, None)
        logging.NullHandler().handleError(record)
    finally:
        _TELLING.reset(before)
