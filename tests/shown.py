"""What a program might show of an exception."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Iterator

from ron_app_sdk_py import RonError


def texts_of(error: BaseException) -> Iterator[str]:
    """Everything that the ordinary means show of an exception and those behind it."""
    yield from traceback.format_exception(error)
    yield f"{error} {error!r} {error.args!r} {vars(error)!r}"
    # Reporters of errors show it also where a traceback does not.
    yield f"{error.__context__!r}"
    yield from getattr(error, "__notes__", ())
    if isinstance(error, RonError):
        yield repr(pickle.dumps(error))
