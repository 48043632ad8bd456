"""Arguments of typed exports, held to their types before a call.

wasmtime-py cuts an integer to the width of its type without a word, so that a time of -1 would be
one of 2^64 - 1; what it says of other arguments is lost, as any exception in a call is.
"""

from __future__ import annotations

from typing import Any

from wasmtime import Store
from wasmtime.component import (
    U32,
    U64,
    Bool,
    Func,
    ListType,
    OptionType,
    RecordType,
    String,
    Variant,
    VariantType,
)

from ..errors import RonRequestError

_BITS: dict[type, int] = {U32: 32, U64: 64}


def check(store: Store, function: Func, arguments: tuple[Any, ...]) -> None:
    """Checks arguments against the types of their parameters: those that ``wit/ron-tools`` has.

    Raises:
        RonRequestError: one is of another type (code ``invalid_argument``); names it, such as
            ``claims.caveats[0].exp``, and never its value.
    """
    parameters = function.type(store).params
    if len(arguments) != len(parameters):
        raise _refused("call", f"has {len(arguments)} arguments, not {len(parameters)}")
    for (name, kind), argument in zip(parameters, arguments, strict=True):
        _check(name, kind, argument)


def _check(where: str, kind: Any, value: Any) -> None:
    match kind:
        case U32() | U64():
            bits = _BITS[type(kind)]
            _expect(where, value, int)
            if isinstance(value, bool) or not 0 <= value < 2**bits:
                raise _refused(where, f"is no whole number from 0 to 2^{bits} - 1")
        case Bool():
            _expect(where, value, bool)
        case String():
            _expect(where, value, str)
            try:
                value.encode()
            except UnicodeEncodeError:
                raise _refused(where, "holds a lone surrogate, which is no text") from None
        case OptionType():
            if value is not None:
                _check(where, kind.payload, value)
        case ListType():
            _expect(where, value, list)
            element = kind.element
            for index, item in enumerate(value):
                _check(f"{where}[{index}]", element, item)
        case RecordType():
            for name, field in kind.fields:
                if not hasattr(value, name):
                    raise _refused(f"{where}.{name}", "is missing")
                _check(f"{where}.{name}", field, getattr(value, name))
        case VariantType():
            _expect(where, value, Variant)
            cases = dict(kind.cases)
            if value.tag not in cases:
                raise _refused(where, f"is none of {', '.join(cases)}")
            _check(f"{where}.{value.tag}", cases[value.tag], value.payload)


def _expect(where: str, value: object, expected: type) -> None:
    if not isinstance(value, expected):
        raise _refused(where, f"is {type(value).__name__}; give {expected.__name__}")


def _refused(where: str, why: str) -> RonRequestError:
    return RonRequestError(f"{where} {why}", code="invalid_argument")
