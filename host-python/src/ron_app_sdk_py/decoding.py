"""Answers as the types that callers ask for. Pydantic reads the JSON text itself, so that no
integer loses a digit.

Imported when a model is first used, because to import Pydantic takes 70 ms.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Annotated, Any, Protocol, get_args

from pydantic import FailFast, PydanticUserError, TypeAdapter, ValidationError, create_model
from pydantic_core import core_schema

from .defaults import MAX_MODEL_FAULTS, MAX_MODELS
from .errors import RonParseError, RonRequestError
from .json_text import json_value


class Answer(Protocol):
    """The part of a :class:`~.response.Response` that is read here."""

    @property
    def content(self) -> bytes:
        """The content."""

    def json(self) -> Any:
        """The content as JSON."""

    def unreadable(self, message: str, *, code: str) -> RonParseError:
        """The error for content that is not what it should be."""


Decoder = Callable[[Answer], Any]
"""Makes of an answer what was asked for."""

OWN_FAULTS = "ron_app_sdk_py."
"""How the kinds of the faults begin that :mod:`.types` finds. A user's own kind hardly does: its
message may hold the value."""

_SHOWN_FAULTS = 3
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"

_DISCREET_FAULTS = frozenset(get_args(core_schema.ErrorType)) - {
    # The text of an exception, of a validator or a library, may hold the value.
    "assertion_error",
    "get_attribute_error",
    "iteration_error",
    "mapping_type",
    "value_error",
    # These show the value or a piece of it.
    "bytes_invalid_encoding",
    "timezone_offset",
    "union_tag_invalid",
    "uuid_parsing",
}
"""Kinds of faults whose messages say what is expected, and nothing of the value."""


def decoder(model: Any, member: str | None = None) -> Decoder:
    """What makes of an answer a ``model``, or of its ``member`` a list of them.

    Raises:
        RonRequestError: ``model`` is no type that Pydantic knows.
    """
    # Of unions that are equal, the order counts: `str | bytes == bytes | str`.
    shown = "" if isinstance(model, type) else repr(model)
    try:
        hash(model)
    except TypeError:
        return _decoder.__wrapped__(model, shown, member)
    return _decoder(model, shown, member)


@functools.lru_cache(MAX_MODELS)
def _decoder(model: Any, shown: str, member: str | None) -> Decoder:
    adapter = _adapter(model)
    name = model.__name__ if isinstance(model, type) else shown
    if member is None:
        return functools.partial(_decoded, adapter, f"{name:.80}")
    # The first item that is wrong is enough: 16 MiB of them would take a gigabyte to tell.
    items: Any = (Annotated[list[model], FailFast()], ...)
    page = TypeAdapter(create_model("Page", **{member: items}))
    decoded = functools.partial(_decoded, page, f"page of {name:.80}")
    return lambda answer: getattr(decoded(answer), member)


def _adapter(model: Any) -> TypeAdapter[Any]:
    code: object = None
    if not isinstance(model, str):
        try:
            adapter = TypeAdapter(model)
        except PydanticUserError as error:
            code = error.code
        except Exception as error:
            # What a model's own code raises too: its text is not ours to show.
            code = type(error).__name__
        else:
            if adapter.pydantic_complete:
                return adapter
            code = "class-not-fully-defined"
    name = model.__name__ if isinstance(model, type) else type(model).__name__
    mend = "give a Pydantic model, a dataclass, a TypedDict, or another type that Pydantic knows"
    if code == "typed-dict-version":
        mend = "before Python 3.12, import TypedDict from typing_extensions"
    elif code == "class-not-fully-defined":
        mend = "define all types that it names before it is used"
    why = "" if code is None else f" ({code})"
    raise RonRequestError(
        f"model is {name}, which can't be used{why}; {mend}", code="unusable_model"
    )


def _decoded(adapter: TypeAdapter[Any], name: str, answer: Answer) -> Any:
    content = answer.content.removeprefix(_BYTE_ORDER_MARK)
    if b"NaN" in content or b"Infinity" in content:
        # Pydantic would take them for numbers, which JSON does not have.
        answer.json()
    try:
        return adapter.validate_json(content or b"null")
    except ValidationError as error:
        failed = error
    # In there, what Pydantic says of the values would be the context of what is raised.
    raise _fault(failed, name, answer)


def _fault(error: ValidationError, name: str, answer: Answer) -> RonParseError:
    count = error.error_count()
    faults: list[Any] = []
    if count <= MAX_MODEL_FAULTS:
        faults = error.errors(include_url=False, include_input=False)
    if answer.content and count == 1 and _is_syntax(faults[0]):
        answer.json()
        # What Python reads and Pydantic does not, such as 200 levels of nesting.
        reason = faults[0]["ctx"]["error"]
        return answer.unreadable(f"the answer is no {name}: {reason}", code="invalid_json")
    if not answer.content:
        what = "it is empty"
    elif not faults:
        what = f"it is wrong in {count} places"
    else:
        document = json_value(answer.content.decode().removeprefix("\ufeff"))
        said = [f"{_place(fault, document)}: {_expected(fault)}" for fault in faults]
        said = list(dict.fromkeys(said))
        what = "; ".join(said[:_SHOWN_FAULTS])
        if len(said) > _SHOWN_FAULTS:
            what += f"; and {len(said) - _SHOWN_FAULTS} more"
    return answer.unreadable(f"the answer is no {name}: {what}", code="invalid_model")


def _is_syntax(fault: Any) -> bool:
    return fault["type"] == "json_invalid" and not fault["loc"]


def _place(fault: Any, document: Any) -> str:
    """Where in the document the fault is, as in ``items[3].size``."""
    place = ""
    location = fault["loc"]
    for number, part in enumerate(location, 1):
        known = range(len(document)) if isinstance(document, list) else document
        if isinstance(known, range | dict) and part in known:
            document = document[part]
        elif fault["type"] != "missing" or number < len(location):
            # What Pydantic puts in, such as the name of a union's member.
            continue
        if isinstance(part, int):
            place += f"[{part}]"
        elif part.isidentifier() and part.isascii():
            place += f".{part:.80}"
        else:
            place += f"[{part!a:.80}]"
    return place.removeprefix(".") or "the document"


def _expected(fault: Any) -> str:
    """What is expected there."""
    kind = fault["type"]
    if kind in _DISCREET_FAULTS or kind.startswith(OWN_FAULTS):
        message: str = fault["msg"]
        return message[:200]
    if kind == "union_tag_invalid":
        return f"the tag should be one of {fault['ctx']['expected_tags']}"[:200]
    return f"refused ({kind:.80})"
